"""Experiments in SQL: functions over a transaction."""

from __future__ import annotations

from collections.abc import Mapping

from runstone.entities import Experiment, LifecycleStage
from runstone.stores import records
from runstone.stores.sql.database import Row, Transaction
from runstone.validation import INT64_MAX

__all__ = [
    "active_experiment",
    "create",
    "delete_tag",
    "entities",
    "find",
    "get",
    "number",
    "rename",
    "set_stage",
    "set_tags",
]

COLUMNS = "e.id, e.name, e.artifact_location, e.creation_time, e.last_update_time, e.deleted_time"


def get(tx: Transaction, experiment_id: str, root: str) -> Experiment:
    """The experiment. Raises NotFound."""
    return entities(tx, [_row(tx, experiment_id)], root)[0]


def find(tx: Transaction, name: str, root: str) -> Experiment | None:
    """The experiment of that name, or None: the active one, else the newest of the deleted ones."""
    select = f"SELECT {COLUMNS} FROM experiments e WHERE name = ? AND deleted_time"
    row = tx.row(f"{select} IS NULL", (name,)) or tx.row(f"{select} IS NOT NULL ORDER BY id DESC LIMIT 1", (name,))
    return entities(tx, [row], root)[0] if row else None


def entities(tx: Transaction, rows: list[Row], root: str) -> list[Experiment]:
    """The experiments that rows of COLUMNS stand for; those without a location of their own lie below `root`."""
    tags: dict[int, dict[str, str]] = {row[0]: {} for row in rows}
    member = tx.dialect.is_member("experiment")
    argument = tx.dialect.list_argument(list(tags))
    for experiment, key, value in tx.rows(
        f"SELECT experiment, key, value FROM experiment_tags WHERE {member} ORDER BY experiment, key",
        (argument,),
    ):
        tags[experiment][key] = value
    return [
        Experiment(
            experiment_id=str(experiment),
            name=name,
            artifact_location=location or f"{root}/{experiment}",
            lifecycle_stage=LifecycleStage.ACTIVE if deleted is None else LifecycleStage.DELETED,
            tags=tags[experiment],
            creation_time=created,
            last_update_time=updated,
        )
        for experiment, name, location, created, updated, deleted in rows
    ]


def number(experiment_id: str) -> int:
    """The number that an id stands for; -1, which no experiment has, for a text that is no id of ours (`'01'`)."""
    found = int(experiment_id) if experiment_id.isascii() and experiment_id.isdigit() else -1
    return found if str(found) == experiment_id and found <= INT64_MAX else -1


def _row(tx: Transaction, experiment_id: str) -> Row:
    row = tx.row(f"SELECT {COLUMNS} FROM experiments e WHERE id = ?", (number(experiment_id),))
    if row is None:
        raise records.experiment_not_found(experiment_id)
    return row


def active_experiment(tx: Transaction, experiment_id: str) -> Row:
    """The row of an experiment that is not deleted. Raises NotFound and NotActive."""
    row = _row(tx, experiment_id)
    if row[5] is not None:
        raise records.experiment_deleted(experiment_id, row[1])
    return row


def _check_name_is_free(tx: Transaction, name: str) -> None:
    if _holder(tx, name) is not None:
        raise records.experiment_exists(name)


def _holder(tx: Transaction, name: str) -> int | None:
    """The active experiment of that name."""
    row = tx.row("SELECT id FROM experiments WHERE name = ? AND deleted_time IS NULL", (name,))
    return None if row is None else int(row[0])


def create(tx: Transaction, name: str, location: str | None, tags: Mapping[str, str], now: int) -> str:
    """Create one and return its id. Raises AlreadyExists."""
    _check_name_is_free(tx, name)
    row = tx.row(
        "INSERT INTO experiments (name, artifact_location, creation_time, last_update_time) VALUES (?, ?, ?, ?) "
        "RETURNING id",
        (name, location, now, now),
    )
    assert row is not None
    _write_tags(tx, row[0], tags)
    return str(row[0])


def rename(tx: Transaction, experiment_id: str, name: str, now: int) -> None:
    """Raises AlreadyExists and NotActive."""
    row = active_experiment(tx, experiment_id)
    if row[1] != name:
        _check_name_is_free(tx, name)
    tx.run("UPDATE experiments SET name = ?, last_update_time = ? WHERE id = ?", (name, now, row[0]))


def set_stage(tx: Transaction, experiment_id: str, stage: LifecycleStage, now: int) -> None:
    """Delete or restore an experiment and the runs that go with it. Raises AlreadyExists."""
    row = _row(tx, experiment_id)
    deletes = stage is LifecycleStage.DELETED
    if deletes == (row[5] is not None):
        return
    if not deletes and (holder := _holder(tx, row[1])) is not None:
        raise records.name_taken_meanwhile(experiment_id, row[1], str(holder))
    tx.run(
        "UPDATE experiments SET deleted_time = ?, last_update_time = ? WHERE id = ?",
        (now if deletes else None, now, row[0]),
    )
    affected = "deleted_time IS NULL" if deletes else "deleted_with_experiment"
    tx.run(
        "UPDATE runs SET deleted_time = ?, deleted_with_experiment = ?, revision = ? "
        f"WHERE experiment = ? AND {affected}",
        (now if deletes else None, deletes, tx.revision(), row[0]),
    )


def set_tags(tx: Transaction, experiment_id: str, tags: Mapping[str, str], now: int) -> None:
    """Raises NotActive."""
    row = active_experiment(tx, experiment_id)
    _write_tags(tx, row[0], tags)
    _touch(tx, row[0], now)


def _write_tags(tx: Transaction, experiment: int, tags: Mapping[str, str]) -> None:
    tx.run_many(
        "INSERT INTO experiment_tags (experiment, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value",
        [(experiment, key, value) for key, value in tags.items()],
    )


def delete_tag(tx: Transaction, experiment_id: str, key: str, now: int) -> None:
    """Raises NotFound and NotActive."""
    row = active_experiment(tx, experiment_id)
    if not tx.run("DELETE FROM experiment_tags WHERE experiment = ? AND key = ?", (row[0], key)):
        raise records.tag_not_found(f"experiment '{experiment_id}'", key)
    _touch(tx, row[0], now)


def _touch(tx: Transaction, experiment: int, now: int) -> None:
    tx.run("UPDATE experiments SET last_update_time = ? WHERE id = ?", (now, experiment))
