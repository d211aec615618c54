"""Who may take part in a benchmark, as data: by which name, what it is called, where it is installed.

Knows nothing of what is measured.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PARTICIPANTS", "Participant"]


class Participant(NamedTuple):
    """A library, and the way it is used where it has several.

    `library` is what programs import; `mode` tells them the way, as `http`, which needs a server. `environment` is its
    folder in `build/`, pinned by the file of that name in `requirements/`; empty for the running interpreter.
    """

    title: str
    library: str
    environment: str
    mode: str = ""


PARTICIPANTS = {
    "runstone": Participant("Runstone", "runstone", ""),
    "mlflow": Participant("MLflow", "mlflow", "mlflow"),
    "mlflow_async": Participant("MLflow, asynchronous", "mlflow", "mlflow", "async"),
    "mlflow_http": Participant("MLflow over HTTP", "mlflow", "mlflow", "http"),
    "fasttrackml": Participant("FastTrackML", "fasttrackml", "fasttrackml"),
    "fasttrackml_http": Participant("FastTrackML over HTTP", "fasttrackml", "fasttrackml", "http"),
    "wandb": Participant("W&B, offline", "wandb", "peers"),
    "trackio": Participant("trackio", "trackio", "peers"),
    "tensorboardX": Participant("tensorboardX", "tensorboardX", "peers"),
}
"""By the names in results, the most important first; Runstone's own comes before all."""
