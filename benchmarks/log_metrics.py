"""How many points a second does a loop log with 100 metrics a step, and how many arrive in the store?

One call of `log_metrics` a step (tensorboardX: `add_scalar` for each metric), as fast as the loop can, after a first
call; the rows are made before. Accepted is what the loop has logged when its last call returns; stored is the same
number of points, but the clock runs on until the library says that all is stored: another process can read it, which a
fresh one checks by counting them at once, while the run goes on where the library lets it. Each library logs as its
users do, see the benchmark of `log_metric`; slow ones get fewer steps.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.trials import Answer, Side, Sizes, Trials

_TINY = {"steps": 5, "keys": 100}
SIZES: Sizes = {
    "full": {
        "runstone": {"steps": 50_000, "keys": 100},
        "mlflow": {"steps": 200, "keys": 100},
        "mlflow_async": {"steps": 200, "keys": 100},
        "wandb": {"steps": 4000, "keys": 100},
        "trackio": {"steps": 10_000, "keys": 100},
        "tensorboardX": {"steps": 500, "keys": 100},
    },
    "tiny": {
        "runstone": {"steps": 100, "keys": 100},
        "mlflow": _TINY,
        "mlflow_async": _TINY,
        "wandb": _TINY,
        "trackio": _TINY,
        "tensorboardX": _TINY,
    },
}
SCALE = "{steps:,} steps of {keys} metrics"
PEER_REPEATS = 3


def measure(trials: Trials) -> list[Comparison]:
    def once(side: Side, folder: Path) -> Answer:
        size = SIZES[trials.size][side.name]
        return side.run("log_metrics", mode=side.mode, folder=folder, port=0, **size)

    samples = trials.each(once, peer_repeats=PEER_REPEATS)
    return [
        samples.compare(
            "accepted a second",
            "points",
            "more",
            lambda answer: answer["points"] / answer["loop_s"],
            goal=Goal("at least", 3_000_000),
            short="log_metrics, accepted",
        ),
        samples.compare(
            "stored a second",
            "points",
            "more",
            lambda answer: answer["points"] / answer["whole_s"],
            goal=Goal("at least", 1_000_000),
            short="log_metrics, stored",
        ),
        samples.compare(
            "stored a CPU second", "points", "more", lambda answer: answer["points"] / answer["whole_cpu_s"]
        ),
    ]
