"""A filter's text as tokens with their columns. Knows words, numbers, quotes and signs, but no grammar.

Quotes are `'`, `"` and the backtick; inside, the same quote is written twice. A backslash is a character like
others, so that Windows paths read as they stand.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from runstone.errors import FilterError

__all__ = ["MAX_TEXT_LENGTH", "Token", "TokenKind", "tokenize"]

MAX_TEXT_LENGTH = 100_000
"""The longest filter, in characters."""

TokenKind = Literal["word", "number", "quoted", "symbol", "end"]

_TOKEN = re.compile(
    r"""
      (?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?P<rest>[\w.]*)
    | (?P<word>[^\W\d][\w.\-/:]*)
    # The look-ahead keeps 'it''s, which never ends, from being read as 'it' and an open quote.
    | (?P<quoted>'[^']*(?:''[^']*)*'(?!') | "[^"]*(?:""[^"]*)*"(?!") | `[^`]*(?:``[^`]*)*`(?!`))
    | (?P<symbol>[(),]|[=!<>]+)
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Token(msgspec.Struct, frozen=True):
    """`text` is as written, but a quoted one is without its `quote`. `end` is the column after the token."""

    kind: TokenKind
    text: str
    column: int
    end: int
    quote: str = ""


def tokenize(text: str, *, what: str) -> list[Token]:
    """The tokens of a text, the last of kind `end`. `what` names the text in messages. Raises FilterError."""
    _check_text(text, what)
    tokens = []
    column = _skip_space(text, 0)
    while column < len(text):
        token = _token_at(text, column, what)
        tokens.append(token)
        column = _skip_space(text, token.end)
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def _skip_space(text: str, column: int) -> int:
    match = _SPACE.match(text, column)
    return match.end() if match else column


def _check_text(text: str, what: str) -> None:
    if len(text) > MAX_TEXT_LENGTH:
        problem = f"it has {len(text)} characters, at most {MAX_TEXT_LENGTH} are allowed; the excess starts"
        raise FilterError(problem, text=text, column=MAX_TEXT_LENGTH, what=what)
    if bad := _UNSTORABLE.search(text):
        problem = f"{bad[0]!r}, which no store can hold,"
        raise FilterError(problem, text=text, column=bad.start(), what=what)


def _token_at(text: str, column: int, what: str) -> Token:
    match = _TOKEN.match(text, column)
    if match is None:
        raise _unreadable(text, column, what)
    if match["rest"]:
        problem = f"'{match[0][:40]}' is not a number"
        raise FilterError(problem, text=text, column=column, expected="one such as 12, 0.5 or -1e-3", what=what)
    end = match.end()
    if match["number"]:
        return Token("number", match[0], column, end)
    if match["word"]:
        return Token("word", match[0], column, end)
    if match["symbol"]:
        return Token("symbol", match[0], column, end)
    quote = match[0][0]
    return Token("quoted", match[0][1:-1].replace(quote * 2, quote), column, end, quote)


def _unreadable(text: str, column: int, what: str) -> FilterError:
    character = text[column]
    if character in "'\"`":
        problem, expected = (
            "unfinished quote",
            f"a closing {character} (a {character} inside is written twice)",
        )
    else:
        problem, expected = f"unexpected {character!r}", "quotes around a name or a text that contains it"
    return FilterError(problem, text=text, column=column, expected=expected, what=what)
