"""The user's word that a model's files may run code in this process: pickles do, and Python files do."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from runstone import settings
from runstone.errors import InvalidInput

__all__ = ["check_consent", "inside", "load_library", "load_pickle", "save_pickle"]


def check_consent(file: Path, allow_code: bool) -> None:
    """Raise InvalidInput where nobody has said that this file may run code."""
    if not (allow_code or settings.ALLOW_MODEL_CODE.get()):
        raise InvalidInput(
            f"Loading {file} would run whatever code is in it. If you trust who wrote it, say load_model(..., "
            f"allow_code=True) or set {settings.ALLOW_MODEL_CODE.name}=true; else have it saved in a format that holds "
            "data alone (skops, XGBoost's or LightGBM's own)"
        )


def load_pickle(file: Path, allow_code: bool) -> Any:
    """What was pickled. Raises InvalidInput without the user's word."""
    check_consent(file, allow_code)
    import pickle

    with file.open("rb") as stream:
        return pickle.load(stream)


def save_pickle(value: Any, file: Path) -> None:
    """Pickle a value, its classes with it where they are the script's own."""
    cloudpickle = load_library("cloudpickle", "cloudpickle")
    with file.open("wb") as stream:
        cloudpickle.dump(value, stream)


def load_library(name: str, package: str) -> Any:
    """A library that a flavor needs. Raises InvalidInput, naming the package."""
    try:
        return import_module(name)
    except ImportError as error:
        raise InvalidInput(f"This needs the package {package}; install it with `pip install {package}`") from error


def inside(folder: Path, name: Any) -> Path:
    """A file that a description names. Raises InvalidInput where it is not in the model's folder."""
    path = (folder / str(name)).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.exists():
        raise InvalidInput(f"The model in {folder} names the file {str(name)!r}, which is not in its folder")
    return path
