"""The meaning of filters and orders, example by example."""

from __future__ import annotations

import math

import pytest

from runstone.entities import Metric
from runstone.filters import parse_run_filter, parse_run_order
from runstone.filters.match import Subject, like, matches, order_key, rlike
from runstone.series.points import MetricBatch
from runstone.series.summary import summarize

RUN = Subject(
    attributes={"run_id": "r1", "run_name": "Été", "start_time": 2**53 + 1, "end_time": None},
    params={"lr": "1e-3", "model": "CNN_small", "big": "9" * 30, "depth": "12"},
    tags={"team": "vision", "note": "two\nlines", "share": "100%"},
    series=summarize(
        MetricBatch.of_metrics(
            [
                *(Metric("loss", value, step, step) for step, value in enumerate((0.9, 0.2, math.nan, 0.5))),
                Metric("broken", math.nan, 0, 0),
                Metric("huge", math.inf, 0, 0),
            ]
        )
    ),
    datasets=[{"name": "mnist", "digest": "d1", "context": "train"}, {"name": "cifar", "digest": "d2"}],
)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.loss = 0.5",
        "metrics.loss != 0.2 AND metrics.loss >= 0.5 AND metrics.loss <= 0.5",
        "metrics.loss IN (0.1, 0.5)",
        "metrics.loss NOT IN (0.1, 0.2)",
        "min(metrics.loss) = 0.2 AND max(metrics.loss) = 0.9",
        "first(metrics.loss) = 0.9 AND last(metrics.loss) = 0.5",
        "count(metrics.loss) = 4",
        "params.lr = 0.001 AND params.lr < 0.0011 AND params.lr > 0.0009",
        "params.lr = '1e-3'",
        "params.depth > 9",
        "params.big > 1",
        "params.model LIKE 'CNN_small'",
        "params.model ILIKE 'cnn%'",
        "params.model RLIKE '^C.*l{2}$'",
        "params.model IN ('CNN_small', 'x')",
        "tags.team != 'audio'",
        "tags.note LIKE 'two%lines'",
        "tags.share LIKE '100_'",
        "tags.team NOT LIKE 'a%'",
        "run_name ILIKE 'ÉTÉ'",
        "NOT tags.team = 'audio'",
        "tags.team = 'x' OR tags.team = 'vision'",
        "start_time > 9007199254740992",
        "start_time > 9007199254740992.0",
        "start_time != 9007199254740992",
        "end_time IS NULL",
        "tags.none IS NULL",
        "metrics.none IS NULL",
        "tags.team IS NOT NULL",
        "datasets.name = 'cifar'",
        "datasets.name != 'cifar'",
        "datasets.context = 'train'",
        "datasets.name IS NOT NULL",
    ],
)
def test_a_run_that_fulfils_the_filter_matches(text: str) -> None:
    assert matches(parse_run_filter(text), RUN)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.loss > 0.5",
        "count(metrics.loss) > 4",
        "params.lr = '0.001'",
        "params.lr > 0.001",
        "params.model > 0",
        "params.model != 0",
        "params.model LIKE 'cnn%'",
        "params.model LIKE 'CNN'",
        "tags.team = 'Vision'",
        "tags.team NOT LIKE 'v%'",
        "start_time = 9007199254740992",
        "datasets.name = 'imagenet'",
        "datasets.context != 'train'",
    ],
)
def test_a_run_that_does_not_fulfil_the_filter_does_not_match(text: str) -> None:
    assert not matches(parse_run_filter(text), RUN)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.none = 1",
        "metrics.none != 1",
        "metrics.none NOT IN (1)",
        "count(metrics.none) = 0",
        "params.none != 'x'",
        "params.none < 1",
        "tags.none NOT IN ('x')",
        "tags.none NOT LIKE 'x'",
        "tags.none LIKE '%'",
        "tags.none RLIKE ''",
        "end_time != 0",
    ],
)
def test_a_comparison_with_what_is_missing_is_false_and_its_negation_true(text: str) -> None:
    assert not matches(parse_run_filter(text), RUN)
    assert matches(parse_run_filter(f"NOT ({text})"), RUN)


@pytest.mark.parametrize("comparison", ["= 1", "!= 1", "< 1e999", ">= -1e999", "IN (1)", "NOT IN (1)"])
@pytest.mark.parametrize("function", ["min", "max", "first", "last"])
def test_nan_fulfils_no_comparison_but_is_present(function: str, comparison: str) -> None:
    assert not matches(parse_run_filter(f"{function}(metrics.broken) {comparison}"), RUN)
    assert matches(parse_run_filter(f"{function}(metrics.broken) IS NOT NULL"), RUN)


def test_infinities_compare_as_numbers() -> None:
    assert matches(parse_run_filter("metrics.huge > 1e308 AND metrics.huge = 1e999"), RUN)


def test_no_filter_matches_every_run() -> None:
    assert matches(None, Subject())


def test_like_takes_no_character_for_an_escape_or_a_wildcard_of_its_own() -> None:
    assert like("a.b", "a.b", ignore_case=False)
    assert not like("axb", "a.b", ignore_case=False)
    assert like("a\\x", "a\\%", ignore_case=False)
    assert not like("a%", "a\\%", ignore_case=False)


def test_like_without_case_compares_letter_by_letter() -> None:
    assert like("ÉTÉ", "été", ignore_case=True)
    assert not like("SS", "ß", ignore_case=True)
    assert not like("été", "ÉTÉ", ignore_case=False)


def test_a_like_pattern_of_many_wildcards_is_decided_soon() -> None:
    assert not like("a" * 8_000, "%a" * 200 + "%b", ignore_case=True)


def test_rlike_searches_anywhere() -> None:
    assert rlike("resnet-50", r"\d+")
    assert not rlike("resnet", r"\d")


def named(value: object, **facts: object) -> Subject:
    return Subject(attributes={"run_name": str(value)}, **facts)  # type: ignore[arg-type]


def names_in_order(subjects: list[Subject], *order: str) -> list[object]:
    terms = parse_run_order(order)
    found = sorted(subjects, key=lambda subject: order_key(terms, subject))
    return [subject.attributes["run_name"] for subject in found]


def test_params_are_ordered_as_numbers_then_as_texts_and_missing_last() -> None:
    values = ["b", "10", "9", "1e1000", "a", "0.5"]
    runs = [named("none"), *(named(value, params={"p": value}) for value in values)]
    assert names_in_order(runs, "params.p") == ["0.5", "9", "10", "1e1000", "a", "b", "none"]
    assert names_in_order(runs, "params.p DESC") == ["10", "9", "0.5", "b", "a", "1e1000", "none"]


def test_metrics_are_ordered_with_nan_before_missing_at_the_end_of_both_directions() -> None:
    values = [1.0, math.nan, -math.inf, math.inf, -2.0]
    runs = [named("none")]
    for value in values:
        batch = MetricBatch.of_metrics([Metric("m", value, 0, 0)])
        runs.append(named(value, series=summarize(batch)))
    assert names_in_order(runs, "metrics.m") == ["-inf", "-2.0", "1.0", "inf", "nan", "none"]
    assert names_in_order(runs, "metrics.m DESC") == ["inf", "1.0", "-2.0", "-inf", "nan", "none"]


def test_texts_are_ordered_by_code_point() -> None:
    values = ["b", "B", "ab", "a", "é", "\uffff", "😀", ""]
    runs = [named(value) for value in values]
    assert names_in_order(runs, "run_name") == ["", "B", "a", "ab", "b", "é", "\uffff", "😀"]
    assert names_in_order(runs, "run_name DESC") == ["😀", "\uffff", "é", "b", "ab", "a", "B", ""]


def test_a_later_term_orders_what_an_earlier_one_leaves_tied() -> None:
    runs = [named("x1", params={"p": "1.0"}), named("x2", params={"p": "1"}), named("x3", params={"p": "2"})]
    assert names_in_order(runs, "params.p DESC", "name DESC") == ["x3", "x2", "x1"]
    assert names_in_order(runs, "params.p DESC", "name") == ["x3", "x1", "x2"]
