"""Bodies about experiments."""

from __future__ import annotations

from runstone.wire.schemas.common import Answer, KeyValue, ListRequest, Request

__all__ = [
    "CreateExperiment",
    "DeleteExperimentTag",
    "Experiment",
    "ExperimentAnswer",
    "ExperimentId",
    "ExperimentIdAnswer",
    "ExperimentName",
    "Experiments",
    "SearchExperiments",
    "SetExperimentTag",
    "UpdateExperiment",
]


class Experiment(Answer, kw_only=True):
    """An experiment."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int | None = None
    creation_time: int | None = None
    tags: list[KeyValue] = []


class ExperimentAnswer(Answer, kw_only=True):
    """One experiment."""

    experiment: Experiment


class ExperimentIdAnswer(Answer, kw_only=True):
    """The id of a new experiment."""

    experiment_id: str


class Experiments(Answer, kw_only=True):
    """A page of experiments."""

    experiments: list[Experiment] = []
    next_page_token: str | None = None


class CreateExperiment(Request, kw_only=True):
    """A new experiment."""

    name: str
    artifact_location: str | None = None
    tags: list[KeyValue] = []


class ExperimentId(Request, kw_only=True):
    """Which experiment."""

    experiment_id: str


class ExperimentName(Request, kw_only=True):
    """Which experiment, by name."""

    experiment_name: str


class SearchExperiments(ListRequest, kw_only=True):
    """A search; 1.x's `list` sends the same without a filter."""

    max_results: int = 1000
    view_type: str | int | None = None


class UpdateExperiment(Request, kw_only=True):
    """A new name."""

    experiment_id: str
    new_name: str


class SetExperimentTag(Request, kw_only=True):
    """A tag of an experiment."""

    experiment_id: str
    key: str
    value: str = ""


class DeleteExperimentTag(Request, kw_only=True):
    """Which tag of an experiment."""

    experiment_id: str
    key: str
