"""A model's way into a folder, into a run, and back: the same for all flavors, which only write their own files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import msgspec

from runstone.artifacts.transfer import put_folder
from runstone.client import Client, local_copy
from runstone.entities import LoggedModelOutput, LoggedModelStatus, ModelVersion
from runstone.errors import InvalidInput
from runstone.fluent.choices import choices
from runstone.fluent.registry import register_model
from runstone.fluent.runs import client_and_run_id
from runstone.models.examples import pinned, save_example, write_environment
from runstone.models.mlmodel import Model, read_model
from runstone.models.signature import ModelSignature, infer_signature
from runstone.registry import find_model

if TYPE_CHECKING:
    import os

__all__ = ["LogOptions", "ModelInfo", "SaveOptions", "Written", "load_folder", "log", "pyfunc_flavor", "save"]


class SaveOptions(TypedDict, total=False):
    """What every `save_model` takes, by MLflow's names."""

    signature: ModelSignature | None
    """What the model takes and gives; follows from `input_example` where it is not given."""
    input_example: Any
    pip_requirements: Sequence[str] | None
    """What to install instead of what the flavor says."""
    extra_pip_requirements: Sequence[str] | None
    metadata: dict[str, Any] | None


class LogOptions(SaveOptions, total=False):
    """What every `log_model` takes, by MLflow's names."""

    registered_model_name: str | None
    """Make it the newest version of that name."""
    params: Mapping[str, Any] | None
    tags: Mapping[str, Any] | None
    model_type: str | None
    step: int
    await_registration_for: int | None


class Written(NamedTuple):
    """What a flavor has written into a folder: what MLmodel says of it, and the packages it needs."""

    flavors: dict[str, dict[str, Any]]
    packages: Sequence[str]


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was logged. `model_uri` is what `load_model` takes."""

    model_uri: str
    model_id: str
    run_id: str
    name: str
    flavors: dict[str, dict[str, Any]]
    signature: ModelSignature | None = None
    model_uuid: str
    utc_time_created: str
    registered_model_version: str | None = None

    @property
    def artifact_path(self) -> str:
        """As MLflow says it: the place of the files."""
        return self.model_uri


Write = Callable[[Path], Written]
Predict = Callable[[Any], Any]


def save(
    path: str | os.PathLike[str],
    write: Write,
    predict: Predict | None,
    options: Mapping[str, Any],
    model: Model | None = None,
) -> Model:
    """Make a folder with a model. Raises InvalidInput where there is something already."""
    folder = Path(path)
    unknown = sorted(options.keys() - SaveOptions.__annotations__.keys())
    if unknown:
        raise InvalidInput(
            f"save_model does not take {', '.join(unknown)}; it takes {', '.join(SaveOptions.__annotations__)}"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"There is something at '{folder}' already; save the model elsewhere, or remove it first")
    folder.mkdir(parents=True, exist_ok=True)
    model = model or Model()
    written = write(folder)
    model.flavors = written.flavors
    model.signature = options.get("signature")
    model.metadata = options.get("metadata")
    example = options.get("input_example")
    if example is not None:
        model.saved_input_example_info = save_example(example, folder)
        if model.signature is None and predict is not None:
            model.signature = infer_signature(example, predict(example))
    chosen = options.get("pip_requirements")
    requirements = list(chosen) if chosen is not None else pinned(written.packages)
    write_environment(folder, [*requirements, *(options.get("extra_pip_requirements") or ())])
    model.save(folder)
    return model


def log(name: str | None, write: Write, predict: Predict | None, options: Mapping[str, Any]) -> ModelInfo:
    """Make a logged model of the active run, which is started where none is active."""
    unknown = sorted(options.keys() - LogOptions.__annotations__.keys() - SaveOptions.__annotations__.keys())
    if unknown:
        raise InvalidInput(f"log_model does not take {', '.join(unknown)}")
    client, run_id = client_and_run_id()
    models = client.tracking.models
    client.tracking.flush()  # a run that waits in the journal is not there to make a model yet
    logged = client.create_logged_model(
        client.get_run(run_id).info.experiment_id,
        name,
        run_id,
        tags=options.get("tags"),
        params=options.get("params"),
        model_type=options.get("model_type"),
    )
    model = Model(run_id=run_id, model_id=logged.model_id, artifact_path=logged.artifact_location)
    saving = {key: value for key, value in options.items() if key in SaveOptions.__annotations__}
    try:
        with TemporaryDirectory(prefix="runstone-model-") as folder:
            save(folder, write, predict, saving, model)
            put_folder(models.open_logged_model_artifacts(logged.model_id), Path(folder))
    except BaseException:
        models.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
        raise
    models.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    models.log_model_outputs(run_id, [LoggedModelOutput(logged.model_id, options.get("step", 0))])
    registered = options.get("registered_model_name")
    version: ModelVersion | None = register_model(f"models:/{logged.model_id}", registered) if registered else None
    return ModelInfo(
        model_uri=f"models:/{logged.model_id}",
        model_id=logged.model_id,
        run_id=run_id,
        name=logged.name,
        flavors=model.flavors,
        signature=model.signature,
        model_uuid=model.model_uuid,
        utc_time_created=model.utc_time_created,
        registered_model_version=version.version if version else None,
    )


def load_folder(model_uri: str | os.PathLike[str], dst_path: str | os.PathLike[str] | None) -> tuple[Path, Model]:
    """The folder that a URI means, on this machine, and what it says of itself. Raises NotFound, InvalidInput.

    What had to be downloaded stays in `dst_path`, or else in a temporary folder until the process ends.
    """
    uri = str(model_uri)
    if Path(uri).is_dir():
        folder = Path(uri)
        if dst_path is not None:
            folder = Path(shutil.copytree(folder, dst_path, dirs_exist_ok=True))
    else:
        client: Client = choices.client()
        place = find_model(client.tracking, uri)
        folder = Path(local_copy(place.store, place.path, dst_path))
    return folder, read_model(folder)


def pyfunc_flavor(loader: str, **facts: Any) -> dict[str, Any]:
    """What MLmodel says for those who only predict. `loader` is MLflow's name of the module that loads it."""
    import platform

    return {
        "loader_module": loader,
        "python_version": platform.python_version(),
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        **facts,
    }
