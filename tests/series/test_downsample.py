"""Buckets against their definition over plain rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.errors import InvalidInput
from runstone.series.downsample import Buckets, bucket
from runstone.series.points import Points
from runstone.validation import INT64_MAX, INT64_MIN

from .drawing import Row, points_of, row_lists, sorting_value, whole_numbers


def rows_of(buckets: Buckets) -> list[tuple[object, ...]]:
    columns = (buckets.step, buckets.timestamp, buckets.count, buckets.min, buckets.max, buckets.last)
    assert [str(column.dtype) for column in columns] == ["int64"] * 3 + ["float64"] * 3
    return [
        (step, timestamp, count, sorting_value(low), sorting_value(high), sorting_value(last), has_nan)
        for step, timestamp, count, low, high, last, has_nan in zip(
            *(column.tolist() for column in (*columns, buckets.has_nan)), strict=True
        )
    ]


def defined(rows: list[Row], buckets: int, from_step: int, to_step: int) -> list[tuple[object, ...]]:
    span = to_step - from_step + 1
    members: dict[int, list[Row]] = {}
    for row in rows:
        if from_step <= row[0] <= to_step:
            members.setdefault((row[0] - from_step) * buckets // span, []).append(row)
    return [described(members[number]) for number in sorted(members)]


def described(rows: list[Row]) -> tuple[object, ...]:
    numbers = [value for _, _, value in rows if not math.isnan(value)]
    step, timestamp, last = rows[-1]
    low, high = min(numbers, default=math.nan), max(numbers, default=math.nan)
    has_nan = len(numbers) < len(rows)
    return step, timestamp, len(rows), sorting_value(low), sorting_value(high), sorting_value(last), has_nan


@given(row_lists, st.integers(1, 40), st.none() | whole_numbers, st.none() | whole_numbers)
def test_a_bucket_says_what_its_rows_say(rows, count, from_step, to_step):
    points = points_of(rows).ordered()
    kept = list(points.between(from_step, to_step).rows())

    buckets = bucket(points, count, from_step=from_step, to_step=to_step)

    assert len(buckets) <= count
    if not kept:
        assert rows_of(buckets) == []
    else:
        low = kept[0][0] if from_step is None else from_step
        high = kept[-1][0] if to_step is None else to_step
        assert rows_of(buckets) == defined(kept, count, low, high)


@given(st.integers(0, 9_999), st.sampled_from([1e9, -1e9, math.inf, -math.inf]), st.integers(1, 500))
def test_a_spike_of_one_point_is_in_its_bucket(at, spike, count):
    values = np.sin(np.arange(10_000) / 100)
    values[at] = spike

    buckets = bucket(Points(np.arange(10_000), np.arange(10_000), values), count)

    assert spike in (buckets.min.min(), buckets.max.max())
    assert buckets.count.sum() == 10_000


def test_series_asked_for_with_one_range_share_their_buckets():
    long, short = (Points(np.arange(n), np.arange(n), np.arange(n) / 2) for n in (1000, 400))

    a, b = (bucket(points, 10, from_step=0, to_step=999) for points in (long, short))

    assert a.step.tolist() == [99, 199, 299, 399, 499, 599, 699, 799, 899, 999]
    assert b.step.tolist() == [99, 199, 299, 399]


def test_nan_is_told_and_hides_no_number():
    points = points_of([(0, 0, 1.0), (1, 0, math.nan), (2, 0, math.nan), (3, 0, math.nan)])

    buckets = bucket(points, 2)

    assert buckets.has_nan.tolist() == [True, True]
    assert buckets.max[0] == 1.0
    assert math.isnan(buckets.last[0])
    assert math.isnan(buckets.max[1])


def test_buckets_span_all_that_a_step_can_be():
    points = points_of([(INT64_MIN, 0, 1.0), (-1, 0, 2.0), (0, 0, 3.0), (INT64_MAX, 0, 4.0)])

    assert bucket(points, 2).last.tolist() == [2.0, 4.0]


def test_no_points_and_an_empty_range_are_no_buckets():
    assert len(bucket(Points.empty(), 5)) == 0
    assert len(bucket(points_of([(1, 1, 1.0)]), 5, from_step=3, to_step=2)) == 0
    assert len(bucket(points_of([(1, 1, 1.0)]), 5, from_step=2)) == 0


@pytest.mark.parametrize("count", [0, -3])
def test_fewer_than_one_bucket_is_refused(count):
    with pytest.raises(InvalidInput, match=f"into {count} buckets"):
        bucket(Points.empty(), count)
