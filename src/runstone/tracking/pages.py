"""Searches over as many pages as they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from runstone.tracking.base import MAX_PAGE

__all__ = ["all_pages"]


class _Page(Protocol):
    @property
    def token(self) -> str | None: ...
    def __len__(self) -> int: ...


P = TypeVar("P", bound=_Page)


def all_pages(ask: Callable[[int, str | None], P], max_results: int | None, *, largest: int = MAX_PAGE) -> Iterator[P]:
    """Each page that `ask(size, token)` gives, until `max_results` rows (None: all) or the end are reached."""
    left = max_results
    token: str | None = None
    while left is None or left > 0:
        page = ask(largest if left is None else min(largest, left), token)
        yield page
        token = page.token
        if token is None:
            return
        if left is not None:
            left -= len(page)
