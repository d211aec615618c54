"""The shape of a filter and of an order: what the parser makes, what `match` explains, what a store answers.

A filter is two-valued: a comparison with something a run lacks (or with NaN) is false, and NOT of it is true.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Literal

import msgspec

__all__ = [
    "Aggregate",
    "And",
    "Comparison",
    "Field",
    "Filter",
    "Kind",
    "Not",
    "Operator",
    "Or",
    "OrderTerm",
    "Presence",
    "Value",
    "all_of",
    "any_of",
]


class Kind(str, Enum):
    """What a field belongs to."""

    ATTRIBUTE = "attribute"
    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    DATASET = "dataset"


Aggregate = Literal["last", "min", "max", "first", "count"]
"""Over a series' whole history; `last` is the latest value, what a bare `metrics.loss` means.

NaN is never min or max.
"""

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "RLIKE", "IN", "NOT IN"]

Value = str | float | int | tuple[str, ...] | tuple[float | int, ...]
"""A text or a number; for IN and NOT IN a tuple of one of them."""


class Field(msgspec.Struct, frozen=True):
    """`key` is the metric's, param's or tag's name, or an attribute's canonical name (`start_time`, ...)."""

    kind: Kind
    key: str
    aggregate: Aggregate = "last"


class Comparison(msgspec.Struct, frozen=True):
    """`field operator value`. A number makes it numeric: params that are no numbers never match it."""

    field: Field
    operator: Operator
    value: Value


class Presence(msgspec.Struct, frozen=True):
    """`field IS NULL` (`present=False`) or `field IS NOT NULL`."""

    field: Field
    present: bool


class Not(msgspec.Struct, frozen=True):
    """True where `term` is false."""

    term: Filter


class And(msgspec.Struct, frozen=True):
    """True where every term is."""

    terms: tuple[Filter, ...]


class Or(msgspec.Struct, frozen=True):
    """True where any term is."""

    terms: tuple[Filter, ...]


Filter = Comparison | Presence | Not | And | Or


def all_of(terms: Iterable[Filter]) -> Filter:
    """The conjunction of at least one term: no And within the And, and one term is itself."""
    flat: list[Filter] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, And) else (term,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(terms: Iterable[Filter]) -> Filter:
    """The disjunction of at least one term: no Or within the Or, and one term is itself."""
    flat: list[Filter] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, Or) else (term,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


class OrderTerm(msgspec.Struct, frozen=True):
    """One column of an order. Whatever lacks the field comes last in both directions, NaN just before it.

    Params sort as numbers where they are numbers, before those that are texts.
    """

    field: Field
    descending: bool = False
