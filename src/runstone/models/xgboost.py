"""Models of XGBoost, in its own binary JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runstone.errors import InvalidInput
from runstone.models import consent
from runstone.models.mlmodel import Model
from runstone.models.saving import LogOptions, ModelInfo, SaveOptions, Written, load_folder, log, pyfunc_flavor, save

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["load_model", "log_model", "save_model"]

_REMEDY = "load it by its own flavor, or by runstone.pyfunc"


def save_model(
    xgb_model: Any,
    path: str | os.PathLike[str],
    *,
    model_format: Literal["ubj", "json"] = "ubj",
    **options: Unpack[SaveOptions],
) -> Model:
    """Save a Booster, or an estimator of XGBoost, in a new folder."""
    return save(path, _writer(xgb_model, model_format), _predictor(xgb_model), options)


def log_model(
    xgb_model: Any,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    model_format: Literal["ubj", "json"] = "ubj",
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Log a Booster, or an estimator of XGBoost, as a model of the active run."""
    return log(name or artifact_path, _writer(xgb_model, model_format), _predictor(xgb_model), options)


def load_model(model_uri: str | os.PathLike[str], dst_path: str | os.PathLike[str] | None = None) -> Any:
    """The Booster, or the estimator, as it was saved."""
    return load_booster(*load_folder(model_uri, dst_path))


def load_booster(folder: Path, model: Model) -> Any:
    """The Booster or estimator in a folder."""
    xgboost = consent.load_library("xgboost", "xgboost")
    facts = model.flavor("xgboost", _REMEDY)
    module, _, kind = str(facts.get("model_class", "xgboost.core.Booster")).rpartition(".")
    known = {"Booster", *(one for one in xgboost.__all__ if one.startswith("XGB"))}
    if module.partition(".")[0] != "xgboost" or kind not in known:
        raise InvalidInput(f"The model in {folder} is of {module}.{kind}, which is no class of XGBoost's")
    loaded = getattr(xgboost, kind)()
    loaded.load_model(consent.inside(folder, facts["data"]))
    return loaded


def predict(loaded: Any, data: Any) -> Any:
    """What the model says of the data."""
    xgboost = consent.load_library("xgboost", "xgboost")
    return loaded.predict(xgboost.DMatrix(data) if isinstance(loaded, xgboost.Booster) else data)


def _predictor(loaded: Any) -> Any:
    return lambda data: predict(loaded, data)


def _writer(trained: Any, model_format: str) -> Any:
    if model_format not in ("ubj", "json"):
        raise InvalidInput(f"model_format is ubj or json, not {model_format!r}")
    kind = type(trained)
    if kind.__module__.partition(".")[0] != "xgboost":
        raise InvalidInput(f"A Booster or an estimator of XGBoost is needed, not {kind.__name__}")

    def write(folder: Path) -> Written:
        file = folder / f"model.{model_format}"
        trained.save_model(file)
        flavor = {
            "xgb_version": consent.load_library("xgboost", "xgboost").__version__,
            "data": file.name,
            "model_class": f"{kind.__module__}.{kind.__name__}",
            "model_format": model_format,
            "code": None,
        }
        general = pyfunc_flavor("mlflow.xgboost", data=file.name)
        packages = ["mlflow", "numpy", "xgboost", "xgboost-cpu", "scikit-learn"]
        return Written({"python_function": general, "xgboost": flavor}, packages)

    return write
