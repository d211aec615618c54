"""Every endpoint of MLflow's REST API that Runstone has: one row each, for the server, the client and OpenAPI alike.

A row does not say how it is answered. `access` says what it reads or writes, which is all that authorization needs.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from runstone.wire.schemas import experiments, native, runs
from runstone.wire.schemas.common import Answer, Empty, Request

__all__ = ["NATIVE_PREFIX", "NATIVE_ROUTES", "PREFIXES", "ROUTES", "Access", "Route"]

Access = Literal["read experiment", "write experiment", "create experiment", "read run", "write run", "search"]

PREFIXES = (
    "/api/2.0/mlflow",
    "/ajax-api/2.0/mlflow",
    "/api/3.0/mlflow",
    "/ajax-api/3.0/mlflow",
    "/api/2.0/preview/mlflow",
    "/ajax-api/2.0/preview/mlflow",
)
"""Where every route is answered; clients of ours use the first."""


class Route(msgspec.Struct, frozen=True):
    """One endpoint. The first verb is the one that clients of ours use; GET takes its arguments from the URL.

    `{name}` in the path is a field of the request.
    """

    name: str
    verbs: tuple[str, ...]
    path: str
    request: type[Request]
    answer: type[Answer]
    access: Access
    media: Literal["json", "msgpack"] = "json"


NATIVE_PREFIX = "/api/runstone/v1"
"""Where NATIVE_ROUTES are answered."""

_GET, _POST = ("GET",), ("POST",)

ROUTES: tuple[Route, ...] = (
    Route("create_experiment", _POST, "experiments/create", experiments.CreateExperiment,
          experiments.ExperimentIdAnswer, "create experiment"),
    Route("get_experiment", _GET, "experiments/get", experiments.ExperimentId,
          experiments.ExperimentAnswer, "read experiment"),
    Route("find_experiment", _GET, "experiments/get-by-name", experiments.ExperimentName,
          experiments.ExperimentAnswer, "read experiment"),
    Route("search_experiments", ("POST", "GET"), "experiments/search", experiments.SearchExperiments,
          experiments.Experiments, "search"),
    Route("list_experiments", _GET, "experiments/list", experiments.SearchExperiments,
          experiments.Experiments, "search"),
    Route("rename_experiment", _POST, "experiments/update", experiments.UpdateExperiment, Empty, "write experiment"),
    Route("delete_experiment", _POST, "experiments/delete", experiments.ExperimentId, Empty, "write experiment"),
    Route("restore_experiment", _POST, "experiments/restore", experiments.ExperimentId, Empty, "write experiment"),
    Route("set_experiment_tag", _POST, "experiments/set-experiment-tag", experiments.SetExperimentTag,
          Empty, "write experiment"),
    Route("delete_experiment_tag", _POST, "experiments/delete-experiment-tag", experiments.DeleteExperimentTag,
          Empty, "write experiment"),
    Route("create_run", _POST, "runs/create", runs.CreateRun, runs.RunAnswer, "write experiment"),
    Route("get_run", _GET, "runs/get", runs.RunId, runs.RunAnswer, "read run"),
    Route("update_run", _POST, "runs/update", runs.UpdateRun, runs.RunInfoAnswer, "write run"),
    Route("delete_run", _POST, "runs/delete", runs.RunId, Empty, "write run"),
    Route("restore_run", _POST, "runs/restore", runs.RunId, Empty, "write run"),
    Route("search_runs", _POST, "runs/search", runs.SearchRuns, runs.Runs, "search"),
    Route("log_metric", _POST, "runs/log-metric", runs.LogMetric, Empty, "write run"),
    Route("log_param", _POST, "runs/log-parameter", runs.LogParam, Empty, "write run"),
    Route("log_batch", _POST, "runs/log-batch", runs.LogBatch, Empty, "write run"),
    Route("set_tag", _POST, "runs/set-tag", runs.SetTag, Empty, "write run"),
    Route("delete_tag", _POST, "runs/delete-tag", runs.DeleteTag, Empty, "write run"),
    Route("log_model", _POST, "runs/log-model", runs.LogModel, Empty, "write run"),
    Route("log_inputs", _POST, "runs/log-inputs", runs.LogInputs, Empty, "write run"),
    Route("get_history", _GET, "metrics/get-history", runs.GetHistory, runs.History, "read run"),
    Route("get_history_bulk", _GET, "metrics/get-history-bulk", runs.GetHistoryBulk, runs.History, "read run"),
    Route("get_history_bulk_interval", _GET, "metrics/get-history-bulk-interval", runs.GetHistoryBulkInterval,
          runs.History, "read run"),
    Route("list_artifacts", _GET, "artifacts/list", runs.ListArtifacts, runs.ArtifactsAnswer, "read run"),
)  # fmt: skip

NATIVE_ROUTES: tuple[Route, ...] = (
    Route("append", _POST, "append", native.Append, native.AppendAnswer, "write run", media="msgpack"),
    Route("search_run_table", _POST, "runs/table", native.SearchRunTable, native.TableAnswer, "search",
          media="msgpack"),
    Route("list_changes", _GET, "changes", native.ListChanges, native.ChangesAnswer, "search"),
    Route("read_series", _POST, "series", native.ReadSeries, native.SeriesAnswer, "search", media="msgpack"),
)  # fmt: skip
