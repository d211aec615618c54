"""How much CPU does `import runstone` take, and how much until the first point is recorded?

In milliseconds, in a fresh interpreter whose bytecode is compiled. Libraries may load their parts late, so the
import is also measured together with `start_run`, one `log_metric` and the end of the run: in a new folder, where
the database is made first, and in one with a database. The clock starts before the `import` statement and stops
after it, or when the run has ended; the start of Python itself is not counted. Heavy libraries are pandas,
SQLAlchemy, NumPy, pyarrow, and those that speak HTTP (`http.client`, requests, urllib3, httpx, aiohttp).
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.trials import Answer, Side, Sizes, Trials

SIZES: Sizes = {"full": {"runstone": {}, "mlflow": {}}, "tiny": {"runstone": {}, "mlflow": {}}}
SCALE = "one interpreter a repeat"
PEER_REPEATS = 5


def measure(trials: Trials) -> list[Comparison]:
    imports = trials.each(_import, warm_up=True, peer_repeats=PEER_REPEATS)
    known = trials.each(_first_run_again, warm_up=True, peer_repeats=PEER_REPEATS)
    new = trials.each(_first_run, peer_repeats=PEER_REPEATS)
    return [
        imports.compare("`import`, CPU", "ms", "less", _cpu_ms, goal=Goal("times", 10), short="import"),
        imports.compare("`import`, wall time", "ms", "less", _wall_ms),
        imports.compare("loaded by `import`", "modules", "less", lambda answer: answer["modules"]),
        imports.compare(
            "heavy libraries loaded by `import`",
            "of 9",
            "less",
            lambda answer: answer["heavy"],
            goal=Goal("at most", 0),
        ),
        known.compare("`import` and first run, CPU", "ms", "less", _cpu_ms, short="import and first run"),
        known.compare("`import` and first run, wall time", "ms", "less", _wall_ms),
        new.compare("`import` and first run, new database, CPU", "ms", "less", _cpu_ms),
        new.compare("`import` and first run, new database, wall time", "ms", "less", _wall_ms),
    ]


def _import(side: Side, folder: Path) -> Answer:
    return side.run("imports", folder=folder, step="import")


def _first_run(side: Side, folder: Path) -> Answer:
    return side.run("imports", folder=folder, step="first_run")


def _first_run_again(side: Side, folder: Path) -> Answer:
    _first_run(side, folder)
    return _first_run(side, folder)


def _cpu_ms(answer: Answer) -> float:
    return float(answer["cpu_s"]) * 1000


def _wall_ms(answer: Answer) -> float:
    return float(answer["wall_s"]) * 1000
