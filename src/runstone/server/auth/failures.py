"""Wrong logins and the waits that follow from them, in this process. Knows no password."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Failures"]

_FREE_TRIES = 5
_FREE_TRIES_OF_ADDRESS = 100
_LONGEST_WAIT_S = 300.0
_MAX_KEYS = 10_000


class Failures:
    """Counts wrong logins by user with address, and by address. After some that are free each doubles the wait.

    Each worker process counts its own. Counts of whoever has not tried for the longest are dropped first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def wait_s(self, user: str, address: str) -> float:
        """How long this user at this address has to wait before the next try; 0: not at all."""
        now = self._clock()
        with self._lock:
            return max(0.0, *(self._found.get(key, (0, now))[1] - now for key in ((user, address), ("", address))))

    def count(self, user: str, address: str) -> None:
        """Note a wrong login."""
        with self._lock:
            for key, free in (((user, address), _FREE_TRIES), (("", address), _FREE_TRIES_OF_ADDRESS)):
                tries = self._found.pop(key, (0, 0.0))[0] + 1
                wait = min(_LONGEST_WAIT_S, 2.0 ** min(tries - free, 10)) if tries >= free else 0.0
                self._found[key] = (tries, self._clock() + wait)
            while len(self._found) > _MAX_KEYS:
                self._found.popitem(last=False)

    def forget(self, user: str, address: str) -> None:
        """Note a right login."""
        with self._lock:
            self._found.pop((user, address), None)
