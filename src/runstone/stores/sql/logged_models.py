"""Logged models, and which runs read and made them, in SQL: functions over a transaction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from runstone.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, ModelMetric
from runstone.stores import model_records as records
from runstone.stores.models import LoggedModelQuery, NewLoggedModel
from runstone.stores.sql import experiments, runs
from runstone.stores.sql.conditions import LOCATION, Scope
from runstone.stores.sql.database import Row, Transaction
from runstone.stores.sql.search import Search, find_page
from runstone.validation import param_number

__all__ = [
    "by_ids",
    "check_metrics",
    "create",
    "delete",
    "delete_tag",
    "get",
    "lock",
    "log_inputs",
    "log_outputs",
    "log_params",
    "record_metrics",
    "search",
    "set_status",
    "set_tags",
]

_SCOPE = Scope(
    source="logged_models l JOIN experiments e ON e.id = l.experiment",
    id="l.id",
    attributes={
        "model_id": "l.model_id",
        "name": "l.name",
        "model_type": "l.model_type",
        "status": "l.status",
        "source_run_id": "l.source_run_id",
        "experiment_id": "CAST(l.experiment AS TEXT)",
        "artifact_location": f"COALESCE(l.artifact_location, {LOCATION} || '/models/' || l.model_id || '/artifacts')",
        "creation_timestamp": "l.creation_time",
        "last_updated_timestamp": "l.last_update_time",
    },
    tags="logged_model_tags",
    params="logged_model_params",
    metrics="logged_model_metrics",
    owner="model",
    default_order=(("l.creation_time", True), ("l.model_id", False)),
)

_COLUMNS = (
    "l.id, l.model_id, l.experiment, l.name, l.model_type, l.source_run_id, l.status, l.artifact_location, "
    "l.creation_time, l.last_update_time, e.artifact_location"
)


def create(tx: Transaction, new: NewLoggedModel, root: str, now: int) -> LoggedModel:
    """Raises NotFound, NotActive and AlreadyExists."""
    experiment = experiments.active_experiment(tx, new.experiment_id)[0]
    row = tx.row(
        "INSERT INTO logged_models (model_id, experiment, name, model_type, source_run_id, status, "
        "artifact_location, creation_time, last_update_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (model_id) DO NOTHING RETURNING id",
        (
            new.model_id, experiment, new.name, new.model_type, new.source_run_id, LoggedModelStatus.PENDING.value,
            new.artifact_location, now, now,
        ),
    )  # fmt: skip
    if row is None:
        raise records.logged_model_exists(new.model_id)
    _insert_params(tx, row[0], new.params)
    _write_tags(tx, row[0], new.tags)
    return by_ids(tx, [row[0]], root)[0]


def _number(tx: Transaction, model_id: str) -> int:
    row = tx.row("SELECT id FROM logged_models WHERE model_id = ? AND deleted_time IS NULL", (model_id,))
    if row is None:
        raise records.logged_model_not_found(model_id)
    return int(row[0])


def lock(tx: Transaction, model_id: str) -> None:
    """Let no other transaction that locks this model write to it before the end of this one."""
    if tx.dialect.has_row_locks:
        tx.rows("SELECT id FROM logged_models WHERE model_id = ? FOR UPDATE", (model_id,))


def get(tx: Transaction, model_id: str, root: str) -> LoggedModel:
    """The model, which is not deleted. Raises NotFound."""
    return by_ids(tx, [_number(tx, model_id)], root)[0]


def by_ids(tx: Transaction, ids: list[int], root: str) -> list[LoggedModel]:
    """The models of these numbers, in their order: as many statements for one as for many."""
    argument = tx.dialect.list_argument(ids)
    among = tx.dialect.is_member("model")
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM {tx.dialect.numbered_rows()} JOIN logged_models l ON l.id = page.id "
        "JOIN experiments e ON e.id = l.experiment ORDER BY page.position",
        (argument,),
    )
    params, tags = (
        _texts(tx.rows(f"SELECT model, key, value FROM {table} WHERE {among} ORDER BY model, key", (argument,)))
        for table in ("logged_model_params", "logged_model_tags")
    )
    metrics: dict[int, list[ModelMetric]] = {}
    for row in tx.rows(
        "SELECT l.id, l.model_id, f.key, f.value, f.timestamp, f.step, f.run_id, f.dataset_name, f.dataset_digest "
        f"FROM logged_model_metrics f JOIN logged_models l ON l.id = f.model WHERE {among} "
        "ORDER BY f.model, f.key, f.dataset_name, f.dataset_digest",
        (argument,),
    ):
        metrics.setdefault(row[0], []).append(_metric(row))
    return [
        LoggedModel(
            model_id=model_id,
            experiment_id=str(experiment),
            name=name,
            artifact_location=own_location or f"{location or f'{root}/{experiment}'}/models/{model_id}/artifacts",
            creation_timestamp=created,
            last_updated_timestamp=updated,
            model_type=model_type,
            source_run_id=source_run_id,
            status=LoggedModelStatus(status),
            params=params.get(number, {}),
            tags=tags.get(number, {}),
            metrics=tuple(metrics.get(number, ())),
        )
        for (
            number, model_id, experiment, name, model_type, source_run_id, status, own_location, created, updated,
            location,
        ) in rows
    ]  # fmt: skip


def _texts(rows: list[Row]) -> dict[int, dict[str, str]]:
    texts: dict[int, dict[str, str]] = {}
    for model, key, value in rows:
        texts.setdefault(model, {})[key] = value
    return texts


def _metric(row: Row) -> ModelMetric:
    _, model_id, key, value, timestamp, step, run_id, dataset_name, dataset_digest = row
    return ModelMetric(
        model_id=model_id,
        key=key,
        value=math.nan if value is None else value,
        timestamp=timestamp,
        step=step,
        run_id=run_id,
        dataset_name=dataset_name,
        dataset_digest=dataset_digest,
    )


def search(tx: Transaction, query: LoggedModelQuery, root: str) -> tuple[list[LoggedModel], str | None]:
    """A page of models and the next token. Raises InvalidInput for a token that is not of this query."""
    found = Search(_SCOPE, tx.dialect, root)
    found.conditions.where(
        tx.dialect.is_member("l.experiment"),
        tx.dialect.list_argument([experiments.number(one) for one in query.experiment_ids]),
    )
    found.conditions.where("l.deleted_time IS NULL")
    found.conditions.where_on_datasets(query.datasets)
    ids, token = find_page(found, tx, query)
    return by_ids(tx, ids, root), token


def set_status(tx: Transaction, model_id: str, status: LoggedModelStatus, root: str, now: int) -> LoggedModel:
    """Raises NotFound."""
    number = _number(tx, model_id)
    tx.run("UPDATE logged_models SET status = ?, last_update_time = ? WHERE id = ?", (status.value, now, number))
    return by_ids(tx, [number], root)[0]


def delete(tx: Transaction, model_id: str, now: int) -> None:
    """Raises NotFound for an id that never was."""
    if not tx.run(
        "UPDATE logged_models SET deleted_time = coalesce(deleted_time, ?) WHERE model_id = ?", (now, model_id)
    ):
        raise records.logged_model_not_found(model_id)


def set_tags(tx: Transaction, model_id: str, tags: Mapping[str, str]) -> None:
    """Raises NotFound."""
    _write_tags(tx, _number(tx, model_id), tags)


def _write_tags(tx: Transaction, model: int, tags: Mapping[str, str]) -> None:
    tx.run_many(
        "INSERT INTO logged_model_tags (model, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
        [(model, key, value) for key, value in tags.items()],
    )


def delete_tag(tx: Transaction, model_id: str, key: str) -> None:
    """Raises NotFound, also for the tag."""
    if not tx.run("DELETE FROM logged_model_tags WHERE model = ? AND key = ?", (_number(tx, model_id), key)):
        raise records.model_tag_not_found(model_id, key)


def log_params(tx: Transaction, model_id: str, params: Mapping[str, str]) -> None:
    """Raises NotFound and ParamChanged."""
    model = _number(tx, model_id)
    known: dict[str, str] = dict(tx.rows("SELECT key, value FROM logged_model_params WHERE model = ?", (model,)))
    for key, value in params.items():
        if known.get(key, value) != value:
            raise records.model_param_changed(model_id, key, known[key], value)
    _insert_params(tx, model, {key: value for key, value in params.items() if key not in known})


def _insert_params(tx: Transaction, model: int, params: Mapping[str, str]) -> None:
    tx.run_many(
        "INSERT INTO logged_model_params (model, key, value, number) VALUES (?, ?, ?, ?)",
        [(model, key, value, param_number(value)) for key, value in params.items()],
    )


def check_metrics(tx: Transaction, metrics: Sequence[ModelMetric]) -> None:
    """Raises NotFound for figures of an unknown model."""
    for model_id in {metric.model_id for metric in metrics}:
        _number(tx, model_id)


def record_metrics(tx: Transaction, metrics: Sequence[ModelMetric]) -> None:
    """Keep the latest figure of each key and dataset."""
    numbers = {model_id: _number(tx, model_id) for model_id in {metric.model_id for metric in metrics}}
    tx.run_many(
        "INSERT INTO logged_model_metrics (model, key, dataset_name, dataset_digest, value, timestamp, step, run_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model, key, dataset_name, dataset_digest) DO UPDATE SET "
        "value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, run_id = excluded.run_id "
        "WHERE (excluded.timestamp, excluded.step) >= (logged_model_metrics.timestamp, logged_model_metrics.step)",
        [
            (
                numbers[one.model_id], one.key, one.dataset_name, one.dataset_digest,
                None if math.isnan(one.value) else one.value, one.timestamp, one.step, one.run_id,
            )
            for one in metrics
        ],
    )  # fmt: skip


def log_inputs(tx: Transaction, run_id: str, model_ids: Sequence[str]) -> None:
    """Raises NotFound and NotActive."""
    _link(tx, run_id, [(False, model_id, 0) for model_id in model_ids])


def log_outputs(tx: Transaction, run_id: str, outputs: Sequence[LoggedModelOutput]) -> None:
    """Raises NotFound and NotActive."""
    _link(tx, run_id, [(True, output.model_id, output.step) for output in outputs])


def _link(tx: Transaction, run_id: str, links: Sequence[tuple[bool, str, int]]) -> None:
    run = runs.touch(tx, run_id)
    tx.run_many(
        "INSERT INTO run_models (run, is_output, model_id, step) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (run, is_output, model_id) DO UPDATE SET step = excluded.step",
        [(run, *link) for link in links],
    )
