"""Measure the files of a store, then read a series back: `--what history` as entities, `--what columns` as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy  # noqa: F401
from library import open_client
from program import run
from stopwatch import Stopwatch, settle


def main(library: str, folder: str, run_id: str, points: int, what: str) -> dict[str, Any]:
    size_bytes = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    client = open_client(library, folder)
    client.get_run(run_id)
    settle()
    with Stopwatch() as spent:
        if what == "columns":
            found = client.tracking.read_series(run_id, "loss")
        else:
            found = client.get_metric_history(run_id, "loss")
    if len(found) != points:
        raise SystemExit(f"{library} gave back {len(found)} of {points} points")
    return {"size_bytes": size_bytes, "cpu_s": spent.cpu_s, "wall_s": spent.wall_s}


run(main)
