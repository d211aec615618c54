"""What is captured beside active runs: started and ended with them. See `runstone.capture`."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runstone import settings
from runstone.client import Client
from runstone.journal.spool import GROWING
from runstone.journal.writer import Writer

if TYPE_CHECKING:
    from runstone.capture import Capture

__all__ = [
    "begin_capture",
    "choose_captures",
    "disable_system_metrics_logging",
    "enable_system_metrics_logging",
    "end_capture",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
]

_captures: dict[str, Capture] = {}


class _ActiveTarget:
    def __init__(self, client: Client, writer: Writer) -> None:
        self._client, self._writer = client, writer

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        self._writer.log_row(metrics, None, step)

    def store_soon(self, content: bytes, path: str) -> None:
        self._client.tracking.store_soon(self._writer.run_id, io.BytesIO(content), path)

    def growing_folder(self) -> Path:
        return self._writer.folder() / GROWING


def choose_captures(system_metrics: bool | None) -> frozenset[str]:
    """What the settings and a run's own word say is to be captured. Raises InvalidInput for a setting that is none."""
    kinds = settings.CAPTURE.get()
    if system_metrics or (system_metrics is None and settings.SYSTEM_METRICS.get()):
        return kinds | {"system"}
    return kinds - {"system"} if system_metrics is False else kinds


def begin_capture(client: Client, writer: Writer, kinds: frozenset[str], *, is_new: bool) -> None:
    """Capture these kinds; of a run that is resumed, not again what was recorded at its start."""
    if not is_new:
        kinds &= {"console", "system"}
    if kinds:
        from runstone.capture import start_capture

        _captures[writer.run_id] = start_capture(_ActiveTarget(client, writer), kinds)


def end_capture(run_id: str) -> None:
    """Nothing more is captured for the run, which is about to end."""
    capture = _captures.pop(run_id, None)
    if capture is not None:
        capture.stop()


def enable_system_metrics_logging() -> None:
    """Record system metrics with every run that starts from now on."""
    os.environ[settings.SYSTEM_METRICS.name] = "true"


def disable_system_metrics_logging() -> None:
    """Record no system metrics with the runs that start from now on."""
    os.environ[settings.SYSTEM_METRICS.name] = "false"


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Look at the machine every so many seconds; None for the default, 10."""
    _set(settings.SYSTEM_METRICS_SAMPLING_INTERVAL_S, interval)


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Record the mean of so many looks; None for the default, 1."""
    _set(settings.SYSTEM_METRICS_SAMPLES, samples)


def set_system_metrics_node_id(node_id: str | None) -> None:
    """The name of this machine among those of one run, in the metrics' names; None for none."""
    _set(settings.SYSTEM_METRICS_NODE_ID, node_id)


def _set(
    setting: settings.Setting[float] | settings.Setting[int] | settings.Setting[str | None], value: object
) -> None:
    if value is None:
        setting.take()
    else:
        os.environ[setting.name] = str(value)
        setting.get()  # raises for what cannot be read
