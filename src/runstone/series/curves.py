"""Curves: series as buckets for charts, along steps or time; the curves of one key share their buckets.

What lies inside one bucket need not be read: a store that keeps a few facts of each stretch of a series gives these
(Stretch) in place of its points. Buckets made so are those that all points make. Knows no store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from runstone.series.downsample import Buckets, Grid, buckets_of_rows
from runstone.series.points import IntColumn, Points

__all__ = ["Axis", "Curve", "CurveQuery", "Line", "Stretch", "curves_of_points", "draw_curves", "find_origin"]

Axis = Literal["step", "time", "relative"]
"""Along what: steps, timestamps (ms), or ms since the run's start (else since the series' first point)."""


class CurveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs' series of which keys, along which axis, within which range (both ends included; None is open).

    Curves of a key divide one range into at most `buckets` buckets: that which is given, else from the first to the
    last point of all of them.
    """

    run_ids: tuple[str, ...]
    keys: tuple[str, ...]
    axis: Axis = "step"
    from_x: int | None = None
    to_x: int | None = None
    buckets: int = 300


class Curve(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One series as buckets that divide `low` to `high`, both included.

    `x` is the place on the axis of each bucket's last point; along time, the last by time.
    """

    run_id: str
    key: str
    low: int
    high: int
    x: IntColumn
    buckets: Buckets


class Stretch(NamedTuple):
    """What is known of some points in order that are not read. None: that is not known. NaN as in Summary."""

    size: int
    first_step: int
    first_timestamp: int
    last_step: int
    last_timestamp: int
    min: float
    max: float
    last: float
    min_timestamp: int | None
    max_timestamp: int | None
    has_nan: bool | None

    def span(self, axis: Axis) -> tuple[int, int] | None:
        """From where to where it goes, as steps or timestamps."""
        if axis == "step":
            return self.first_step, self.last_step
        if self.min_timestamp is None or self.max_timestamp is None:
            return None
        return self.min_timestamp, self.max_timestamp

    def is_told(self, axis: Axis) -> bool:
        """Whether the facts are all that a bucket needs. Along time the last point need not be the last in order."""
        if self.has_nan is None or self.span(axis) is None:
            return False
        return axis == "step" or self.max_timestamp == self.last_timestamp


class Line(NamedTuple):
    """A series to be drawn: points that are at hand, in order, and stretches that can be read.

    `read` gives the points of those stretches of which it is told the places. The points at hand may be some of a
    stretch's own, once more; no two stretches overlap. `origin` is where a relative axis begins.
    """

    run_id: str
    key: str
    points: Points
    stretches: Sequence[Stretch] = ()
    read: Callable[[Sequence[int]], Iterable[Points]] = lambda places: ()
    origin: int = 0

    def span(self, axis: Axis) -> tuple[int, int] | None:
        """From where to where it goes, from its origin; None for no points. What no fact tells is left out."""
        spans = [span for one in self.stretches if (span := one.span(axis)) is not None]
        if len(self.points):
            x = _x(self.points, axis)
            spans.append((x.min().item(), x.max().item()))
        if not spans:
            return None
        return min(low for low, _ in spans) - self.origin, max(high for _, high in spans) - self.origin


def draw_curves(lines: Sequence[Line], query: CurveQuery) -> Iterator[Curve]:
    """The curves of lines, by key in the query's order, then in the order of the lines; those without a point not.

    Every stretch that has no span on the axis must have been read: its points are at hand.
    """
    for key in dict.fromkeys(query.keys):
        of_key = [(line, line.span(query.axis)) for line in lines if line.key == key]
        span = _shared_span([span for _, span in of_key if span is not None], query)
        if span is None:
            continue
        for line, _ in of_key:
            buckets = _draw(line, Grid(*span, query.buckets, origin=line.origin), query.axis)
            if len(buckets):
                x = buckets.step if query.axis == "step" else buckets.timestamp - line.origin
                yield Curve(run_id=line.run_id, key=key, low=span[0], high=span[1], x=x, buckets=buckets)


def curves_of_points(query: CurveQuery, runs: Iterable[tuple[str, int | None, Mapping[str, Points]]]) -> list[Curve]:
    """The curves of (run id, start time, points of each key in order), all of them at hand."""
    lines = [
        Line(run_id, key, points, origin=find_origin(query.axis, start_time, int(points.timestamp[0])))
        for run_id, start_time, series in runs
        for key in query.keys
        if (points := series.get(key)) is not None and len(points)
    ]
    return list(draw_curves(lines, query))


def find_origin(axis: Axis, start_time: int | None, first_timestamp: int) -> int:
    """Where a run's axis begins."""
    if axis != "relative":
        return 0
    return first_timestamp if start_time is None else start_time


def _shared_span(spans: Iterable[tuple[int, int]], query: CurveQuery) -> tuple[int, int] | None:
    from_x, to_x = query.from_x, query.to_x
    found = [span for span in spans if (from_x is None or span[1] >= from_x) and (to_x is None or span[0] <= to_x)]
    if not found:
        return None
    low = min(low for low, _ in found) if from_x is None else from_x
    return low, max(high for _, high in found) if to_x is None else to_x


def _draw(line: Line, grid: Grid, axis: Axis) -> Buckets:
    is_inside = _find_inside(line.stretches, line.points, grid, axis)
    reached = [place for place, one in enumerate(line.stretches) if _may_reach(one, grid, axis)]
    to_read = [place for place in reached if not is_inside[place]]
    points = Points.join([*line.read(to_read), line.points]) if to_read else line.points
    if axis != "step" and (points.timestamp[1:] < points.timestamp[:-1]).any():
        points = points[np.lexsort((points.step, points.timestamp))]  # stable: of equal ones the largest is last
    read = buckets_of_rows(points, *grid.rows(_x(points, axis)))
    told = [line.stretches[place] for place in reached if is_inside[place]]
    return _merge(read, _as_buckets(told), grid, axis) if told else read


def _x(points: Points, axis: Axis) -> IntColumn:
    return points.step if axis == "step" else points.timestamp


def _may_reach(stretch: Stretch, grid: Grid, axis: Axis) -> bool:
    span = stretch.span(axis)
    return span is None or grid.meets(*span)


def _find_inside(stretches: Sequence[Stretch], at_hand: Points, grid: Grid, axis: Axis) -> list[bool]:
    """Which stretches are told, lie in one bucket, and have none of the points at hand among theirs."""
    if not stretches:
        return []
    first, last = (np.array([one[place] for one in stretches], np.int64) for place in (1, 3))
    is_apart = np.searchsorted(at_hand.step, first, "left") == np.searchsorted(at_hand.step, last, "right")
    spans = np.array([(one.is_told(axis) and one.span(axis)) or (0, -1) for one in stretches], np.int64)
    is_told = spans[:, 0] <= spans[:, 1]
    inside: list[bool] = (is_told & is_apart & grid.holds_whole(spans[:, 0], spans[:, 1])).tolist()
    return inside


def _as_buckets(stretches: Sequence[Stretch]) -> Buckets:
    """Each stretch as a bucket."""
    count, _, _, step, timestamp, low, high, last, _, _, has_nan = zip(*stretches, strict=True)
    return Buckets(
        step=np.array(step, np.int64),
        timestamp=np.array(timestamp, np.int64),
        count=np.array(count, np.int64),
        min=np.array(low, np.float64),
        max=np.array(high, np.float64),
        last=np.array(last, np.float64),
        has_nan=np.array(has_nan, np.bool_),
    )


def _merge(a: Buckets, b: Buckets, grid: Grid, axis: Axis) -> Buckets:
    """The buckets of the points of both, each of which lies in one bucket of the grid."""
    step, timestamp, count, low, high, last, has_nan = (
        np.concatenate([getattr(a, name), getattr(b, name)]) for name in Buckets.__struct_fields__
    )
    number = grid.numbers(step if axis == "step" else timestamp)
    ranks = (timestamp, step) if axis == "step" else (step, timestamp)
    order = np.lexsort((last, *ranks, number))
    number = number[order]
    begin = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
    latest = order[np.append(begin[1:], len(order)) - 1]
    return Buckets(
        step=step[latest],
        timestamp=timestamp[latest],
        count=np.add.reduceat(count[order], begin),
        min=np.fmin.reduceat(low[order], begin),
        max=np.fmax.reduceat(high[order], begin),
        last=last[latest],
        has_nan=np.logical_or.reduceat(has_nan[order], begin),
    )
