"""How many points a second do eight processes get into one embedded store, and how far is it behind at the end?

Each process logs into a run of its own, 20 metrics a call of `log_metrics`, as fast as it can for 20 seconds, all from
the same moment on. Behind is the longest time from the end of a process's loop until it is told that all it has logged
is stored; the clock of the points a second stops when that was told to the last one. Then, while all runs are still
active, another process counts the points it can read: what is missing of those whose call returned is lost. A call
that raises is an error. Both sides record in one SQLite database, which is made before.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.trials import Answer, Side, Sizes, Trials

_FULL = {"processes": 8, "keys": 20, "seconds": 20}
_TINY = {"processes": 2, "keys": 20, "seconds": 0.3}
SIZES: Sizes = {"full": {"runstone": _FULL, "mlflow": _FULL}, "tiny": {"runstone": _TINY, "mlflow": _TINY}}
SCALE = "{processes} processes, {keys} metrics a call, {seconds} s"
PEER_REPEATS = 3


def measure(trials: Trials) -> list[Comparison]:
    def once(side: Side, folder: Path) -> Answer:
        return side.run("many_processes", folder=folder, **SIZES[trials.size][side.name])

    samples = trials.each(once, peer_repeats=PEER_REPEATS)
    return [
        samples.compare(
            "stored a second",
            "points",
            "more",
            lambda answer: answer["stored"] / answer["wall_s"],
            short="8 processes, stored",
        ),
        samples.compare("behind at the end", "s", "less", lambda answer: answer["lag_s"], goal=Goal("at most", 2)),
        samples.compare("errors", "calls", "less", lambda answer: answer["errors"], goal=Goal("at most", 0)),
        samples.compare("lost", "points", "less", lambda answer: answer["lost"], goal=Goal("at most", 0)),
    ]
