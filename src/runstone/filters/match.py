"""The meaning of a filter and an order in plain Python: what every store's own way of answering must equal.

Two-valued: a comparison with something missing, or with a NaN, is false whatever the operator, and NOT of it
is true. A NaN is present. Of a run's datasets, and of a model's figures of one name, it is enough that one
fulfils a comparison.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from runstone.entities import DatasetInput, RunInfo
from runstone.filters.ast import And, Comparison, Field, Filter, Kind, Not, Operator, Or, OrderTerm, Presence
from runstone.filters.patterns import like, rlike
from runstone.series.summary import Summary
from runstone.tag_names import DATASET_CONTEXT
from runstone.validation import param_number

__all__ = ["OrderKey", "Subject", "like", "matches", "order_key", "rlike", "run_subject"]

OrderKey = tuple[tuple[int, Any], ...]
"""Sorts with `<` among the keys of one order."""

_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "LIKE": lambda text, pattern: like(text, pattern, ignore_case=False),
    "ILIKE": lambda text, pattern: like(text, pattern, ignore_case=True),
    "RLIKE": rlike,
    "IN": lambda value, options: value in options,
    "NOT IN": lambda value, options: value not in options,
}


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A run, an experiment or a model as a filter sees it. `attributes` is by canonical name; None counts as missing.

    A dataset has `name`, `digest` and, where it was given, `context`. A run has `series`; a model has `figures`, of
    which several may have one name, the one that orders go by first.
    """

    attributes: Mapping[str, str | int | None] = {}
    params: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    series: Mapping[str, Summary] = {}
    figures: Mapping[str, Sequence[float]] = {}
    datasets: Sequence[Mapping[str, str]] = ()


def run_subject(
    info: RunInfo,
    *,
    params: Mapping[str, str],
    tags: Mapping[str, str],
    series: Mapping[str, Summary],
    inputs: Iterable[DatasetInput],
) -> Subject:
    """A run as a filter sees it."""
    return Subject(
        attributes={
            "run_id": info.run_id,
            "run_name": info.run_name,
            "status": info.status.value,
            "start_time": info.start_time,
            "end_time": info.end_time,
            "artifact_uri": info.artifact_uri,
            "user_id": info.user_id,
            "experiment_id": info.experiment_id,
        },
        params=params,
        tags=tags,
        series=series,
        datasets=[_dataset_facts(link) for link in inputs],
    )


def _dataset_facts(link: DatasetInput) -> dict[str, str]:
    facts = {"name": link.dataset.name, "digest": link.dataset.digest}
    context = {tag.key: tag.value for tag in link.tags}.get(DATASET_CONTEXT)
    return facts if context is None else {**facts, "context": context}


def matches(filter: Filter | None, subject: Subject) -> bool:  # noqa: A002 -- the field's own word
    """Whether the filter is true of the subject; no filter is true of all."""
    if filter is None:
        return True
    if isinstance(filter, And):
        return all(matches(term, subject) for term in filter.terms)
    if isinstance(filter, Or):
        return any(matches(term, subject) for term in filter.terms)
    if isinstance(filter, Not):
        return not matches(filter.term, subject)
    if isinstance(filter, Presence):
        return bool(_values(filter.field, subject)) is filter.present
    return _compares(filter, subject)


def order_key(order: Sequence[OrderTerm], subject: Subject) -> OrderKey:
    """The subject's place under the order. Equal keys are ties, which the order does not settle."""
    return tuple(_term_key(term, subject) for term in order)


def _values(field: Field, subject: Subject) -> list[Any]:
    """What the subject has there: nothing, one value, or one of each dataset."""
    found: list[Any]
    if field.kind is Kind.DATASET:
        found = [dataset.get(field.key) for dataset in subject.datasets]
    elif field.kind is Kind.METRIC and field.key in subject.figures:
        found = list(subject.figures[field.key])
    else:
        found = [_value(field, subject)]
    return [value for value in found if value is not None]


def _value(field: Field, subject: Subject) -> str | float | None:
    if field.kind is Kind.METRIC:
        summary = subject.series.get(field.key)
        return None if summary is None else getattr(summary, field.aggregate)
    if field.kind is Kind.PARAM:
        return subject.params.get(field.key)
    if field.kind is Kind.TAG:
        return subject.tags.get(field.key)
    return subject.attributes.get(field.key)


def _compares(comparison: Comparison, subject: Subject) -> bool:
    compare, wanted = _COMPARE[comparison.operator], comparison.value
    values = _values(comparison.field, subject)
    if comparison.field.kind is Kind.PARAM and _is_numeric(wanted):
        values = [number for number in map(param_number, values) if number is not None]
    return any(compare(value, wanted) for value in values if not _is_nan(value))


def _is_numeric(value: object) -> bool:
    sample = value[0] if isinstance(value, tuple) and value else value
    return isinstance(sample, (int, float))


def _is_nan(value: object) -> bool:
    return value != value


def _term_key(term: OrderTerm, subject: Subject) -> tuple[int, Any]:
    values = _values(term.field, subject)
    if not values:
        return _MISSING, 0
    value = values[0]
    if _is_nan(value):
        return _NAN, 0
    rank = _VALUE
    if term.field.kind is Kind.PARAM:
        number = param_number(value)
        rank, value = (_TEXT_PARAM, value) if number is None else (_VALUE, number)
    return rank, _Descending(value) if term.descending else value


_VALUE, _TEXT_PARAM, _NAN, _MISSING = range(4)


class _Descending:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)
