"""Bodies <-> entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from runstone import entities, tag_names
from runstone.entities import LifecycleStage, RunStatus, ViewType
from runstone.errors import InvalidInput
from runstone.series.points import MetricBatch
from runstone.wire.codec import float_text, missing_parameter
from runstone.wire.schemas import experiments, runs
from runstone.wire.schemas.common import FileInfo, KeyValue

__all__ = [
    "dataset_inputs",
    "experiment_body",
    "experiment_entity",
    "file_body",
    "file_entity",
    "inputs_body",
    "key_values",
    "metric_body",
    "metric_entities",
    "metric_entity",
    "metric_requests",
    "model_outputs",
    "run_body",
    "run_entity",
    "run_id_of",
    "run_info_body",
    "status_of",
    "texts",
    "view_of",
]

# The numbers are those of MLflow's protocol (service.proto).
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


# -- small parts


def key_values(texts: Mapping[str, str]) -> list[KeyValue]:
    """Tags or params as a body lists them."""
    return [KeyValue(key, value) for key, value in texts.items()]


def texts(pairs: Iterable[KeyValue], kind: str) -> dict[str, str]:
    """Tags or params (`kind`, for the message) of a body. Raises InvalidInput for a param that stands there twice."""
    found: dict[str, str] = {}
    for pair in pairs:
        if kind == "param" and found.get(pair.key, pair.value) != pair.value:
            raise InvalidInput(f"Duplicate parameter keys have been submitted, with different values: '{pair.key}'")
        found[pair.key] = pair.value
    return found


def run_id_of(request: runs.RunId) -> str:
    """The id under either of its names. Raises InvalidInput where there is none."""
    run_id = request.run_id or request.run_uuid
    if not run_id:
        raise InvalidInput(missing_parameter("run_id"))
    return run_id


def status_of(word: str | int | None) -> RunStatus | None:
    """A status by name or number; None for none and for a word that this version does not know."""
    name = _STATUSES.get(word, "") if isinstance(word, int) else word
    return RunStatus(name) if name in list(RunStatus) else None


def view_of(word: str | int | None) -> ViewType:
    """A view by name or number; the active ones by default."""
    if isinstance(word, str) and word.isdigit():
        word = int(word)
    if isinstance(word, int):
        return ViewType(word) if word in list(ViewType) else ViewType.ACTIVE_ONLY
    return ViewType.__members__.get(word or "", ViewType.ACTIVE_ONLY)


def file_body(info: entities.FileInfo) -> FileInfo:
    """A file or folder."""
    return FileInfo(path=info.path, is_dir=info.is_dir, file_size=info.file_size)


def file_entity(body: FileInfo) -> entities.FileInfo:
    """A file or folder."""
    return entities.FileInfo(body.path, body.is_dir, body.file_size)


# -- experiments


def experiment_body(experiment: entities.Experiment) -> experiments.Experiment:
    """An experiment."""
    return experiments.Experiment(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        artifact_location=experiment.artifact_location,
        lifecycle_stage=experiment.lifecycle_stage.value,
        last_update_time=experiment.last_update_time,
        creation_time=experiment.creation_time,
        tags=key_values(experiment.tags),
    )


def experiment_entity(body: experiments.Experiment) -> entities.Experiment:
    """An experiment."""
    return entities.Experiment(
        experiment_id=body.experiment_id,
        name=body.name,
        artifact_location=body.artifact_location,
        lifecycle_stage=LifecycleStage(body.lifecycle_stage),
        tags=texts(body.tags, "tag"),
        creation_time=body.creation_time,
        last_update_time=body.last_update_time,
    )


# -- runs


def metric_body(metric: entities.Metric, run_id: str | None = None) -> runs.MetricAnswer:
    """A point."""
    return runs.MetricAnswer(
        key=metric.key,
        value=float_text(metric.value),
        timestamp=metric.timestamp,
        step=metric.step,
        run_id=run_id,
    )


def metric_entity(body: runs.MetricAnswer) -> entities.Metric:
    """A point of an answer."""
    return entities.Metric(body.key, float(body.value), body.timestamp, body.step)


def metric_entities(bodies: Iterable[runs.Metric]) -> list[entities.Metric]:
    """Points of a request."""
    return [entities.Metric(body.key, body.value, body.timestamp, body.step) for body in bodies]


def metric_requests(batch: MetricBatch) -> list[runs.Metric]:
    """Points as a request holds them."""
    return [
        # A text for what JSON cannot hold.
        runs.Metric(key, cast("float", float_text(value)), timestamp, step)
        for key, points in batch.series()
        for step, timestamp, value in points.rows()
    ]


def run_info_body(info: entities.RunInfo) -> runs.RunInfo:
    """A run without its data."""
    return runs.RunInfo(
        run_uuid=info.run_id,
        run_id=info.run_id,
        run_name=info.run_name,
        experiment_id=info.experiment_id,
        user_id=info.user_id,
        status=info.status.value,
        start_time=info.start_time or 0,
        end_time=info.end_time,
        artifact_uri=info.artifact_uri,
        lifecycle_stage=info.lifecycle_stage.value,
    )


def run_body(run: entities.Run) -> runs.Run:
    """A run."""
    return runs.Run(
        info=run_info_body(run.info),
        data=runs.RunData(
            metrics=[metric_body(metric) for metric in run.data.latest_metrics],
            params=key_values(run.data.params),
            tags=key_values(run.data.tags),
        ),
        inputs=runs.Inputs(
            dataset_inputs=inputs_body(run.inputs.dataset_inputs),
            model_inputs=[runs.ModelInput(model_id=one.model_id) for one in run.inputs.model_inputs],
        ),
        outputs=_outputs_body(run.outputs),
    )


def run_entity(body: runs.Run) -> entities.Run:
    """A run."""
    info = body.info
    tags = texts(body.data.tags, "tag")
    return entities.Run(
        info=entities.RunInfo(
            run_id=info.run_id,
            experiment_id=info.experiment_id,
            run_name=info.run_name or tags.get(tag_names.RUN_NAME, ""),  # servers before 1.29 have the tag alone
            user_id=info.user_id,
            status=RunStatus(info.status),
            start_time=info.start_time,
            end_time=info.end_time,
            lifecycle_stage=LifecycleStage(info.lifecycle_stage),
            artifact_uri=info.artifact_uri,
        ),
        data=entities.RunData(
            latest_metrics=tuple(metric_entity(metric) for metric in body.data.metrics),
            params=texts(body.data.params, "param"),
            tags=tags,
        ),
        inputs=entities.RunInputs(
            dataset_inputs=tuple(dataset_inputs(body.inputs.dataset_inputs)),
            model_inputs=tuple(entities.LoggedModelInput(one.model_id) for one in body.inputs.model_inputs),
        ),
        outputs=entities.RunOutputs(
            model_outputs=tuple(model_outputs(body.outputs.model_outputs if body.outputs else []))
        ),
    )


def _outputs_body(outputs: entities.RunOutputs) -> runs.Outputs | None:
    found = [runs.ModelOutput(model_id=one.model_id, step=one.step) for one in outputs.model_outputs]
    return runs.Outputs(model_outputs=found) if found else None


def model_outputs(bodies: Iterable[runs.ModelOutput]) -> list[entities.LoggedModelOutput]:
    """Logged models as a run made them."""
    return [entities.LoggedModelOutput(body.model_id, body.step) for body in bodies]


def inputs_body(links: Iterable[entities.DatasetInput]) -> list[runs.DatasetInput]:
    """Datasets as a run used them."""
    return [
        runs.DatasetInput(
            tags=[KeyValue(tag.key, tag.value) for tag in link.tags],
            dataset=runs.Dataset(
                name=link.dataset.name,
                digest=link.dataset.digest,
                source_type=link.dataset.source_type,
                source=link.dataset.source,
                schema=link.dataset.schema,
                profile=link.dataset.profile,
            ),
        )
        for link in links
    ]


def dataset_inputs(bodies: Iterable[runs.DatasetInput]) -> list[entities.DatasetInput]:
    """Datasets as a run used them."""
    return [
        entities.DatasetInput(
            entities.Dataset(
                body.dataset.name,
                body.dataset.digest,
                body.dataset.source_type,
                body.dataset.source,
                body.dataset.schema,
                body.dataset.profile,
            ),
            tuple(entities.InputTag(tag.key, tag.value) for tag in body.tags),
        )
        for body in bodies
    ]
