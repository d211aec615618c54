"""A run's capture: what is recorded at its start, and what goes on until its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from runstone.capture.console import Console
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

    def growing_folder(self) -> Path:
        """Where files grow that are of the run, under their paths in it; who recovers it after a crash stores them."""


class Capture:
    """What goes on until `stop`."""

    def __init__(self, parts: Sequence[Console | SystemMetrics]) -> None:
        self._parts = parts

    def stop(self) -> None:
        """Record what was measured and written last, and end."""
        for part in self._parts:
            _attempt(part.stop)


def start_capture(target: Target, kinds: Collection[str]) -> Capture:
    """Record what is known at the start of a run, and start what goes on. Nothing in here may fail a run."""
    if "environment" in kinds:
        _attempt(lambda: target.store_soon(environment_document(), ENVIRONMENT_FILE))
    if "code" in kinds:
        _attempt(lambda: _store_changes(target))
    parts: list[Console | SystemMetrics] = []
    if "console" in kinds:
        _attempt(lambda: _start_console(target, parts))
    if "system" in kinds:
        _attempt(lambda: _start_system(target, parts))
    return Capture(parts)


def _start_console(target: Target, parts: list[Console | SystemMetrics]) -> None:
    console = Console(target.growing_folder(), target.store_soon)
    if console.start():
        parts.append(console)


def _start_system(target: Target, parts: list[Console | SystemMetrics]) -> None:
    system = SystemMetrics(target.log_metrics)
    system.start()
    parts.append(system)


def _store_changes(target: Target) -> None:
    changes = uncommitted_changes()
    if changes:
        target.store_soon(changes, CHANGES_FILE)


def _attempt(record: Callable[[], None]) -> None:
    try:
        record()
    except Exception as error:
        logger.warning("not captured: %s: %s", type(error).__name__, error)
