"""Import a database of MLflow into a new store."""

from __future__ import annotations

from typing import Any

from program import run
from stopwatch import Stopwatch

from runstone.exchange.selection import Selection
from runstone.transfers import copy_runs, open_source


def main(library: str, folder: str, database: str) -> dict[str, Any]:
    with Stopwatch() as watch, open_source(database) as source:
        report = copy_runs(source, f"sqlite:///{folder}/runs.db", Selection())
    return {"runs": report.runs, "points": report.points, "wall_s": watch.wall_s, "cpu_s": watch.cpu_s}


run(main)
