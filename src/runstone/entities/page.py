"""One page of a listing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

__all__ = ["PagedList"]

T = TypeVar("T")


class PagedList(list[T]):
    """A list of results, with `token`: what to pass as `page_token` for the next page, or None at the end."""

    def __init__(self, items: Iterable[T] = (), token: str | None = None) -> None:
        super().__init__(items)
        self.token = token
