"""A run and what is recorded in it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from runstone.entities.dataset import DatasetInput
from runstone.entities.model import LoggedModelInput, LoggedModelOutput
from runstone.entities.words import LifecycleStage, RunStatus

__all__ = ["Metric", "Param", "Run", "RunData", "RunInfo", "RunInputs", "RunOutputs", "RunTag"]


# Metric, Param and RunTag take positional arguments because MLflow's users write `Metric("loss", 0.1, now, 0)`.
class Metric(msgspec.Struct, frozen=True):
    """One point of a series. `timestamp` is milliseconds since the Unix epoch, UTC."""

    key: str
    value: float  # NaN and both infinities are legal, and kept
    timestamp: int
    step: int = 0


class Param(msgspec.Struct, frozen=True):
    """A named text that is written once."""

    key: str
    value: str


class RunTag(msgspec.Struct, frozen=True):
    """A named text that may be overwritten and deleted."""

    key: str
    value: str


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run without its data. Times are milliseconds since the Unix epoch, UTC."""

    run_id: str
    experiment_id: str
    run_name: str
    status: RunStatus
    user_id: str = ""
    start_time: int | None = None
    end_time: int | None = None
    lifecycle_stage: LifecycleStage = LifecycleStage.ACTIVE
    artifact_uri: str

    @property
    def run_uuid(self) -> str:
        """The id under its old name."""
        return self.run_id


class RunData(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A run's params and tags, and the latest point of each of its series (the largest by step, timestamp, value)."""

    latest_metrics: tuple[Metric, ...] = ()
    params: dict[str, str] = {}
    tags: dict[str, str] = {}

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The latest value of each series, by key."""
        return {metric.key: metric.value for metric in self.latest_metrics}


class RunInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a run read."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[LoggedModelInput, ...] = ()


class RunOutputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a run made."""

    model_outputs: tuple[LoggedModelOutput, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run."""

    info: RunInfo
    data: RunData = msgspec.field(default_factory=RunData)
    inputs: RunInputs = msgspec.field(default_factory=RunInputs)
    outputs: RunOutputs = msgspec.field(default_factory=RunOutputs)

    def to_dictionary(self) -> dict[str, Any]:
        """The run as plain dictionaries and lists, ready for JSON."""
        data = {"metrics": self.data.metrics, "params": self.data.params, "tags": self.data.tags}
        return {
            "info": msgspec.to_builtins(self.info),
            "data": data,
            "inputs": msgspec.to_builtins(self.inputs),
            "outputs": msgspec.to_builtins(self.outputs),
        }
