"""What a chart needs of a long series: a few hundred buckets of steps, in which no spike is lost.

Buckets with their extremes, rather than chosen points (as LTTB chooses): whatever the shape, a bucket's minimum
and maximum are there. Knows no pixel and no smoothing.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from runstone.errors import InvalidInput
from runstone.series.points import FloatColumn, IntColumn, Points
from runstone.series.summary import extremes

__all__ = ["Buckets", "Grid", "bucket", "buckets_of_rows"]


_INT64 = np.iinfo(np.int64)


class Buckets(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The buckets that hold a point, by step, as columns of one length.

    `step`, `timestamp` (ms) and `last` are of the bucket's last point. `min` and `max` pass over NaN, and are
    NaN where there is no number; `has_nan` tells whether there was a NaN to pass over.
    """

    step: IntColumn
    timestamp: IntColumn
    count: IntColumn
    min: FloatColumn
    max: FloatColumn
    last: FloatColumn
    has_nan: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.step)


def bucket(points: Points, buckets: int, *, from_step: int | None = None, to_step: int | None = None) -> Buckets:
    """Points, which must be in order, as at most `buckets` buckets of equal width.

    The buckets divide the steps `from_step` to `to_step`, both included, by default those of the first and
    the last point; series asked for with the same range have the same buckets. Widths are whole, and differ
    by one step where the range cannot be divided. Buckets without a point are left out.
    Raises InvalidInput for fewer than one bucket.
    """
    points = points.between(from_step, to_step)
    if not len(points):
        return buckets_of_rows(points, *Grid(0, 0, buckets).rows(points.step))
    low = int(points.step[0]) if from_step is None else from_step
    high = int(points.step[-1]) if to_step is None else to_step
    return buckets_of_rows(points, *Grid(low, high, buckets).rows(points.step))


class Grid:
    """At most `buckets` buckets of equal width that divide the numbers `low` to `high`, both included.

    The numbers are counted from `origin`. There is no bucket where `low` is above `high`. Raises InvalidInput for
    fewer than one bucket.
    """

    __slots__ = ("_edges", "_end", "high", "low")

    def __init__(self, low: int, high: int, buckets: int, *, origin: int = 0) -> None:
        if buckets < 1:
            raise InvalidInput(f"A series cannot be put into {buckets} buckets: ask for 1 or more")
        self.low, self.high = low, high
        span = max(high - low + 1, 0)
        count = min(buckets, span)
        # Python's whole numbers: between the extremes of int64 lie more than int64 can count.
        edges = (origin + low - (-number * span // count) for number in range(count))
        self._edges = np.array(list(map(_clip, edges)), np.int64)
        self._end = _clip(origin + high)

    def rows(self, x: IntColumn) -> tuple[IntColumn, IntColumn]:
        """The first row, and the row behind the last, of every bucket that has a row; `x` is sorted."""
        begin = np.searchsorted(x, self._edges).astype(np.int64)
        end = np.append(begin[1:], np.searchsorted(x, self._end, "right"))[: len(begin)]
        filled = end > begin
        return begin[filled], end[filled]

    def numbers(self, x: IntColumn) -> IntColumn:
        """The bucket of each of `x`, counted from 1; 0 and one past the last are those outside of the range."""
        found = np.searchsorted(self._edges, x, "right").astype(np.int64)
        return np.where(x > self._end, len(self._edges) + 1, found)

    def meets(self, low: int, high: int) -> bool:
        """Whether any of `low` to `high` lies in the range."""
        return len(self._edges) > 0 and low <= self._end and high >= int(self._edges[0])

    def holds_whole(self, low: IntColumn, high: IntColumn) -> npt.NDArray[np.bool_]:
        """Which of the spans from `low` to `high` lie in one bucket."""
        number = self.numbers(low)
        inside: npt.NDArray[np.bool_] = (number == self.numbers(high)) & (number > 0) & (number <= len(self._edges))
        return inside


def _clip(number: int) -> int:
    return max(int(_INT64.min), min(number, int(_INT64.max)))


def buckets_of_rows(points: Points, begin: IntColumn, end: IntColumn) -> Buckets:
    """The points of each stretch of rows, which meet and are not empty, as one bucket."""
    value, last = points.value[: end[-1] if len(end) else 0], end - 1
    low, high = extremes(value, begin)
    return Buckets(
        step=points.step[last],
        timestamp=points.timestamp[last],
        count=end - begin,
        min=low,
        max=high,
        last=value[last],
        has_nan=np.logical_or.reduceat(np.isnan(value), begin),
    )
