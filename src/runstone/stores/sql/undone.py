"""Transactions that a database undoes for the sake of others, and that are begun again. Knows no database."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from inspect import isfunction
from typing import Any, TypeVar

from runstone.errors import StoreUnavailable

__all__ = ["Undone", "begun_again"]

ATTEMPTS = 8
_FIRST_WAIT_S = 0.005


class Undone(StoreUnavailable):
    """The database has undone the transaction (a deadlock, a conflict, a lost connection); a new try may succeed."""


S = TypeVar("S")


def begun_again(store: type[S]) -> type[S]:
    """Have every public method of a class, each of them one transaction, begun again where it is undone."""
    for name, method in list(vars(store).items()):
        if isfunction(method) and not name.startswith("_"):
            setattr(store, name, _persistent(method))
    return store


def _persistent(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def persist(*arguments: Any, **named: Any) -> Any:
        for attempt in range(1, ATTEMPTS):
            try:
                return method(*arguments, **named)
            except Undone:
                # At random, so that two that have met do not meet again.
                time.sleep(random.uniform(0, _FIRST_WAIT_S * 2**attempt))
        try:
            return method(*arguments, **named)
        except Undone as error:
            # No longer an Undone, so that a method which calls this one does not begin it again as often.
            raise StoreUnavailable(f"{error} (tried {ATTEMPTS} times)") from error

    return persist
