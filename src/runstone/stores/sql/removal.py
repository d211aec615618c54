"""The RemovalStore over a SQL database."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runstone import tag_names
from runstone.entities import RunStatus
from runstone.entities.access import Resource
from runstone.stores import records
from runstone.stores.removal import ModelPlace, RunFacts, Versioned
from runstone.stores.sql import experiments
from runstone.stores.sql.database import Database, Row, Transaction
from runstone.stores.sql.runs import artifact_uri

__all__ = ["SqlRemoval"]

_OF_RUNS = ("params", "tags", "series", "chunks", "batches", "writers", "inputs", "input_tags", "run_models")
"""The tables whose rows belong to runs, by their column `run`."""
_OF_MODELS = ("logged_model_params", "logged_model_tags", "logged_model_metrics")
_ROW_BYTES = 100
"""What a row of a param, tag or series takes, about."""
_ID = re.compile(r"m-[0-9a-f]{32}|[0-9a-f]{32}")

_FACTS = (
    "SELECT r.run_id, r.experiment, r.name, r.status, r.start_time, r.end_time, r.deleted_time, r.artifact_uri, "
    "e.artifact_location, parent.value, kept.value FROM runs r JOIN experiments e ON e.id = r.experiment "
    f"LEFT JOIN tags parent ON parent.run = r.id AND parent.key = '{tag_names.PARENT_RUN_ID}' "
    f"LEFT JOIN tags kept ON kept.run = r.id AND kept.key = '{tag_names.KEEP}'"
)


class SqlRemoval:
    """A RemovalStore in the database of a SqlStore, which owns it; files lie under `artifact_root` (a URI)."""

    def __init__(self, database: Database, artifact_root: str) -> None:
        self._database = database
        self._root = artifact_root

    def list_runs(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        experiment_ids: Sequence[str] | None = None,
        is_deleted: bool | None = None,
    ) -> list[RunFacts]:
        with self._database.read() as tx:
            conditions, arguments = ["1 = 1"], []
            if run_ids is not None:
                conditions.append(tx.dialect.is_member("r.run_id"))
                arguments.append(tx.dialect.list_argument(list(run_ids)))
            if experiment_ids is not None:
                conditions.append(tx.dialect.is_member("r.experiment"))
                arguments.append(tx.dialect.list_argument([experiments.number(one) for one in experiment_ids]))
            if is_deleted is not None:
                conditions.append(f"r.deleted_time IS {'NOT ' if is_deleted else ''}NULL")
            rows = tx.rows(f"{_FACTS} WHERE {' AND '.join(conditions)} ORDER BY r.id", arguments)
        return [self._facts(row) for row in rows]

    def _facts(self, row: Row) -> RunFacts:
        run_id, experiment, name, status, start, end, deleted, uri, location, parent, kept = row
        return RunFacts(
            run_id=run_id,
            experiment_id=str(experiment),
            run_name=name,
            status=RunStatus(status),
            start_time=start,
            end_time=end,
            deleted_time=deleted,
            artifact_uri=artifact_uri(run_id, experiment, uri, location, self._root),
            owns_files=uri is None,
            parent_run_id=parent,
            has_keep_tag=kept is not None,
        )

    def list_models(self, experiment_id: str) -> list[ModelPlace]:
        with self._database.read() as tx:
            rows = tx.rows(
                "SELECT l.model_id, l.experiment, l.artifact_location, e.artifact_location FROM logged_models l "
                "JOIN experiments e ON e.id = l.experiment WHERE l.experiment = ? ORDER BY l.id",
                (experiments.number(experiment_id),),
            )
        return [
            ModelPlace(
                model_id=model_id,
                artifact_uri=own or f"{location or f'{self._root}/{experiment}'}/models/{model_id}/artifacts",
                owns_files=own is None,
            )
            for model_id, experiment, own, location in rows
        ]

    def list_versioned(self) -> Versioned:
        with self._database.read() as tx:
            rows = tx.rows("SELECT run_id, model_id, source, storage_location FROM model_versions")
            models = {row[1] for row in rows} | {one for row in rows for one in _named(row) if one.startswith("m-")}
            sources = tx.rows(
                f"SELECT source_run_id FROM logged_models WHERE {tx.dialect.is_member('model_id')}",
                (tx.dialect.list_argument(sorted(models)),),
            )
        runs = {row[0] for row in rows} | {one for row in rows for one in _named(row)} | {row[0] for row in sources}
        return Versioned(runs=frozenset(runs - {""}), models=frozenset(models - {""}))

    def measure_runs(self, run_ids: Sequence[str]) -> dict[str, int]:
        data = " + ".join(
            f"(SELECT coalesce(sum(length(data)), 0) FROM {table} WHERE run = r.id)" for table in ("chunks", "batches")
        )
        rows = " + ".join(
            f"(SELECT count(*) FROM {table} WHERE run = r.id)" for table in ("params", "tags", "series", "chunks")
        )
        with self._database.read() as tx:
            found = tx.rows(
                f"SELECT r.run_id, {data} + {_ROW_BYTES} * (1 + {rows}) FROM runs r "
                f"WHERE {tx.dialect.is_member('r.run_id')}",
                (tx.dialect.list_argument(list(run_ids)),),
            )
        return {run_id: int(size_bytes) for run_id, size_bytes in found}

    def remove_runs(self, run_ids: Sequence[str]) -> int:
        with self._database.write() as tx:
            rows = tx.rows(
                f"SELECT id, run_id, deleted_time FROM runs WHERE {tx.dialect.is_member('run_id')}",
                (tx.dialect.list_argument(list(run_ids)),),
            )
            active = [run_id for _, run_id, deleted in rows if deleted is None]
            if active:
                raise records.run_not_deleted(active[0])
            _delete(tx, (*_OF_RUNS,), "run", [row[0] for row in rows])
            _delete(tx, ("runs",), "id", [row[0] for row in rows])
            return len(rows)

    def remove_experiment(self, experiment_id: str) -> bool:
        number = experiments.number(experiment_id)
        with self._database.write() as tx:
            row = tx.row("SELECT deleted_time FROM experiments WHERE id = ?", (number,))
            if row is None:
                return False
            if row[0] is None or tx.row("SELECT 1 FROM runs WHERE experiment = ? LIMIT 1", (number,)):
                raise records.experiment_in_use(experiment_id)
            models = [one for (one,) in tx.rows("SELECT id FROM logged_models WHERE experiment = ?", (number,))]
            _delete(tx, _OF_MODELS, "model", models)
            _delete(tx, ("logged_models", "datasets", "experiment_tags"), "experiment", [number])
            tx.run("DELETE FROM grants WHERE resource = ? AND thing = ?", (Resource.EXPERIMENT.value, number))
            _delete(tx, ("experiments",), "id", [number])
            return True

    def compact(self) -> int:
        return self._database.compact()


def _delete(tx: Transaction, tables: Sequence[str], column: str, numbers: Sequence[int]) -> None:
    for table in tables:
        tx.run(f"DELETE FROM {table} WHERE {tx.dialect.is_member(column)}", (tx.dialect.list_argument(numbers),))


def _named(row: Row) -> list[str]:
    """The ids of runs and models in a version's URIs."""
    return [found for text in row[2:] for found in _ID.findall(text)]
