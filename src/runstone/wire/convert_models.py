"""Bodies <-> entities of models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from runstone import entities
from runstone.entities import LoggedModelStatus, ModelStage, ModelVersionStatus
from runstone.wire.codec import float_text
from runstone.wire.convert import key_values, texts
from runstone.wire.schemas import models, runs

__all__ = [
    "figure_requests",
    "logged_model_body",
    "logged_model_entity",
    "model_metrics",
    "model_version_body",
    "model_version_entity",
    "plain",
    "registered_model_body",
    "registered_model_entity",
    "status_name",
    "status_of",
]

# The names and numbers are those of MLflow's protocol (service.proto).
_STATUS_NAMES = {
    LoggedModelStatus.UNSPECIFIED: "LOGGED_MODEL_STATUS_UNSPECIFIED",
    LoggedModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelStatus.READY: "LOGGED_MODEL_READY",
    LoggedModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
_STATUSES: dict[str | int, LoggedModelStatus] = {
    key: status for number, (status, name) in enumerate(_STATUS_NAMES.items()) for key in (name, number)
}


def status_of(word: str | int) -> LoggedModelStatus:
    """A status by name or number; UNSPECIFIED for a word that this version does not know."""
    return _STATUSES.get(word, LoggedModelStatus.UNSPECIFIED)


def status_name(status: LoggedModelStatus) -> str:
    """A status as a body holds it."""
    return _STATUS_NAMES[status]


def plain(parts: Iterable[msgspec.Struct]) -> list[Mapping[str, Any]]:
    """Parts of a request as mappings."""
    return [msgspec.structs.asdict(part) for part in parts]


def model_metrics(bodies: Iterable[runs.Metric | runs.LogMetric], run_id: str) -> list[entities.ModelMetric]:
    """Those points of a run's request that are figures of logged models."""
    return [
        entities.ModelMetric(
            model_id=body.model_id,
            key=body.key,
            value=body.value,
            timestamp=body.timestamp,
            step=body.step,
            run_id=run_id,
            dataset_name=body.dataset_name or "",
            dataset_digest=body.dataset_digest or "",
        )
        for body in bodies
        if body.model_id
    ]


def figure_requests(figures: Iterable[entities.ModelMetric]) -> list[runs.Metric]:
    """Figures of logged models as points of a run's request."""
    return [
        runs.Metric(
            figure.key,
            figure.value,
            figure.timestamp,
            figure.step,
            figure.model_id,
            figure.dataset_name or None,
            figure.dataset_digest or None,
        )
        for figure in figures
    ]


def model_version_body(version: entities.ModelVersion) -> models.ModelVersion:
    """A version of a registered model."""
    return models.ModelVersion(
        name=version.name,
        version=version.version,
        creation_timestamp=version.creation_timestamp,
        last_updated_timestamp=version.last_updated_timestamp,
        user_id=version.user_id,
        current_stage=version.current_stage.value,
        description=version.description,
        source=version.source,
        run_id=version.run_id,
        status=version.status.value,
        status_message=version.status_message,
        tags=key_values(version.tags),
        run_link=version.run_link,
        aliases=list(version.aliases),
        model_id=version.model_id,
    )


def model_version_entity(body: models.ModelVersion) -> entities.ModelVersion:
    """A version. An answer does not tell where its files lie: its source stands for that."""
    return entities.ModelVersion(
        name=body.name,
        version=body.version,
        creation_timestamp=body.creation_timestamp,
        last_updated_timestamp=body.last_updated_timestamp,
        description=body.description,
        user_id=body.user_id,
        current_stage=ModelStage.from_string(body.current_stage),
        source=body.source,
        storage_location=body.source,
        run_id=body.run_id,
        run_link=body.run_link,
        model_id=body.model_id,
        status=ModelVersionStatus(body.status),
        status_message=body.status_message,
        tags=texts(body.tags, "tag"),
        aliases=tuple(body.aliases),
    )


def registered_model_body(model: entities.RegisteredModel) -> models.RegisteredModel:
    """A registered model."""
    return models.RegisteredModel(
        name=model.name,
        creation_timestamp=model.creation_timestamp,
        last_updated_timestamp=model.last_updated_timestamp,
        description=model.description,
        latest_versions=[model_version_body(version) for version in model.latest_versions],
        tags=key_values(model.tags),
        aliases=[models.ModelAlias(alias=alias, version=version) for alias, version in model.aliases.items()],
    )


def registered_model_entity(body: models.RegisteredModel) -> entities.RegisteredModel:
    """A registered model."""
    return entities.RegisteredModel(
        name=body.name,
        creation_timestamp=body.creation_timestamp,
        last_updated_timestamp=body.last_updated_timestamp,
        description=body.description,
        latest_versions=tuple(model_version_entity(version) for version in body.latest_versions),
        tags=texts(body.tags, "tag"),
        aliases={alias.alias: alias.version for alias in body.aliases},
    )


def logged_model_body(model: entities.LoggedModel) -> models.LoggedModel:
    """A logged model."""
    return models.LoggedModel(
        info=models.LoggedModelInfo(
            model_id=model.model_id,
            experiment_id=model.experiment_id,
            name=model.name,
            creation_timestamp_ms=model.creation_timestamp,
            last_updated_timestamp_ms=model.last_updated_timestamp,
            artifact_uri=model.artifact_location,
            status=_STATUS_NAMES[model.status],
            model_type=model.model_type,
            source_run_id=model.source_run_id,
            status_message=model.status_message,
            tags=key_values(model.tags),
        ),
        data=models.LoggedModelData(
            params=key_values(model.params), metrics=[_metric_body(metric) for metric in model.metrics]
        ),
    )


def logged_model_entity(body: models.LoggedModel) -> entities.LoggedModel:
    """A logged model."""
    info = body.info
    return entities.LoggedModel(
        model_id=info.model_id,
        experiment_id=info.experiment_id,
        name=info.name,
        artifact_location=info.artifact_uri,
        creation_timestamp=info.creation_timestamp_ms,
        last_updated_timestamp=info.last_updated_timestamp_ms,
        model_type=info.model_type,
        source_run_id=info.source_run_id,
        status=status_of(info.status),
        status_message=info.status_message,
        params=texts(body.data.params, "param"),
        tags=texts(info.tags, "tag"),
        metrics=tuple(map(_metric_entity, body.data.metrics)),
    )


def _metric_entity(body: models.ModelMetric) -> entities.ModelMetric:
    return entities.ModelMetric(
        model_id=body.model_id,
        key=body.key,
        value=float(body.value),
        timestamp=body.timestamp,
        step=body.step,
        run_id=body.run_id,
        dataset_name=body.dataset_name,
        dataset_digest=body.dataset_digest,
    )


def _metric_body(metric: entities.ModelMetric) -> models.ModelMetric:
    return models.ModelMetric(
        key=metric.key,
        value=float_text(metric.value),
        timestamp=metric.timestamp,
        step=metric.step,
        model_id=metric.model_id,
        run_id=metric.run_id,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
    )
