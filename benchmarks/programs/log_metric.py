"""Log step by step within one active run: `--keys 1` by log_metric, more by log_metrics."""

from __future__ import annotations

from typing import Any

from library import load_library
from program import run
from stopwatch import Stopwatch, settle


def main(library: str, folder: str, calls: int, keys: int) -> dict[str, Any]:
    tracker = load_library(library, folder)
    names = [f"loss_{number}" for number in range(keys)]
    with tracker.start_run() as active:
        tracker.log_metrics(dict.fromkeys(names, 1.0), step=0)
        settle()
        with Stopwatch() as spent:
            for step in range(1, calls + 1):
                if keys == 1:
                    tracker.log_metric(names[0], 1.0 / step, step=step)
                else:
                    tracker.log_metrics(dict.fromkeys(names, 1.0 / step), step=step)
    client = tracker.MlflowClient()
    kept = sum(len(client.get_metric_history(active.info.run_id, name)) for name in names)
    if kept != (calls + 1) * keys:
        raise SystemExit(f"{library} kept {kept} of {(calls + 1) * keys} points")
    return {"cpu_s": spent.cpu_s, "wall_s": spent.wall_s}


run(main)
