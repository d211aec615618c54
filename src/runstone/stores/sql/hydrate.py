"""Whole runs from their numbers, as entities or as columns: a fixed number of statements for any number of runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from runstone.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
)
from runstone.stores.base import RunTable
from runstone.stores.sql.database import Row, Transaction
from runstone.stores.sql.runs import artifact_uri, last_number
from runstone.stores.tables import RunTableBuilder

__all__ = ["runs", "table"]


_WORTH_ALL = 4
"""Metrics are read key by key, of all runs there are, for a page of at least the fourth part of these."""

_MOST_KEYS = 500
"""With more of them, each is in few runs."""

_decode_texts = msgspec.json.Decoder(dict[str, str]).decode


class _Page:
    """The rows of several tables that belong to a page of runs; the first column is the run's place in the page."""

    def __init__(self, tx: Transaction, ids: list[int]) -> None:
        self._tx = tx
        self._numbered = tx.dialect.numbered_rows()
        self._argument = tx.dialect.list_argument(ids)

    def rows(self, table: str, owner: str, columns: str, *, order: str | None = None) -> list[Row]:
        """The rows, ordered within each run; without an order in any order at all, which saves a sort."""
        return list(self.each(table, owner, columns, order=order))

    def each(self, table: str, owner: str, columns: str, *, order: str | None = None) -> Iterator[Row]:
        """The same one by one."""
        # CROSS JOIN: SQLite keeps the order of the tables, so each of the page's runs is one probe.
        ending = "" if order is None else f" ORDER BY page.position, {order}"
        return self._tx.each(
            f"SELECT page.position, {columns} FROM {self._numbered} CROSS JOIN {table} WHERE {owner} = page.id{ending}",
            (self._argument,),
        )

    def texts(self, table: str) -> Iterator[tuple[int, dict[str, str]]]:
        """Each run's place and its params or tags; both in any order, which saves a sort."""
        # A JSON object for each run: a row for each text would take the driver and Python four times as long.
        rows = self._tx.each(
            f"SELECT page.position, (SELECT {self._tx.dialect.json_object('key', 'value')} FROM {table} "
            f"WHERE run = page.id) FROM {self._numbered}",
            (self._argument,),
        )
        return ((place, _decode_texts(text) if text else {}) for place, text in rows)

    def infos(self) -> list[Row]:
        """One row a run, in the page's order."""
        rows = self.rows(
            "runs r CROSS JOIN experiments e",
            "e.id = r.experiment AND r.id",
            "r.run_id, r.experiment, r.name, r.user_id, r.status, r.start_time, r.end_time, r.deleted_time, "
            "r.artifact_uri, e.artifact_location",
        )
        rows.sort()
        return rows


def runs(tx: Transaction, ids: list[int], root: str) -> list[Run]:
    """The runs, in the order of their numbers."""
    page = _Page(tx, ids)
    metrics: list[list[Metric]] = [[] for _ in ids]
    for row, key, value, timestamp, step in page.rows(
        "series s", "s.run", "s.key, s.last, s.last_timestamp, s.last_step", order="s.key"
    ):
        metrics[row].append(Metric(key, math.nan if value is None else value, timestamp, step))
    params, tags = (
        {place: dict(sorted(texts.items())) for place, texts in page.texts(table)} for table in ("params", "tags")
    )
    inputs = _inputs(page, len(ids))
    model_inputs, model_outputs = _models(page, len(ids))
    return [
        Run(
            info=_info(columns, root),
            data=RunData(latest_metrics=tuple(metrics[row]), params=params[row], tags=tags[row]),
            inputs=RunInputs(dataset_inputs=tuple(inputs[row]), model_inputs=tuple(model_inputs[row])),
            outputs=RunOutputs(model_outputs=tuple(model_outputs[row])),
        )
        for row, *columns in page.infos()
    ]


def table(tx: Transaction, ids: list[int], root: str, token: str | None) -> RunTable:
    """The same as columns."""
    page = _Page(tx, ids)
    cells = RunTableBuilder(len(ids))
    keys = _keys(tx) if len(ids) * _WORTH_ALL > last_number(tx) else []
    if 0 < len(keys) <= _MOST_KEYS:
        cells.metrics = _metrics_by_key(tx, ids, keys)
    else:
        cells.add_metrics(page.each("series s", "s.run", "s.key, s.last"))
    cells.add_params(page.texts("params"))
    cells.add_tags(page.texts("tags"))
    infos = page.infos()
    return RunTable(
        run_id=[row[1] for row in infos],
        experiment_id=[str(row[2]) for row in infos],
        status=[row[5] for row in infos],
        artifact_uri=[artifact_uri(row[1], row[2], row[9], row[10], root) for row in infos],
        start_time=[row[6] for row in infos],
        end_time=[row[7] for row in infos],
        metrics=dict(sorted(cells.metrics.items())),
        params=dict(sorted(cells.params.items())),
        tags=dict(sorted(cells.tags.items())),
        token=token,
    )


def _keys(tx: Transaction) -> list[str]:
    """The keys of all series, as far as they are few: one probe for each."""
    rows = tx.rows(
        "WITH RECURSIVE keys(key) AS (SELECT min(key) FROM series UNION ALL "
        "SELECT (SELECT min(key) FROM series WHERE key > keys.key) FROM keys WHERE key IS NOT NULL) "
        f"SELECT key FROM keys WHERE key IS NOT NULL LIMIT {_MOST_KEYS + 1}"
    )
    return [key for (key,) in rows]


def _metrics_by_key(tx: Transaction, ids: list[int], keys: list[str]) -> dict[str, list[float]]:
    """The columns of metrics from an index that holds nothing else, without an object of Python for each cell."""
    first, last = min(ids), max(ids)
    places = np.full(last - first + 1, -1, np.int64)
    places[np.array(ids) - first] = np.arange(len(ids))
    columns: dict[str, list[float]] = {}
    source = tx.dialect.by_index("series s", "series_by_last")
    where = f"FROM {source} WHERE s.key = ? AND s.run BETWEEN ? AND ? AND s.last IS"
    for key in keys:
        arguments = (key, first, last)
        cells = np.fromiter(
            chain.from_iterable(tx.each(f"SELECT s.run, s.last {where} NOT NULL", arguments)), np.float64
        )
        nan = np.fromiter(chain.from_iterable(tx.each(f"SELECT s.run {where} NULL", arguments)), np.int64)
        rows = places[cells[::2].astype(np.int64) - first]
        is_here = rows >= 0
        if is_here.any() or (places[nan - first] >= 0).any():
            column = np.full(len(ids), math.nan)
            column[rows[is_here]] = cells[1::2][is_here]
            columns[key] = column.tolist()
    return columns


def _info(columns: list[Any], root: str) -> RunInfo:
    run_id, experiment, name, user_id, status, start_time, end_time, deleted_time, uri, location = columns
    return RunInfo(
        run_id=run_id,
        experiment_id=str(experiment),
        run_name=name,
        user_id=user_id,
        status=RunStatus(status),
        start_time=start_time,
        end_time=end_time,
        lifecycle_stage=LifecycleStage.ACTIVE if deleted_time is None else LifecycleStage.DELETED,
        artifact_uri=artifact_uri(run_id, experiment, uri, location, root),
    )


def _inputs(page: _Page, count: int) -> list[list[DatasetInput]]:
    tags: dict[tuple[int, int], list[InputTag]] = {}
    for row, dataset, key, value in page.rows("input_tags t", "t.run", "t.dataset, t.key, t.value", order="t.key"):
        tags.setdefault((row, dataset), []).append(InputTag(key, value))
    inputs: list[list[DatasetInput]] = [[] for _ in range(count)]
    for row, number, *columns in page.rows(
        "inputs i CROSS JOIN datasets d",
        "d.id = i.dataset AND i.run",
        "d.id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile",
        order="d.name, d.digest",
    ):
        inputs[row].append(DatasetInput(Dataset(*columns), tuple(tags.get((row, number), ()))))
    return inputs


def _models(page: _Page, count: int) -> tuple[list[list[LoggedModelInput]], list[list[LoggedModelOutput]]]:
    """What each run read, and what it made."""
    inputs: list[list[LoggedModelInput]] = [[] for _ in range(count)]
    outputs: list[list[LoggedModelOutput]] = [[] for _ in range(count)]
    for row, is_output, model_id, step in page.rows(
        "run_models o", "o.run", "o.is_output, o.model_id, o.step", order="o.model_id"
    ):
        if is_output:
            outputs[row].append(LoggedModelOutput(model_id, step))
        else:
            inputs[row].append(LoggedModelInput(model_id))
    return inputs, outputs
