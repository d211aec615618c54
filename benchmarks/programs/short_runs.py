"""Record many short runs by the fluent API, as a sweep of small models does."""

from __future__ import annotations

from typing import Any

from library import load_library
from program import run
from stopwatch import Stopwatch, settle


def record_run(tracker: Any, number: int) -> None:
    with tracker.start_run():
        tracker.log_params({f"param_{key}": number * key for key in range(10)})
        tracker.log_metrics({f"metric_{key}": number / (key + 1) for key in range(10)})
        tracker.set_tags({f"tag_{key}": f"value {key}" for key in range(5)})


def main(library: str, folder: str, runs: int) -> dict[str, Any]:
    tracker = load_library(library, folder)
    tracker.set_experiment("sweep")
    record_run(tracker, 0)  # The first run creates the database.
    settle()
    with Stopwatch() as spent:
        for number in range(1, runs + 1):
            record_run(tracker, number)
    found = tracker.search_runs(filter_string="attributes.status = 'FINISHED'", output_format="list")
    complete = [one for one in found if len(one.data.params) == len(one.data.metrics) == 10]
    if len(complete) != runs + 1:
        raise SystemExit(f"{library} recorded {len(complete)} of {runs + 1} runs")
    return {"cpu_s": spent.cpu_s, "wall_s": spent.wall_s}


run(main)
