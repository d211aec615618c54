"""Where files of runs are kept (`base`), in local folders (`local`), and how URIs name them (`uris`).

MLflow's users also look here for files by run or URI; those names lead upwards when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_text"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("runstone.fluent.artifacts"), name)
