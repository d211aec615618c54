"""Models of LightGBM: a Booster in its own text; its estimators are pickled, on the user's word alone."""

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

_BOOSTER = "lightgbm.basic.Booster"


def save_model(
    lgb_model: Any,
    path: str | os.PathLike[str],
    *,
    serialization_format: Literal["cloudpickle"] | None = None,
    **options: Unpack[SaveOptions],
) -> Model:
    """Save a Booster in a new folder. An estimator is taken with `serialization_format="cloudpickle"`."""
    return save(path, _writer(lgb_model, serialization_format), lgb_model.predict, options)


def log_model(
    lgb_model: Any,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    serialization_format: Literal["cloudpickle"] | None = None,
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Log a Booster as a model of the active run; see `save_model`."""
    return log(name or artifact_path, _writer(lgb_model, serialization_format), lgb_model.predict, options)


def load_model(
    model_uri: str | os.PathLike[str], dst_path: str | os.PathLike[str] | None = None, *, allow_code: bool = False
) -> Any:
    """The Booster, or the estimator, which was pickled: that needs `allow_code`."""
    folder, model = load_folder(model_uri, dst_path)
    return load_booster(folder, model, allow_code)


def load_booster(folder: Path, model: Model, allow_code: bool) -> Any:
    """The Booster or estimator in a folder."""
    facts = model.flavor("lightgbm", "load it by its own flavor, or by runstone.pyfunc")
    file = consent.inside(folder, facts["data"])
    if facts.get("model_class", _BOOSTER) != _BOOSTER:
        return consent.load_pickle(file, allow_code)
    return consent.load_library("lightgbm", "lightgbm").Booster(model_file=file)


def _writer(trained: Any, form: str | None) -> Any:
    lightgbm = consent.load_library("lightgbm", "lightgbm")
    kind = type(trained)
    is_booster = isinstance(trained, lightgbm.Booster)
    if not is_booster and form != "cloudpickle":
        raise InvalidInput(
            f"{kind.__name__} can only be pickled: log its booster_, which LightGBM writes as text, or say "
            'serialization_format="cloudpickle"'
        )

    def write(folder: Path) -> Written:
        file = folder / ("model.lgb" if is_booster else "model.pkl")
        if is_booster:
            trained.save_model(file)
        else:
            consent.save_pickle(trained, file)
        flavor = {
            "lgb_version": lightgbm.__version__,
            "data": file.name,
            "model_class": _BOOSTER if is_booster else f"{kind.__module__}.{kind.__name__}",
            "code": None,
        }
        general = pyfunc_flavor("mlflow.lightgbm", data=file.name)
        return Written(
            {"python_function": general, "lightgbm": flavor}, ["mlflow", "numpy", "lightgbm", "scikit-learn"]
        )

    return write
