"""The model registry in a folder of MLflow's file store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runstone.entities import ModelVersion, ModelVersionStatus, RegisteredModel
from runstone.exchange import mlflow_words
from runstone.exchange.mlflow_files import Problems, Yaml, folders_in, read_texts
from runstone.exchange.source import RegistryEntry

__all__ = ["read_registry"]


def read_registry(root: Path, yaml: Yaml, problems: Problems) -> Iterator[RegistryEntry]:
    """The registered models below the folder `models`."""
    for folder in folders_in(root):
        facts = yaml.read(folder / "meta.yaml")
        if facts is None:
            continue
        versions = [_version(one, yaml, problems) for one in folders_in(folder) if one.name.startswith("version-")]
        model = RegisteredModel(
            name=str(facts["name"]),
            creation_timestamp=facts["creation_timestamp"],
            last_updated_timestamp=facts.get("last_updated_timestamp") or facts["creation_timestamp"],
            description=facts.get("description") or "",
            tags=read_texts(folder / "tags", problems),
            aliases=read_texts(folder / "aliases", problems),
        )
        yield RegistryEntry(
            model=model,
            versions=sorted((one for one in versions if one is not None), key=lambda one: int(one.version)),
        )


def _version(folder: Path, yaml: Yaml, problems: Problems) -> ModelVersion | None:
    facts: dict[str, Any] | None = yaml.read(folder / "meta.yaml")
    if facts is None or facts.get("current_stage") == mlflow_words.DELETED_VERSION:
        return None
    source = facts.get("source") or ""
    return ModelVersion(
        name=str(facts["name"]),
        version=str(facts["version"]),
        creation_timestamp=facts["creation_timestamp"],
        last_updated_timestamp=facts.get("last_updated_timestamp") or facts["creation_timestamp"],
        description=facts.get("description") or "",
        user_id=facts.get("user_id") or "",
        current_stage=mlflow_words.model_stage(facts.get("current_stage")),
        source=source,
        storage_location=facts.get("storage_location") or source,
        run_id=facts.get("run_id") or "",
        run_link=facts.get("run_link") or "",
        model_id=facts.get("model_id") or mlflow_words.model_id_of(source),
        status=ModelVersionStatus(facts.get("status") or "READY"),
        status_message=facts.get("status_message") or "",
        tags=read_texts(folder / "tags", problems),
    )
