"""Versions of registered models in SQL: functions over a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runstone.entities import ModelStage, ModelVersion
from runstone.stores import model_records as records
from runstone.stores.models import NewModelVersion
from runstone.stores.sql.conditions import Scope
from runstone.stores.sql.database import Transaction

__all__ = [
    "SCOPE",
    "by_ids",
    "create",
    "delete",
    "delete_tag",
    "get",
    "latest_ids",
    "model_number",
    "number",
    "set_description",
    "set_stage",
    "set_tags",
]

SCOPE = Scope(
    source="model_versions v JOIN registered_models m ON m.id = v.model",
    id="v.id",
    attributes={
        "name": "m.name",
        "version_number": "v.version",
        "current_stage": "v.stage",
        "run_id": "v.run_id",
        "model_id": "v.model_id",
        "source_path": "v.source",
        "description": "v.description",
        "user_id": "v.user_id",
        "creation_timestamp": "v.creation_time",
        "last_updated_timestamp": "v.last_update_time",
    },
    tags="model_version_tags",
    owner="model_version",
    default_order=(("m.name", False), ("v.version", True)),
)

_COLUMNS = (
    "v.id, m.id, m.name, v.version, v.creation_time, v.last_update_time, v.description, v.user_id, v.stage, "
    "v.source, v.storage_location, v.run_id, v.run_link, v.model_id"
)


def model_number(tx: Transaction, name: str) -> int:
    """The number of a registered model. Raises NotFound."""
    row = tx.row("SELECT id FROM registered_models WHERE name = ?", (name,))
    if row is None:
        raise records.registered_model_not_found(name)
    return int(row[0])


def number(tx: Transaction, name: str, version: int) -> int:
    """The number of a version's row. Raises NotFound."""
    row = tx.row(
        "SELECT v.id FROM model_versions v JOIN registered_models m ON m.id = v.model "
        "WHERE m.name = ? AND v.version = ?",
        (name, version),
    )
    if row is None:
        raise records.version_not_found(name, version)
    return int(row[0])


def get(tx: Transaction, name: str, version: int) -> ModelVersion:
    """The version. Raises NotFound."""
    return by_ids(tx, [number(tx, name, version)])[0]


def by_ids(tx: Transaction, ids: list[int]) -> list[ModelVersion]:
    """The versions of these row numbers, in their order: as many statements for one as for many."""
    argument = tx.dialect.list_argument(ids)
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM {tx.dialect.numbered_rows()} JOIN model_versions v ON v.id = page.id "
        "JOIN registered_models m ON m.id = v.model ORDER BY page.position",
        (argument,),
    )
    tags: dict[int, dict[str, str]] = {}
    for version, key, value in tx.rows(
        "SELECT model_version, key, value FROM model_version_tags "
        f"WHERE {tx.dialect.is_member('model_version')} ORDER BY model_version, key",
        (argument,),
    ):
        tags.setdefault(version, {})[key] = value
    aliases: dict[tuple[int, int], list[str]] = {}
    for model, version, alias in tx.rows(
        "SELECT model, version, alias FROM model_aliases "
        f"WHERE {tx.dialect.is_member('model')} ORDER BY model, version, alias",
        (tx.dialect.list_argument(sorted({row[1] for row in rows})),),
    ):
        aliases.setdefault((model, version), []).append(alias)
    return [
        ModelVersion(
            name=name,
            version=str(version),
            creation_timestamp=created,
            last_updated_timestamp=updated,
            description=description,
            user_id=user_id,
            current_stage=ModelStage(stage),
            source=source,
            storage_location=location,
            run_id=run_id,
            run_link=run_link,
            model_id=model_id,
            tags=tags.get(row, {}),
            aliases=tuple(aliases.get((model, version), ())),
        )
        for (
            row, model, name, version, created, updated, description, user_id, stage, source, location, run_id,
            run_link, model_id,
        ) in rows
    ]  # fmt: skip


def latest_ids(tx: Transaction, models: list[int], stages: Sequence[ModelStage] = ()) -> list[int]:
    """The row numbers of the newest version of each of these stages (none: of all) of these models, oldest first."""
    arguments = [tx.dialect.list_argument(models)]
    condition = tx.dialect.is_member("v.model")
    if stages:
        condition += f" AND v.stage IN ({', '.join('?' * len(stages))})"
        arguments += [stage.value for stage in stages]
    rows = tx.rows(
        f"SELECT v.id FROM model_versions v WHERE {condition} AND v.version = "
        "(SELECT max(w.version) FROM model_versions w WHERE w.model = v.model AND w.stage = v.stage) "
        "ORDER BY v.model, v.version",
        arguments,
    )
    return [row[0] for row in rows]


def create(tx: Transaction, new: NewModelVersion, now: int) -> ModelVersion:
    """Raises NotFound."""
    # The counter's row is locked from here on, so that two writers never get one number.
    counted = tx.row(
        "UPDATE registered_models SET last_version = last_version + 1, last_update_time = ? WHERE name = ? "
        "RETURNING id, last_version",
        (now, new.name),
    )
    if counted is None:
        raise records.registered_model_not_found(new.name)
    created = tx.row(
        "INSERT INTO model_versions (model, version, stage, description, user_id, source, storage_location, run_id, "
        "run_link, model_id, creation_time, last_update_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            *counted, ModelStage.NONE.value, new.description, new.user_id, new.source, new.storage_location,
            new.run_id, new.run_link, new.model_id, now, now,
        ),
    )  # fmt: skip
    assert created is not None
    _write_tags(tx, created[0], new.tags)
    return by_ids(tx, [created[0]])[0]


def set_description(tx: Transaction, name: str, version: int, description: str, now: int) -> ModelVersion:
    """Raises NotFound."""
    row = number(tx, name, version)
    tx.run("UPDATE model_versions SET description = ?, last_update_time = ? WHERE id = ?", (description, now, row))
    return by_ids(tx, [row])[0]


def set_stage(
    tx: Transaction, name: str, version: int, stage: ModelStage, archive_others: bool, now: int
) -> ModelVersion:
    """Raises NotFound."""
    row = number(tx, name, version)
    if archive_others:
        tx.run(
            "UPDATE model_versions SET stage = ?, last_update_time = ? WHERE model = ? AND stage = ? AND id <> ?",
            (ModelStage.ARCHIVED.value, now, model_number(tx, name), stage.value, row),
        )
    tx.run("UPDATE model_versions SET stage = ?, last_update_time = ? WHERE id = ?", (stage.value, now, row))
    _touch_model(tx, name, now)
    return by_ids(tx, [row])[0]


def delete(tx: Transaction, name: str, version: int, now: int) -> None:
    """Raises NotFound."""
    row = number(tx, name, version)
    tx.run("DELETE FROM model_version_tags WHERE model_version = ?", (row,))
    tx.run("DELETE FROM model_aliases WHERE model = ? AND version = ?", (model_number(tx, name), version))
    tx.run("DELETE FROM model_versions WHERE id = ?", (row,))
    _touch_model(tx, name, now)


def _touch_model(tx: Transaction, name: str, now: int) -> None:
    tx.run("UPDATE registered_models SET last_update_time = ? WHERE name = ?", (now, name))


def set_tags(tx: Transaction, name: str, version: int, tags: Mapping[str, str]) -> None:
    """Raises NotFound."""
    _write_tags(tx, number(tx, name, version), tags)


def _write_tags(tx: Transaction, row: int, tags: Mapping[str, str]) -> None:
    tx.run_many(
        "INSERT INTO model_version_tags (model_version, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (model_version, key) DO UPDATE SET value = excluded.value",
        [(row, key, value) for key, value in tags.items()],
    )


def delete_tag(tx: Transaction, name: str, version: int, key: str) -> None:
    """Raises NotFound for the version."""
    row = number(tx, name, version)
    tx.run("DELETE FROM model_version_tags WHERE model_version = ? AND key = ?", (row, key))
