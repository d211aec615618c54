"""Chosen columns of many runs, and counts, in SQL. A fixed number of statements for any number of runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from runstone import tag_names
from runstone.entities import LifecycleStage
from runstone.series.points import FloatColumn
from runstone.stores.columns import Aggregate, ColumnChoice, ExperimentActivity, KeyCounts, RunColumns
from runstone.stores.sql.database import Row, Transaction

__all__ = ["count_keys", "count_values", "current_revision", "run_columns", "summarize_experiments"]

_SOURCES: dict[Aggregate, str] = {
    "last": "last", "min": "min", "max": "max", "first": "first", "count": "count", "last_step": "last_step",
    "last_time": "last_timestamp",
}  # fmt: skip
# 'mlflow/' is the first text behind all that begin with 'mlflow.'.
_NOT_RESERVED = "NOT (t.key >= 'mlflow.' AND t.key < 'mlflow/' OR t.key >= 'runstone.' AND t.key < 'runstone/')"


def current_revision(tx: Transaction) -> int:
    """The revision of the latest change of a run that is settled."""
    row = tx.row(f"SELECT MAX(revision) FROM runs WHERE {tx.dialect.is_settled('revision')}")
    return int(row[0]) if row and row[0] is not None else 0


def run_columns(
    tx: Transaction, ids: Sequence[int], choice: ColumnChoice, revision: int, token: str | None
) -> RunColumns:
    """The runs of these numbers, in their order."""
    page = _Page(tx, ids)
    infos = page.rows(
        "runs r",
        "r.id",
        "r.run_id, r.experiment, r.name, r.user_id, r.status, r.start_time, r.end_time, r.deleted_time",
    )
    infos.sort()
    parents = page.texts("tags", (tag_names.PARENT_RUN_ID,)).get(tag_names.PARENT_RUN_ID)
    stages = [LifecycleStage.ACTIVE.value if row[8] is None else LifecycleStage.DELETED.value for row in infos]
    return RunColumns(
        run_ids=[row[1] for row in infos],
        experiment_ids=[str(row[2]) for row in infos],
        names=[row[3] for row in infos],
        users=[row[4] for row in infos],
        status=[row[5] for row in infos],
        stages=stages,
        start_time=[row[6] for row in infos],
        end_time=[row[7] for row in infos],
        parents=parents or [None] * len(infos),
        metrics=page.metrics(choice.metrics, choice.aggregates),
        params=page.texts("params", choice.params),
        tags=page.texts("tags", choice.tags, _NOT_RESERVED),
        revision=revision,
        token=token,
    )


class _Page:
    """The rows of a page's runs; the first column is the run's place in the page."""

    def __init__(self, tx: Transaction, ids: Sequence[int]) -> None:
        self._tx = tx
        self._size = len(ids)
        self._numbered = tx.dialect.numbered_rows()
        self._ids = tx.dialect.list_argument(ids)

    def rows(
        self, table: str, owner: str, columns: str, condition: str = "1 = 1", arguments: Sequence[object] = ()
    ) -> list[Row]:
        """In any order."""
        # CROSS JOIN: SQLite keeps the order of the tables, so each run is one probe.
        return self._tx.rows(
            f"SELECT page.position, {columns} FROM {self._numbered} CROSS JOIN {table} "
            f"WHERE {owner} = page.id AND {condition}",
            (self._ids, *arguments),
        )

    def _chosen(self, keys: tuple[str, ...] | None, otherwise: str) -> tuple[str, list[object]]:
        if keys is None:
            return otherwise, []
        return self._tx.dialect.is_member("t.key"), [self._tx.dialect.list_argument(keys)]

    def metrics(
        self, keys: tuple[str, ...] | None, aggregates: Sequence[Aggregate]
    ) -> dict[str, dict[Aggregate, FloatColumn]]:
        if keys == () or not aggregates:
            return {}
        columns = ", ".join(f"t.{_SOURCES[one]}" for one in aggregates)
        rows = self.rows("series t", "t.run", f"t.key, {columns}", *self._chosen(keys, "1 = 1"))
        if not rows:
            return {}
        position, key, *values = zip(*rows, strict=True)
        place = np.array(position, np.intp)
        names = sorted(set(key))
        numbers = {name: number for number, name in enumerate(names)}
        number = np.array([numbers[name] for name in key], np.intp)
        tables = []
        for column in values:
            table = np.full((len(names), self._size), np.nan)
            table[number, place] = np.array(column, np.float64)  # None becomes NaN
            tables.append(table)
        return {
            name: {one: table[row] for one, table in zip(aggregates, tables, strict=True)}
            for row, name in enumerate(names)
        }

    def texts(self, table: str, keys: tuple[str, ...] | None, otherwise: str = "1 = 1") -> dict[str, list[str | None]]:
        if keys == ():
            return {}
        columns: dict[str, list[str | None]] = {}
        for row, key, value in self.rows(f"{table} t", "t.run", "t.key, t.value", *self._chosen(keys, otherwise)):
            column = columns.get(key)
            if column is None:
                column = columns[key] = [None] * self._size
            column[row] = value
        return dict(sorted(columns.items()))


def _active_runs(tx: Transaction, experiments: Iterable[int]) -> tuple[str, object]:
    member = tx.dialect.is_member("r.experiment")
    return f"{member} AND r.deleted_time IS NULL", tx.dialect.list_argument(list(experiments))


def count_keys(tx: Transaction, experiments: Sequence[int]) -> KeyCounts:
    """How many active runs of the experiments have each key."""
    condition, argument = _active_runs(tx, experiments)

    def count(table: str) -> dict[str, int]:
        return dict(
            tx.rows(
                f"SELECT t.key, COUNT(*) FROM runs r CROSS JOIN {table} t WHERE t.run = r.id AND {condition} "
                "GROUP BY t.key ORDER BY t.key",
                (argument,),
            )
        )

    return KeyCounts(metrics=count("series"), params=count("params"), tags=count("tags"))


def count_values(
    tx: Transaction, experiments: Sequence[int], kind: Literal["param", "tag"], key: str, prefix: str, limit: int
) -> list[tuple[str, int]]:
    """The values of a param or tag that begin with the prefix, and how many active runs have each."""
    condition, argument = _active_runs(tx, experiments)
    table = {"param": "params", "tag": "tags"}[kind]
    rows = tx.rows(
        f"SELECT t.value, COUNT(*) FROM runs r CROSS JOIN {table} t WHERE t.run = r.id AND t.key = ? "
        f"AND substr(t.value, 1, ?) = ? AND {condition} GROUP BY t.value ORDER BY 2 DESC, 1 LIMIT {int(limit)}",
        (key, len(prefix), prefix, argument),
    )
    return [(value, count) for value, count in rows]


def summarize_experiments(tx: Transaction, experiments: Sequence[int]) -> dict[int, ExperimentActivity]:
    """What happens in each of the experiments that has a run."""
    argument = tx.dialect.list_argument(experiments)
    active = "CASE WHEN r.deleted_time IS NULL"
    rows = tx.rows(
        f"SELECT r.experiment, SUM({active} THEN 1 ELSE 0 END), SUM({active} AND r.status = 'RUNNING' THEN 1 ELSE 0 "
        f"END), MAX({active} THEN r.start_time END), MAX({active} THEN r.end_time END), MAX(r.revision) "
        f"FROM runs r WHERE {tx.dialect.is_member('r.experiment')} GROUP BY r.experiment",
        (argument,),
    )
    heard: dict[int, int | None] = dict(
        tx.rows(
            "SELECT r.experiment, MAX(w.heard_at) FROM runs r CROSS JOIN writers w WHERE w.run = r.id "
            f"AND r.status = 'RUNNING' AND r.deleted_time IS NULL AND {tx.dialect.is_member('r.experiment')} "
            "GROUP BY r.experiment",
            (argument,),
        )
    )
    return {
        experiment: ExperimentActivity(
            runs=int(runs),
            live=int(live),
            last_time=max((time for time in (*times, heard.get(experiment)) if time is not None), default=None),
            revision=revision,
        )
        for experiment, runs, live, *times, revision in rows
    }
