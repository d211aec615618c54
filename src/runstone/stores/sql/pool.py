"""A bounded number of connections, which threads take turns with. Knows no database: it is told how to connect.

Whoever finds all of them taken waits for one to come back. Connections are made by those who need them, so that one
that cannot be made is their error at once, and not, as with a pool that connects in the background, after the wait.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

__all__ = ["NoRoom", "Pool", "PoolClosed", "PoolTimeout"]

_IDLE_S = 300.0
_ASK_AGAIN_S = 0.1


class Connection(Protocol):
    """What the pool needs of one."""

    @property
    def closed(self) -> bool:
        """Whether it is of no more use."""

    def close(self) -> None:
        """End it."""


C = TypeVar("C", bound=Connection)


class NoRoom(Exception):
    """The database takes no further connection now, from whomever; `connect` raises it."""


class PoolTimeout(Exception):
    """No connection came back in time."""


class PoolClosed(Exception):
    """The pool gives out no connections any more."""


class Pool(Generic[C]):
    """At most `size` connections that `connect` makes; who asks waits `wait_s` at most for one to be free.

    Those that nobody has needed for some minutes are closed when another comes back.
    """

    def __init__(self, connect: Callable[[], C], *, size: int, wait_s: float) -> None:
        self._connect = connect
        self.size = size
        self._wait_s = wait_s
        self._changed = threading.Condition()
        self._idle: deque[tuple[float, C]] = deque()  # the longest unused first
        self._count = 0
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[C]:
        """A connection for the block. Raises PoolTimeout, PoolClosed, and what `connect` raises."""
        connection = self._take()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _take(self) -> C:
        deadline = time.monotonic() + self._wait_s
        with self._changed:
            while True:
                if self._closed:
                    raise PoolClosed
                if self._idle:
                    return self._idle.pop()[1]
                if self._count < self.size and (made := self._make()) is not None:
                    return made
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise PoolTimeout
                # Where it is the database that is full, room may come without a word of ours.
                self._changed.wait(left_s if self._count == self.size else min(left_s, _ASK_AGAIN_S))

    def _make(self) -> C | None:
        """A new connection, which takes a while, so that others go on meanwhile; None where there is no room."""
        self._count += 1
        self._changed.release()
        made: C | None = None
        try:
            made = self._connect()
        except NoRoom:
            pass
        finally:
            self._changed.acquire()
            if made is None:
                self._count -= 1
                self._changed.notify()
        return made

    def _give_back(self, connection: C) -> None:
        now = time.monotonic()
        unused: list[C] = []
        with self._changed:
            if connection.closed or self._closed:
                unused.append(connection)
            else:
                self._idle.append((now, connection))
            while self._idle and self._idle[0][0] < now - _IDLE_S:
                unused.append(self._idle.popleft()[1])
            self._count -= len(unused)
            self._changed.notify()
        for one in unused:
            one.close()

    def close(self) -> None:
        """Close those that are free; those in use are closed as they come back."""
        with self._changed:
            self._closed = True
            idle = [connection for _, connection in self._idle]
            self._idle.clear()
            self._count -= len(idle)
            self._changed.notify_all()
        for connection in idle:
            connection.close()
