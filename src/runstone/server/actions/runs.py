"""How the rows about runs, and about what they record, are answered."""

from __future__ import annotations

import json

import numpy as np

from runstone.entities import LoggedModelInput
from runstone.errors import InvalidInput
from runstone.series.points import MetricBatch, Points
from runstone.stores.base import Write
from runstone.tracking.base import Tracking
from runstone.wire import convert, convert_models
from runstone.wire.schemas import runs
from runstone.wire.schemas.common import Answer, Empty

__all__ = [
    "create_run",
    "delete_run",
    "delete_tag",
    "get_history",
    "get_history_bulk",
    "get_history_bulk_interval",
    "get_run",
    "list_artifacts",
    "log_inputs",
    "log_metric",
    "log_model",
    "log_outputs",
    "log_param",
    "restore_run",
    "search_runs",
    "set_tag",
    "update_run",
]

HISTORY_PAGE = 25_000
"""The most points in one answer of a history, as MLflow has it."""


def create_run(tracking: Tracking, request: runs.CreateRun) -> Answer:
    run = tracking.create_run(
        request.experiment_id,
        run_id=request.run_id,
        run_name=request.run_name,
        start_time=request.start_time,
        user_id=request.user_id,
        tags=convert.texts(request.tags, "tag"),
    )
    return runs.RunAnswer(run=convert.run_body(run))


def get_run(tracking: Tracking, request: runs.RunId) -> Answer:
    return runs.RunAnswer(run=convert.run_body(tracking.get_run(convert.run_id_of(request))))


def update_run(tracking: Tracking, request: runs.UpdateRun) -> Answer:
    run_id = convert.run_id_of(request)
    tracking.update_run(
        run_id, status=convert.status_of(request.status), end_time=request.end_time, run_name=request.run_name
    )
    return runs.RunInfoAnswer(run_info=convert.run_info_body(tracking.get_run(run_id).info))


def delete_run(tracking: Tracking, request: runs.RunId) -> Answer:
    tracking.delete_run(convert.run_id_of(request))
    return Empty()


def restore_run(tracking: Tracking, request: runs.RunId) -> Answer:
    tracking.restore_run(convert.run_id_of(request))
    return Empty()


def search_runs(tracking: Tracking, request: runs.SearchRuns) -> Answer:
    page = tracking.search_runs(
        request.experiment_ids,
        filter_string=request.filter,
        view=convert.view_of(request.run_view_type),
        order_by=request.order_by,
        max_results=request.max_results,
        page_token=request.page_token,
    )
    return runs.Runs(runs=[convert.run_body(run) for run in page], next_page_token=page.token)


# -- what a run records


def log_metric(tracking: Tracking, request: runs.LogMetric) -> Answer:
    point = runs.Metric(request.key, request.value, request.timestamp, request.step)
    run_id = convert.run_id_of(request)
    metrics = convert.metric_entities([point])
    if request.model_id is None:
        tracking.log_batch(run_id, metrics=metrics)
        return Empty()
    batch = MetricBatch.of_metrics(metrics)
    figures = convert_models.model_metrics([request], run_id)
    (error,) = tracking.log_batches([Write(run_id=run_id, metrics=batch, model_metrics=figures)])
    if error is not None:
        raise error
    return Empty()


def log_param(tracking: Tracking, request: runs.LogParam) -> Answer:
    tracking.log_batch(convert.run_id_of(request), params={request.key: request.value})
    return Empty()


def set_tag(tracking: Tracking, request: runs.SetTag) -> Answer:
    tracking.log_batch(convert.run_id_of(request), tags={request.key: request.value})
    return Empty()


def delete_tag(tracking: Tracking, request: runs.DeleteTag) -> Answer:
    tracking.delete_tag(convert.run_id_of(request), request.key)
    return Empty()


def log_model(tracking: Tracking, request: runs.LogModel) -> Answer:
    try:
        description = json.loads(request.model_json)
    except ValueError as error:
        raise InvalidInput(f"Malformed model info in parameter 'model_json': it is no JSON ({error})") from None
    if not isinstance(description, dict):
        raise InvalidInput("Malformed model info in parameter 'model_json': expected a JSON object")
    tracking.record_logged_model(convert.run_id_of(request), description)
    return Empty()


def log_inputs(tracking: Tracking, request: runs.LogInputs) -> Answer:
    run_id = convert.run_id_of(request)
    tracking.log_inputs(run_id, convert.dataset_inputs(request.datasets))
    if request.models:
        tracking.models.log_model_inputs(run_id, [LoggedModelInput(one.model_id) for one in request.models])
    return Empty()


def log_outputs(tracking: Tracking, request: runs.LogOutputs) -> Answer:
    tracking.models.log_model_outputs(convert.run_id_of(request), convert.model_outputs(request.models))
    return Empty()


# -- series and files


def get_history(tracking: Tracking, request: runs.GetHistory) -> Answer:
    points = tracking.read_series(convert.run_id_of(request), request.metric_key)
    start = _history_offset(request.page_token)
    _check_page_size(1 if request.max_results is None else request.max_results)
    size = len(points) if request.max_results is None else min(request.max_results, HISTORY_PAGE)
    if request.page_token and request.max_results is None:
        size = HISTORY_PAGE
    page = points[slice(start, start + size)]
    token = str(start + len(page)) if start + len(page) < len(points) else None
    return runs.History(metrics=_point_bodies(request.metric_key, page), next_page_token=token)


def _history_offset(token: str | None) -> int:
    if not token:
        return 0
    if not (token.isascii() and token.isdigit()) or len(token) > 18:
        raise InvalidInput(f"Invalid page token {token[:60]!r}: pass the token of the page before, unchanged")
    return int(token)


def _check_page_size(max_results: int) -> None:
    if max_results < 1:
        raise InvalidInput(f"Invalid value {max_results} for parameter 'max_results' supplied: expected 1 or more")


def _point_bodies(key: str, points: Points, run_id: str | None = None) -> list[runs.MetricAnswer]:
    return [convert.metric_body(metric, run_id) for metric in points.metrics(key)]


def get_history_bulk(tracking: Tracking, request: runs.GetHistoryBulk) -> Answer:
    metrics: list[runs.MetricAnswer] = []
    _check_page_size(request.max_results)
    left = min(request.max_results, HISTORY_PAGE)
    for run_id in sorted(set(request.run_id)):
        points = tracking.read_series(run_id, request.metric_key)[slice(0, left - len(metrics))]
        metrics.extend(_point_bodies(request.metric_key, points, run_id))
    return runs.History(metrics=metrics)


def get_history_bulk_interval(tracking: Tracking, request: runs.GetHistoryBulkInterval) -> Answer:
    if not request.run_ids:
        raise InvalidInput("Missing value for required parameter 'run_ids'")
    if (request.start_step is None) != (request.end_step is None):
        raise InvalidInput("Give both start_step and end_step, or neither")
    if not 1 <= request.max_results <= 2_500:
        raise InvalidInput(f"Invalid value {request.max_results} for parameter 'max_results': expected 1 to 2500")
    metrics: list[runs.MetricAnswer] = []
    for run_id in request.run_ids:
        points = tracking.read_series(
            run_id, request.metric_key, from_step=request.start_step, to_step=request.end_step
        )
        metrics.extend(_point_bodies(request.metric_key, _sampled(points, request.max_results), run_id))
    return runs.History(metrics=metrics)


def _sampled(points: Points, most: int) -> Points:
    """Evenly many of the points, the first and the last among them."""
    if len(points) <= most:
        return points
    return points[np.unique(np.linspace(0, len(points) - 1, most).astype(np.intp))]


def list_artifacts(tracking: Tracking, request: runs.ListArtifacts) -> Answer:
    run_id = convert.run_id_of(request)
    files = tracking.open_artifacts(run_id).list(request.path or "")
    return runs.ArtifactsAnswer(
        root_uri=tracking.get_run(run_id).info.artifact_uri, files=[convert.file_body(file) for file in files]
    )
