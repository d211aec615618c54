"""How long does a page of 100 runs take among 100,000 runs of 50 keys?

In milliseconds of wall time: the first page by start time; ordered by a metric; filtered by a metric and a param, which
are true of a twentieth, and ordered by another metric; the page behind that; and filtered by a param that 20 runs have.
A run has 25 metrics, 20 params and 5 tags. Both stores are SQLite, filled by SQL inside the database with the same
values, which is checked by the first runs of a page, and kept for the next time. Each repeat is a fresh process, which
asks five times, and once before that does not count; the clock starts at `search_runs` and stops when whole runs are
there. What takes longer than 60 s is given up and stands as 60 s.
"""

from __future__ import annotations

from benchmarks.figures import Comparison
from benchmarks.pages import ask_pages, compare_pages, filled_folder
from benchmarks.trials import Sizes, Trials

_FULL = {"runs": 100_000, "metrics": 25, "params": 20, "tags": 5}
_TINY = {"runs": 2_000, "metrics": 3, "params": 2, "tags": 1}
SIZES: Sizes = {"full": {"runstone": _FULL, "mlflow": _FULL}, "tiny": {"runstone": _TINY, "mlflow": _TINY}}
SCALE = "{runs:,} runs of {metrics} metrics, {params} params, {tags} tags"
PEER_REPEATS = 1
_GOALS = {"newest": 25, "by_metric": 25, "filtered": 25, "deep": 15, "rare": 5}


def measure(trials: Trials) -> list[Comparison]:
    places = {side.library: filled_folder(trials, side, SIZES[trials.size][side.library]) for side in trials.sides}
    samples = ask_pages(trials, places, SIZES[trials.size], peer_repeats=PEER_REPEATS)
    return compare_pages(samples, _GOALS)
