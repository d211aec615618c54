"""Curves against their definition over plain rows, however a series is cut into stretches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runstone.series.curves import Curve, CurveQuery, Line, Stretch, draw_curves
from runstone.series.points import Points
from runstone.series.summary import summarize_points

from .drawing import points_of, row_lists, whole_numbers
from .test_downsample import described, rows_of

axes = st.sampled_from(["step", "time"])


def stretch_of(points: Points, *, told: bool = True) -> Stretch:
    found = summarize_points(points)
    return Stretch(
        found.count,
        found.first_step,
        found.first_timestamp,
        found.last_step,
        found.last_timestamp,
        found.min,
        found.max,
        found.last,
        int(points.timestamp.min()),
        int(points.timestamp.max()),
        bool(np.isnan(points.value).any()) if told else None,
    )


def cut(points: Points, places: Sequence[int]) -> list[Points]:
    edges = [0, *sorted({place for place in places if 0 < place < len(points)}), len(points)]
    return [points[slice(begin, end)] for begin, end in pairwise(edges) if end > begin]


def line_of(parts: list[Points], at_hand: Points, told: list[bool], reads: list[int]) -> Line:
    def read(places: Sequence[int]) -> list[Points]:
        reads.extend(places)
        return [parts[place] for place in places]

    known = [stretch_of(part, told=is_told) for part, is_told in zip(parts, told, strict=True)]
    return Line("run", "m", at_hand, known, read)


def defined(points: Points, query: CurveQuery) -> tuple[int, int, list[tuple[object, ...]]] | None:
    rows = list(points.rows())
    place = 0 if query.axis == "step" else 1
    if place:
        rows.sort(key=lambda row: (row[1], row[0]))
    x = [row[place] for row in rows]
    if not rows:
        return None
    low = min(x) if query.from_x is None else query.from_x
    high = max(x) if query.to_x is None else query.to_x
    members: dict[int, list[tuple[int, int, float]]] = {}
    for row in rows:
        if low <= row[place] <= high:
            members.setdefault((row[place] - low) * query.buckets // (high - low + 1), []).append(row)
    return (low, high, [described(members[number]) for number in sorted(members)]) if members else None


def told(curves: list[Curve]) -> tuple[int, int, list[tuple[object, ...]]] | None:
    if not curves:
        return None
    (curve,) = curves
    return curve.low, curve.high, rows_of(curve.buckets)


@given(
    row_lists,
    row_lists,
    st.lists(st.integers(0, 30), max_size=6),
    st.lists(st.booleans(), min_size=7, max_size=7),
    st.integers(1, 12),
    axes,
    st.none() | whole_numbers,
    st.none() | whole_numbers,
)
def test_a_curve_says_what_its_points_say_however_they_are_cut(kept, fresh, places, tells, count, axis, from_x, to_x):
    points, at_hand = points_of(kept).ordered(), points_of(fresh).ordered()
    parts = cut(points, places)
    query = CurveQuery(run_ids=("run",), keys=("m",), axis=axis, from_x=from_x, to_x=to_x, buckets=count)

    curves = list(draw_curves([line_of(parts, at_hand, tells[: len(parts)], [])], query))

    assert told(curves) == defined(Points.join([points, at_hand]), query)


def test_only_what_crosses_an_edge_is_read() -> None:
    rows = [(step, 1000 + step, float(step)) for step in range(1000)]
    parts = cut(points_of(rows), range(0, 1000, 10))
    reads: list[int] = []
    line = line_of(parts, Points.empty(), [True] * 100, reads)

    # 1000 / 3 is no multiple of ten: two edges fall within a stretch.
    list(draw_curves([line], CurveQuery(run_ids=("run",), keys=("m",), buckets=3)))

    assert reads == [33, 66]


def test_only_what_lies_at_the_ends_of_a_range_is_read() -> None:
    rows = [(step, 1000 + step, float(step)) for step in range(1000)]
    parts = cut(points_of(rows), range(0, 1000, 10))
    for axis, shift in (("step", 0), ("time", 1000)):
        reads: list[int] = []
        line = line_of(parts, Points.empty(), [True] * 100, reads)
        query = CurveQuery(run_ids=("run",), keys=("m",), axis=axis, from_x=505 + shift, to_x=614 + shift, buckets=1)

        (curve,) = draw_curves([line], query)

        assert reads == [50, 61]
        assert rows_of(curve.buckets) == [(614, 1614, 110, (False, 505.0), (False, 614.0), (False, 614.0), False)]


def test_curves_of_a_key_share_their_range() -> None:
    short, long = (points_of([(step, step, 1.0) for step in range(first, end)]) for first, end in ((3, 5), (0, 100)))
    lines = [Line("a", "m", short), Line("b", "m", long), Line("a", "n", short), Line("b", "n", Points.empty())]

    curves = list(draw_curves(lines, CurveQuery(run_ids=("a", "b"), keys=("n", "m"), buckets=10)))

    found = [(one.key, one.run_id, one.low, one.high, one.x.tolist()) for one in curves]
    assert found[0] == ("n", "a", 3, 4, [3, 4])
    assert found[1] == ("m", "a", 0, 99, [4])
    assert found[2] == ("m", "b", 0, 99, list(range(9, 100, 10)))
    assert len(found) == 3


def test_a_relative_axis_begins_where_each_run_began() -> None:
    points = [points_of([(step, start + 7 * step, 1.0) for step in range(5)]) for start in (1000, 5000)]
    lines = [Line("a", "m", points[0], origin=1000), Line("b", "m", points[1], origin=4990)]

    curves = list(draw_curves(lines, CurveQuery(run_ids=("a", "b"), keys=("m",), axis="relative", buckets=100)))

    assert [(one.low, one.high, one.x.tolist()) for one in curves] == [
        (0, 38, [0, 7, 14, 21, 28]),
        (0, 38, [10, 17, 24, 31, 38]),
    ]
