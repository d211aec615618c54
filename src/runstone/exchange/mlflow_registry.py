"""The model registry in a database of MLflow, of versions 1.x to 3.x. Knows no connection: it is handed a select."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from runstone.entities import ModelVersion, ModelVersionStatus, RegisteredModel
from runstone.exchange import mlflow_words
from runstone.exchange.source import RegistryEntry

__all__ = ["read_registry"]

Select = Callable[..., list[tuple[Any, ...]]]
Locate = Callable[[str | None], str]


def read_registry(select: Select, locate: Locate) -> Iterator[RegistryEntry]:
    """The registered models with their versions.

    `select(table, columns, rest)` gives rows, with None for what the database lacks; `locate` makes paths absolute.
    """
    tags = _by_owner(select("registered_model_tags", ("name", "key", "value")))
    aliases = _by_owner(select("registered_model_aliases", ("name", "alias", "version")))
    versions = _versions(select, locate)
    for name, created, updated, description in select(
        "registered_models", ("name", "creation_time", "last_updated_time", "description"), "ORDER BY name"
    ):
        its_aliases = {alias: str(version) for alias, version in aliases.get(name, {}).items()}
        model = RegisteredModel(
            name=name,
            creation_timestamp=created,
            last_updated_timestamp=updated or created,
            description=description or "",
            tags={key: value or "" for key, value in tags.get(name, {}).items()},
            aliases=its_aliases,
        )
        yield RegistryEntry(model=model, versions=versions.get(name, []))


def _versions(select: Select, locate: Locate) -> dict[str, list[ModelVersion]]:
    tags: dict[tuple[str, int], dict[str, str]] = {}
    for name, number, key, value in select("model_version_tags", ("name", "version", "key", "value")):
        tags.setdefault((name, number), {})[key] = value or ""
    found: dict[str, list[ModelVersion]] = {}
    for row in select(
        "model_versions",
        (
            "name", "version", "creation_time", "last_updated_time", "description", "user_id", "current_stage",
            "source", "storage_location", "run_id", "run_link", "status", "status_message",
        ),
        "ORDER BY name, version",
    ):  # fmt: skip
        name, number, created, updated, text, user, stage, source, location, run_id, link, status, message = row
        if stage == mlflow_words.DELETED_VERSION:
            continue
        version = ModelVersion(
            name=name,
            version=str(number),
            creation_timestamp=created,
            last_updated_timestamp=updated or created,
            description=text or "",
            user_id=user or "",
            current_stage=mlflow_words.model_stage(stage),
            source=source or "",
            storage_location=locate(location or source),
            run_id=run_id or "",
            run_link=link or "",
            model_id=mlflow_words.model_id_of(source),
            status=ModelVersionStatus(status or "READY"),
            status_message=message or "",
            tags=tags.get((name, number), {}),
        )
        found.setdefault(name, []).append(version)
    return found


def _by_owner(rows: list[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for owner, key, value in rows:
        found.setdefault(owner, {})[key] = value
    return found
