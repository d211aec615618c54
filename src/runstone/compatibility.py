"""Runstone under the name `mlflow`, for third-party code that imports mlflow itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from runstone import tag_names, validation
from runstone.errors import InvalidInput

__all__ = ["install_as_mlflow"]

_MODULES = {
    "mlflow": "runstone",
    "mlflow.artifacts": "runstone.artifacts",
    "mlflow.client": "runstone.client",
    "mlflow.data": "runstone.data",
    "mlflow.entities": "runstone.entities",
    "mlflow.exceptions": "runstone.exceptions",
    "mlflow.lightgbm": "runstone.models.lightgbm",
    "mlflow.models": "runstone.models",
    "mlflow.pyfunc": "runstone.models.pyfunc",
    "mlflow.sklearn": "runstone.models.sklearn",
    "mlflow.tracking": "runstone.tracking",
    "mlflow.tracking.client": "runstone.client",
    "mlflow.tracking.fluent": "runstone.fluent",
    "mlflow.xgboost": "runstone.models.xgboost",
}
_TAGS = {
    "MLFLOW_RUN_NAME": tag_names.RUN_NAME,
    "MLFLOW_RUN_NOTE": tag_names.RUN_NOTE,
    "MLFLOW_PARENT_RUN_ID": tag_names.PARENT_RUN_ID,
    "MLFLOW_USER": tag_names.USER,
    "MLFLOW_SOURCE_NAME": tag_names.SOURCE_NAME,
    "MLFLOW_SOURCE_TYPE": tag_names.SOURCE_TYPE,
    "MLFLOW_GIT_COMMIT": tag_names.GIT_COMMIT,
    "MLFLOW_GIT_BRANCH": tag_names.GIT_BRANCH,
    "MLFLOW_GIT_REPO_URL": tag_names.GIT_REPO_URL,
    "MLFLOW_LOGGED_MODELS": tag_names.LOGGED_MODELS,
    "MLFLOW_DATASET_CONTEXT": tag_names.DATASET_CONTEXT,
}
_LIMITS = {
    "MAX_ENTITY_KEY_LENGTH": validation.MAX_KEY_LENGTH,
    "MAX_PARAM_VAL_LENGTH": validation.MAX_PARAM_VALUE_LENGTH,
    "MAX_TAG_VAL_LENGTH": validation.MAX_TAG_VALUE_LENGTH,
    # Ours takes any number in one batch; callers only cut theirs to these.
    "MAX_PARAMS_TAGS_PER_BATCH": 100,
    "MAX_METRICS_PER_BATCH": 1000,
    "MAX_ENTITIES_PER_BATCH": 1000,
}
_UTILS: dict[str, Mapping[str, object]] = {"mlflow.utils.mlflow_tags": _TAGS, "mlflow.utils.validation": _LIMITS}


def install_as_mlflow() -> None:
    """Let `import mlflow`, and its submodules for tracking and models, mean Runstone in this process.

    Call it before anything imports mlflow. Submodules that Runstone does not have stay missing. Calling it twice
    is calling it once. Raises InvalidInput where the real mlflow is loaded already.
    """
    loaded = sys.modules.get("mlflow")
    if loaded is not None and loaded is not sys.modules.get("runstone"):
        raise InvalidInput(
            "mlflow itself is loaded in this process already; call runstone.install_as_mlflow() before that"
        )
    for name, ours in _MODULES.items():
        sys.modules[name] = import_module(ours)
    utils = ModuleType("mlflow.utils")
    for name, values in _UTILS.items():
        module = ModuleType(name)
        vars(module).update(values)
        vars(utils)[name.rpartition(".")[2]] = sys.modules[name] = module
    # After `import mlflow.utils.validation`, code reads it as an attribute of mlflow.
    vars(sys.modules["mlflow"])["utils"] = sys.modules["mlflow.utils"] = utils
