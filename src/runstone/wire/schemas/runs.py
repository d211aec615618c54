"""Bodies about runs and what they record."""

from __future__ import annotations

import msgspec

from runstone.wire.schemas.common import Answer, FileInfo, Float, KeyValue, ListRequest, Request

__all__ = [
    "ArtifactsAnswer",
    "CreateRun",
    "Dataset",
    "DatasetInput",
    "DeleteTag",
    "GetHistory",
    "GetHistoryBulk",
    "GetHistoryBulkInterval",
    "History",
    "Inputs",
    "ListArtifacts",
    "LogBatch",
    "LogInputs",
    "LogMetric",
    "LogModel",
    "LogOutputs",
    "LogParam",
    "Metric",
    "MetricAnswer",
    "ModelInput",
    "ModelOutput",
    "Outputs",
    "Run",
    "RunAnswer",
    "RunData",
    "RunId",
    "RunInfo",
    "RunInfoAnswer",
    "Runs",
    "SearchRuns",
    "SetTag",
    "UpdateRun",
]


class Metric(msgspec.Struct, omit_defaults=True, gc=False):
    """A point as it arrives. With a model it is a figure of that logged model, too, maybe on a dataset."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class MetricAnswer(Answer, kw_only=True):
    """A point as it is answered; `run_id` in answers about several runs."""

    key: str
    value: Float
    timestamp: int
    step: int
    run_id: str | None = None


class RunInfo(Answer, kw_only=True):
    """A run without its data. The id is there under both of its names."""

    run_uuid: str
    run_id: str
    run_name: str = ""
    experiment_id: str
    user_id: str = ""
    status: str
    start_time: int | None = None
    end_time: int | None = None
    artifact_uri: str
    lifecycle_stage: str


class RunData(Answer, kw_only=True):
    """A run's data, with the latest point of each series."""

    metrics: list[MetricAnswer] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class Dataset(Answer, kw_only=True):
    """A dataset, in requests and answers."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Answer, kw_only=True):
    """A dataset that a run read."""

    tags: list[KeyValue] = []
    dataset: Dataset


class ModelInput(Answer, kw_only=True):
    """A logged model that a run read."""

    model_id: str


class ModelOutput(Answer, kw_only=True):
    """A logged model that a run made, at a step."""

    model_id: str
    step: int = 0


class Inputs(Answer, kw_only=True):
    """What a run read."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []


class Outputs(Answer, kw_only=True):
    """What a run made."""

    model_outputs: list[ModelOutput] = []


class Run(Answer, kw_only=True):
    """A run."""

    info: RunInfo
    data: RunData = msgspec.field(default_factory=RunData)
    inputs: Inputs = msgspec.field(default_factory=Inputs)
    outputs: Outputs | None = None


class RunAnswer(Answer, kw_only=True):
    """One run."""

    run: Run


class RunInfoAnswer(Answer, kw_only=True):
    """A run after a change."""

    run_info: RunInfo


class Runs(Answer, kw_only=True):
    """A page of runs."""

    runs: list[Run] = []
    next_page_token: str | None = None


class CreateRun(Request, kw_only=True):
    """A new run. MLflow's servers pass over `run_id` and make one up."""

    experiment_id: str = "0"
    run_id: str | None = None
    user_id: str | None = None
    run_name: str | None = None
    start_time: int | None = None
    tags: list[KeyValue] = []


class RunId(Request, kw_only=True):
    """Which run, by either name of the id."""

    run_id: str | None = None
    run_uuid: str | None = None


class UpdateRun(RunId, kw_only=True):
    """A new status, end time or name."""

    status: str | int | None = None
    end_time: int | None = None
    run_name: str | None = None


class SearchRuns(ListRequest, kw_only=True):
    """A search for runs."""

    experiment_ids: list[str] = []
    run_view_type: str | int | None = None
    max_results: int = 1000


class LogMetric(RunId, kw_only=True):
    """One point."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogParam(RunId, kw_only=True):
    """One param."""

    key: str
    value: str = ""


class SetTag(RunId, kw_only=True):
    """One tag."""

    key: str
    value: str = ""


class DeleteTag(RunId, kw_only=True):
    """Which tag."""

    key: str


class LogBatch(RunId, kw_only=True):
    """Many of each."""

    metrics: list[Metric] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class LogModel(RunId, kw_only=True):
    """A model's description, as JSON in a text."""

    model_json: str


class LogInputs(RunId, kw_only=True):
    """Datasets and logged models that a run read."""

    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class LogOutputs(RunId, kw_only=True):
    """Logged models that a run made."""

    models: list[ModelOutput] = []


class GetHistory(RunId, kw_only=True):
    """A series of a run; without `max_results` all of it."""

    metric_key: str
    max_results: int | None = None
    page_token: str | None = None


class GetHistoryBulk(Request, kw_only=True):
    """A series of several runs."""

    run_id: list[str] = []
    metric_key: str
    max_results: int = 25_000


class GetHistoryBulkInterval(Request, kw_only=True):
    """A series of several runs, sampled evenly within a range of steps."""

    run_ids: list[str] = []
    metric_key: str
    start_step: int | None = None
    end_step: int | None = None
    max_results: int = 2_500


class History(Answer, kw_only=True):
    """Points, maybe one page of them."""

    metrics: list[MetricAnswer] = []
    next_page_token: str | None = None


class ListArtifacts(RunId, kw_only=True):
    """A folder of a run."""

    path: str | None = None
    page_token: str | None = None


class ArtifactsAnswer(Answer, kw_only=True):
    """What stands in a folder of a run."""

    root_uri: str = ""
    files: list[FileInfo] = []
    next_page_token: str | None = None
