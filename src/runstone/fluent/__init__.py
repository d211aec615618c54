"""The fluent API: the active run, and functions that record into it. The only package with global state.

The names and arguments are those of `mlflow.*`, so its documentation holds; what differs or is more is said here.
Functions that record start a run where none is active.
"""

from runstone.fluent.captures import (
    disable_system_metrics_logging,
    enable_system_metrics_logging,
    set_system_metrics_node_id,
    set_system_metrics_samples_before_logging,
    set_system_metrics_sampling_interval,
)
from runstone.fluent.choices import choices as _choices
from runstone.fluent.choices import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
from runstone.fluent.experiments import (
    create_experiment,
    delete_experiment,
    delete_experiment_tag,
    get_experiment,
    get_experiment_by_name,
    restore_experiment,
    search_experiments,
    set_experiment,
    set_experiment_tag,
    set_experiment_tags,
)
from runstone.fluent.files import (
    get_artifact_uri,
    load_table,
    log_artifact,
    log_artifacts,
    log_audio,
    log_dict,
    log_figure,
    log_histogram,
    log_image,
    log_stream,
    log_table,
    log_text,
    log_video,
)
from runstone.fluent.inputs import log_input, log_inputs
from runstone.fluent.records import (
    delete_tag,
    flush,
    flush_async_logging,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    set_tag,
    set_tags,
)
from runstone.fluent.records import record_logged_model as _record_logged_model  # noqa: F401 MLflow's flavors call it
from runstone.fluent.registry import (
    get_logged_model,
    register_model,
    search_model_versions,
    search_registered_models,
    set_model_version_tag,
)
from runstone.fluent.runs import ActiveRun, active_run, end_run, last_active_run, start_run
from runstone.fluent.runs import reset as _forget_runs
from runstone.fluent.search import delete_run, get_parent_run, get_run, restore_run, search_runs

__all__ = [
    "ActiveRun",
    "active_run",
    "create_experiment",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_run",
    "delete_tag",
    "disable_system_metrics_logging",
    "enable_system_metrics_logging",
    "end_run",
    "flush",
    "flush_async_logging",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "last_active_run",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_audio",
    "log_dict",
    "log_figure",
    "log_histogram",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_stream",
    "log_table",
    "log_text",
    "log_video",
    "register_model",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_model_version_tag",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]


def _reset() -> None:
    """Forget all choices and active runs, without ending any, as if the process had just begun: for tests."""
    _forget_runs()
    _choices.forget()
