"""The end of the process: what is to be closed then. Knows nothing of what that is."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import Protocol

__all__ = ["close_at_exit", "install_exit_hook"]


class _Closable(Protocol):
    def close(self) -> None: ...


_closables: weakref.WeakSet[_Closable] = weakref.WeakSet()
_installed_in: set[int] = set()


def close_at_exit(closable: _Closable) -> None:
    """Close it at the end of the process, unless it is gone by then."""
    _closables.add(closable)
    install_exit_hook()


def install_exit_hook() -> None:
    """In this process, too: workers of `multiprocessing` leave past atexit, but run its finalizers."""
    if os.getpid() in _installed_in:
        return
    _installed_in.add(os.getpid())
    if len(_installed_in) == 1:
        atexit.register(_close_all)  # which a forked child inherits
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        from multiprocessing.util import Finalize

        # After those that end runs (100).
        Finalize(None, _close_all, exitpriority=50)


def _close_all() -> None:
    for closable in list(_closables):
        closable.close()
