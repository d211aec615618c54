"""An experiment: a named set of runs."""

from __future__ import annotations

import msgspec

from runstone.entities.words import LifecycleStage

__all__ = ["Experiment", "ExperimentTag"]


class ExperimentTag(msgspec.Struct, frozen=True):
    """A tag of an experiment."""

    key: str
    value: str


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment. Times are milliseconds since the Unix epoch, UTC; `artifact_location` is a URI."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: LifecycleStage = LifecycleStage.ACTIVE
    tags: dict[str, str] = {}
    creation_time: int | None = None
    last_update_time: int | None = None
