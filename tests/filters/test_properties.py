"""What holds of every filter, order and run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runstone.errors import FilterError
from runstone.filters import (
    Field,
    Filter,
    Kind,
    Not,
    OrderTerm,
    parse_experiment_filter,
    parse_experiment_order,
    parse_run_filter,
    parse_run_order,
)
from runstone.filters.match import Subject, like, matches, order_key
from runstone.validation import param_number
from tests.filters import strategies

FRAGMENTS = (
    "metrics.", "params.", "tags.", "attributes.", "datasets.", "metric", "loss", "a", "start_time", "name",
    "min", "count", "(", ")", ",", "=", "!=", "<", ">=", "==", "LIKE", "ILIKE", "RLIKE", "IN", "NOT", "IS",
    "NULL", "AND", "OR", "DESC", "'x'", '"x"', "`x`", "'", '"', "`", "1", "-1", "1e999", "1.2.3", "9" * 30,
    "'2026-01-31'", "'('", "%", ";", "--", "\n", "é", "\0", "\ud800", "😀",
)  # fmt: skip
SOUP = st.lists(st.sampled_from(FRAGMENTS), max_size=25)
ANY_TEXT = st.text() | SOUP.map("".join) | SOUP.map(" ".join)


def parses_or_points(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        assert error.text == text
        assert 0 <= error.column <= len(text)
        assert str(error)


@given(ANY_TEXT)
def test_any_text_is_a_filter_or_an_error_that_points_into_it(text: str) -> None:
    parses_or_points(parse_run_filter, text)
    parses_or_points(parse_experiment_filter, text)


@given(ANY_TEXT)
def test_any_text_is_an_order_or_an_error_that_points_into_it(text: str) -> None:
    parses_or_points(lambda text: parse_run_order([text]), text)
    parses_or_points(lambda text: parse_experiment_order([text]), text)


@given(strategies.run_filters(), st.data())
def test_a_damaged_filter_is_another_filter_or_an_error_that_points_into_it(term: Filter, data: st.DataObject) -> None:
    text = strategies.render(term)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    parses_or_points(parse_run_filter, text[:start] + data.draw(st.sampled_from(FRAGMENTS)) + text[end:])


@given(strategies.run_filters())
def test_a_filter_of_runs_written_as_text_reads_as_the_same_filter(term: Filter) -> None:
    assert parse_run_filter(strategies.render(term)) == term


@given(strategies.experiment_filters())
def test_a_filter_of_experiments_written_as_text_reads_as_the_same_filter(term: Filter) -> None:
    assert parse_experiment_filter(strategies.render(term)) == term


@given(strategies.run_orders(), strategies.experiment_orders())
def test_an_order_written_as_text_reads_as_the_same_order(
    runs: tuple[OrderTerm, ...], experiments: tuple[OrderTerm, ...]
) -> None:
    assert parse_run_order([strategies.render_order(term) for term in runs]) == runs
    assert parse_experiment_order([strategies.render_order(term) for term in experiments]) == experiments


@given(strategies.run_filters(), strategies.run_filters(), strategies.run_subjects())
def test_not_and_or_are_those_of_logic(one: Filter, other: Filter, subject: Subject) -> None:
    a, b = strategies.render(one), strategies.render(other)
    first, second = matches(one, subject), matches(other, subject)
    assert matches(Not(one), subject) is not first
    assert matches(parse_run_filter(f"({a}) AND ({b})"), subject) is (first and second)
    assert matches(parse_run_filter(f"({a}) OR ({b})"), subject) is (first or second)
    assert matches(parse_run_filter(f"NOT (({a}) OR ({b}))"), subject) is not (first or second)


@given(strategies.experiment_filters(), strategies.experiment_orders(), strategies.experiment_subjects())
def test_experiments_are_filtered_and_ordered_like_runs(
    term: Filter, order: tuple[OrderTerm, ...], subject: Subject
) -> None:
    assert matches(Not(term), subject) is not matches(term, subject)
    assert len(order_key(order, subject)) == len(order)


def has_pattern(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(has_pattern(text[start:], pattern[1:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and has_pattern(text[1:], pattern[1:])


@given(st.text("ab%_\n.*", max_size=8), st.text("ab%_\n.*", max_size=6))
def test_like_finds_what_trying_every_way_finds(text: str, pattern: str) -> None:
    assert like(text, pattern, ignore_case=False) is has_pattern(text, pattern)
    assert like(text.upper(), pattern, ignore_case=True) is has_pattern(text, pattern)


def place(field: Field, subject: Subject) -> tuple[int, Any]:
    """The group of the order that a run belongs to, and its value there: numbers, texts, NaN, missing."""
    summary = subject.series.get(field.key)
    texts = {Kind.PARAM: subject.params, Kind.TAG: subject.tags, Kind.ATTRIBUTE: subject.attributes}
    is_metric = field.kind is Kind.METRIC
    value: Any = getattr(summary, field.aggregate, None) if is_metric else texts[field.kind].get(field.key)
    if value is None:
        return 3, None
    if value != value:
        return 2, None
    if field.kind is Kind.PARAM:
        number = param_number(value)
        return (1, value) if number is None else (0, number)
    return 0, value


@given(strategies.run_orders().filter(len), st.lists(strategies.run_subjects(), max_size=6))
def test_an_order_puts_numbers_before_texts_before_nan_before_what_is_missing(
    order: tuple[OrderTerm, ...], subjects: list[Subject]
) -> None:
    term = order[0]
    found = sorted(subjects, key=lambda subject: order_key(order, subject))
    places = [place(term.field, subject) for subject in found]
    assert [group for group, _ in places] == sorted(group for group, _ in places)
    for wanted in (0, 1):
        values = [value for group, value in places if group == wanted]
        assert values == sorted(values, reverse=term.descending)
