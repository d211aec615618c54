"""The ModelStore over a SQL database: each method is one transaction of the functions of its noun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runstone.entities import (
    LoggedModel,
    LoggedModelOutput,
    LoggedModelStatus,
    ModelStage,
    ModelVersion,
    PagedList,
    RegisteredModel,
)
from runstone.stores.models import (
    LoggedModelQuery,
    ModelVersionQuery,
    NewLoggedModel,
    NewModelVersion,
    RegisteredModelQuery,
)
from runstone.stores.sql import logged_models, model_versions, registered_models, runs
from runstone.stores.sql.database import Database
from runstone.stores.sql.search import Search, find_page
from runstone.stores.sql.undone import begun_again

__all__ = ["SqlModelStore"]


@begun_again
class SqlModelStore:
    """A ModelStore in the database of a SqlStore, which owns it; files lie under `artifact_root` (a URI)."""

    def __init__(self, database: Database, artifact_root: str) -> None:
        self._database = database
        self._root = artifact_root

    # -- registered models

    def create_registered_model(
        self, name: str, *, description: str, tags: Mapping[str, str], now: int
    ) -> RegisteredModel:
        with self._database.write() as tx:
            return registered_models.create(tx, name, description, tags, now)

    def get_registered_model(self, name: str) -> RegisteredModel:
        with self._database.read() as tx:
            return registered_models.get(tx, name)

    def search_registered_models(self, query: RegisteredModelQuery) -> PagedList[RegisteredModel]:
        with self._database.read() as tx:
            search = Search(registered_models.SCOPE, tx.dialect, self._root)
            if query.within is not None:
                search.keep_within("m.name", list(query.within))
            ids, token = find_page(search, tx, query)
            return PagedList(registered_models.by_ids(tx, ids), token)

    def rename_registered_model(self, name: str, new_name: str, *, now: int) -> RegisteredModel:
        with self._database.write() as tx:
            return registered_models.rename(tx, name, new_name, now)

    def set_registered_model_description(self, name: str, description: str, *, now: int) -> RegisteredModel:
        with self._database.write() as tx:
            return registered_models.set_description(tx, name, description, now)

    def delete_registered_model(self, name: str) -> None:
        with self._database.write() as tx:
            registered_models.delete(tx, name)

    def set_registered_model_tags(self, name: str, tags: Mapping[str, str]) -> None:
        with self._database.write() as tx:
            registered_models.set_tags(tx, name, tags)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        with self._database.write() as tx:
            registered_models.delete_tag(tx, name, key)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        with self._database.write() as tx:
            registered_models.set_alias(tx, name, alias, version)

    def delete_alias(self, name: str, alias: str) -> None:
        with self._database.write() as tx:
            registered_models.delete_alias(tx, name, alias)

    # -- versions

    def create_model_version(self, new: NewModelVersion, *, now: int) -> ModelVersion:
        with self._database.write() as tx:
            return model_versions.create(tx, new, now)

    def get_model_version(self, name: str, version: int) -> ModelVersion:
        with self._database.read() as tx:
            return model_versions.get(tx, name, version)

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        with self._database.read() as tx:
            return model_versions.get(tx, name, registered_models.find_alias(tx, name, alias))

    def list_latest_versions(self, name: str, stages: Sequence[ModelStage] = ()) -> list[ModelVersion]:
        with self._database.read() as tx:
            model = model_versions.model_number(tx, name)
            return model_versions.by_ids(tx, model_versions.latest_ids(tx, [model], stages))

    def search_model_versions(self, query: ModelVersionQuery) -> PagedList[ModelVersion]:
        with self._database.read() as tx:
            search = Search(model_versions.SCOPE, tx.dialect, self._root)
            if query.within is not None:
                search.keep_within("m.name", list(query.within))
            ids, token = find_page(search, tx, query)
            return PagedList(model_versions.by_ids(tx, ids), token)

    def set_model_version_description(self, name: str, version: int, description: str, *, now: int) -> ModelVersion:
        with self._database.write() as tx:
            return model_versions.set_description(tx, name, version, description, now)

    def set_model_version_stage(
        self, name: str, version: int, stage: ModelStage, *, archive_others: bool, now: int
    ) -> ModelVersion:
        with self._database.write() as tx:
            return model_versions.set_stage(tx, name, version, stage, archive_others, now)

    def delete_model_version(self, name: str, version: int, *, now: int) -> None:
        with self._database.write() as tx:
            model_versions.delete(tx, name, version, now)

    def set_model_version_tags(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        with self._database.write() as tx:
            model_versions.set_tags(tx, name, version, tags)

    def delete_model_version_tag(self, name: str, version: int, key: str) -> None:
        with self._database.write() as tx:
            model_versions.delete_tag(tx, name, version, key)

    # -- logged models

    def create_logged_model(self, new: NewLoggedModel, *, now: int) -> LoggedModel:
        with self._database.write(locks_runs=True) as tx:
            return logged_models.create(tx, new, self._root, now)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        with self._database.read() as tx:
            return logged_models.get(tx, model_id, self._root)

    def search_logged_models(self, query: LoggedModelQuery) -> PagedList[LoggedModel]:
        with self._database.read() as tx:
            return PagedList(*logged_models.search(tx, query, self._root))

    def set_logged_model_status(self, model_id: str, status: LoggedModelStatus, *, now: int) -> LoggedModel:
        with self._database.write(locks_runs=True) as tx:
            logged_models.lock(tx, model_id)
            return logged_models.set_status(tx, model_id, status, self._root, now)

    def delete_logged_model(self, model_id: str, *, now: int) -> None:
        with self._database.write(locks_runs=True) as tx:
            logged_models.lock(tx, model_id)
            logged_models.delete(tx, model_id, now)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        with self._database.write(locks_runs=True) as tx:
            logged_models.lock(tx, model_id)
            logged_models.set_tags(tx, model_id, tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        with self._database.write(locks_runs=True) as tx:
            logged_models.lock(tx, model_id)
            logged_models.delete_tag(tx, model_id, key)

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        with self._database.write(locks_runs=True) as tx:
            logged_models.lock(tx, model_id)
            logged_models.log_params(tx, model_id, params)

    def log_model_inputs(self, run_id: str, model_ids: Sequence[str]) -> None:
        with self._database.write(locks_runs=True) as tx:
            runs.lock(tx, [run_id])
            logged_models.log_inputs(tx, run_id, model_ids)

    def log_model_outputs(self, run_id: str, outputs: Sequence[LoggedModelOutput]) -> None:
        with self._database.write(locks_runs=True) as tx:
            runs.lock(tx, [run_id])
            logged_models.log_outputs(tx, run_id, outputs)
