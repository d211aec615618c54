"""Models: those that a run logged, and the registry's names and versions."""

from __future__ import annotations

import msgspec

from runstone.entities.words import LoggedModelStatus, ModelStage, ModelVersionStatus

__all__ = [
    "LoggedModel",
    "LoggedModelInput",
    "LoggedModelOutput",
    "ModelMetric",
    "ModelVersion",
    "RegisteredModel",
]


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a registered model. Times are milliseconds since the Unix epoch, UTC.

    `version` is a whole number as text, counted from 1. `source` is where its files were said to be, as the user
    wrote it (`models:/...`, `runs:/...`, a URI), `storage_location` where they are.
    """

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    user_id: str = ""
    current_stage: ModelStage = ModelStage.NONE
    source: str
    storage_location: str
    run_id: str = ""
    run_link: str = ""
    model_id: str = ""
    status: ModelVersionStatus = ModelVersionStatus.READY
    status_message: str = ""
    tags: dict[str, str] = {}
    aliases: tuple[str, ...] = ()


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A name in the registry. Times are milliseconds since the Unix epoch, UTC.

    `latest_versions` holds the newest version of each stage that has any, oldest first; `aliases` leads from an
    alias to a version.
    """

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: tuple[ModelVersion, ...] = ()
    tags: dict[str, str] = {}
    aliases: dict[str, str] = {}


# Positional, because MLflow's users write `LoggedModelInput("m-...")`.
class LoggedModelInput(msgspec.Struct, frozen=True):
    """A logged model that a run read."""

    model_id: str


class LoggedModelOutput(msgspec.Struct, frozen=True):
    """A logged model that a run made, at a step."""

    model_id: str
    step: int = 0


class ModelMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a logged model that a run measured, maybe on a dataset. `timestamp` is ms since the Unix epoch."""

    model_id: str
    key: str
    value: float  # NaN and both infinities are legal, and kept
    timestamp: int
    step: int = 0
    run_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was logged in an experiment. Times are milliseconds since the Unix epoch, UTC.

    `metrics` holds the latest figure of each key and dataset, by key.
    """

    model_id: str
    experiment_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str = ""
    source_run_id: str = ""
    status: LoggedModelStatus = LoggedModelStatus.PENDING
    status_message: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: tuple[ModelMetric, ...] = ()

    @property
    def model_uri(self) -> str:
        """What `load_model` takes."""
        return f"models:/{self.model_id}"
