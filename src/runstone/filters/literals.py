"""Reads the values that fields are compared with: texts, numbers, times, patterns. Knows no field by name."""

from __future__ import annotations

from typing import NoReturn, cast

from runstone.filters.ast import Operator
from runstone.filters.cursor import Cursor, shown
from runstone.filters.fields import KEYWORDS, OPERATORS, FieldType
from runstone.filters.patterns import compile_regex
from runstone.filters.times import time_ms
from runstone.filters.tokens import Token
from runstone.validation import INT64_MAX, INT64_MIN

__all__ = ["MAX_LIKE_LENGTH", "MAX_REGEX_LENGTH", "read_value", "read_values"]

MAX_REGEX_LENGTH = 1_000
MAX_LIKE_LENGTH = 10_000

_MAX_PATTERN_LENGTHS = {"RLIKE": MAX_REGEX_LENGTH, "LIKE": MAX_LIKE_LENGTH, "ILIKE": MAX_LIKE_LENGTH}
_TIME = "milliseconds since 1970 or a time such as '2026-01-31' or '2026-01-31T12:00:00+01:00'"
_TEXT = "a text in quotes such as 'abc'"
_NUMBER = "a number without quotes such as 0.5"


def read_values(cursor: Cursor, field_type: FieldType) -> tuple[str, ...] | tuple[float | int, ...]:
    """The list of values in parentheses, all texts or all numbers, at the cursor, which passes it."""
    cursor.need_symbol("(", "'(' and a list of values")
    found = [read_value(cursor, field_type, "IN")]
    while cursor.take_symbol(","):
        if cursor.take_symbol(")"):  # as Python writes a tuple of one
            break
        column = cursor.token.column
        found.append(read_value(cursor, field_type, "IN"))
        if isinstance(found[-1], str) is not isinstance(found[0], str):
            cursor.fail("a list of both texts and numbers", column, "one or the other")
    else:
        cursor.need_symbol(")", "',' or ')'")
    return cast("tuple[str, ...] | tuple[float | int, ...]", tuple(found))


def read_value(cursor: Cursor, field_type: FieldType, operator: Operator) -> str | float | int:
    """The value at the cursor, which passes it, if this operator can compare it with such a field."""
    token = cursor.token
    takes_text = field_type in ("text", "param") and operator in OPERATORS["text"]
    takes_number = field_type != "text" and operator in OPERATORS["number"]
    found: str | float | int
    if field_type == "time" and _is_text(token):
        found = _time(cursor, token)
    elif takes_text and _is_text(token):
        found = _text(cursor, token, operator)
    elif takes_number and token.kind == "number":
        # Metrics and params are floats; a time stays exact beyond 2**53.
        found = _whole_or_float(token.text) if field_type == "time" else float(token.text)
    else:
        _fail(cursor, field_type, takes_text=takes_text, takes_number=takes_number)
    cursor.take()
    return found


def _is_text(token: Token) -> bool:
    return token.kind == "quoted" and token.quote != "`"


def _time(cursor: Cursor, token: Token) -> int:
    ms = time_ms(token.text)
    if ms is None:
        cursor.fail(f"{shown(token)} is no date or time", token.column, _TIME)
    return ms


def _text(cursor: Cursor, token: Token, operator: Operator) -> str:
    limit = _MAX_PATTERN_LENGTHS.get(operator, len(token.text))
    if len(token.text) > limit:
        problem = f"the pattern of {operator} has {len(token.text)} characters"
        cursor.fail(problem, token.column, f"at most {limit}")
    if operator == "RLIKE":
        try:
            compile_regex(token.text)
        except ValueError as error:
            cursor.fail(f"{shown(token)} is no regular expression ({error})", token.column)
    return token.text


def _whole_or_float(text: str) -> int | float:
    # No store could bind a whole number beyond 64 bits.
    if len(text) <= 20 and text.lstrip("+-").isdigit() and INT64_MIN <= int(text) <= INT64_MAX:
        return int(text)
    return float(text)


def _fail(cursor: Cursor, field_type: FieldType, *, takes_text: bool, takes_number: bool) -> NoReturn:
    expected = [_TEXT] * takes_text + [_TIME if field_type == "time" else _NUMBER] * takes_number
    token = cursor.token
    if token.kind == "word" and token.text.upper() not in KEYWORDS:
        problem = f"{shown(token)} is neither a number nor in quotes"
        cursor.fail(problem, token.column, " or ".join(expected))
    cursor.fail_here(" or ".join(expected))
