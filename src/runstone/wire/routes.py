"""Every endpoint of MLflow's REST API that Runstone has: one row each, for the server, the client and OpenAPI alike.

A row does not say how it is answered. `access` says what it reads or writes, which is all that authorization needs.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from runstone.wire.schemas import browsing, experiments, models, native, removal, runs
from runstone.wire.schemas.common import Answer, Empty, Request

__all__ = [
    "ARTIFACTS_PATH",
    "NATIVE_PREFIX",
    "NATIVE_ROUTES",
    "PREFIXES",
    "PRESIGNED_PATH",
    "ROUTES",
    "SERVER_INFO_PATHS",
    "UPLOADS_PATH",
    "Access",
    "Media",
    "Route",
]

Access = Literal[
    "read experiment",
    "write experiment",
    "create experiment",
    "read run",
    "write run",
    "read registered model",
    "write registered model",
    "create registered model",
    "read logged model",
    "write logged model",
    "search",
    "administer",
]

Media = Literal["json", "msgpack", "columns"]
"""What an answer is (`columns`: see `runstone.wire.columns`). A request to a row of `msgpack` is that, else JSON."""

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

    `{name}` in the path is a field of the request. `repeatable`: a client that got no answer may send the request
    again, since twice is as good as once: equal points are one point, a param or tag that is there already is there,
    who is deleted stays deleted. Not so what makes a new thing each time, appends to a list, or would be told by the
    second answer that the first one failed (a tag that is gone).
    """

    name: str
    verbs: tuple[str, ...]
    path: str
    request: type[Request]
    answer: type[Answer]
    access: Access
    repeatable: bool = False
    media: Media = "json"


ARTIFACTS_PATH = "/api/2.0/mlflow-artifacts/artifacts"
"""Where files go through the server: below it, by verb; a folder is listed with `?path=`."""

UPLOADS_PATH = "/api/2.0/mlflow-artifacts/mpu"
"""Below it: `create`, `complete` and `abort`, each with the artifact's folder; `parts` is Runstone's own."""

PRESIGNED_PATH = "/api/2.0/mlflow-artifacts/presigned"
"""Below it, by path: from which address a file can be had without credentials."""

SERVER_INFO_PATHS = ("/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info")
"""Where MLflow's clients from 3.x on ask what a server can do."""

NATIVE_PREFIX = "/api/runstone/v1"
"""Where NATIVE_ROUTES are answered."""

_GET, _POST, _PATCH, _DELETE = ("GET",), ("POST",), ("PATCH",), ("DELETE",)

ROUTES: tuple[Route, ...] = (
    Route("create_experiment", _POST, "experiments/create", experiments.CreateExperiment,
          experiments.ExperimentIdAnswer, "create experiment", repeatable=False),
    Route("get_experiment", _GET, "experiments/get", experiments.ExperimentId,
          experiments.ExperimentAnswer, "read experiment", repeatable=True),
    Route("find_experiment", _GET, "experiments/get-by-name", experiments.ExperimentName,
          experiments.ExperimentAnswer, "read experiment", repeatable=True),
    Route("search_experiments", ("POST", "GET"), "experiments/search", experiments.SearchExperiments,
          experiments.Experiments, "search", repeatable=True),
    Route("list_experiments", _GET, "experiments/list", experiments.SearchExperiments,
          experiments.Experiments, "search", repeatable=True),
    Route("rename_experiment", _POST, "experiments/update", experiments.UpdateExperiment, Empty,
          "write experiment", repeatable=True),
    Route("delete_experiment", _POST, "experiments/delete", experiments.ExperimentId, Empty,
          "write experiment", repeatable=True),
    Route("restore_experiment", _POST, "experiments/restore", experiments.ExperimentId, Empty,
          "write experiment", repeatable=True),
    Route("set_experiment_tag", _POST, "experiments/set-experiment-tag", experiments.SetExperimentTag,
          Empty, "write experiment", repeatable=True),
    Route("delete_experiment_tag", _POST, "experiments/delete-experiment-tag", experiments.DeleteExperimentTag,
          Empty, "write experiment", repeatable=False),
    Route("create_run", _POST, "runs/create", runs.CreateRun, runs.RunAnswer, "write experiment", repeatable=False),
    Route("get_run", _GET, "runs/get", runs.RunId, runs.RunAnswer, "read run", repeatable=True),
    Route("update_run", _POST, "runs/update", runs.UpdateRun, runs.RunInfoAnswer, "write run", repeatable=True),
    Route("delete_run", _POST, "runs/delete", runs.RunId, Empty, "write run", repeatable=True),
    Route("restore_run", _POST, "runs/restore", runs.RunId, Empty, "write run", repeatable=True),
    Route("search_runs", _POST, "runs/search", runs.SearchRuns, runs.Runs, "search", repeatable=True),
    Route("log_metric", _POST, "runs/log-metric", runs.LogMetric, Empty, "write run", repeatable=True),
    Route("log_param", _POST, "runs/log-parameter", runs.LogParam, Empty, "write run", repeatable=True),
    Route("log_batch", _POST, "runs/log-batch", runs.LogBatch, Empty, "write run", repeatable=True),
    Route("set_tag", _POST, "runs/set-tag", runs.SetTag, Empty, "write run", repeatable=True),
    Route("delete_tag", _POST, "runs/delete-tag", runs.DeleteTag, Empty, "write run", repeatable=False),
    Route("log_model", _POST, "runs/log-model", runs.LogModel, Empty, "write run", repeatable=False),
    Route("log_inputs", _POST, "runs/log-inputs", runs.LogInputs, Empty, "write run", repeatable=True),
    Route("get_history", _GET, "metrics/get-history", runs.GetHistory, runs.History, "read run", repeatable=True),
    Route("get_history_bulk", _GET, "metrics/get-history-bulk", runs.GetHistoryBulk, runs.History,
          "read run", repeatable=True),
    Route("get_history_bulk_interval", _GET, "metrics/get-history-bulk-interval", runs.GetHistoryBulkInterval,
          runs.History, "read run", repeatable=True),
    Route("list_artifacts", _GET, "artifacts/list", runs.ListArtifacts, runs.ArtifactsAnswer,
          "read run", repeatable=True),
    Route("log_outputs", _POST, "runs/outputs", runs.LogOutputs, Empty, "write run", repeatable=True),
    Route("create_registered_model", _POST, "registered-models/create", models.CreateRegisteredModel,
          models.RegisteredModelAnswer, "create registered model", repeatable=False),
    Route("get_registered_model", _GET, "registered-models/get", models.RegisteredModelName,
          models.RegisteredModelAnswer, "read registered model", repeatable=True),
    Route("search_registered_models", _GET, "registered-models/search", models.SearchRegisteredModels,
          models.RegisteredModels, "search", repeatable=True),
    Route("list_registered_models", _GET, "registered-models/list", models.SearchRegisteredModels,
          models.RegisteredModels, "search", repeatable=True),
    Route("rename_registered_model", _POST, "registered-models/rename", models.RenameRegisteredModel,
          models.RegisteredModelAnswer, "write registered model", repeatable=False),
    Route("update_registered_model", _PATCH, "registered-models/update", models.UpdateRegisteredModel,
          models.RegisteredModelAnswer, "write registered model", repeatable=True),
    Route("delete_registered_model", _DELETE, "registered-models/delete", models.RegisteredModelName,
          Empty, "write registered model", repeatable=False),
    Route("list_latest_versions", ("POST", "GET"), "registered-models/get-latest-versions", models.GetLatestVersions,
          models.ModelVersions, "read registered model", repeatable=True),
    Route("set_registered_model_tag", _POST, "registered-models/set-tag", models.SetRegisteredModelTag,
          Empty, "write registered model", repeatable=True),
    Route("delete_registered_model_tag", _DELETE, "registered-models/delete-tag", models.DeleteRegisteredModelTag,
          Empty, "write registered model", repeatable=True),
    Route("set_alias", _POST, "registered-models/alias", models.SetAlias,
          Empty, "write registered model", repeatable=True),
    Route("delete_alias", _DELETE, "registered-models/alias", models.AliasedModel,
          Empty, "write registered model", repeatable=True),
    Route("get_version_by_alias", _GET, "registered-models/alias", models.AliasedModel,
          models.ModelVersionAnswer, "read registered model", repeatable=True),
    Route("create_model_version", _POST, "model-versions/create", models.CreateModelVersion,
          models.ModelVersionAnswer, "write registered model", repeatable=False),
    Route("get_model_version", _GET, "model-versions/get", models.ModelVersionId,
          models.ModelVersionAnswer, "read registered model", repeatable=True),
    Route("update_model_version", _PATCH, "model-versions/update", models.UpdateModelVersion,
          models.ModelVersionAnswer, "write registered model", repeatable=True),
    Route("set_model_version_stage", _POST, "model-versions/transition-stage", models.TransitionStage,
          models.ModelVersionAnswer, "write registered model", repeatable=True),
    Route("delete_model_version", _DELETE, "model-versions/delete", models.ModelVersionId,
          Empty, "write registered model", repeatable=False),
    Route("search_model_versions", _GET, "model-versions/search", models.SearchModelVersions,
          models.ModelVersions, "search", repeatable=True),
    Route("get_download_uri", _GET, "model-versions/get-download-uri", models.ModelVersionId,
          models.DownloadUriAnswer, "read registered model", repeatable=True),
    Route("set_model_version_tag", _POST, "model-versions/set-tag", models.SetModelVersionTag,
          Empty, "write registered model", repeatable=True),
    Route("delete_model_version_tag", _DELETE, "model-versions/delete-tag", models.DeleteModelVersionTag,
          Empty, "write registered model", repeatable=True),
    Route("create_logged_model", _POST, "logged-models", models.CreateLoggedModel,
          models.LoggedModelAnswer, "write experiment", repeatable=False),
    Route("search_logged_models", _POST, "logged-models/search", models.SearchLoggedModels,
          models.LoggedModels, "search", repeatable=True),
    Route("get_logged_model", _GET, "logged-models/{model_id}", models.LoggedModelId,
          models.LoggedModelAnswer, "read logged model", repeatable=True),
    Route("finalize_logged_model", _PATCH, "logged-models/{model_id}", models.FinalizeLoggedModel,
          models.LoggedModelAnswer, "write logged model", repeatable=True),
    Route("delete_logged_model", _DELETE, "logged-models/{model_id}", models.LoggedModelId,
          Empty, "write logged model", repeatable=True),
    Route("set_logged_model_tags", _PATCH, "logged-models/{model_id}/tags", models.SetLoggedModelTags,
          Empty, "write logged model", repeatable=True),
    Route("delete_logged_model_tag", _DELETE, "logged-models/{model_id}/tags/{tag_key}", models.DeleteLoggedModelTag,
          Empty, "write logged model", repeatable=False),
    Route("log_logged_model_params", _POST, "logged-models/{model_id}/params", models.LogModelParams,
          Empty, "write logged model", repeatable=True),
    Route("list_logged_model_artifacts", _GET, "logged-models/{model_id}/artifacts/directories",
          models.ListModelArtifacts, models.ModelArtifacts, "read logged model", repeatable=True),
)  # fmt: skip

NATIVE_ROUTES: tuple[Route, ...] = (
    Route("append", _POST, "append", native.Append, native.AppendAnswer, "write run",
          media="msgpack", repeatable=True),
    Route("last_sequence", _GET, "writers/last-sequence", native.LastSequence, native.LastSequenceAnswer, "read run",
          repeatable=True),
    Route("search_run_table", _POST, "runs/table", native.SearchRunTable, native.TableAnswer, "search",
          media="msgpack", repeatable=True),
    Route("count_runs", _POST, "runs/count", native.CountRuns, native.CountAnswer, "search", repeatable=True),
    Route("list_changes", _GET, "changes", native.ListChanges, native.ChangesAnswer, "search", repeatable=True),
    Route("read_series", _POST, "series", native.ReadSeries, native.SeriesAnswer, "search",
          media="msgpack", repeatable=True),
    Route("plan_removal", _POST, "gc/plan", removal.PlanRemoval, removal.PlanAnswer, "administer", repeatable=True),
    Route("remove", _POST, "gc/run", removal.Remove, removal.RemoveAnswer, "administer", repeatable=True),
    Route("list_series", _POST, "series/summaries", native.ListSeries, native.SummariesAnswer, "read run",
          media="msgpack", repeatable=True),
    Route("describe_server", _GET, "capabilities", browsing.Capabilities, browsing.CapabilitiesAnswer, "search",
          repeatable=True),
    Route("overview_experiments", _POST, "experiments/overview", browsing.OverviewExperiments,
          browsing.OverviewAnswer, "search", repeatable=True),
    Route("search_run_columns", _POST, "runs/columns", browsing.SearchRunColumns, browsing.RunColumnsAnswer, "search",
          media="columns", repeatable=True),
    Route("list_changed_columns", _POST, "runs/changes", browsing.ChangedColumns, browsing.ChangedColumnsAnswer,
          "search", media="columns", repeatable=True),
    Route("read_curves", _POST, "curves", browsing.ReadCurves, browsing.CurvesAnswer, "search",
          media="columns", repeatable=True),
    Route("describe_run", _GET, "runs/{run_id}", browsing.DescribeRun, browsing.RunDescription, "read run",
          repeatable=True),
    Route("check_filter", _POST, "filters/check", browsing.CheckFilter, browsing.FilterAnswer, "search",
          repeatable=True),
    Route("list_keys", _POST, "keys", browsing.Keys, browsing.KeysAnswer, "search", repeatable=True),
    Route("list_values", _POST, "values", browsing.Values, browsing.ValuesAnswer, "search", repeatable=True),
    Route("delete_runs", _POST, "runs/delete-many", browsing.RunIds, browsing.BulkAnswer, "write run",
          repeatable=True),
    Route("restore_runs", _POST, "runs/restore-many", browsing.RunIds, browsing.BulkAnswer, "write run",
          repeatable=True),
    Route("tag_runs", _POST, "runs/tag-many", browsing.TagRuns, browsing.BulkAnswer, "write run", repeatable=True),
    Route("weigh_params", _POST, "importance", browsing.WeighParams, browsing.ImportanceAnswer, "search",
          repeatable=True),
)  # fmt: skip
