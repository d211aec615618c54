"""Registered models and their aliases in SQL: functions over a transaction. Versions are in `model_versions`."""

from __future__ import annotations

from collections.abc import Mapping

from runstone.entities import ModelVersion, RegisteredModel
from runstone.entities.access import Resource
from runstone.stores import model_records as records
from runstone.stores.sql import model_versions
from runstone.stores.sql.conditions import Scope
from runstone.stores.sql.database import Row, Transaction

__all__ = [
    "SCOPE",
    "by_ids",
    "create",
    "delete",
    "delete_alias",
    "delete_tag",
    "find_alias",
    "get",
    "rename",
    "set_alias",
    "set_description",
    "set_tags",
]

SCOPE = Scope(
    source="registered_models m",
    id="m.id",
    attributes={
        "name": "m.name",
        "description": "m.description",
        "creation_timestamp": "m.creation_time",
        "last_updated_timestamp": "m.last_update_time",
    },
    tags="registered_model_tags",
    owner="model",
    default_order=(("m.name", False),),
)


def create(tx: Transaction, name: str, description: str, tags: Mapping[str, str], now: int) -> RegisteredModel:
    """Raises AlreadyExists."""
    row = tx.row(
        "INSERT INTO registered_models (name, description, last_version, creation_time, last_update_time) "
        "VALUES (?, ?, 0, ?, ?) ON CONFLICT (name) DO NOTHING RETURNING id",
        (name, description, now, now),
    )
    if row is None:
        raise records.registered_model_exists(name)
    _write_tags(tx, row[0], tags)
    return get(tx, name)


def get(tx: Transaction, name: str) -> RegisteredModel:
    """The model with its newest versions. Raises NotFound."""
    return by_ids(tx, [model_versions.model_number(tx, name)])[0]


def by_ids(tx: Transaction, ids: list[int]) -> list[RegisteredModel]:
    """The models of these numbers, in their order: as many statements for one as for many."""
    argument = tx.dialect.list_argument(ids)
    page = tx.dialect.numbered_rows()
    rows = tx.rows(
        "SELECT m.id, m.name, m.description, m.creation_time, m.last_update_time "
        f"FROM {page} JOIN registered_models m ON m.id = page.id ORDER BY page.position",
        (argument,),
    )
    among = tx.dialect.is_member("model")
    tags = _texts(
        tx.rows(f"SELECT model, key, value FROM registered_model_tags WHERE {among} ORDER BY model, key", (argument,))
    )
    aliases = _texts(
        tx.rows(f"SELECT model, alias, version FROM model_aliases WHERE {among} ORDER BY model, alias", (argument,))
    )
    latest = _latest_versions(tx, ids)
    return [
        RegisteredModel(
            name=name,
            creation_timestamp=created,
            last_updated_timestamp=updated,
            description=description,
            latest_versions=tuple(latest.get(name, ())),
            tags=tags.get(number, {}),
            aliases=aliases.get(number, {}),
        )
        for number, name, description, created, updated in rows
    ]


def _texts(rows: list[Row]) -> dict[int, dict[str, str]]:
    texts: dict[int, dict[str, str]] = {}
    for model, key, value in rows:
        texts.setdefault(model, {})[key] = str(value)
    return texts


def _latest_versions(tx: Transaction, ids: list[int]) -> dict[str, list[ModelVersion]]:
    latest: dict[str, list[ModelVersion]] = {}
    for version in model_versions.by_ids(tx, model_versions.latest_ids(tx, ids)):
        latest.setdefault(version.name, []).append(version)
    return latest


def rename(tx: Transaction, name: str, new_name: str, now: int) -> RegisteredModel:
    """Raises NotFound and AlreadyExists."""
    number = model_versions.model_number(tx, name)
    if new_name != name and tx.row("SELECT 1 FROM registered_models WHERE name = ?", (new_name,)):
        raise records.registered_model_exists(new_name)
    tx.run("UPDATE registered_models SET name = ?, last_update_time = ? WHERE id = ?", (new_name, now, number))
    return get(tx, new_name)


def set_description(tx: Transaction, name: str, description: str, now: int) -> RegisteredModel:
    """Raises NotFound."""
    tx.run(
        "UPDATE registered_models SET description = ?, last_update_time = ? WHERE id = ?",
        (description, now, model_versions.model_number(tx, name)),
    )
    return get(tx, name)


def delete(tx: Transaction, name: str) -> None:
    """Raises NotFound."""
    number = model_versions.model_number(tx, name)
    tx.run(
        "DELETE FROM model_version_tags WHERE model_version IN (SELECT id FROM model_versions WHERE model = ?)",
        (number,),
    )
    for table in ("model_versions", "model_aliases", "registered_model_tags"):
        tx.run(f"DELETE FROM {table} WHERE model = ?", (number,))
    tx.run("DELETE FROM grants WHERE resource = ? AND thing = ?", (Resource.REGISTERED_MODEL.value, number))
    tx.run("DELETE FROM registered_models WHERE id = ?", (number,))


def set_tags(tx: Transaction, name: str, tags: Mapping[str, str]) -> None:
    """Raises NotFound."""
    _write_tags(tx, model_versions.model_number(tx, name), tags)


def _write_tags(tx: Transaction, model: int, tags: Mapping[str, str]) -> None:
    tx.run_many(
        "INSERT INTO registered_model_tags (model, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
        [(model, key, value) for key, value in tags.items()],
    )


def delete_tag(tx: Transaction, name: str, key: str) -> None:
    """Raises NotFound for the model."""
    number = model_versions.model_number(tx, name)
    tx.run("DELETE FROM registered_model_tags WHERE model = ? AND key = ?", (number, key))


def set_alias(tx: Transaction, name: str, alias: str, version: int) -> None:
    """Raises NotFound."""
    model_versions.number(tx, name, version)
    tx.run(
        "INSERT INTO model_aliases (model, alias, version) VALUES (?, ?, ?) "
        "ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version",
        (model_versions.model_number(tx, name), alias, version),
    )


def delete_alias(tx: Transaction, name: str, alias: str) -> None:
    """Raises NotFound for the model."""
    number = model_versions.model_number(tx, name)
    tx.run("DELETE FROM model_aliases WHERE model = ? AND alias = ?", (number, alias))


def find_alias(tx: Transaction, name: str, alias: str) -> int:
    """The version an alias leads to. Raises NotFound for the model, InvalidInput for the alias."""
    number = model_versions.model_number(tx, name)
    row = tx.row("SELECT version FROM model_aliases WHERE model = ? AND alias = ?", (number, alias))
    if row is None:
        raise records.alias_not_found(name, alias)
    return int(row[0])
