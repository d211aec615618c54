"""The library under test, by its name: where it records in a folder. Both have one API, so programs serve both."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


def tracking_uri(library: str, folder: str) -> str:
    """The tracking URI of a store in `folder`: SQLite on both sides, each as its users get it by default."""
    place = Path(folder).absolute()
    return f"sqlite:///{place / 'mlflow.db'}" if library == "mlflow" else place.as_uri()


def load_library(library: str, folder: str) -> Any:
    """The module `runstone` or `mlflow`, which records in `folder`."""
    module = importlib.import_module(library)
    module.set_tracking_uri(tracking_uri(library, folder))
    return module


def open_client(library: str, folder: str) -> Any:
    """Its client, which records in `folder`."""
    return load_library(library, folder).MlflowClient(tracking_uri(library, folder))
