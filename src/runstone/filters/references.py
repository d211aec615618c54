"""Reads fields: `metrics.loss`, `params."my key"`, `start_time`, `min(metrics.loss)`. Knows no operator.

::

    field     = reference | ( min | max | first | last | count ) "(" reference ")"
    reference = prefix "." key | attribute
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from runstone.filters.ast import Field, Kind
from runstone.filters.cursor import Cursor, shown
from runstone.filters.fields import AGGREGATES, KEYWORDS, Language
from runstone.filters.tokens import Token

__all__ = ["read_field"]


def read_field(cursor: Cursor, language: Language) -> Field:
    """The field at the cursor, which passes it. Raises FilterError."""
    token = cursor.token
    if token.kind == "quoted" and token.quote != "'":
        cursor.take()
        return _attribute(cursor, language, token.text, token.column)
    if token.kind != "word" or token.text.upper() in KEYWORDS:
        cursor.fail_here(f"a field such as {language.example}")
    cursor.take()
    if cursor.take_symbol("("):
        return _aggregate(cursor, language, token)
    return _reference(cursor, language, token)


def _aggregate(cursor: Cursor, language: Language, function: Token) -> Field:
    """What stands in the parentheses after the name of a function."""
    if not language.has_history:
        what = "histories of metrics" if Kind.METRIC in language.prefixes.values() else "metrics"
        cursor.fail(f"{language.subject}s have no {what} to aggregate", function.column)
    aggregate = AGGREGATES.get(function.text.lower())
    if aggregate is None:
        expected = _one_of(function.text, AGGREGATES)
        cursor.fail(f"unknown function {shown(function)}", function.column, expected)
    inner = cursor.token
    if inner.kind != "word":
        cursor.fail_here("a metric such as metrics.loss")
    cursor.take()
    field = _reference(cursor, language, inner)
    if field.kind is not Kind.METRIC:
        cursor.fail(f"{aggregate}() of no metric", inner.column, "a metric such as metrics.loss")
    cursor.need_symbol(")", "')'")
    return Field(Kind.METRIC, field.key, aggregate)


def _reference(cursor: Cursor, language: Language, word: Token) -> Field:
    """The field that a word names, if need be with the quoted key that follows its last dot."""
    prefix, dot, key = word.text.partition(".")
    if not dot:
        return _attribute(cursor, language, word.text, word.column)
    kind = language.prefixes.get(prefix)
    if kind is None:
        full = [name for name in language.prefixes if name.endswith("s")]
        expected = _one_of(prefix, language.prefixes, full)
        cursor.fail(f"unknown prefix '{prefix[:40]}'", word.column, expected)
    column = word.column + len(prefix) + 1
    if not key:
        key = _quoted_key(cursor, word)
    if kind is Kind.ATTRIBUTE:
        return _attribute(cursor, language, key, column)
    if kind is Kind.DATASET and key not in language.dataset_keys:
        cursor.fail(f"unknown dataset attribute '{key[:40]}'", column, _one_of(key, language.dataset_keys))
    return Field(kind, key)


def _quoted_key(cursor: Cursor, prefix: Token) -> str:
    token = cursor.token
    if token.kind != "quoted" or token.quote == "'" or not token.text or token.column != prefix.end:
        cursor.fail(f"no name after {shown(prefix)}", prefix.end, f'one such as {prefix.text}"my name"')
    return cursor.take().text


def _attribute(cursor: Cursor, language: Language, name: str, column: int) -> Field:
    canonical = language.aliases.get(name, name)
    if canonical not in language.attributes:
        expected = _one_of(name, (*language.attributes, *language.aliases), language.attributes)
        remedy = f"{expected}; anything else has a prefix, as in {language.example}"
        cursor.fail(f"unknown attribute '{name[:40]}'", column, remedy)
    return Field(Kind.ATTRIBUTE, canonical)


def _one_of(name: str, known: Iterable[str], listed: Iterable[str] | None = None) -> str:
    """What is known (or of it, what to list), and which of it may have been meant."""
    known = list(known)
    near = difflib.get_close_matches(name[:100], known, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return f"one of {', '.join(known if listed is None else listed)}{meant}"
