"""Writes of many requests, gathered: what arrives while one transaction runs goes into the next, all of it together.

Bounded: a request that finds the queue full is refused at once, and its client comes back later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from runstone.errors import StoreError, StoreUnavailable
from runstone.stores.base import Write
from runstone.tracking.base import Tracking

__all__ = ["Appends", "Overloaded"]

MAX_WAITING = 4096
"""Requests that may wait; beyond that there is no use in accepting more."""
MAX_GROUP = 512
"""Requests in one transaction, so that nobody waits for a very long one."""


class Overloaded(StoreUnavailable):
    """More writes are waiting than the server takes; nothing of this one was recorded."""


class Appends:
    """The one place through which a server's batches go to its tracker. Belongs to one event loop."""

    def __init__(self, tracking: Tracking, executor: Executor) -> None:
        self._tracking = tracking
        self._executor = executor
        self._waiting: list[tuple[Callable[[], Write], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self.points = 0
        """Points of metrics recorded so far."""

    @property
    def waiting(self) -> int:
        """Writes that wait for a transaction."""
        return len(self._waiting)

    async def submit(self, prepare: Callable[[], Write]) -> None:
        """Return when the write that `prepare` makes, in a worker thread, is recorded.

        Raises the error of either, and Overloaded.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded("The server has too many writes waiting; nothing of this one was recorded: send it again")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((prepare, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="runstone-appends")
        await done

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
                results = await loop.run_in_executor(self._executor, self._record, [prepare for prepare, _ in group])
                for (_, done), error in zip(group, results, strict=True):
                    if done.cancelled():
                        continue  # the client has gone; what it sent is recorded all the same
                    if error is None:
                        done.set_result(None)
                    else:
                        done.set_exception(error)
        finally:
            self._task = None

    def _record(self, group: Sequence[Callable[[], Write]]) -> Sequence[Exception | None]:
        prepared = [_outcome(prepare) for prepare in group]
        writes = [one for one in prepared if isinstance(one, Write)]
        errors = self._log(writes)
        for write, error in zip(writes, errors, strict=True):
            if error is None and write.metrics:
                self.points += len(write.metrics)
        results = iter(errors)
        return [next(results) if isinstance(one, Write) else one for one in prepared]

    def _log(self, writes: Sequence[Write]) -> Sequence[Exception | None]:
        try:
            return self._tracking.log_batches(writes)
        except Exception as error:  # every waiting request must get an answer
            if len(writes) < 2 or isinstance(error, StoreError):
                return [error] * len(writes)
            # Nothing is recorded, for the sake of one of them that nobody foresaw: the others are not to suffer.
            return [self._log([write])[0] for write in writes]

    async def drain(self) -> None:
        """Return when nothing is waiting."""
        while self._task is not None:
            await asyncio.wait([self._task])


def _outcome(prepare: Callable[[], Write]) -> Write | Exception:
    try:
        return prepare()
    except Exception as error:
        return error
