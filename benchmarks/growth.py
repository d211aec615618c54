"""How do costs grow with runs, with keys and with points?

In milliseconds of wall time, in SQLite: a page of 100 runs, filtered and ordered by metrics, and a new run of 10
metrics and 5 params, in a store of so many runs of 50 keys, filled by SQL and kept for the next time; one point for
each of so many keys, in one call, of a run that has them; and 1,000 points more of a series that has so many. Each is
the median of five in a fresh process; the clock starts at the call and stops when the page is there, or when what was
logged is in the database file. What takes longer than 60 s is given up and stands as 60 s.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison
from benchmarks.pages import filled_folder
from benchmarks.trials import Answer, Side, Sizes, Trials

_FULL = {"runs": 100_000, "keys": 1_000, "points": 1_000_000}
_TINY = {"runs": 200, "keys": 200, "points": 2_000}
SIZES: Sizes = {"full": {"runstone": _FULL, "mlflow": _FULL}, "tiny": {"runstone": _TINY, "mlflow": _TINY}}
SCALE = "up to {runs:,} runs, {keys:,} keys, {points:,} points"
PEER_REPEATS = 1
_KEYS = {"metrics": 25, "params": 20, "tags": 5}


def measure(trials: Trials) -> list[Comparison]:
    most = SIZES[trials.size]["runstone"]
    comparisons: list[Comparison] = []
    for runs in _up_to(most["runs"]):

        def in_store(side: Side, _: Path, runs: int = runs) -> Answer:
            place = filled_folder(trials, side, {"runs": runs, **_KEYS})
            return side.run("growth_runs", folder=place)

        samples = trials.each(in_store, peer_repeats=PEER_REPEATS)
        for name, title in (("page_s", "a page of runs"), ("run_s", "a new run")):
            comparisons.append(
                samples.compare(f"{title}: {runs:,} runs", "ms", "less", lambda answer, name=name: answer[name] * 1000)
            )
    for name, title in (("keys", "a point of each key"), ("points", "1,000 points more")):
        for count in _up_to(most[name]):

            def in_run(side: Side, folder: Path, name: str = name, count: int = count) -> Answer:
                return side.run("growth_log", folder=folder, what=name, count=count)

            samples = trials.each(in_run, peer_repeats=PEER_REPEATS)
            comparisons.append(
                samples.compare(f"{title}: {count:,} {name}", "ms", "less", lambda answer: answer["log_s"] * 1000)
            )
    return sorted(comparisons, key=lambda one: one.what.partition(":")[0])


def _up_to(most: int) -> list[int]:
    """Three sizes, ten times each other."""
    return [most // 100, most // 10, most]
