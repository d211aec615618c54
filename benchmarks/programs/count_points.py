"""Count the points of a run that this process can read, which is not the one that records them."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from library import load_library
from program import run
from recorders import PROJECT

_HEAD_BYTES, _BLOCK_BYTES = 7, 1 << 15
_FRAGMENT = struct.Struct("<IHB")


def main(library: str, mode: str, folder: str, port: int, run_id: str) -> dict[str, Any]:
    return {"points": _COUNTS[library](mode, folder, port, run_id)}


def count_points(library: str, mode: str, folder: str, port: int, run_id: str) -> int:
    """How many points another process, started for this, can read."""
    asked = {"library": library, "mode": mode, "folder": folder, "port": port, "run_id": run_id}
    command = [sys.executable, __file__, *(f"--{name}={value}" for name, value in asked.items())]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return int(json.loads(done.stdout.splitlines()[-1])["points"])


def check_stored(library: str, mode: str, folder: str, port: int, run_id: str, points: int) -> None:
    """End the program where another process does not read as many points."""
    found = count_points(library, mode, folder, port, run_id)
    if found != points:
        raise SystemExit(f"{library}: another process reads {found} of {points} points")


def _count_runstone(mode: str, folder: str, port: int, run_id: str) -> int:
    # A journal of its own, so that it cannot help with the delivery of the other one.
    os.environ["RUNSTONE_JOURNAL"] = str(Path(folder) / "reader")
    client = load_library("runstone", folder).MlflowClient()
    return sum(len(client.tracking.read_series(run_id, key)) for key in client.get_run(run_id).data.metrics)


def _count_mlflow(mode: str, folder: str, port: int, run_id: str) -> int:
    mlflow = load_library("mlflow", folder)
    if mode == "http":
        mlflow.set_tracking_uri(f"http://127.0.0.1:{port}")
    client = mlflow.MlflowClient()
    return sum(len(client.get_metric_history(run_id, key)) for key in client.get_run(run_id).data.metrics)


def _count_wandb(mode: str, folder: str, port: int, run_id: str) -> int:
    """Keys that begin with an underscore are W&B's own."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = Path(folder).rglob(f"*{run_id}.wandb")
    records = map(Record.FromString, _read_blocks(path.read_bytes()[_HEAD_BYTES:]))
    return sum(not _key(item).startswith("_") for record in records for item in record.history.item)


def _key(item: Any) -> str:
    return item.key or ".".join(item.nested_key)


def _read_blocks(content: bytes) -> Iterator[bytes]:
    """LevelDB's log: blocks of 32 kB, of fragments with a checksum of 4 bytes, a length of 2 and a kind of 1.

    The first block is shorter by the file's own head. A fragment's kind is whole, first, middle or last.
    """
    at, record = 0, b""
    while at + _FRAGMENT.size <= len(content):
        left = _BLOCK_BYTES - (at + _HEAD_BYTES) % _BLOCK_BYTES
        if left < _FRAGMENT.size:
            at += left
            continue
        _, length, kind = _FRAGMENT.unpack_from(content, at)
        at += _FRAGMENT.size
        record += content[at : at + length]
        at += length
        if kind in (1, 4):  # whole, last
            yield record
            record = b""


def _count_trackio(mode: str, folder: str, port: int, run_id: str) -> int:
    database = sqlite3.connect(Path(folder) / f"{PROJECT}.db")
    rows = database.execute("select metrics from metrics where run_name = ?", [run_id])
    return sum(len(json.loads(metrics)) for (metrics,) in rows)


def _count_tensorboardx(mode: str, folder: str, port: int, run_id: str) -> int:
    from tensorboardX.proto.event_pb2 import Event

    (path,) = (Path(folder) / "events").iterdir()
    return sum(len(Event.FromString(content).summary.value) for content in _read_frames(path.read_bytes()))


def _read_frames(content: bytes) -> Iterator[bytes]:
    """TFRecord: a length of 8 bytes, its checksum of 4, what it is about, and a checksum of that of 4."""
    at = 0
    while at + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        if at + 16 + length <= len(content):
            yield content[at + 12 : at + 12 + length]
        at += 16 + length


_COUNTS: dict[str, Callable[[str, str, int, str], int]] = {
    "runstone": _count_runstone,
    "mlflow": _count_mlflow,
    "fasttrackml": _count_mlflow,
    "wandb": _count_wandb,
    "trackio": _count_trackio,
    "tensorboardX": _count_tensorboardx,
}

if __name__ == "__main__":  # Other programs import this file.
    run(main)
