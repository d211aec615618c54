"""How the rows about models are answered: the registry, and models logged in experiments."""

from __future__ import annotations

from runstone.tracking.base import MAX_PAGE, Tracking
from runstone.wire import convert
from runstone.wire.convert_models import (
    logged_model_body,
    model_version_body,
    plain,
    registered_model_body,
    status_of,
)
from runstone.wire.schemas import models
from runstone.wire.schemas.common import Answer, Empty

__all__ = [
    "create_logged_model",
    "create_model_version",
    "create_registered_model",
    "delete_alias",
    "delete_logged_model",
    "delete_logged_model_tag",
    "delete_model_version",
    "delete_model_version_tag",
    "delete_registered_model",
    "delete_registered_model_tag",
    "finalize_logged_model",
    "get_download_uri",
    "get_logged_model",
    "get_model_version",
    "get_registered_model",
    "get_version_by_alias",
    "list_latest_versions",
    "list_logged_model_artifacts",
    "log_logged_model_params",
    "rename_registered_model",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "set_alias",
    "set_logged_model_tags",
    "set_model_version_stage",
    "set_model_version_tag",
    "set_registered_model_tag",
    "update_model_version",
    "update_registered_model",
]


# -- registered models


def create_registered_model(tracking: Tracking, request: models.CreateRegisteredModel) -> Answer:
    model = tracking.models.create_registered_model(
        request.name, tags=convert.texts(request.tags, "tag"), description=request.description
    )
    return models.RegisteredModelAnswer(registered_model=registered_model_body(model))


def get_registered_model(tracking: Tracking, request: models.RegisteredModelName) -> Answer:
    model = tracking.models.get_registered_model(request.name)
    return models.RegisteredModelAnswer(registered_model=registered_model_body(model))


def search_registered_models(tracking: Tracking, request: models.SearchRegisteredModels) -> Answer:
    page = tracking.models.search_registered_models(
        filter_string=request.filter,
        order_by=request.order_by,
        max_results=request.max_results,
        page_token=request.page_token,
    )
    return models.RegisteredModels(
        registered_models=[registered_model_body(model) for model in page], next_page_token=page.token
    )


def rename_registered_model(tracking: Tracking, request: models.RenameRegisteredModel) -> Answer:
    model = tracking.models.rename_registered_model(request.name, request.new_name)
    return models.RegisteredModelAnswer(registered_model=registered_model_body(model))


def update_registered_model(tracking: Tracking, request: models.UpdateRegisteredModel) -> Answer:
    model = tracking.models.describe_registered_model(request.name, request.description)
    return models.RegisteredModelAnswer(registered_model=registered_model_body(model))


def delete_registered_model(tracking: Tracking, request: models.RegisteredModelName) -> Answer:
    tracking.models.delete_registered_model(request.name)
    return Empty()


def set_registered_model_tag(tracking: Tracking, request: models.SetRegisteredModelTag) -> Answer:
    tracking.models.set_registered_model_tags(request.name, {request.key: request.value})
    return Empty()


def delete_registered_model_tag(tracking: Tracking, request: models.DeleteRegisteredModelTag) -> Answer:
    tracking.models.delete_registered_model_tag(request.name, request.key)
    return Empty()


def set_alias(tracking: Tracking, request: models.SetAlias) -> Answer:
    tracking.models.set_alias(request.name, request.alias, request.version)
    return Empty()


def delete_alias(tracking: Tracking, request: models.AliasedModel) -> Answer:
    tracking.models.delete_alias(request.name, request.alias)
    return Empty()


# -- versions


def get_version_by_alias(tracking: Tracking, request: models.AliasedModel) -> Answer:
    version = tracking.models.get_version_by_alias(request.name, request.alias)
    return models.ModelVersionAnswer(model_version=model_version_body(version))


def list_latest_versions(tracking: Tracking, request: models.GetLatestVersions) -> Answer:
    versions = tracking.models.list_latest_versions(request.name, request.stages)
    return models.ModelVersions(model_versions=[model_version_body(version) for version in versions])


def create_model_version(tracking: Tracking, request: models.CreateModelVersion) -> Answer:
    version = tracking.models.create_model_version(
        request.name,
        request.source,
        run_id=request.run_id,
        run_link=request.run_link,
        model_id=request.model_id,
        description=request.description,
        tags=convert.texts(request.tags, "tag"),
    )
    return models.ModelVersionAnswer(model_version=model_version_body(version))


def get_model_version(tracking: Tracking, request: models.ModelVersionId) -> Answer:
    version = tracking.models.get_model_version(request.name, request.version)
    return models.ModelVersionAnswer(model_version=model_version_body(version))


def get_download_uri(tracking: Tracking, request: models.ModelVersionId) -> Answer:
    version = tracking.models.get_model_version(request.name, request.version)
    return models.DownloadUriAnswer(artifact_uri=version.storage_location)


def update_model_version(tracking: Tracking, request: models.UpdateModelVersion) -> Answer:
    version = tracking.models.describe_model_version(request.name, request.version, request.description)
    return models.ModelVersionAnswer(model_version=model_version_body(version))


def set_model_version_stage(tracking: Tracking, request: models.TransitionStage) -> Answer:
    version = tracking.models.set_model_version_stage(
        request.name, request.version, request.stage, archive_existing=request.archive_existing_versions
    )
    return models.ModelVersionAnswer(model_version=model_version_body(version))


def delete_model_version(tracking: Tracking, request: models.ModelVersionId) -> Answer:
    tracking.models.delete_model_version(request.name, request.version)
    return Empty()


def search_model_versions(tracking: Tracking, request: models.SearchModelVersions) -> Answer:
    page = tracking.models.search_model_versions(
        filter_string=request.filter,
        order_by=request.order_by,
        max_results=min(request.max_results, MAX_PAGE),
        page_token=request.page_token,
    )
    return models.ModelVersions(
        model_versions=[model_version_body(version) for version in page], next_page_token=page.token
    )


def set_model_version_tag(tracking: Tracking, request: models.SetModelVersionTag) -> Answer:
    tracking.models.set_model_version_tags(request.name, request.version, {request.key: request.value})
    return Empty()


def delete_model_version_tag(tracking: Tracking, request: models.DeleteModelVersionTag) -> Answer:
    tracking.models.delete_model_version_tag(request.name, request.version, request.key)
    return Empty()


# -- logged models


def create_logged_model(tracking: Tracking, request: models.CreateLoggedModel) -> Answer:
    model = tracking.models.create_logged_model(
        request.experiment_id,
        name=request.name,
        source_run_id=request.source_run_id,
        model_type=request.model_type,
        params=convert.texts(request.params, "param"),
        tags=convert.texts(request.tags, "tag"),
    )
    return models.LoggedModelAnswer(model=logged_model_body(model))


def get_logged_model(tracking: Tracking, request: models.LoggedModelId) -> Answer:
    return models.LoggedModelAnswer(model=logged_model_body(tracking.models.get_logged_model(request.model_id)))


def search_logged_models(tracking: Tracking, request: models.SearchLoggedModels) -> Answer:
    page = tracking.models.search_logged_models(
        request.experiment_ids,
        filter_string=request.filter,
        datasets=plain(request.datasets),
        order_by=plain(request.order_by),
        max_results=request.max_results,
        page_token=request.page_token,
    )
    return models.LoggedModels(models=[logged_model_body(model) for model in page], next_page_token=page.token)


def finalize_logged_model(tracking: Tracking, request: models.FinalizeLoggedModel) -> Answer:
    model = tracking.models.finalize_logged_model(request.model_id, status_of(request.status))
    return models.LoggedModelAnswer(model=logged_model_body(model))


def delete_logged_model(tracking: Tracking, request: models.LoggedModelId) -> Answer:
    tracking.models.delete_logged_model(request.model_id)
    return Empty()


def set_logged_model_tags(tracking: Tracking, request: models.SetLoggedModelTags) -> Answer:
    tracking.models.set_logged_model_tags(request.model_id, convert.texts(request.tags, "tag"))
    return Empty()


def delete_logged_model_tag(tracking: Tracking, request: models.DeleteLoggedModelTag) -> Answer:
    tracking.models.delete_logged_model_tag(request.model_id, request.tag_key)
    return Empty()


def log_logged_model_params(tracking: Tracking, request: models.LogModelParams) -> Answer:
    tracking.models.log_logged_model_params(request.model_id, convert.texts(request.params, "param"))
    return Empty()


def list_logged_model_artifacts(tracking: Tracking, request: models.ListModelArtifacts) -> Answer:
    model = tracking.models.get_logged_model(request.model_id)
    files = tracking.models.open_logged_model_artifacts(request.model_id).list(request.artifact_directory_path or "")
    return models.ModelArtifacts(root_uri=model.artifact_location, files=[convert.file_body(file) for file in files])
