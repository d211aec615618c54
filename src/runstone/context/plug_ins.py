"""Providers from other distributions, by the entry point group `runstone.run_context_provider`."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from runstone.context.base import ContextProvider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "load_plug_ins"]

GROUP = "runstone.run_context_provider"

logger = logging.getLogger("runstone.context")


@functools.cache
def load_plug_ins() -> tuple[ContextProvider, ...]:
    """One instance of each plug-in that can be loaded, ordered by name; made on the first call and kept."""
    loaded = [_load(entry_point) for entry_point in _installed()]
    return tuple(provider for provider in loaded if provider is not None)


def _installed() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # here: a slow import that only a process with runs needs

    try:
        return sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value))
    except Exception:
        logger.debug("The installed distributions cannot be read; no run context plug-ins", exc_info=True)
        return []


def _load(entry_point: EntryPoint) -> ContextProvider | None:
    try:
        provider: ContextProvider = entry_point.load()()
    except Exception:
        name = f"{entry_point.name} = {entry_point.value}"
        logger.debug("The run context plug-in %s cannot be loaded and was skipped", name, exc_info=True)
        return None
    return provider
