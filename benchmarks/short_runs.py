"""How many short runs a second does one process record by the fluent API?

A run is a `with start_run()` block with `log_params` of 10 params, `log_metrics` of 10 metrics and `set_tags` of 5
tags. The clock starts after a first run, which makes the database, and stops when the last run has ended and is in
the database. Both sides record in SQLite, as they do by default.
"""

from __future__ import annotations

from benchmarks.figures import Comparison, Goal
from benchmarks.trials import Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"runs": 1000}, "mlflow": {"runs": 200}},
    "tiny": {"runstone": {"runs": 5}, "mlflow": {"runs": 5}},
}
SCALE = "{runs:,} runs"
PEER_REPEATS = 3


def measure(trials: Trials) -> list[Comparison]:
    sizes = SIZES[trials.size]
    samples = trials.each(
        lambda side, folder: {
            **side.run("short_runs", folder=folder, **sizes[side.library]),
            "runs": sizes[side.library]["runs"],
        },
        peer_repeats=PEER_REPEATS,
    )
    return [
        samples.compare(
            "short runs a CPU second",
            "runs",
            "more",
            lambda answer: answer["runs"] / answer["cpu_s"],
            goal=Goal("times", 20),
            short="short runs",
        ),
        samples.compare("short runs a second", "runs", "more", lambda answer: answer["runs"] / answer["wall_s"]),
    ]
