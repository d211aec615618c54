"""Print MLflow's signatures as JSON: run it with an interpreter that has MLflow.

Facts only: of each function its arguments in order, whether they are keyword-only, and their defaults.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import mlflow
import mlflow.artifacts

FLUENT = """
    active_run create_experiment delete_experiment delete_experiment_tag delete_run delete_tag
    disable_system_metrics_logging enable_system_metrics_logging end_run flush_async_logging get_artifact_uri
    get_experiment get_experiment_by_name get_parent_run get_run get_tracking_uri is_tracking_uri_set last_active_run
    load_table log_artifact log_artifacts log_dict log_figure log_image log_input log_inputs log_metric log_metrics
    log_param log_params log_stream log_table log_text restore_experiment restore_run search_experiments search_runs
    set_experiment set_experiment_tag set_experiment_tags set_system_metrics_node_id
    set_system_metrics_samples_before_logging set_system_metrics_sampling_interval set_tag set_tags set_tracking_uri
    start_run get_logged_model register_model search_model_versions search_registered_models set_model_version_tag
""".split()
ARTIFACTS = ["download_artifacts", "list_artifacts", "load_dict", "load_text"]
CLIENT = """
    __init__ create_experiment create_run delete_experiment delete_experiment_tag delete_run delete_tag
    download_artifacts get_experiment get_experiment_by_name get_metric_history get_parent_run get_run list_artifacts
    load_table log_artifact log_artifacts log_batch log_dict log_figure log_image log_inputs log_metric log_param
    log_stream log_table log_text rename_experiment restore_experiment restore_run search_experiments search_runs
    set_experiment_tag set_tag set_terminated update_run
    copy_model_version create_logged_model create_model_version create_registered_model delete_logged_model
    delete_logged_model_tag delete_model_version delete_model_version_tag delete_registered_model
    delete_registered_model_alias delete_registered_model_tag finalize_logged_model get_latest_versions
    get_logged_model get_model_version get_model_version_by_alias get_model_version_download_uri
    get_registered_model list_logged_model_artifacts log_model_artifact log_model_artifacts log_model_params
    log_outputs rename_registered_model search_logged_models search_model_versions search_registered_models
    set_logged_model_tags set_model_version_tag set_registered_model_alias set_registered_model_tag
    transition_model_version_stage update_model_version update_registered_model
""".split()


def describe(function: Any) -> list[dict[str, Any]]:
    """The arguments of a function, without `self`."""
    return [
        {"name": one.name}
        | ({"keyword_only": True} if one.kind is one.KEYWORD_ONLY else {})
        | ({} if one.default is one.empty else {"default": one.default})
        for one in inspect.signature(function).parameters.values()
        if one.name != "self"
    ]


if __name__ == "__main__":
    places = {
        "mlflow": (mlflow, FLUENT),
        "artifacts": (mlflow.artifacts, ARTIFACTS),
        "client": (mlflow.MlflowClient, CLIENT),
    }
    found = {
        place: {name: describe(getattr(owner, name)) for name in names} for place, (owner, names) in places.items()
    }
    print(json.dumps({"version": mlflow.__version__} | found, indent=1))
