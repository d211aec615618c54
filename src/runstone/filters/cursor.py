"""A place in a text's tokens, and how to complain there. Knows no field and no operator."""

from __future__ import annotations

from typing import NoReturn

from runstone.errors import FilterError
from runstone.filters.tokens import Token, tokenize

__all__ = ["Cursor", "shown"]


class Cursor:
    """Walks over the tokens of one text. `what` names the text in messages. Raises FilterError."""

    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what
        self._tokens = tokenize(text, what=what)
        self._index = 0

    @property
    def token(self) -> Token:
        """The current token; the one of kind `end` is never passed."""
        return self._tokens[self._index]

    def take(self) -> Token:
        """Pass the current token and return it."""
        token = self.token
        if token.kind != "end":
            self._index += 1
        return token

    def take_word(self, *words: str) -> str | None:
        """Pass one of these keywords, in any case, and return it; or stay and return None."""
        if self.token.kind == "word" and self.token.text.upper() in words:
            return self.take().text.upper()
        return None

    def take_symbol(self, symbol: str) -> bool:
        """Pass that symbol, or stay and return False."""
        found = self.token.kind == "symbol" and self.token.text == symbol
        if found:
            self.take()
        return found

    def need_symbol(self, symbol: str, expected: str) -> None:
        """Pass that symbol or complain."""
        if not self.take_symbol(symbol):
            self.fail_here(expected)

    def need_end(self, expected: str) -> None:
        """Complain unless all tokens have been passed."""
        if self.token.kind != "end":
            self.fail_here(expected)

    def fail_here(self, expected: str) -> NoReturn:
        """Complain of the current token."""
        token = self.token
        problem = f"the {self.what} ends" if token.kind == "end" else f"unexpected {_kind(token)}{shown(token)}"
        self.fail(problem, token.column, expected)

    def fail(self, problem: str, column: int, expected: str = "") -> NoReturn:
        """Complain of what stands at that column."""
        raise FilterError(problem, text=self.text, column=column, expected=expected, what=self.what)


def _kind(token: Token) -> str:
    if token.kind == "quoted":
        return "name " if token.quote == "`" else "text "
    return "number " if token.kind == "number" else ""


def shown(token: Token) -> str:
    """The token for a message: in quotes if it is no number, and cut where it is long."""
    quote = token.quote or ("" if token.kind == "number" else "'")
    text = token.text if len(token.text) <= 40 else token.text[:40] + "..."
    return f"{quote}{text}{quote}"
