"""Models by the process's tracking URI: registering, searching, logged models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runstone.entities import LoggedModel, ModelVersion, RegisteredModel
from runstone.fluent.choices import choices
from runstone.registry import find_model, register

__all__ = [
    "get_logged_model",
    "register_model",
    "search_model_versions",
    "search_registered_models",
    "set_model_version_tag",
]

_PAGE = 100


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = 300,
    *,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Make a model the newest version of a name, which is registered where it is missing.

    It is ready at once: `await_registration_for` is taken for MLflow's sake.
    """
    tracking = choices.client().tracking
    place = find_model(tracking, model_uri)
    source = f"models:/{place.model_id}" if place.model_id and model_uri.startswith("runs:") else model_uri
    return register(tracking, name, source, run_id=place.run_id, model_id=place.model_id, tags=tags)


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[RegisteredModel]:
    """All registered models that fit, or the first `max_results`. Raises FilterError."""
    client = choices.client()
    found: list[RegisteredModel] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        most = _PAGE if max_results is None else min(_PAGE, max_results - len(found))
        page = client.search_registered_models(filter_string, most, order_by, token)
        found.extend(page)
        token = page.token
        if not token:
            break
    return found


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[ModelVersion]:
    """All versions that fit, or the first `max_results`. Raises FilterError."""
    client = choices.client()
    found: list[ModelVersion] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        most = _PAGE if max_results is None else min(_PAGE, max_results - len(found))
        page = client.search_model_versions(filter_string, most, order_by, token)
        found.extend(page)
        token = page.token
        if not token:
            break
    return found


def set_model_version_tag(
    name: str, version: str | int | None = None, key: str | None = None, value: Any = None
) -> None:
    """Set a tag of a version; others stay."""
    choices.client().set_model_version_tag(name, version, key, value)


def get_logged_model(model_id: str) -> LoggedModel:
    """The model with all its data. Raises NotFound."""
    return choices.client().get_logged_model(model_id)
