"""An active run of whichever library, behind one interface: how each of them logs in its usual way.

Knows where each records in a folder, or through a server; not what is measured.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from library import load_library

PROJECT = "benchmark"


class Recorder(NamedTuple):
    """`log(key, value, step=step)` records one point, `log_row({key: value}, step=step)` one of each key.

    They are the library's own functions where it takes those arguments, else functions of one line. `drain()` returns
    when another process can read all that was logged; some can only do so by ending the run. `end()` ends it.
    """

    run_id: str
    log: Callable[..., object]
    log_row: Callable[..., object]
    drain: Callable[[], object]
    end: Callable[[], object]


def open_recorder(library: str, mode: str, folder: str, port: int) -> Recorder:
    """A new run, which is recorded in `folder`; where `mode` is http, by the server at `port`."""
    return _OPENERS[library](mode, folder, port)


def _open_runstone(mode: str, folder: str, port: int) -> Recorder:
    runstone = load_library("runstone", folder)
    run = runstone.start_run()

    def drain() -> None:
        if not runstone.flush():
            raise SystemExit("runstone has not delivered all that was logged")

    return Recorder(run.info.run_id, runstone.log_metric, runstone.log_metrics, drain, runstone.end_run)


def _open_mlflow(mode: str, folder: str, port: int) -> Recorder:
    mlflow = load_library("mlflow", folder)
    if mode == "http":
        mlflow.set_tracking_uri(f"http://127.0.0.1:{port}")
    if mode == "async":
        mlflow.config.enable_async_logging()
    run = mlflow.start_run()
    drain = mlflow.flush_async_logging if mode == "async" else _nothing
    return Recorder(run.info.run_id, mlflow.log_metric, mlflow.log_metrics, drain, mlflow.end_run)


def _open_wandb(mode: str, folder: str, port: int) -> Recorder:
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": folder}
    os.environ |= {f"WANDB_{kind}_DIR": folder for kind in ("CACHE", "CONFIG", "DATA")}
    wandb: Any = importlib.import_module("wandb")
    run = wandb.init(project=PROJECT)

    def log(key: str, value: float, step: int) -> None:
        wandb.log({key: value}, step=step)

    return Recorder(run.id, log, wandb.log, wandb.finish, _nothing)


def _open_trackio(mode: str, folder: str, port: int) -> Recorder:
    os.environ |= {"TRACKIO_DIR": folder, "HF_HOME": folder, "HF_HUB_OFFLINE": "1"}
    trackio: Any = importlib.import_module("trackio")
    run = trackio.init(project=PROJECT)

    def log(key: str, value: float, step: int) -> None:
        trackio.log({key: value}, step=step)

    return Recorder(run.name, log, trackio.log, trackio.finish, _nothing)


def _open_tensorboardx(mode: str, folder: str, port: int) -> Recorder:
    writer: Any = importlib.import_module("tensorboardX").SummaryWriter(str(Path(folder) / "events"))

    def log(key: str, value: float, step: int) -> None:
        writer.add_scalar(key, value, step)

    def log_row(metrics: Mapping[str, float], step: int) -> None:
        for key, value in metrics.items():
            writer.add_scalar(key, value, step)

    # Its `flush` leaves events in a queue.
    return Recorder("", log, log_row, writer.close, _nothing)


def _nothing() -> None:
    pass


_OPENERS: dict[str, Callable[[str, str, int], Recorder]] = {
    "runstone": _open_runstone,
    "mlflow": _open_mlflow,
    "fasttrackml": _open_mlflow,  # it has no client of its own
    "wandb": _open_wandb,
    "trackio": _open_trackio,
    "tensorboardX": _open_tensorboardx,
}
