"""Filters and orders of searches at a server: the server reads them, here they are only explained.

What is no text, which would be sent as something else, is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runstone.errors import FilterError, InvalidInput
from runstone.remote.calls import call_route
from runstone.remote.transport import HttpSession
from runstone.wire.schemas.common import Request

__all__ = ["search", "search_terms", "search_text"]

Check = Callable[[], object]
"""Parses what the search asks for. Raises FilterError."""


def search(session: HttpSession, name: str, request: Request, check: Check) -> Any:
    """The page; what the server refuses is looked at here, too, because the column of a fault is not sent."""
    try:
        return call_route(session, name, request)
    except InvalidInput as error:
        raise _pinpointed(error, check) from error.__cause__


def search_text(text: Any, check: Check) -> Any:
    """The filter as it is sent."""
    if not isinstance(text, str | None):
        check()
    return text


def search_terms(terms: Any, check: Check) -> list[str]:
    """The terms of an order as they are sent."""
    if isinstance(terms, str) or not all(isinstance(term, str) for term in terms or ()):
        check()
    return list(terms or ())


def _pinpointed(error: InvalidInput, check: Check) -> InvalidInput:
    try:
        check()
    except FilterError as fault:
        return fault
    return error
