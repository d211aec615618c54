"""Does a store of a billion points read as fast as one of ten million?

Runstone alone, in SQLite, filled as `runstone bench generate` does: experiments of 100 runs of 10 keys of 10,000 points
each, less what failed runs lack: one experiment in the small store, 110 in the large one; both are kept for the next
time. Each try is a fresh process on each store, which reads 20 series by chance, their last 1,000 points, curves of 20
runs at a width of 1,000 pixels, and pages of 100 runs, filtered by a metric's minimum and ordered by another one, of
one experiment and of all. The store is open before the clock starts; it stops when columns or runs are there, and the
median of the tries of each is taken. The goal is judged by the ratio of both stores.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.machine import describe_machine
from benchmarks.trials import Answer, Side, Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"experiments": 110, "runs": 100, "keys": 10, "points": 10_000}},
    "tiny": {"runstone": {"experiments": 3, "runs": 4, "keys": 2, "points": 1_000}},
}
SCALE = "1 and {experiments} experiments of {runs} runs of {keys} keys of {points:,} points"
PEER_REPEATS = 1
_MOST = "RUNSTONE_BENCH_EXPERIMENTS"
"""Fewer experiments in the large store, where there is no room for a billion points (3 GB)."""


def measure(trials: Trials) -> list[Comparison]:
    size = dict(SIZES[trials.size]["runstone"])
    most = int(os.environ.get(_MOST, size["experiments"]))
    small, large = (_filled(trials, {**size, "experiments": count}) for count in (1, most))

    def ask(side: Side, _: Path) -> Answer:
        return {"small": side.run("many_points", folder=small), "large": side.run("many_points", folder=large)}

    samples = trials.each(ask)
    comparisons: list[Comparison] = []
    for name, title in (
        ("series_s", "a series"),
        ("tail_s", "the last 1,000 points of a series"),
        ("curves_s", "curves of 20 runs"),
        ("page_s", "a page of an experiment's runs"),
        ("all_s", "a page of all runs"),
    ):
        for store in ("small", "large"):
            comparisons.append(
                samples.compare(
                    f"{title}, {store} store",
                    "ms",
                    "less",
                    lambda answer, name=name, store=store: answer[store][name] * 1000,  # type: ignore[misc]
                )
            )
        comparisons.append(
            samples.compare(
                f"{title}: how much slower",
                "times",
                "less",
                lambda answer, name=name: answer["large"][name] / answer["small"][name],  # type: ignore[misc]
                goal=Goal("at most", 1.5),
            )
        )
    return comparisons


def _filled(trials: Trials, size: dict[str, int]) -> Path:
    """The folder of a filled store, made once for a version."""
    version = describe_machine((trials.client,)).versions["runstone"]
    name = f"points-{version}-{'-'.join(map(str, size.values()))}"
    return trials.kept(name, lambda folder: trials.client.run("many_points_fill", folder=folder, **size))
