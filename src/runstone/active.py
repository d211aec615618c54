"""Which runs are active in this process, and which of them a piece of code means.

Each thread and each asyncio task starts and ends runs on a stack of its own. Code that has no run of its own (a
worker thread, a task) means the run that its context inherited, else the innermost run of the process, as MLflow's
classic API did. Knows nothing of how runs are recorded.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

__all__ = ["ActiveRuns"]

R = TypeVar("R")


class _Entry(Generic[R]):
    """A run that was started: by whom, and inside which other."""

    __slots__ = ("below", "is_active", "pid", "run", "task", "thread")

    def __init__(self, run: R, below: _Entry[R] | None) -> None:
        self.run = run
        self.below = below
        self.is_active = True
        self.pid = os.getpid()
        self.thread = threading.current_thread()  # not its number, which the next thread may get
        task = _current_task()
        self.task = None if task is None else weakref.ref(task)

    def is_own(self) -> bool:
        """Whether the calling thread and task started it; a forked child starts runs of its own."""
        if self.thread is not threading.current_thread() or self.pid != os.getpid():
            return False
        return (self.task() if self.task else None) is _current_task()

    def is_orphan(self) -> bool:
        """Whether the task of this thread that started it is over (a notebook's cell may be such a task)."""
        if self.thread is not threading.current_thread() or self.pid != os.getpid() or self.task is None:
            return False
        task = self.task()
        return task is None or task.done()


def _current_task() -> Any:
    asyncio = sys.modules.get("asyncio")  # never imported for a program that does not use it
    if asyncio is None:
        return None
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class ActiveRuns(Generic[R]):
    """The active runs, outermost first, each known by identity. Safe to share between threads; survives a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry[R]] = []
        self._innermost_here: ContextVar[_Entry[R] | None] = ContextVar("runstone_active_run", default=None)
        self.entry_here = self._innermost_here.get
        """The entry of the context's innermost run, which may be over (`is_active`); None for none."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()

    def push(self, run: R) -> None:
        """A run has started here."""
        with self._lock:
            entry = _Entry(run, self._inherited())
            # Replaced, not changed, here and below: readers take no lock.
            self._entries = [*self._entries, entry]
        self._innermost_here.set(entry)

    def remove(self, run: R) -> bool:
        """A run has ended; False where it was not active."""
        with self._lock:
            ended = [entry for entry in self._entries if entry.run is run]
            for entry in ended:
                entry.is_active = False
            self._entries = [entry for entry in self._entries if entry.is_active]
        return bool(ended)

    def clear(self) -> None:
        """No run is active any more."""
        for run in self.all():
            self.remove(run)

    def current(self) -> R | None:
        """The run that code here means: its context's, else the innermost of the process; or None."""
        entry = self._inherited()
        if entry is None:
            entries = self._entries
            entry = entries[-1] if entries else None
        return None if entry is None else entry.run

    def enclosing(self) -> R | None:
        """The run in which one that starts here is nested: its context's, else the main thread's innermost; or None.

        Not the innermost of the process: among threads that each start a run, that may be a sibling.
        """
        entry = self._inherited()
        if entry is None:
            main = threading.main_thread()
            entry = next((one for one in reversed(self._entries) if one.thread is main), None)
        return None if entry is None else entry.run

    def _inherited(self) -> _Entry[R] | None:
        entry = self._innermost_here.get()
        while entry is not None and not entry.is_active:
            entry = entry.below
        return entry

    def own(self) -> list[R]:
        """The runs that the calling thread and task started, outermost first; orphans where it started none."""
        entries = self._entries
        own = [entry for entry in entries if entry.is_own()] or [entry for entry in entries if entry.is_orphan()]
        return [entry.run for entry in own]

    def all(self) -> list[R]:
        """Every active run, outermost first."""
        return [entry.run for entry in self._entries]

    def of_this_process(self) -> list[R]:
        """The runs started by this process, innermost first; not those that it inherited by a fork."""
        pid = os.getpid()
        return [entry.run for entry in reversed(self._entries) if entry.pid == pid]
