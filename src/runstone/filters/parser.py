"""Text -> AST: the filter languages of runs, experiments and models, and their orders.

MLflow's language (https://mlflow.org/docs/latest/search-runs.html) and more::

    filter     = all-terms { OR all-terms }
    all-terms  = term { AND term }
    term       = NOT term | "(" filter ")" | comparison
    comparison = field ( ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
                       | [ NOT ] ( LIKE | ILIKE | RLIKE ) text
                       | [ NOT ] IN "(" value { "," value } [ "," ] ")"
                       | IS [ NOT ] NULL )
    field      = [ function "(" ] [ prefix "." ] name [ ")" ]
    order      = field [ ASC | DESC ]

A prefix is `metrics`, `params`, `tags`, `attributes`, `datasets` or a short form of one; attributes need
none. A name is letters, digits and `_ . - / :`, or anything in double quotes or backticks. A value is a
number, or a text in single or double quotes. Keywords may be in any case. A function is `min`, `max`,
`first`, `last` or `count` of a metric's whole history.

`params.lr = 0.1` compares numbers, `params.lr = '0.1'` texts. A text on a time is an ISO 8601 date or time.
`x NOT LIKE y` is `x IS NOT NULL AND NOT x LIKE y`: as with NOT IN, what is missing does not match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from runstone.errors import InvalidInput
from runstone.filters.ast import (
    Comparison,
    Field,
    Filter,
    Kind,
    Not,
    Operator,
    OrderTerm,
    Presence,
    all_of,
    any_of,
)
from runstone.filters.cursor import Cursor
from runstone.filters.fields import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    OPERATORS,
    REGISTERED_MODELS,
    RUNS,
    FieldType,
    Language,
)
from runstone.filters.literals import read_value, read_values
from runstone.filters.references import read_field

__all__ = [
    "MAX_COMPARISONS",
    "MAX_DEPTH",
    "MAX_ORDER_TERMS",
    "MAX_VALUES",
    "parse_experiment_filter",
    "parse_experiment_order",
    "parse_logged_model_filter",
    "parse_logged_model_order",
    "parse_model_version_filter",
    "parse_model_version_order",
    "parse_registered_model_filter",
    "parse_registered_model_order",
    "parse_run_filter",
    "parse_run_order",
]

# These keep filters within SQLite's limits (expressions 1,000 deep, 32,766 variables) and Python's stack.
MAX_DEPTH = 100
MAX_COMPARISONS = 500
MAX_VALUES = 10_000
MAX_ORDER_TERMS = 20  # each joins a table or two, and SQLite joins at most 64

_TYPE_NAMES = {"text": "a text", "number": "a number", "time": "a time", "param": "a param"}


def parse_run_filter(text: str | None) -> Filter | None:
    """The filter of runs that the text means; None for None or a blank text. Raises FilterError."""
    return _parse_filter(text, RUNS)


def parse_run_order(terms: Sequence[str] | None) -> tuple[OrderTerm, ...]:
    """The order of runs that the terms mean, such as `["metrics.loss DESC"]`. Raises FilterError."""
    return _parse_order(terms, RUNS)


def parse_experiment_filter(text: str | None) -> Filter | None:
    """The filter of experiments that the text means; None for None or a blank text. Raises FilterError."""
    return _parse_filter(text, EXPERIMENTS)


def parse_experiment_order(terms: Sequence[str] | None) -> tuple[OrderTerm, ...]:
    """The order of experiments that the terms mean, such as `["name DESC"]`. Raises FilterError."""
    return _parse_order(terms, EXPERIMENTS)


def parse_registered_model_filter(text: str | None) -> Filter | None:
    """The filter of registered models that the text means; None for None or a blank text. Raises FilterError."""
    return _parse_filter(text, REGISTERED_MODELS)


def parse_registered_model_order(terms: Sequence[str] | None) -> tuple[OrderTerm, ...]:
    """The order of registered models that the terms mean. Raises FilterError."""
    return _parse_order(terms, REGISTERED_MODELS)


def parse_model_version_filter(text: str | None) -> Filter | None:
    """The filter of model versions that the text means; None for None or a blank text. Raises FilterError."""
    return _parse_filter(text, MODEL_VERSIONS)


def parse_model_version_order(terms: Sequence[str] | None) -> tuple[OrderTerm, ...]:
    """The order of model versions that the terms mean. Raises FilterError."""
    return _parse_order(terms, MODEL_VERSIONS)


def parse_logged_model_filter(text: str | None) -> Filter | None:
    """The filter of logged models that the text means; None for None or a blank text. Raises FilterError."""
    return _parse_filter(text, LOGGED_MODELS)


def parse_logged_model_order(terms: Sequence[str] | None) -> tuple[OrderTerm, ...]:
    """The order of logged models that the terms mean. Raises FilterError."""
    return _parse_order(terms, LOGGED_MODELS)


def _parse_filter(text: object, language: Language) -> Filter | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise InvalidInput(f"Invalid filter {text!r}: expected a text such as \"tags.team = 'vision'\"")
    return _FilterParser(text, language).parse() if text.strip() else None


def _parse_order(terms: Sequence[object] | None, language: Language) -> tuple[OrderTerm, ...]:
    if isinstance(terms, str):
        raise InvalidInput(f"Invalid order {terms!r}: expected a list of texts; try [{terms!r}]")
    if terms is not None and len(terms) > MAX_ORDER_TERMS:
        raise InvalidInput(f"An order by {len(terms)} terms is too long: at most {MAX_ORDER_TERMS} are allowed")
    return tuple(_parse_order_term(term, language) for term in terms or ())


def _parse_order_term(text: object, language: Language) -> OrderTerm:
    if not isinstance(text, str):
        raise InvalidInput(f"Invalid order {text!r}: expected a text such as 'tags.team DESC'")
    cursor = Cursor(text, "order")
    column = cursor.token.column
    field = read_field(cursor, language)
    if field.kind is Kind.DATASET:
        cursor.fail("runs cannot be ordered by datasets", column, "a metric, param, tag or attribute")
    direction = cursor.take_word("ASC", "DESC")
    cursor.need_end("the end" if direction else "ASC, DESC or the end")
    return OrderTerm(field, direction == "DESC")


class _FilterParser:
    """One filter on its way to an AST. Methods named by a noun read it at the cursor, which passes it."""

    def __init__(self, text: str, language: Language) -> None:
        self._cursor = Cursor(text, "filter")
        self._language = language
        self._depth = 0
        self._comparisons = 0
        self._values = 0

    def parse(self) -> Filter:
        found = self._any_terms()
        self._cursor.need_end("AND, OR or the end")
        return found

    def _any_terms(self) -> Filter:
        terms = [self._all_terms()]
        while self._cursor.take_word("OR"):
            terms.append(self._all_terms())
        return any_of(terms)

    def _all_terms(self) -> Filter:
        terms = [self._term()]
        while self._cursor.take_word("AND"):
            terms.append(self._term())
        return all_of(terms)

    def _term(self) -> Filter:
        column = self._cursor.token.column
        if self._cursor.take_word("NOT"):
            with self._nested(column):
                return Not(self._term())
        if self._cursor.take_symbol("("):
            with self._nested(column):
                found = self._any_terms()
            self._cursor.need_symbol(")", "AND, OR or ')'")
            return found
        return self._comparison()

    @contextmanager
    def _nested(self, column: int) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._cursor.fail("nesting too deep", column, f"at most {MAX_DEPTH} open parentheses and NOTs")
        yield
        self._depth -= 1

    def _comparison(self) -> Filter:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            remedy = f"at most {MAX_COMPARISONS}; write IN (...) for many values of one field"
            self._cursor.fail("too many comparisons", self._cursor.token.column, remedy)
        field = read_field(self._cursor, self._language)
        if self._cursor.take_word("IS"):
            return self._presence(field)
        field_type = self._language.type_of(field)
        negated = self._cursor.token.text.upper() == "NOT"
        operator = self._operator(field_type)
        comparison = self._compared(field, field_type, operator)
        if negated and operator != "NOT IN":
            return all_of((Presence(field, True), Not(comparison)))
        return comparison

    def _presence(self, field: Field) -> Presence:
        negated = self._cursor.take_word("NOT") is not None
        if not self._cursor.take_word("NULL"):
            self._cursor.fail_here("NULL" if negated else "NULL or NOT NULL")
        return Presence(field, negated)

    def _operator(self, field_type: FieldType) -> Operator:
        """The operator; of NOT LIKE, NOT ILIKE and NOT RLIKE the second word."""
        cursor, start = self._cursor, self._cursor.token
        allowed = OPERATORS[field_type]
        expected = f"{', '.join(allowed)}, IS NULL or IS NOT NULL"
        if cursor.take_word("NOT"):
            word = cursor.take_word("IN", "LIKE", "ILIKE", "RLIKE") or cursor.fail_here("IN, LIKE, ILIKE or RLIKE")
            name = "NOT IN" if word == "IN" else word
        elif start.kind == "symbol" and start.text not in "(),":
            name = cursor.take().text
        else:
            name = cursor.take_word("IN", "LIKE", "ILIKE", "RLIKE") or cursor.fail_here(expected)
        operator = next((operator for operator in allowed if operator == name), None)
        if operator is None:
            known = name in OPERATORS["param"]
            problem = f"{name} cannot compare {_TYPE_NAMES[field_type]}" if known else f"unknown operator '{name[:10]}'"
            cursor.fail(problem, start.column, expected)
        return operator

    def _compared(self, field: Field, field_type: FieldType, operator: Operator) -> Comparison:
        column = self._cursor.token.column
        if operator in ("IN", "NOT IN"):
            values = read_values(self._cursor, field_type)
            self._values += len(values)
            if self._values > MAX_VALUES:
                self._cursor.fail("too many values in lists", column, f"at most {MAX_VALUES} in one filter")
            return Comparison(field, operator, values)
        return Comparison(field, operator, read_value(self._cursor, field_type, operator))
