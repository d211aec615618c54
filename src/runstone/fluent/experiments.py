"""Experiments, and which of them new runs belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runstone import settings
from runstone.client import Client
from runstone.context.databricks import notebook_id
from runstone.entities import Experiment, LifecycleStage, ViewType
from runstone.errors import AlreadyExists, InvalidInput, NotActive
from runstone.fluent.choices import choices, say
from runstone.tracking.pages import all_pages

__all__ = [
    "create_experiment",
    "delete_experiment",
    "delete_experiment_tag",
    "experiment_of_new_runs",
    "get_experiment",
    "get_experiment_by_name",
    "restore_experiment",
    "search_experiments",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
]

DEFAULT_EXPERIMENT_ID = "0"


def set_experiment(experiment_name: str | None = None, experiment_id: str | int | None = None) -> Experiment:
    """Record new runs in this experiment, by name (created, and said so, where it is missing) or by id.

    A deleted experiment's name is free: a new one is created under it. Raises NotActive for the id of a deleted one,
    saying how to restore it, and NotFound for an unknown id.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidInput("set_experiment takes a name or an id: exactly one of experiment_name and experiment_id")
    client = choices.client()
    if experiment_name is not None:
        experiment = _find_or_create(client, experiment_name)
    elif experiment_id is not None:
        experiment = client.get_experiment(experiment_id)
    _check_active(experiment)
    choices.choose_experiment(experiment)
    return experiment


def _find_or_create(client: Client, name: str) -> Experiment:
    experiment = client.get_experiment_by_name(name)
    if experiment is not None and experiment.lifecycle_stage is not LifecycleStage.DELETED:
        return experiment
    deleted = experiment
    try:
        experiment_id = client.create_experiment(name)
    except AlreadyExists:
        # Another process has created it since we looked.
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise
        return experiment
    why = f"was deleted (id {deleted.experiment_id})" if deleted else "did not exist"
    say(f"experiment '{name}' {why}; created it with the id {experiment_id}")
    return client.get_experiment(experiment_id)


def _check_active(experiment: Experiment) -> None:
    if experiment.lifecycle_stage is LifecycleStage.DELETED:
        raise NotActive(
            f"Cannot set a deleted experiment '{experiment.name}' as the active experiment; restore it with "
            f"`runstone experiments restore {experiment.experiment_id}` or "
            f"Client().restore_experiment('{experiment.experiment_id}'), or choose another name"
        )


def experiment_of_new_runs(client: Client) -> str:
    """The id: of set_experiment, else of the environment by name, by id, else of the Databricks notebook, else "0"."""
    if choices.experiment_id is not None:
        return choices.experiment_id
    name = settings.EXPERIMENT_NAME.get()
    if name:
        experiment = _find_or_create(client, name)
        _check_active(experiment)
        return experiment.experiment_id
    return settings.EXPERIMENT_ID.get() or notebook_id() or DEFAULT_EXPERIMENT_ID


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Create an experiment and return its id. Raises AlreadyExists."""
    return choices.client().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str | int) -> Experiment:
    """The experiment, deleted or not. Raises NotFound."""
    return choices.client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment of that name, deleted or not, or None."""
    return choices.client().get_experiment_by_name(name)


def search_experiments(
    view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """All experiments that match, or the first `max_results`; the newest first unless `order_by` says otherwise."""
    client = choices.client()
    pages = all_pages(
        lambda size, token: client.search_experiments(view_type, size, filter_string, order_by, token),
        max_results,
    )
    return [experiment for page in pages for experiment in page]


def delete_experiment(experiment_id: str | int) -> None:
    """Mark an experiment and its runs as deleted; its name is free again."""
    choices.client().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str | int) -> None:
    """Undo a deletion, also of the runs deleted with it."""
    choices.client().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the active experiment."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the active experiment, all or none."""
    client = choices.client()
    client.tracking.set_experiment_tags(experiment_of_new_runs(client), tags)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the active experiment. Raises NotFound where there is no such tag."""
    client = choices.client()
    client.delete_experiment_tag(experiment_of_new_runs(client), key)
