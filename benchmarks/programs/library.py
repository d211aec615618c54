"""The library under test, by its name: where it records. Both have one API, so programs serve both.

A place is a folder, with SQLite in it, or the URL of a PostgreSQL database.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


def tracking_uri(library: str, folder: str) -> str:
    """The tracking URI of a store in `folder`, or in the database of that URL."""
    if "://" in folder:
        return folder
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
