"""How the rows about experiments are answered."""

from __future__ import annotations

from runstone.errors import NotFound
from runstone.tracking.base import Tracking
from runstone.wire import convert
from runstone.wire.schemas import experiments
from runstone.wire.schemas.common import Answer, Empty

__all__ = [
    "create_experiment",
    "delete_experiment",
    "delete_experiment_tag",
    "find_experiment",
    "get_experiment",
    "rename_experiment",
    "restore_experiment",
    "search_experiments",
    "set_experiment_tag",
]


def create_experiment(tracking: Tracking, request: experiments.CreateExperiment) -> Answer:
    experiment_id = tracking.create_experiment(
        request.name, artifact_location=request.artifact_location, tags=convert.texts(request.tags, "tag")
    )
    return experiments.ExperimentIdAnswer(experiment_id=experiment_id)


def get_experiment(tracking: Tracking, request: experiments.ExperimentId) -> Answer:
    return experiments.ExperimentAnswer(
        experiment=convert.experiment_body(tracking.get_experiment(request.experiment_id))
    )


def find_experiment(tracking: Tracking, request: experiments.ExperimentName) -> Answer:
    experiment = tracking.find_experiment(request.experiment_name)
    if experiment is None:
        raise NotFound(f"Could not find experiment with name '{request.experiment_name}'")
    return experiments.ExperimentAnswer(experiment=convert.experiment_body(experiment))


def search_experiments(tracking: Tracking, request: experiments.SearchExperiments) -> Answer:
    page = tracking.search_experiments(
        view=convert.view_of(request.view_type),
        filter_string=request.filter,
        order_by=request.order_by,
        max_results=request.max_results,
        page_token=request.page_token,
    )
    return experiments.Experiments(
        experiments=[convert.experiment_body(experiment) for experiment in page], next_page_token=page.token
    )


def rename_experiment(tracking: Tracking, request: experiments.UpdateExperiment) -> Answer:
    tracking.rename_experiment(request.experiment_id, request.new_name)
    return Empty()


def delete_experiment(tracking: Tracking, request: experiments.ExperimentId) -> Answer:
    tracking.delete_experiment(request.experiment_id)
    return Empty()


def restore_experiment(tracking: Tracking, request: experiments.ExperimentId) -> Answer:
    tracking.restore_experiment(request.experiment_id)
    return Empty()


def set_experiment_tag(tracking: Tracking, request: experiments.SetExperimentTag) -> Answer:
    tracking.set_experiment_tags(request.experiment_id, {request.key: request.value})
    return Empty()


def delete_experiment_tag(tracking: Tracking, request: experiments.DeleteExperimentTag) -> Answer:
    tracking.delete_experiment_tag(request.experiment_id, request.key)
    return Empty()
