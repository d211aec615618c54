"""RemoteModels: the models of a tracker behind MLflow's REST API.

Checks what it is given as LocalModels does, before anything is sent; what only a store can know, the server says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.uris import join_uri
from runstone.entities import (
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    ModelStage,
    ModelVersion,
    PagedList,
    RegisteredModel,
)
from runstone.errors import InvalidInput
from runstone.filters import (
    parse_logged_model_filter,
    parse_model_version_filter,
    parse_model_version_order,
    parse_registered_model_filter,
    parse_registered_model_order,
)
from runstone.remote.artifacts import HttpArtifacts
from runstone.remote.calls import call_route
from runstone.remote.searches import search, search_terms, search_text
from runstone.remote.transport import HttpSession
from runstone.tracking.checks import check_experiment_ids, check_page_size, param_texts
from runstone.tracking.model_checks import (
    check_alias,
    check_logged_model_name,
    check_model_id,
    check_model_name,
    check_status,
    check_text_of,
    check_version,
    dataset_choices,
    model_orders,
    model_tags,
)
from runstone.validation import check_experiment_id, check_key, check_run_id
from runstone.wire.convert import key_values
from runstone.wire.convert_models import (
    logged_model_entity,
    model_version_entity,
    registered_model_entity,
    status_name,
)
from runstone.wire.schemas import models, runs
from runstone.wire.schemas.common import Request

__all__ = ["RemoteModels"]

_RUN = re.compile(r"runs:/+([^/]+)/(.+)\Z")


class RemoteModels:
    """The Models of a RemoteTracking, which owns the session.

    Beyond the contract of Models: several tags are several requests, and the `storage_location` of a version is its
    source, since servers tell where its files are only when they are opened.
    """

    def __init__(self, session: HttpSession, artifacts: HttpArtifacts, find_artifact_uri: Callable[[str], str]) -> None:
        self._session = session
        self._artifacts = artifacts
        self._find_artifact_uri = find_artifact_uri

    def _call(self, name: str, request: Request) -> Any:
        return call_route(self._session, name, request)

    def _ask_model(self, name: str, request: Request) -> RegisteredModel:
        return registered_model_entity(self._call(name, request).registered_model)

    def _ask_version(self, name: str, request: Request) -> ModelVersion:
        return model_version_entity(self._call(name, request).model_version)

    def _ask_logged_model(self, name: str, request: Request) -> LoggedModel:
        return logged_model_entity(self._call(name, request).model)

    # -- registered models

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        request = models.CreateRegisteredModel(
            name=check_model_name(name),
            tags=key_values(model_tags(tags)),
            description=check_text_of("the description", description),
        )
        return self._ask_model("create_registered_model", request)

    def get_registered_model(self, name: str) -> RegisteredModel:
        return self._ask_model("get_registered_model", models.RegisteredModelName(name=check_model_name(name)))

    def search_registered_models(
        self,
        *,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        def check() -> None:
            parse_registered_model_filter(filter_string)
            parse_registered_model_order(order_by)

        request = models.SearchRegisteredModels(
            filter=search_text(filter_string, check),
            order_by=search_terms(order_by, check),
            max_results=check_page_size(max_results),
            page_token=page_token,
        )
        page = search(self._session, "search_registered_models", request, check)
        return PagedList(map(registered_model_entity, page.registered_models), page.next_page_token or None)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        request = models.RenameRegisteredModel(name=check_model_name(name), new_name=check_model_name(new_name))
        return self._ask_model("rename_registered_model", request)

    def describe_registered_model(self, name: str, description: str | None) -> RegisteredModel:
        request = models.UpdateRegisteredModel(
            name=check_model_name(name), description=check_text_of("the description", description)
        )
        return self._ask_model("update_registered_model", request)

    def delete_registered_model(self, name: str) -> None:
        self._call("delete_registered_model", models.RegisteredModelName(name=check_model_name(name)))

    def set_registered_model_tags(self, name: str, tags: Mapping[str, Any]) -> None:
        check_model_name(name)
        for key, value in model_tags(tags).items():
            request = models.SetRegisteredModelTag(name=name, key=key, value=value)
            self._call("set_registered_model_tag", request)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        request = models.DeleteRegisteredModelTag(name=check_model_name(name), key=check_key(key, kind="tag"))
        self._call("delete_registered_model_tag", request)

    def set_alias(self, name: str, alias: str, version: str | int) -> None:
        request = models.SetAlias(
            name=check_model_name(name), alias=check_alias(alias), version=str(check_version(version))
        )
        self._call("set_alias", request)

    def delete_alias(self, name: str, alias: str) -> None:
        request = models.AliasedModel(name=check_model_name(name), alias=check_alias(alias))
        self._call("delete_alias", request)

    # -- versions

    def create_model_version(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        run_link: str | None = None,
        model_id: str | None = None,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        request = models.CreateModelVersion(
            name=check_model_name(name),
            source=self._full_source(source),
            run_id=check_run_id(run_id) if run_id else None,
            run_link=check_text_of("run_link", run_link) or None,
            model_id=check_model_id(model_id) if model_id else None,
            description=check_text_of("the description", description),
            tags=key_values(model_tags(tags)),
        )
        return self._ask_version("create_model_version", request)

    def _full_source(self, source: str) -> str:
        """The source as the server shall read it: a path of this machine in full, all else as it stands."""
        if not isinstance(source, str) or not source:
            raise InvalidInput("A version needs the source of its files: a URI, or runs:/RUN/PATH")
        located = self._artifacts.check_location(check_text_of("source", source))
        return source if located == source.rstrip("/") else located

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        return self._ask_version("get_model_version", _version_id(name, version))

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        request = models.AliasedModel(name=check_model_name(name), alias=check_text_of("the alias", alias))
        return self._ask_version("get_version_by_alias", request)

    def list_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        request = models.GetLatestVersions(
            name=check_model_name(name), stages=[ModelStage.from_string(stage).value for stage in stages or ()]
        )
        return list(map(model_version_entity, self._call("list_latest_versions", request).model_versions))

    def search_model_versions(
        self,
        *,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 10_000,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        def check() -> None:
            parse_model_version_filter(filter_string)
            parse_model_version_order(order_by)

        request = models.SearchModelVersions(
            filter=search_text(filter_string, check),
            order_by=search_terms(order_by, check),
            max_results=check_page_size(max_results),
            page_token=page_token,
        )
        page = search(self._session, "search_model_versions", request, check)
        return PagedList(map(model_version_entity, page.model_versions), page.next_page_token or None)

    def describe_model_version(self, name: str, version: str | int, description: str | None) -> ModelVersion:
        request = models.UpdateModelVersion(
            name=check_model_name(name),
            version=str(check_version(version)),
            description=check_text_of("the description", description),
        )
        return self._ask_version("update_model_version", request)

    def set_model_version_stage(
        self, name: str, version: str | int, stage: str, *, archive_existing: bool = False
    ) -> ModelVersion:
        request = models.TransitionStage(
            name=check_model_name(name),
            version=str(check_version(version)),
            stage=ModelStage.from_string(stage).value,
            archive_existing_versions=archive_existing,
        )
        return self._ask_version("set_model_version_stage", request)

    def delete_model_version(self, name: str, version: str | int) -> None:
        self._call("delete_model_version", _version_id(name, version))

    def set_model_version_tags(self, name: str, version: str | int, tags: Mapping[str, Any]) -> None:
        check_model_name(name)
        number = str(check_version(version))
        for key, value in model_tags(tags).items():
            request = models.SetModelVersionTag(name=name, version=number, key=key, value=value)
            self._call("set_model_version_tag", request)

    def delete_model_version_tag(self, name: str, version: str | int, key: str) -> None:
        request = models.DeleteModelVersionTag(
            name=check_model_name(name), version=str(check_version(version)), key=check_key(key, kind="tag")
        )
        self._call("delete_model_version_tag", request)

    def open_version_artifacts(self, name: str, version: str | int) -> ArtifactStore:
        uri: str = self._call("get_download_uri", _version_id(name, version)).artifact_uri
        if match := _RUN.match(uri):
            uri = join_uri(self._find_artifact_uri(match[1]), match[2])
        return self._artifacts.open(uri)

    # -- logged models

    def create_logged_model(
        self,
        experiment_id: str | int,
        *,
        name: str | None = None,
        source_run_id: str | None = None,
        model_type: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> LoggedModel:
        request = models.CreateLoggedModel(
            experiment_id=check_experiment_id(experiment_id),
            name=check_logged_model_name(name) if name else None,
            source_run_id=check_run_id(source_run_id) if source_run_id else None,
            model_type=check_text_of("model_type", model_type) or None,
            params=key_values(param_texts(params)),
            tags=key_values(model_tags(tags)),
        )
        return self._ask_logged_model("create_logged_model", request)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        return self._ask_logged_model("get_logged_model", models.LoggedModelId(model_id=check_model_id(model_id)))

    def search_logged_models(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str | None]] | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        def check() -> None:
            parse_logged_model_filter(filter_string)

        dataset_choices(datasets)
        model_orders(order_by)
        request = models.SearchLoggedModels(
            experiment_ids=list(check_experiment_ids(experiment_ids)),
            filter=search_text(filter_string, check),
            datasets=[models.DatasetChoice(**_dataset_of(dataset)) for dataset in datasets or ()],
            order_by=[
                models.OrderBy(
                    field_name=order["field_name"],
                    ascending=order.get("ascending") is not False,
                    **_dataset_of(order),
                )
                for order in order_by or ()
            ],
            max_results=check_page_size(max_results),
            page_token=page_token,
        )
        page = search(self._session, "search_logged_models", request, check)
        return PagedList(map(logged_model_entity, page.models), page.next_page_token or None)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        request = models.FinalizeLoggedModel(
            model_id=check_model_id(model_id), status=status_name(check_status(status))
        )
        return self._ask_logged_model("finalize_logged_model", request)

    def delete_logged_model(self, model_id: str) -> None:
        self._call("delete_logged_model", models.LoggedModelId(model_id=check_model_id(model_id)))

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        request = models.SetLoggedModelTags(model_id=check_model_id(model_id), tags=key_values(model_tags(tags)))
        self._call("set_logged_model_tags", request)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        request = models.DeleteLoggedModelTag(model_id=check_model_id(model_id), tag_key=check_key(key, kind="tag"))
        self._call("delete_logged_model_tag", request)

    def log_logged_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        request = models.LogModelParams(model_id=check_model_id(model_id), params=key_values(param_texts(params)))
        self._call("log_logged_model_params", request)

    def log_model_inputs(self, run_id: str, models: Sequence[LoggedModelInput]) -> None:
        inputs = [runs.ModelInput(model_id=check_model_id(model.model_id)) for model in models]
        self._call("log_inputs", runs.LogInputs(run_id=check_run_id(run_id), models=inputs))

    def log_model_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        outputs = [runs.ModelOutput(model_id=check_model_id(model.model_id), step=model.step) for model in models]
        self._call("log_outputs", runs.LogOutputs(run_id=check_run_id(run_id), models=outputs))

    def open_logged_model_artifacts(self, model_id: str) -> ArtifactStore:
        return self._artifacts.open(self.get_logged_model(model_id).artifact_location)


def _version_id(name: str, version: str | int) -> models.ModelVersionId:
    return models.ModelVersionId(name=check_model_name(name), version=str(check_version(version)))


def _dataset_of(parts: Mapping[str, Any]) -> dict[str, str]:
    return {name: parts.get(name) or "" for name in ("dataset_name", "dataset_digest")}
