"""The RemovalStore of a MemoryStore: what the others must answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from runstone import tag_names
from runstone.entities import LifecycleStage
from runstone.stores import records
from runstone.stores.memory_models import MemoryModelStore
from runstone.stores.removal import ModelPlace, RunFacts, Versioned

__all__ = ["MemoryRemoval"]

_ID = re.compile(r"m-[0-9a-f]{32}|[0-9a-f]{32}")
_POINT_BYTES = 24


class _Owner(Protocol):
    """The store whose rows are removed; what they are is its own affair."""

    @property
    def models(self) -> MemoryModelStore: ...
    @property
    def run_rows(self) -> dict[str, Any]: ...
    @property
    def experiment_rows(self) -> dict[str, Any]: ...
    def transaction(self) -> AbstractContextManager[object]: ...


class MemoryRemoval:
    """Removes from the dictionaries of its owner."""

    def __init__(self, owner: _Owner) -> None:
        self._owner = owner

    def list_runs(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        experiment_ids: Sequence[str] | None = None,
        is_deleted: bool | None = None,
    ) -> list[RunFacts]:
        with self._owner.transaction():
            return [
                _facts(run)
                for run in self._owner.run_rows.values()
                if (run_ids is None or run.new.run_id in run_ids)
                and (experiment_ids is None or run.new.experiment_id in experiment_ids)
                and is_deleted in (None, run.stage == LifecycleStage.DELETED)
            ]

    def list_models(self, experiment_id: str) -> list[ModelPlace]:
        with self._owner.transaction():
            return [
                ModelPlace(model_id=row.new.model_id, artifact_uri=row.location, owns_files=True)
                for row in self._owner.models.logged_rows.values()
                if row.new.experiment_id == experiment_id
            ]

    def list_versioned(self) -> Versioned:
        with self._owner.transaction():
            logged = self._owner.models.logged_rows
            news = [row.new for model in self._owner.models.registered_rows.values() for row in model.versions.values()]
            named = {one for new in news for uri in (new.source, new.storage_location) for one in _ID.findall(uri)}
            models = {new.model_id for new in news} | {one for one in named if one.startswith("m-")}
            sources = {logged[one].new.source_run_id for one in models if one in logged}
            runs = {new.run_id for new in news} | named | sources
        return Versioned(runs=frozenset(runs - {""}), models=frozenset(models - {""}))

    def measure_runs(self, run_ids: Sequence[str]) -> dict[str, int]:
        with self._owner.transaction():
            found = [run for run in self._owner.run_rows.values() if run.new.run_id in run_ids]
            return {run.new.run_id: _POINT_BYTES * sum(map(len, run.series.values())) for run in found}

    def remove_runs(self, run_ids: Sequence[str]) -> int:
        with self._owner.transaction():
            rows = self._owner.run_rows
            found = [one for one in dict.fromkeys(run_ids) if one in rows]
            for run_id in found:
                if rows[run_id].stage != LifecycleStage.DELETED:
                    raise records.run_not_deleted(run_id)
            for run_id in found:
                del rows[run_id]
            return len(found)

    def remove_experiment(self, experiment_id: str) -> bool:
        with self._owner.transaction():
            found = self._owner.experiment_rows.get(experiment_id)
            if found is None:
                return False
            is_used = any(run.new.experiment_id == experiment_id for run in self._owner.run_rows.values())
            if is_used or found.stage != LifecycleStage.DELETED:
                raise records.experiment_in_use(experiment_id)
            for place in self.list_models(experiment_id):
                del self._owner.models.logged_rows[place.model_id]
            del self._owner.experiment_rows[experiment_id]
            return True

    def compact(self) -> int:
        return 0


def _facts(run: Any) -> RunFacts:
    info = run.info()
    return RunFacts(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        run_name=info.run_name,
        status=info.status,
        start_time=info.start_time,
        end_time=info.end_time,
        deleted_time=run.deleted_time,
        artifact_uri=info.artifact_uri,
        owns_files=True,
        parent_run_id=run.tags.get(tag_names.PARENT_RUN_ID),
        has_keep_tag=tag_names.KEEP in run.tags,
    )
