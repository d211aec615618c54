"""What a provider of run tags is. Knows none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["ContextProvider"]


class ContextProvider(Protocol):
    """One source of tags for new runs, in the shape of MLflow's run context plug-ins.

    Both methods are called for every run that is created, from any thread: they should take microseconds, so
    keep what does not change. An exception only means that this provider is skipped.

    A plug-in is a class of this shape whose constructor takes no arguments, named by an entry point::

        [project.entry-points."runstone.run_context_provider"]
        my_cluster = "my_package.context:MyClusterContext"
    """

    def in_context(self) -> bool:
        """Whether `tags()` has something to say here."""

    def tags(self) -> Mapping[str, Any]:
        """Tags by name. Values become text by `str()`; a None is left out."""
