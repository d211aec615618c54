"""A run's capture: what is recorded at its start, and what goes on until its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from runstone.capture.environment import environment_document
from runstone.capture.system import SystemMetrics
from runstone.context.git import uncommitted_changes

__all__ = ["Capture", "Target", "start_capture"]

logger = logging.getLogger("runstone.capture")

ENVIRONMENT_FILE, CHANGES_FILE = "environment.json", "source/uncommitted.diff"


class Target(Protocol):
    """A run that takes what was captured, without waiting for any store."""

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None: ...

    def store_soon(self, content: bytes, path: str) -> None: ...


class Capture:
    """What goes on until `stop`."""

    def __init__(self, system: SystemMetrics | None) -> None:
        self._system = system

    def stop(self) -> None:
        """Record what was measured last, and end."""
        if self._system is not None:
            self._system.stop()


def start_capture(target: Target, kinds: Collection[str]) -> Capture:
    """Record what is known at the start of a run, and start what goes on. Nothing in here may fail a run."""
    if "environment" in kinds:
        _attempt(lambda: target.store_soon(environment_document(), ENVIRONMENT_FILE))
    if "code" in kinds:
        _attempt(lambda: _store_changes(target))
    system = None
    if "system" in kinds:
        system = SystemMetrics(target.log_metrics)
        system.start()
    return Capture(system)


def _store_changes(target: Target) -> None:
    changes = uncommitted_changes()
    if changes:
        target.store_soon(changes, CHANGES_FILE)


def _attempt(record: Callable[[], None]) -> None:
    try:
        record()
    except Exception as error:
        logger.warning("not captured: %s: %s", type(error).__name__, error)
