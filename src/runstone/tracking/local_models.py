"""The rules about models over a Store: defaults, ids, the clock, names, where files lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runstone.artifacts.base import ArtifactOpener, ArtifactStore
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
from runstone.naming import new_model_id, new_run_name, now_ms
from runstone.stores.base import Store
from runstone.stores.models import (
    LoggedModelQuery,
    ModelVersionQuery,
    NewLoggedModel,
    NewModelVersion,
    RegisteredModelQuery,
)
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
    with_untagged,
)
from runstone.tracking.model_sources import ModelSources
from runstone.validation import check_experiment_id, check_key, check_run_id

__all__ = ["LocalModels"]

_ACTIVE_STAGES = (ModelStage.STAGING, ModelStage.PRODUCTION)


class LocalModels:
    """The Models of a LocalTracking, which owns the store."""

    def __init__(self, store: Store, artifacts: ArtifactOpener) -> None:
        self._store = store.models
        self._artifacts = artifacts
        self._sources = ModelSources(store, artifacts)

    # -- registered models

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        return self._store.create_registered_model(
            check_model_name(name),
            description=check_text_of("the description", description),
            tags=model_tags(tags),
            now=now_ms(),
        )

    def get_registered_model(self, name: str) -> RegisteredModel:
        return self._store.get_registered_model(check_model_name(name))

    def search_registered_models(
        self,
        *,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 100,
        page_token: str | None = None,
        within: frozenset[str] | None = None,
    ) -> PagedList[RegisteredModel]:
        query = RegisteredModelQuery(
            filter=with_untagged(parse_registered_model_filter(filter_string)),
            order=parse_registered_model_order(order_by),
            max_results=check_page_size(max_results),
            page_token=page_token,
            within=within,
        )
        return self._store.search_registered_models(query)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        return self._store.rename_registered_model(check_model_name(name), check_model_name(new_name), now=now_ms())

    def describe_registered_model(self, name: str, description: str | None) -> RegisteredModel:
        return self._store.set_registered_model_description(
            check_model_name(name), check_text_of("the description", description), now=now_ms()
        )

    def delete_registered_model(self, name: str) -> None:
        self._store.delete_registered_model(check_model_name(name))

    def set_registered_model_tags(self, name: str, tags: Mapping[str, Any]) -> None:
        self._store.set_registered_model_tags(check_model_name(name), model_tags(tags))

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        self._store.delete_registered_model_tag(check_model_name(name), check_key(key, kind="tag"))

    def set_alias(self, name: str, alias: str, version: str | int) -> None:
        self._store.set_alias(check_model_name(name), check_alias(alias), check_version(version))

    def delete_alias(self, name: str, alias: str) -> None:
        self._store.delete_alias(check_model_name(name), check_alias(alias))

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
        self._store.get_registered_model(check_model_name(name))  # what is wrong first
        if model_id:
            self._store.get_logged_model(check_model_id(model_id))
        place = self._sources.resolve(source, check_run_id(run_id) if run_id else "", model_id or "")
        new = NewModelVersion(
            name=name,
            source=check_text_of("source", source),
            storage_location=place.location,
            run_id=place.run_id,
            run_link=check_text_of("run_link", run_link),
            model_id=place.model_id,
            description=check_text_of("the description", description),
            user_id="",
            tags=model_tags(tags),
        )
        return self._store.create_model_version(new, now=now_ms())

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        return self._store.get_model_version(check_model_name(name), check_version(version))

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        return self._store.get_version_by_alias(check_model_name(name), check_text_of("the alias", alias))

    def list_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        return self._store.list_latest_versions(
            check_model_name(name), [ModelStage.from_string(stage) for stage in stages or ()]
        )

    def search_model_versions(
        self,
        *,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 10_000,
        page_token: str | None = None,
        within: frozenset[str] | None = None,
    ) -> PagedList[ModelVersion]:
        query = ModelVersionQuery(
            filter=with_untagged(parse_model_version_filter(filter_string)),
            order=parse_model_version_order(order_by or ["last_updated_timestamp DESC"]),
            max_results=check_page_size(max_results),
            page_token=page_token,
            within=within,
        )
        return self._store.search_model_versions(query)

    def describe_model_version(self, name: str, version: str | int, description: str | None) -> ModelVersion:
        return self._store.set_model_version_description(
            check_model_name(name), check_version(version), check_text_of("the description", description), now=now_ms()
        )

    def set_model_version_stage(
        self, name: str, version: str | int, stage: str, *, archive_existing: bool = False
    ) -> ModelVersion:
        word = ModelStage.from_string(stage)
        if archive_existing and word not in _ACTIVE_STAGES:
            raise InvalidInput(
                f"Model version transition cannot archive existing model versions because '{word}' is not an Active "
                f"stage. Valid stages are {[one.value for one in _ACTIVE_STAGES]}"
            )
        return self._store.set_model_version_stage(
            check_model_name(name), check_version(version), word, archive_others=archive_existing, now=now_ms()
        )

    def delete_model_version(self, name: str, version: str | int) -> None:
        self._store.delete_model_version(check_model_name(name), check_version(version), now=now_ms())

    def set_model_version_tags(self, name: str, version: str | int, tags: Mapping[str, Any]) -> None:
        self._store.set_model_version_tags(check_model_name(name), check_version(version), model_tags(tags))

    def delete_model_version_tag(self, name: str, version: str | int, key: str) -> None:
        self._store.delete_model_version_tag(check_model_name(name), check_version(version), check_key(key, kind="tag"))

    def open_version_artifacts(self, name: str, version: str | int) -> ArtifactStore:
        return self._artifacts.open(self._sources.open_uri(self.get_model_version(name, version)))

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
        new = NewLoggedModel(
            model_id=new_model_id(),
            experiment_id=check_experiment_id(experiment_id),
            name=check_logged_model_name(name) if name else new_run_name(),
            model_type=check_text_of("model_type", model_type),
            source_run_id=check_run_id(source_run_id) if source_run_id else "",
            params=param_texts(params),
            tags=model_tags(tags),
        )
        return self._store.create_logged_model(new, now=now_ms())

    def get_logged_model(self, model_id: str) -> LoggedModel:
        return self._store.get_logged_model(check_model_id(model_id))

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
        query = LoggedModelQuery(
            experiment_ids=check_experiment_ids(experiment_ids),
            datasets=dataset_choices(datasets),
            filter=parse_logged_model_filter(filter_string),
            order=model_orders(order_by),
            max_results=check_page_size(max_results),
            page_token=page_token,
        )
        return self._store.search_logged_models(query)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        return self._store.set_logged_model_status(check_model_id(model_id), check_status(status), now=now_ms())

    def delete_logged_model(self, model_id: str) -> None:
        self._store.delete_logged_model(check_model_id(model_id), now=now_ms())

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        self._store.set_logged_model_tags(check_model_id(model_id), model_tags(tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        self._store.delete_logged_model_tag(check_model_id(model_id), check_key(key, kind="tag"))

    def log_logged_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        self._store.log_logged_model_params(check_model_id(model_id), param_texts(params))

    def log_model_inputs(self, run_id: str, models: Sequence[LoggedModelInput]) -> None:
        self._store.log_model_inputs(check_run_id(run_id), [check_model_id(model.model_id) for model in models])

    def log_model_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        for model in models:
            check_model_id(model.model_id)
        self._store.log_model_outputs(check_run_id(run_id), models)

    def open_logged_model_artifacts(self, model_id: str) -> ArtifactStore:
        return self._artifacts.open(self.get_logged_model(model_id).artifact_location)
