"""Any model as a function from data to predictions, and models that are a Python class of the user's."""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstone.errors import InvalidInput
from runstone.models import consent, lightgbm, sklearn, xgboost
from runstone.models.code import PythonModel, PythonModelContext, run_model_code
from runstone.models.enforcement import enforce
from runstone.models.mlmodel import Model
from runstone.models.saving import LogOptions, ModelInfo, SaveOptions, Written, load_folder, log, pyfunc_flavor, save

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["PyFuncModel", "PythonModel", "PythonModelContext", "load_model", "log_model", "save_model"]

Predict = Callable[[Any, Mapping[str, Any] | None], Any]


class PyFuncModel:
    """A loaded model. `predict` checks what it is given against the model's signature."""

    def __init__(self, metadata: Model, inner: Any, predict: Predict) -> None:
        self.metadata = metadata
        self._inner = inner
        self._predict = predict

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """What the model says of the data. Raises InvalidInput for data that does not fit its signature."""
        signature = self.metadata.signature
        if signature is not None and signature.inputs is not None:
            data = enforce(data, signature.inputs)
        return self._predict(data, params)

    def get_raw_model(self) -> Any:
        """What the flavor has loaded: an estimator, a Booster, a PythonModel."""
        return self._inner

    unwrap_python_model = get_raw_model


def save_model(
    path: str | os.PathLike[str],
    python_model: Any,
    *,
    artifacts: Mapping[str, str] | None = None,
    **options: Unpack[SaveOptions],
) -> Model:
    """Save a model of Python code in a new folder.

    `python_model` is the path of a Python file that calls `mlflow.models.set_model(...)`, or a PythonModel, which is
    pickled. `artifacts` are local files or folders by name; the model finds its copies in `context.artifacts`.
    """
    return save(path, _writer(python_model, artifacts or {}), None, options)


def log_model(
    artifact_path: str | None = None,
    python_model: Any = None,
    *,
    name: str | None = None,
    artifacts: Mapping[str, str] | None = None,
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Log a model of Python code as a model of the active run; see `save_model`."""
    return log(name or artifact_path, _writer(python_model, artifacts or {}), None, options)


def load_model(
    model_uri: str | os.PathLike[str],
    dst_path: str | os.PathLike[str] | None = None,
    *,
    allow_code: bool = False,
) -> PyFuncModel:
    """A model of any flavor that knows how to predict. Pickles and Python files run code: they need `allow_code`."""
    folder, model = load_folder(model_uri, dst_path)
    facts = model.flavor("python_function", "it cannot predict: load it by its own flavor")
    loader = facts.get("loader_module")
    if loader not in _LOADERS:
        raise InvalidInput(
            f"The model in {folder} is loaded by {loader}, which this version does not know; it knows "
            f"{', '.join(_LOADERS)}"
        )
    inner, predict = _LOADERS[loader](folder, model, allow_code)
    return PyFuncModel(model, inner, predict)


Loader = Callable[[Path, Model, bool], tuple[Any, Predict]]


def _load_sklearn(folder: Path, model: Model, allow_code: bool) -> tuple[Any, Predict]:
    estimator = sklearn.load_estimator(folder, model, (), allow_code)
    name = model.flavors["python_function"].get("predict_fn", "predict")
    if name not in ("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "score", "transform"):
        raise InvalidInput(f"The model in {folder} predicts by {name!r}, which is no method of an estimator for that")
    return estimator, lambda data, params: getattr(estimator, name)(data, **(params or {}))


def _load_xgboost(folder: Path, model: Model, allow_code: bool) -> tuple[Any, Predict]:
    loaded = xgboost.load_booster(folder, model)
    return loaded, lambda data, params: xgboost.predict(loaded, data)


def _load_lightgbm(folder: Path, model: Model, allow_code: bool) -> tuple[Any, Predict]:
    loaded = lightgbm.load_booster(folder, model, allow_code)
    return loaded, lambda data, params: loaded.predict(data, **(params or {}))


def _load_code(folder: Path, model: Model, allow_code: bool) -> tuple[Any, Predict]:
    name = Path(str(model.flavors["python_function"].get("model_code_path"))).name
    file = consent.inside(folder, name)
    consent.check_consent(file, allow_code)
    return _ready(folder, model, run_model_code(file))


def _load_pickled(folder: Path, model: Model, allow_code: bool) -> tuple[Any, Predict]:
    file = consent.inside(folder, model.flavors["python_function"].get("python_model", "python_model.pkl"))
    return _ready(folder, model, consent.load_pickle(file, allow_code))


_LOADERS: dict[str, Loader] = {
    "mlflow.sklearn": _load_sklearn,
    "mlflow.xgboost": _load_xgboost,
    "mlflow.lightgbm": _load_lightgbm,
    "mlflow.pyfunc.loaders.code_model": _load_code,
    "mlflow.pyfunc.model": _load_pickled,
}
"""By MLflow's names of the modules that load, which the file MLmodel tells."""


def _ready(folder: Path, model: Model, made: Any) -> tuple[Any, Predict]:
    facts = model.flavors["python_function"].get("artifacts") or {}
    context = PythonModelContext({name: str(consent.inside(folder, one["path"])) for name, one in facts.items()})
    if hasattr(made, "load_context"):
        made.load_context(context)
    takes = inspect.signature(made.predict).parameters

    def predict(data: Any, params: Mapping[str, Any] | None) -> Any:
        given = [context, data] if "context" in takes else [data]
        return made.predict(*given, params=params) if "params" in takes else made.predict(*given)

    return made, predict


def _writer(python_model: Any, artifacts: Mapping[str, str]) -> Any:
    is_file = isinstance(python_model, str | os.PathLike)
    if is_file and (Path(python_model).suffix != ".py" or not Path(python_model).is_file()):
        raise InvalidInput(
            f"python_model is the path of a Python file or a PythonModel; there is no file {python_model}"
        )
    if not is_file and not hasattr(python_model, "predict"):
        raise InvalidInput(f"A model needs a method predict, which {type(python_model).__name__} does not have")

    def write(folder: Path) -> Written:
        facts: dict[str, Any] = {"artifacts": _copy_all(artifacts, folder)} if artifacts else {}
        if is_file:
            shutil.copy(python_model, folder)
            facts |= {"model_code_path": Path(python_model).name, "code": None}
            return Written({"python_function": pyfunc_flavor("mlflow.pyfunc.loaders.code_model", **facts)}, ["mlflow"])
        consent.save_pickle(python_model, folder / "python_model.pkl")
        cloudpickle = consent.load_library("cloudpickle", "cloudpickle")
        facts |= {"python_model": "python_model.pkl", "cloudpickle_version": cloudpickle.__version__, "code": None}
        packages = ["mlflow", "cloudpickle", "runstone"]
        return Written({"python_function": pyfunc_flavor("mlflow.pyfunc.model", **facts)}, packages)

    return write


def _copy_all(artifacts: Mapping[str, str], folder: Path) -> dict[str, dict[str, str]]:
    facts = {}
    for name, uri in artifacts.items():
        source, target = Path(uri), folder / "artifacts" / Path(uri).name
        if target.exists():
            raise InvalidInput(f"Two artifacts of the model have the name {target.name}; rename one")
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copy(source, target)
        else:
            raise InvalidInput(f"There is no file or folder '{uri}' for the model's artifact '{name}'")
        facts[name] = {"path": f"artifacts/{target.name}", "uri": str(uri)}
    return facts
