"""Runstone: experiment tracking that never slows, blocks or kills a run. `import runstone as mlflow` and go on.

Names load on first use (PEP 562), so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from runstone.version import __version__

if TYPE_CHECKING:
    from runstone.client import Client as Client
    from runstone.client import MlflowClient as MlflowClient
    from runstone.client import RunOperations as RunOperations
    from runstone.compatibility import install_as_mlflow as install_as_mlflow
    from runstone.entities import Experiment as Experiment
    from runstone.entities import LifecycleStage as LifecycleStage
    from runstone.entities import Metric as Metric
    from runstone.entities import Param as Param
    from runstone.entities import Run as Run
    from runstone.entities import RunStatus as RunStatus
    from runstone.entities import RunTag as RunTag
    from runstone.entities import ViewType as ViewType
    from runstone.errors import RunstoneError as RunstoneError
    from runstone.exceptions import MlflowException as MlflowException
    from runstone.fluent import ActiveRun as ActiveRun
    from runstone.fluent import active_run as active_run
    from runstone.fluent import create_experiment as create_experiment
    from runstone.fluent import delete_experiment as delete_experiment
    from runstone.fluent import delete_experiment_tag as delete_experiment_tag
    from runstone.fluent import delete_run as delete_run
    from runstone.fluent import delete_tag as delete_tag
    from runstone.fluent import disable_system_metrics_logging as disable_system_metrics_logging
    from runstone.fluent import enable_system_metrics_logging as enable_system_metrics_logging
    from runstone.fluent import end_run as end_run
    from runstone.fluent import flush as flush
    from runstone.fluent import flush_async_logging as flush_async_logging
    from runstone.fluent import get_artifact_uri as get_artifact_uri
    from runstone.fluent import get_experiment as get_experiment
    from runstone.fluent import get_experiment_by_name as get_experiment_by_name
    from runstone.fluent import get_logged_model as get_logged_model
    from runstone.fluent import get_parent_run as get_parent_run
    from runstone.fluent import get_run as get_run
    from runstone.fluent import get_tracking_uri as get_tracking_uri
    from runstone.fluent import is_tracking_uri_set as is_tracking_uri_set
    from runstone.fluent import last_active_run as last_active_run
    from runstone.fluent import load_table as load_table
    from runstone.fluent import log_artifact as log_artifact
    from runstone.fluent import log_artifacts as log_artifacts
    from runstone.fluent import log_audio as log_audio
    from runstone.fluent import log_dict as log_dict
    from runstone.fluent import log_figure as log_figure
    from runstone.fluent import log_histogram as log_histogram
    from runstone.fluent import log_image as log_image
    from runstone.fluent import log_input as log_input
    from runstone.fluent import log_inputs as log_inputs
    from runstone.fluent import log_metric as log_metric
    from runstone.fluent import log_metrics as log_metrics
    from runstone.fluent import log_param as log_param
    from runstone.fluent import log_params as log_params
    from runstone.fluent import log_stream as log_stream
    from runstone.fluent import log_table as log_table
    from runstone.fluent import log_text as log_text
    from runstone.fluent import log_video as log_video
    from runstone.fluent import register_model as register_model
    from runstone.fluent import restore_experiment as restore_experiment
    from runstone.fluent import restore_run as restore_run
    from runstone.fluent import search_experiments as search_experiments
    from runstone.fluent import search_model_versions as search_model_versions
    from runstone.fluent import search_registered_models as search_registered_models
    from runstone.fluent import search_runs as search_runs
    from runstone.fluent import set_experiment as set_experiment
    from runstone.fluent import set_experiment_tag as set_experiment_tag
    from runstone.fluent import set_experiment_tags as set_experiment_tags
    from runstone.fluent import set_model_version_tag as set_model_version_tag
    from runstone.fluent import set_system_metrics_node_id as set_system_metrics_node_id
    from runstone.fluent import set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging
    from runstone.fluent import set_system_metrics_sampling_interval as set_system_metrics_sampling_interval
    from runstone.fluent import set_tag as set_tag
    from runstone.fluent import set_tags as set_tags
    from runstone.fluent import set_tracking_uri as set_tracking_uri
    from runstone.fluent import start_run as start_run
    from runstone.media.images import Image as Image

_NAMES = {
    "runstone.client": ("Client", "MlflowClient", "RunOperations"),
    "runstone.compatibility": ("install_as_mlflow",),
    "runstone.entities": (
        "Experiment", "LifecycleStage", "Metric", "Param", "Run", "RunStatus", "RunTag", "ViewType",
    ),
    "runstone.errors": ("RunstoneError",),
    "runstone.exceptions": ("MlflowException",),
    "runstone.fluent": (
        "ActiveRun", "active_run", "create_experiment", "delete_experiment", "delete_experiment_tag",
        "delete_run", "delete_tag", "disable_system_metrics_logging", "enable_system_metrics_logging",
        "end_run", "flush", "flush_async_logging", "get_artifact_uri", "get_experiment",
        "get_experiment_by_name", "get_parent_run", "get_run", "get_tracking_uri", "is_tracking_uri_set",
        "last_active_run", "load_table", "log_artifact", "log_artifacts", "log_audio", "log_dict", "log_figure",
        "log_histogram", "log_image", "log_input", "log_inputs", "log_metric", "log_metrics", "log_param",
        "log_params", "log_stream", "log_table", "log_text", "log_video", "restore_experiment", "restore_run",
        "search_experiments", "search_runs", "set_experiment", "set_experiment_tag", "set_experiment_tags",
        "set_system_metrics_node_id", "set_system_metrics_samples_before_logging",
        "set_system_metrics_sampling_interval", "set_tag", "set_tags", "set_tracking_uri", "start_run",
        "get_logged_model", "register_model", "search_model_versions", "search_registered_models",
        "set_model_version_tag",
    ),
    "runstone.media.images": ("Image",),
}  # fmt: skip
_MODULES = ("artifacts", "client", "data", "entities", "errors", "exceptions", "fluent", "models", "tracking")
_FLAVORS = ("lightgbm", "pyfunc", "sklearn", "xgboost")  # `mlflow.sklearn.log_model`
_HOME_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    elif name in _MODULES:  # `mlflow.tracking.MlflowClient` needs no import of its own
        value = import_module(f"runstone.{name}")
    elif name in _FLAVORS:
        value = import_module(f"runstone.models.{name}")
    else:
        raise AttributeError(f"module 'runstone' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, *_FLAVORS})
