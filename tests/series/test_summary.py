"""Summaries against their definition over sorted rows, and merging against joining."""

from __future__ import annotations

import math
from functools import reduce

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from runstone.series.points import MetricBatch
from runstone.series.summary import Summary, merge, summarize

from .drawing import Row, by_key, in_order, keyed_row_lists, metrics_of, row_lists, sorting_value

some_rows = row_lists.filter(bool)


def summary_of(rows: list[Row]) -> Summary:
    return summarize(MetricBatch.of_metrics(metrics_of(("loss", row) for row in rows)))["loss"]


def comparable(summary: Summary) -> dict[str, object]:
    return {
        name: sorting_value(fact) if isinstance(fact, float) else fact
        for name, fact in msgspec.structs.asdict(summary).items()
    }


def without_count(summary: Summary) -> dict[str, object]:
    return {name: fact for name, fact in comparable(summary).items() if name != "count"}


def defined(rows: list[Row]) -> dict[str, object]:
    points = in_order(rows)
    numbers = [(value, step) for step, _, (is_nan, value) in points if not is_nan]
    low, low_step = min(numbers, default=(math.nan, 0))
    high, high_step = min(((-value, step) for value, step in numbers), default=(math.nan, 0))
    (first_step, first_timestamp, first), (last_step, last_timestamp, last) = points[0], points[-1]
    return {
        "count": len(points),
        "last": last,
        "last_step": last_step,
        "last_timestamp": last_timestamp,
        "first": first,
        "first_step": first_step,
        "first_timestamp": first_timestamp,
        "min": sorting_value(low),
        "min_step": low_step,
        "max": sorting_value(-high),
        "max_step": high_step,
    }


@given(keyed_row_lists)
def test_a_summary_is_what_the_sorted_rows_of_its_key_say(keyed_rows):
    summaries = summarize(MetricBatch.of_metrics(metrics_of(keyed_rows)))

    assert {key: comparable(summary) for key, summary in summaries.items()} == {
        key: defined(rows) for key, rows in by_key(keyed_rows).items()
    }


@given(st.dictionaries(st.text(max_size=3), row_lists.map(lambda rows: rows[:1]).filter(bool), max_size=9))
def test_a_summary_of_one_point_a_key_is_no_different(points):
    keyed_rows = [(key, row) for key, rows in points.items() for row in rows]

    summaries = summarize(MetricBatch.of_metrics(metrics_of(keyed_rows)))

    assert {key: comparable(summary) for key, summary in summaries.items()} == {
        key: defined(rows) for key, rows in points.items()
    }


@given(some_rows, some_rows)
def test_merging_summaries_is_summarizing_the_joined_points(a, b):
    merged = merge(summary_of(a), summary_of(b))

    assert without_count(merged) == without_count(summary_of(a + b))
    assert merged.count == len(in_order(a)) + len(in_order(b))


@given(st.lists(some_rows, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_and_grouping_of_merges_do_not_matter(parts, random):
    summaries = [summary_of(part) for part in parts]
    expected = comparable(reduce(merge, summaries))

    while len(summaries) > 1:
        a = summaries.pop(random.randrange(len(summaries)))
        b = summaries.pop(random.randrange(len(summaries)))
        summaries.append(merge(a, b))

    assert comparable(summaries[0]) == expected


@given(some_rows)
def test_merging_a_summary_with_itself_changes_its_count_alone(rows):
    summary = summary_of(rows)

    assert without_count(merge(summary, summary)) == without_count(summary)


def test_a_batch_without_points_has_no_summaries():
    assert summarize(MetricBatch.of_metrics([])) == {}
