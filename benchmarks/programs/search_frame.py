"""Read all runs of the experiment `search` into a DataFrame. pandas is there, and the store open, before the clock."""

from __future__ import annotations

from typing import Any

import pandas  # noqa: F401
from library import load_library
from program import run
from stopwatch import Stopwatch, settle


def main(library: str, folder: str, runs: int) -> dict[str, Any]:
    tracker = load_library(library, folder)
    ids = [tracker.get_experiment_by_name("search").experiment_id]
    tracker.search_runs(ids, max_results=1)
    settle()
    with Stopwatch() as spent:
        frame = tracker.search_runs(ids)
    metrics = [name for name in frame.columns if name.startswith("metrics.")]
    params = [name for name in frame.columns if name.startswith("params.")]
    if (len(frame), len(metrics), len(params)) != (runs, 20, 20):
        raise SystemExit(f"{library} found {len(frame)} runs, {len(metrics)} metrics, {len(params)} params")
    return {"cpu_s": spent.cpu_s, "wall_s": spent.wall_s, "sum": round(float(frame[metrics].sum().sum()), 3)}


run(main)
