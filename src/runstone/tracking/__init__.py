"""What may be asked of a tracker (`base`), and the rules of it, once, over any Store (`local`).

MLflow's users also look for the client and the tracking URI here; those names lead upwards when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Client", "MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]

_ELSEWHERE = {
    "Client": "runstone.client",
    "MlflowClient": "runstone.client",
    "get_tracking_uri": "runstone.fluent",
    "is_tracking_uri_set": "runstone.fluent",
    "set_tracking_uri": "runstone.fluent",
}


def __getattr__(name: str) -> Any:
    if name in ("client", "fluent"):  # mlflow.tracking.client, mlflow.tracking.fluent
        return import_module(f"runstone.{name}")
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE[name]), name)
