"""Models of scikit-learn: saved by skops, which holds data alone; pickled only on the user's word."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runstone.errors import InvalidInput
from runstone.models import consent
from runstone.models.mlmodel import Model
from runstone.models.saving import LogOptions, ModelInfo, SaveOptions, Written, load_folder, log, pyfunc_flavor, save

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["load_model", "log_model", "save_model"]

Format = Literal["skops", "cloudpickle", "pickle"]
_FILES = {"skops": "model.skops", "cloudpickle": "model.pkl", "pickle": "model.pkl"}


def save_model(
    sk_model: Any,
    path: str | os.PathLike[str],
    *,
    serialization_format: Format = "skops",
    skops_trusted_types: Sequence[str] | None = None,
    pyfunc_predict_fn: str = "predict",
    **options: Unpack[SaveOptions],
) -> Model:
    """Save an estimator or a pipeline in a new folder.

    `serialization_format="cloudpickle"` takes what skops does not know; loading it needs `allow_code`.
    `skops_trusted_types` are names of types outside scikit-learn and NumPy that readers may trust.
    """
    writer = _writer(sk_model, serialization_format, skops_trusted_types, pyfunc_predict_fn)
    return save(path, writer, getattr(sk_model, pyfunc_predict_fn, None), options)


def log_model(
    sk_model: Any,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    serialization_format: Format = "skops",
    skops_trusted_types: Sequence[str] | None = None,
    pyfunc_predict_fn: str = "predict",
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Log an estimator or a pipeline as a model of the active run; see `save_model`."""
    writer = _writer(sk_model, serialization_format, skops_trusted_types, pyfunc_predict_fn)
    return log(name or artifact_path, writer, getattr(sk_model, pyfunc_predict_fn, None), options)


def load_model(
    model_uri: str | os.PathLike[str],
    dst_path: str | os.PathLike[str] | None = None,
    *,
    skops_trusted_types: Sequence[str] = (),
    allow_code: bool = False,
) -> Any:
    """The estimator. A pickled one runs code: that needs `allow_code`.

    Types that skops does not know are refused unless `skops_trusted_types` names them: what the model itself says is
    no word of yours.
    """
    folder, model = load_folder(model_uri, dst_path)
    return load_estimator(folder, model, skops_trusted_types, allow_code)


def load_estimator(folder: Path, model: Model, trusted: Sequence[str], allow_code: bool) -> Any:
    """The estimator in a folder."""
    facts = model.flavor("sklearn", "load it by its own flavor, or by runstone.pyfunc")
    file = consent.inside(folder, facts.get("pickled_model", "model.pkl"))
    if facts.get("serialization_format") != "skops":
        return consent.load_pickle(file, allow_code)
    skops = consent.load_library("skops.io", "skops")
    unknown = sorted(set(skops.get_untrusted_types(file=file)) - set(trusted))
    if unknown and not allow_code:
        raise InvalidInput(
            f"{file} holds types that are not known to be harmless: {', '.join(unknown)}. If you trust them, say "
            f"load_model(..., skops_trusted_types={unknown!r})"
        )
    return skops.load(file, trusted=[*trusted, *unknown])


def _writer(estimator: Any, form: Format, trusted: Sequence[str] | None, predict: str) -> Any:
    if form not in _FILES:
        raise InvalidInput(f"serialization_format is one of {', '.join(_FILES)}, not {form!r}")
    if predict and form and not hasattr(estimator, "get_params"):
        raise InvalidInput(f"An estimator of scikit-learn is needed, not {type(estimator).__name__}")

    def write(folder: Path) -> Written:
        file = folder / _FILES[form]
        if form == "skops":
            consent.load_library("skops.io", "skops").dump(estimator, file)
        else:
            consent.save_pickle(estimator, file)
        sklearn = consent.load_library("sklearn", "scikit-learn")
        flavor = {
            "pickled_model": file.name,
            "sklearn_version": sklearn.__version__,
            "serialization_format": form,
            "code": None,
            "skops_trusted_types": list(trusted) if trusted else None,
        }
        general = pyfunc_flavor("mlflow.sklearn", model_path=file.name, predict_fn=predict)
        packages = ["mlflow", "numpy", "scikit-learn", "scipy", "skops" if form == "skops" else "cloudpickle"]
        return Written({"python_function": general, "sklearn": flavor}, packages)

    return write
