"""How fast do a million points get into one run, how many bytes do they take, and how fast do they come back?

Written by `Client.log_batch`, 1,000 points a call, one series, from lists of `Metric` made before the clock starts,
which stops when all points are in the database file: with MLflow when the last call has returned, with Runstone when
its journal is delivered. They survive a killed process then (MLflow also waits for the disk at each call, which wall
time shows and CPU time does not). Bytes a point are all files of the store after the run has ended and the store was
closed, divided by the points, the empty database included. Then a fresh process opens the store, finds the run, and
reads the series back: as a list of `Metric` by `get_metric_history`, and as columns by `client.tracking.read_series`
(MLflow has no such call; beside it stands its `get_metric_history`).

Values are float32 losses, as `tensor.item()` gives them, and full-precision noise, which no compression makes much
smaller than 8 bytes; a step takes 20 ms, give or take 2. MLflow gets fewer points, because it takes minutes for a
million.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.figures import Comparison, Goal
from benchmarks.trials import Answer, Samples, Side, Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"points": 1_000_000, "batch": 1000}, "mlflow": {"points": 100_000, "batch": 1000}},
    "tiny": {"runstone": {"points": 3000, "batch": 1000}, "mlflow": {"points": 1000, "batch": 500}},
}
SCALE = "{points:,} points, {batch:,} a call"
PEER_REPEATS = 3


def measure(trials: Trials) -> list[Comparison]:
    losses = trials.each(lambda side, folder: _try(trials, side, folder, "losses"), peer_repeats=PEER_REPEATS)
    noise = trials.each(lambda side, folder: _try(trials, side, folder, "noise"), peer_repeats=PEER_REPEATS)
    return [*_compare(losses, "losses", has_goals=True), *_compare(noise, "noise", has_goals=False)]


def _try(trials: Trials, side: Side, folder: Path, values: str) -> Answer:
    size = SIZES[trials.size][side.library]
    written = side.run("ingest_write", folder=folder, values=values, **size)
    answer: dict[str, Any] = {**written, "points": size["points"]}
    reading = {"folder": folder, "run_id": written["run_id"], "points": size["points"]}
    history = columns = side.run("ingest_read", what="history", **reading)
    if side.library == "runstone":
        columns = side.run("ingest_read", what="columns", **reading)
    return answer | {"size_bytes": history["size_bytes"], "history": history, "columns": columns}


def _compare(samples: Samples, kind: str, *, has_goals: bool) -> list[Comparison]:
    def goal(wanted: Goal) -> Goal | None:
        return wanted if has_goals else None

    return [
        samples.compare(
            f"{kind}: written a CPU second",
            "points",
            "more",
            lambda answer: answer["points"] / answer["write_cpu_s"],
            goal=goal(Goal("at least", 1_000_000)),
            short=f"points written ({kind})",
        ),
        samples.compare(
            f"{kind}: written a second",
            "points",
            "more",
            lambda answer: answer["points"] / answer["write_wall_s"],
        ),
        samples.compare(
            f"{kind}: end of the run and close, CPU", "ms", "less", lambda answer: answer["end_cpu_s"] * 1000
        ),
        samples.compare(
            f"{kind}: size of a point",
            "bytes",
            "less",
            lambda answer: answer["size_bytes"] / answer["points"],
            goal=goal(Goal("at most", 4)),
            short=f"bytes a point ({kind})",
        ),
        samples.compare(
            f"{kind}: a million points read as columns, CPU",
            "ms",
            "less",
            lambda answer: _a_million(answer, answer["columns"]["cpu_s"]),
            goal=goal(Goal("at most", 60)),
            short=f"read as columns ({kind})",
        ),
        samples.compare(
            f"{kind}: a million points read as columns, wall time",
            "ms",
            "less",
            lambda answer: _a_million(answer, answer["columns"]["wall_s"]),
            goal=goal(Goal("at most", 40)),
        ),
        samples.compare(
            f"{kind}: a million points read as `Metric`, CPU",
            "ms",
            "less",
            lambda answer: _a_million(answer, answer["history"]["cpu_s"]),
            short=f"read as entities ({kind})",
        ),
    ]


def _a_million(answer: Answer, seconds: float) -> float:
    """Milliseconds for a million points, at the speed of this try."""
    return seconds / float(answer["points"]) * 1e9
