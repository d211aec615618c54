"""Read all runs of the experiment `search` as `--form arrow` or `pandas`. The libraries are there before the clock."""

from __future__ import annotations

from typing import Any

import pandas  # noqa: F401
import pyarrow  # noqa: F401
from library import load_library
from program import run
from stopwatch import Stopwatch, settle


def main(library: str, folder: str, form: str, runs: int) -> dict[str, Any]:
    tracker = load_library(library, folder)
    ids = [tracker.get_experiment_by_name("search").experiment_id]
    tracker.search_runs(ids, max_results=1, output_format=form)
    settle()
    with Stopwatch() as spent:
        table = tracker.search_runs(ids, output_format=form)
    if len(table) != runs:
        raise SystemExit(f"{library} found {len(table)} of {runs} runs")
    return {"cpu_s": spent.cpu_s, "wall_s": spent.wall_s}


run(main)
