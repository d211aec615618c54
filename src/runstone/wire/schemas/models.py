"""Bodies about models: the registry, and models logged in experiments."""

from __future__ import annotations

import msgspec

from runstone.wire.schemas.common import Answer, FileInfo, Float, KeyValue, ListRequest, Request

__all__ = [
    "AliasedModel",
    "CreateLoggedModel",
    "CreateModelVersion",
    "CreateRegisteredModel",
    "DatasetChoice",
    "DeleteLoggedModelTag",
    "DeleteModelVersionTag",
    "DeleteRegisteredModelTag",
    "DownloadUriAnswer",
    "FinalizeLoggedModel",
    "GetLatestVersions",
    "ListModelArtifacts",
    "LogModelParams",
    "LoggedModel",
    "LoggedModelAnswer",
    "LoggedModelData",
    "LoggedModelId",
    "LoggedModelInfo",
    "LoggedModels",
    "ModelAlias",
    "ModelArtifacts",
    "ModelMetric",
    "ModelVersion",
    "ModelVersionAnswer",
    "ModelVersionId",
    "ModelVersions",
    "OrderBy",
    "RegisteredModel",
    "RegisteredModelAnswer",
    "RegisteredModelName",
    "RegisteredModels",
    "RenameRegisteredModel",
    "SearchLoggedModels",
    "SearchModelVersions",
    "SearchRegisteredModels",
    "SetAlias",
    "SetLoggedModelTags",
    "SetModelVersionTag",
    "SetRegisteredModelTag",
    "TransitionStage",
    "UpdateModelVersion",
    "UpdateRegisteredModel",
]

# -- the registry


class ModelAlias(Answer, kw_only=True):
    """An alias, and the version it leads to."""

    alias: str
    version: str


class ModelVersion(Answer, kw_only=True):
    """A version of a registered model. What has a factory is sent when it is empty, too, but not by every server."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str = ""
    current_stage: str
    description: str = msgspec.field(default_factory=str)
    source: str
    run_id: str = msgspec.field(default_factory=str)
    status: str
    status_message: str = ""
    tags: list[KeyValue] = []
    run_link: str = msgspec.field(default_factory=str)
    aliases: list[str] = []
    model_id: str = ""


class RegisteredModel(Answer, kw_only=True):
    """A registered model, with its newest version of each stage."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[ModelVersion] = []
    tags: list[KeyValue] = []
    aliases: list[ModelAlias] = []


class RegisteredModelAnswer(Answer, kw_only=True):
    """One registered model."""

    registered_model: RegisteredModel


class RegisteredModels(Answer, kw_only=True):
    """A page of registered models."""

    registered_models: list[RegisteredModel] = []
    next_page_token: str | None = None


class ModelVersionAnswer(Answer, kw_only=True):
    """One version."""

    model_version: ModelVersion


class ModelVersions(Answer, kw_only=True):
    """Versions, maybe one page of them."""

    model_versions: list[ModelVersion] = []
    next_page_token: str | None = None


class DownloadUriAnswer(Answer, kw_only=True):
    """Where a version's files lie."""

    artifact_uri: str


class CreateRegisteredModel(Request, kw_only=True):
    """A new name in the registry."""

    name: str
    tags: list[KeyValue] = []
    description: str | None = None


class RegisteredModelName(Request, kw_only=True):
    """Which registered model."""

    name: str


class RenameRegisteredModel(Request, kw_only=True):
    """A new name for a registered model."""

    name: str
    new_name: str


class UpdateRegisteredModel(Request, kw_only=True):
    """A new description; none empties it."""

    name: str
    description: str | None = None


class SearchRegisteredModels(ListRequest, kw_only=True):
    """A search for registered models; 1.x's `list` sends the same without a filter."""

    max_results: int = 100


class GetLatestVersions(Request, kw_only=True):
    """Which stages of a registered model; none means all."""

    name: str
    stages: list[str] = []


class SetRegisteredModelTag(Request, kw_only=True):
    """A tag of a registered model."""

    name: str
    key: str
    value: str = ""


class DeleteRegisteredModelTag(Request, kw_only=True):
    """Which tag of a registered model."""

    name: str
    key: str


class SetAlias(Request, kw_only=True):
    """An alias, and the version it shall lead to."""

    name: str
    alias: str
    version: str | int


class AliasedModel(Request, kw_only=True):
    """Which alias of a registered model."""

    name: str
    alias: str


class CreateModelVersion(Request, kw_only=True):
    """A new version, and where its files are."""

    name: str
    source: str
    run_id: str | None = None
    tags: list[KeyValue] = []
    run_link: str | None = None
    description: str | None = None
    model_id: str | None = None


class ModelVersionId(Request, kw_only=True):
    """Which version."""

    name: str
    version: str | int


class UpdateModelVersion(ModelVersionId, kw_only=True):
    """A new description; none empties it."""

    description: str | None = None


class TransitionStage(ModelVersionId, kw_only=True):
    """A new stage."""

    stage: str
    archive_existing_versions: bool = False


class SearchModelVersions(ListRequest, kw_only=True):
    """A search for versions. Clients of 1.x ask for one page alone, without a size, and expect all."""

    max_results: int = 50_000


class SetModelVersionTag(ModelVersionId, kw_only=True):
    """A tag of a version."""

    key: str
    value: str = ""


class DeleteModelVersionTag(ModelVersionId, kw_only=True):
    """Which tag of a version."""

    key: str


# -- logged models


class ModelMetric(Answer, kw_only=True):
    """A figure of a logged model."""

    key: str
    value: Float
    timestamp: int
    step: int
    model_id: str
    run_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LoggedModelInfo(Answer, kw_only=True):
    """A logged model without its data."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str = msgspec.field(default_factory=str)
    source_run_id: str = msgspec.field(default_factory=str)
    status_message: str = ""
    tags: list[KeyValue] = []


class LoggedModelData(Answer, kw_only=True):
    """A logged model's params, and its latest figure of each name and dataset."""

    params: list[KeyValue] = []
    metrics: list[ModelMetric] = []


class LoggedModel(Answer, kw_only=True):
    """A logged model."""

    info: LoggedModelInfo
    data: LoggedModelData


class LoggedModelAnswer(Answer, kw_only=True):
    """One logged model."""

    model: LoggedModel


class LoggedModels(Answer, kw_only=True):
    """A page of logged models."""

    models: list[LoggedModel] = []
    next_page_token: str | None = None


class ModelArtifacts(Answer, kw_only=True):
    """What stands in a folder of a logged model."""

    root_uri: str
    files: list[FileInfo] = []
    next_page_token: str | None = None


class CreateLoggedModel(Request, kw_only=True):
    """A new logged model, whose files are still to come."""

    experiment_id: str
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class LoggedModelId(Request, kw_only=True):
    """Which logged model."""

    model_id: str


class FinalizeLoggedModel(LoggedModelId, kw_only=True):
    """Whether the files of a logged model are there now."""

    status: str | int


class DatasetChoice(msgspec.Struct, kw_only=True):
    """Datasets of that name, of any digest if none is given."""

    dataset_name: str = ""
    dataset_digest: str = ""


class OrderBy(DatasetChoice, kw_only=True):
    """One column of an order; a metric may be the one on a dataset."""

    field_name: str = ""
    ascending: bool = True


class SearchLoggedModels(Request, kw_only=True):
    """A search for logged models."""

    experiment_ids: list[str]
    filter: str | None = None
    datasets: list[DatasetChoice] = []
    order_by: list[OrderBy] = []
    max_results: int = 100
    page_token: str | None = None


class SetLoggedModelTags(LoggedModelId, kw_only=True):
    """Tags of a logged model."""

    tags: list[KeyValue] = []


class DeleteLoggedModelTag(LoggedModelId, kw_only=True):
    """Which tag of a logged model."""

    tag_key: str


class LogModelParams(LoggedModelId, kw_only=True):
    """Params of a logged model."""

    params: list[KeyValue] = []


class ListModelArtifacts(LoggedModelId, kw_only=True):
    """A folder of a logged model."""

    artifact_directory_path: str | None = None
    page_token: str | None = None
