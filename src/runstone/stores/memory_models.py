"""Models in plain dictionaries, as part of MemoryStore: the reference that says what the others must answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from runstone.entities import (
    LoggedModel,
    LoggedModelOutput,
    LoggedModelStatus,
    ModelMetric,
    ModelStage,
    ModelVersion,
    PagedList,
    RegisteredModel,
)
from runstone.filters.match import OrderKey, matches, order_key
from runstone.stores import model_records as records
from runstone.stores.cursor import cut_page
from runstone.stores.memory_model_rows import LoggedModelRow, RegisteredModelRow, VersionRow
from runstone.stores.models import (
    LoggedModelQuery,
    ModelVersionQuery,
    NewLoggedModel,
    NewModelVersion,
    RegisteredModelQuery,
)

__all__ = ["MemoryModelStore"]


class _Owner(Protocol):
    """The store whose experiments and runs the models belong to."""

    def transaction(self) -> AbstractContextManager[object]: ...
    def experiment_location(self, experiment_id: str) -> str: ...
    def run_models(self, run_id: str) -> tuple[set[str], dict[str, int]]: ...


class MemoryModelStore:
    """A ModelStore whose facts end with the process. `MemoryStore.models` is one."""

    def __init__(self, owner: _Owner) -> None:
        self._owner = owner
        self._registry: dict[str, RegisteredModelRow] = {}
        self._logged: dict[str, LoggedModelRow] = {}

    @property
    def registered_rows(self) -> dict[str, RegisteredModelRow]:
        """All registered models by name; for use in a transaction."""
        return self._registry

    @property
    def logged_rows(self) -> dict[str, LoggedModelRow]:
        """All logged models by id, the deleted ones too; for use in a transaction."""
        return self._logged

    # -- registered models

    def _registered(self, name: str) -> RegisteredModelRow:
        found = self._registry.get(name)
        if found is None:
            raise records.registered_model_not_found(name)
        return found

    def create_registered_model(
        self, name: str, *, description: str, tags: Mapping[str, str], now: int
    ) -> RegisteredModel:
        with self._owner.transaction():
            if name in self._registry:
                raise records.registered_model_exists(name)
            self._registry[name] = RegisteredModelRow(name, description, dict(tags), now)
            return self._registry[name].entity()

    def get_registered_model(self, name: str) -> RegisteredModel:
        with self._owner.transaction():
            return self._registered(name).entity()

    def search_registered_models(self, query: RegisteredModelQuery) -> PagedList[RegisteredModel]:
        def key(row: RegisteredModelRow) -> tuple[object, ...]:
            return (*order_key(query.order, row.subject()), row.name)

        with self._owner.transaction():
            found = [row for row in self._within(query.within) if matches(query.filter, row.subject())]
            page, token = cut_page(query, sorted(found, key=key), lambda row: row.name)
            return PagedList([row.entity() for row in page], token)

    def _within(self, names: frozenset[str] | None) -> list[RegisteredModelRow]:
        return [row for name, row in self._registry.items() if names is None or name in names]

    def rename_registered_model(self, name: str, new_name: str, *, now: int) -> RegisteredModel:
        with self._owner.transaction():
            row = self._registered(name)
            if new_name != name and new_name in self._registry:
                raise records.registered_model_exists(new_name)
            self._registry[new_name] = self._registry.pop(name)
            row.name, row.last_update_time = new_name, now
            return row.entity()

    def set_registered_model_description(self, name: str, description: str, *, now: int) -> RegisteredModel:
        with self._owner.transaction():
            row = self._registered(name)
            row.description, row.last_update_time = description, now
            return row.entity()

    def delete_registered_model(self, name: str) -> None:
        with self._owner.transaction():
            self._registered(name)
            del self._registry[name]

    def set_registered_model_tags(self, name: str, tags: Mapping[str, str]) -> None:
        with self._owner.transaction():
            self._registered(name).tags.update(tags)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        with self._owner.transaction():
            self._registered(name).tags.pop(key, None)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        with self._owner.transaction():
            row, found = self._version(name, version)
            row.aliases[alias] = found.version

    def delete_alias(self, name: str, alias: str) -> None:
        with self._owner.transaction():
            self._registered(name).aliases.pop(alias, None)

    # -- versions

    def _version(self, name: str, version: int) -> tuple[RegisteredModelRow, VersionRow]:
        row = self._registry.get(name)
        if row is None or version not in row.versions:
            raise records.version_not_found(name, version)
        return row, row.versions[version]

    def create_model_version(self, new: NewModelVersion, *, now: int) -> ModelVersion:
        with self._owner.transaction():
            row = self._registered(new.name)
            row.last_version += 1
            row.last_update_time = now
            version = row.versions[row.last_version] = VersionRow(new, row.last_version, now)
            return version.entity(row)

    def get_model_version(self, name: str, version: int) -> ModelVersion:
        with self._owner.transaction():
            row, found = self._version(name, version)
            return found.entity(row)

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        with self._owner.transaction():
            row = self._registered(name)
            if alias not in row.aliases:
                raise records.alias_not_found(name, alias)
            return row.versions[row.aliases[alias]].entity(row)

    def list_latest_versions(self, name: str, stages: Sequence[ModelStage] = ()) -> list[ModelVersion]:
        with self._owner.transaction():
            return self._registered(name).latest(stages)

    def search_model_versions(self, query: ModelVersionQuery) -> PagedList[ModelVersion]:
        def key(pair: tuple[RegisteredModelRow, VersionRow]) -> tuple[object, ...]:
            row, version = pair
            return (*order_key(query.order, version.subject(row)), row.name, -version.version)

        with self._owner.transaction():
            rows = [(row, version) for row in self._within(query.within) for version in row.versions.values()]
            found = [(row, version) for row, version in rows if matches(query.filter, version.subject(row))]
            page, token = cut_page(query, sorted(found, key=key), lambda pair: f"{pair[0].name}/{pair[1].version}")
            return PagedList([version.entity(row) for row, version in page], token)

    def set_model_version_description(self, name: str, version: int, description: str, *, now: int) -> ModelVersion:
        with self._owner.transaction():
            row, found = self._version(name, version)
            found.description, found.last_update_time = description, now
            return found.entity(row)

    def set_model_version_stage(
        self, name: str, version: int, stage: ModelStage, *, archive_others: bool, now: int
    ) -> ModelVersion:
        with self._owner.transaction():
            row, found = self._version(name, version)
            others = [one for one in row.versions.values() if one.stage is stage and one is not found]
            for other in others if archive_others else ():
                other.stage, other.last_update_time = ModelStage.ARCHIVED, now
            found.stage, found.last_update_time = stage, now
            row.last_update_time = now
            return found.entity(row)

    def delete_model_version(self, name: str, version: int, *, now: int) -> None:
        with self._owner.transaction():
            row, _ = self._version(name, version)
            del row.versions[version]
            row.aliases = {alias: number for alias, number in row.aliases.items() if number != version}
            row.last_update_time = now

    def set_model_version_tags(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        with self._owner.transaction():
            self._version(name, version)[1].tags.update(tags)

    def delete_model_version_tag(self, name: str, version: int, key: str) -> None:
        with self._owner.transaction():
            self._version(name, version)[1].tags.pop(key, None)

    # -- logged models

    def _model(self, model_id: str) -> LoggedModelRow:
        found = self._logged.get(model_id)
        if found is None or found.is_deleted:
            raise records.logged_model_not_found(model_id)
        return found

    def create_logged_model(self, new: NewLoggedModel, *, now: int) -> LoggedModel:
        with self._owner.transaction():
            location = self._owner.experiment_location(new.experiment_id)
            if new.model_id in self._logged:
                raise records.logged_model_exists(new.model_id)
            place = new.artifact_location or f"{location}/models/{new.model_id}/artifacts"
            row = LoggedModelRow(new, place, now)
            self._logged[new.model_id] = row
            return row.entity()

    def get_logged_model(self, model_id: str) -> LoggedModel:
        with self._owner.transaction():
            return self._model(model_id).entity()

    def search_logged_models(self, query: LoggedModelQuery) -> PagedList[LoggedModel]:
        def key(row: LoggedModelRow) -> tuple[object, ...]:
            return (*_logged_order(query, row), -row.creation_time, row.new.model_id)

        with self._owner.transaction():
            found = [row for row in self._logged.values() if _is_asked_for(query, row)]
            page, token = cut_page(query, sorted(found, key=key), lambda row: row.new.model_id)
            return PagedList([row.entity() for row in page], token)

    def set_logged_model_status(self, model_id: str, status: LoggedModelStatus, *, now: int) -> LoggedModel:
        with self._owner.transaction():
            row = self._model(model_id)
            row.status, row.last_update_time = status, now
            return row.entity()

    def delete_logged_model(self, model_id: str, *, now: int) -> None:
        with self._owner.transaction():
            if model_id not in self._logged:
                raise records.logged_model_not_found(model_id)
            self._logged[model_id].is_deleted = True

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        with self._owner.transaction():
            self._model(model_id).tags.update(tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        with self._owner.transaction():
            if self._model(model_id).tags.pop(key, None) is None:
                raise records.model_tag_not_found(model_id, key)

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        with self._owner.transaction():
            known = self._model(model_id).params
            for key, value in params.items():
                if known.get(key, value) != value:
                    raise records.model_param_changed(model_id, key, known[key], value)
            known.update(params)

    def log_model_inputs(self, run_id: str, model_ids: Sequence[str]) -> None:
        with self._owner.transaction():
            self._owner.run_models(run_id)[0].update(model_ids)

    def log_model_outputs(self, run_id: str, outputs: Sequence[LoggedModelOutput]) -> None:
        with self._owner.transaction():
            self._owner.run_models(run_id)[1].update({output.model_id: output.step for output in outputs})

    # -- what `Write.model_metrics` brings

    def check_metrics(self, metrics: Sequence[ModelMetric]) -> None:
        """Raises NotFound for figures of an unknown model."""
        for metric in metrics:
            self._model(metric.model_id)

    def record_metrics(self, metrics: Sequence[ModelMetric]) -> None:
        """Keep the latest figures."""
        for metric in metrics:
            self._model(metric.model_id).add_metric(metric)


def _is_asked_for(query: LoggedModelQuery, row: LoggedModelRow) -> bool:
    if row.is_deleted or row.new.experiment_id not in query.experiment_ids:
        return False
    if query.datasets and not row.metrics_on(query.datasets):
        return False
    return matches(query.filter, row.subject(query.datasets))


def _logged_order(query: LoggedModelQuery, row: LoggedModelRow) -> OrderKey:
    keys = (order_key([order.term], row.subject([order.dataset])) for order in query.order)
    return tuple(part for key in keys for part in key)
