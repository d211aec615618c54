"""Messages of refusals about models, which every store shares. MLflow's clients look at some of the words."""

from __future__ import annotations

from runstone.errors import AlreadyExists, InvalidInput, NotFound, ParamChanged

__all__ = [
    "alias_not_found",
    "logged_model_exists",
    "logged_model_not_found",
    "model_param_changed",
    "model_tag_not_found",
    "registered_model_exists",
    "registered_model_not_found",
    "version_not_found",
]


def registered_model_not_found(name: str) -> NotFound:
    """No registered model has this name."""
    return NotFound(f"Registered Model with name={name} not found")


def registered_model_exists(name: str) -> AlreadyExists:
    """The name is taken."""
    return AlreadyExists(f"Registered Model (name={name}) already exists.")


def version_not_found(name: str, version: int) -> NotFound:
    """The model, if there is one, has no such version."""
    return NotFound(f"Model Version (name={name}, version={version}) not found")


def alias_not_found(name: str, alias: str) -> InvalidInput:
    """The model has no such alias. Not a NotFound: MLflow answers this one as a bad value, and callers rely on it."""
    return InvalidInput(f"Registered model alias {alias} not found. The model '{name}' has no such alias")


def logged_model_not_found(model_id: str) -> NotFound:
    """No logged model has this id, or it is deleted."""
    return NotFound(f"Logged model with ID '{model_id}' not found.")


def logged_model_exists(model_id: str) -> AlreadyExists:
    """The id is taken."""
    return AlreadyExists(f"A logged model with the ID '{model_id}' already exists")


def model_tag_not_found(model_id: str, key: str) -> NotFound:
    """The logged model has no such tag."""
    return NotFound(f"No tag with key '{key}' found for model with ID '{model_id}'.")


def model_param_changed(model_id: str, key: str, old: str, new: str) -> ParamChanged:
    """A param keeps its first value."""
    return ParamChanged(
        f"Changing param values is not allowed: param '{key}' of the model '{model_id}' was logged as {old[:200]!r}, "
        f"and cannot become {new[:200]!r}; log another model"
    )
