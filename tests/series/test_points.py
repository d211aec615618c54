"""Points and batches against dict, sorted and set."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runstone.series.points import MetricBatch, Points

from .drawing import (
    bits,
    by_key,
    identities,
    in_order,
    keyed_row_lists,
    metrics_of,
    points_of,
    row_lists,
    rows,
    whole_numbers,
)

RECORD = np.dtype([("step", "<i8"), ("timestamp", "<i8"), ("value", "<f8"), ("flag", "<u4"), ("key", "<u4")])


def series_of(batch: MetricBatch) -> dict[str, list[object]]:
    assert len(batch.starts) == len(batch.keys) + 1
    assert batch.starts.dtype == np.int64
    return {key: identities(points) for key, points in batch.series()}


@given(row_lists)
def test_ordered_points_are_the_sorted_set_of_rows(rows):
    assert identities(points_of(rows).ordered()) == in_order(rows)


@given(row_lists)
def test_points_in_order_are_handed_back_as_they_are(rows):
    points = points_of(rows).ordered()

    assert bits(points.ordered()) == bits(points)


def test_points_that_rise_are_not_copied():
    points = points_of([(0, 5, 1.0), (0, 6, 1.0), (1, 0, math.nan)])

    assert points.ordered() is points


def test_of_equal_zeros_the_first_to_come_stays():
    assert bits(points_of([(1, 1, -0.0), (0, 0, 1.0), (1, 1, 0.0)]).ordered())[1:] == [(1, 1, (-0.0).hex())]


@given(st.lists(row_lists, max_size=4))
def test_joined_parts_are_the_sorted_set_of_all_rows(parts):
    joined = Points.join([points_of(part) for part in parts])

    assert identities(joined) == in_order(row for part in parts for row in part)


@given(row_lists, st.none() | whole_numbers, st.none() | whole_numbers)
def test_points_between_two_steps_are_those_at_and_between_them(rows, from_step, to_step):
    found = points_of(rows).ordered().between(from_step, to_step)

    assert identities(found) == in_order(
        row for row in rows if (from_step is None or from_step <= row[0]) and (to_step is None or row[0] <= to_step)
    )


@given(row_lists)
def test_points_and_metrics_are_the_same(rows):
    points = points_of(rows).ordered()

    again = MetricBatch.of_metrics(points.metrics("loss"))

    assert bits(again.points) == bits(points)


@given(keyed_row_lists)
def test_a_batch_holds_the_ordered_points_of_each_key(keyed_rows):
    batch = MetricBatch.of_metrics(metrics_of(keyed_rows))

    assert series_of(batch) == {key: in_order(rows) for key, rows in by_key(keyed_rows).items()}
    assert len(batch) == sum(len(points) for _, points in batch.series())


@given(st.integers(2, 5), st.lists(rows, min_size=1, max_size=20))
def test_keys_logged_in_turn_keep_the_order_of_their_rows(keys, steps):
    rising = sorted({step for step, _, _ in steps})
    keyed_rows = [(f"k{key}", (step, 0, math.nan)) for step in rising for key in range(keys)]

    batch = MetricBatch.of_metrics(metrics_of(keyed_rows))

    assert batch.keys == tuple(f"k{key}" for key in range(keys))
    assert series_of(batch) == {key: in_order(rows) for key, rows in by_key(keyed_rows).items()}


@given(st.lists(st.tuples(st.integers(0, 5), rows), max_size=30))
def test_a_batch_of_records_leaves_out_the_keys_without_a_row(numbered):
    records = np.array([(*row, 0, key) for key, row in numbered], RECORD)
    keys = tuple("abcdef")

    batch = MetricBatch.of_columns(
        keys, records["key"], Points(records["step"], records["timestamp"], records["value"])
    )

    expected = by_key((keys[key], row) for key, row in numbered)
    assert series_of(batch) == {key: in_order(rows) for key, rows in expected.items()}


@given(st.integers(1, 5), st.integers(0, 4), st.lists(st.integers(0, 2), min_size=2, max_size=40), st.booleans())
def test_keys_in_turn_from_any_of_them_on_are_the_keys_in_any_order(keys, first, climbs, has_break):
    numbers = np.array([(first + row) % keys for row in range(len(climbs))], np.int64)
    if has_break:
        numbers[len(climbs) // 2] = 0
    steps = np.cumsum(climbs)
    points = Points(steps, steps * 10, steps / 7)
    names = tuple(f"key_{number}" for number in range(keys))
    expected = {
        name: in_order([(int(step), int(step) * 10, float(step / 7)) for step in steps[numbers == number]])
        for number, name in enumerate(names)
        if (numbers == number).any()
    }
    assert series_of(MetricBatch.of_columns(names, numbers, points)) == expected


def test_a_batch_may_have_more_keys_than_16_bits_can_number():
    count = (1 << 16) + 3
    numbers = np.arange(count)[::-1].copy()

    batch = MetricBatch.of_columns(
        tuple(f"k{n}" for n in range(count)), numbers, Points(numbers, numbers, numbers.astype(np.float64))
    )

    assert batch.starts.tolist() == list(range(count + 1))
    assert [(key, points.step.tolist()) for key, points in batch.series()][::20_000] == [
        (f"k{n}", [n]) for n in range(0, count, 20_000)
    ]


def test_nothing_is_an_empty_batch():
    for batch in (
        MetricBatch.of_metrics([]),
        MetricBatch.of_columns((), np.empty(0, np.int64), Points.empty()),
        MetricBatch.of_columns(("loss",), np.empty(0, np.int64), Points.empty()),
    ):
        assert (len(batch), batch.keys, batch.starts.tolist(), list(batch.series())) == (0, (), [0], [])


@given(st.lists(st.tuples(st.integers(-3, 9), st.integers(0, 3)), min_size=1, max_size=12), st.integers(1, 4))
def test_rows_of_the_same_keys_are_a_batch_of_their_points(places, width):
    step, timestamp = np.array(places, np.int64).T.copy()
    values = np.arange(width * len(places), dtype=np.float64).reshape(width, len(places)) // 2
    keys = tuple(f"key_{number}" for number in range(width))

    batch = MetricBatch.of_rows(keys, step, timestamp, values)

    assert series_of(batch) == {
        key: in_order(zip(step.tolist(), timestamp.tolist(), values[number].tolist(), strict=True))
        for number, key in enumerate(keys)
    }


@given(st.lists(keyed_row_lists.filter(bool), min_size=1, max_size=4))
def test_joined_batches_hold_the_points_of_all(parts):
    joined = MetricBatch.join([MetricBatch.of_metrics(metrics_of(part)) for part in parts])

    everything = by_key([row for part in parts for row in part])
    assert series_of(joined) == {key: in_order(of_key) for key, of_key in everything.items()}
