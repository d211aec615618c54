"""How long does a page of 100 runs take among 100,000 runs of 50 keys?

In milliseconds of wall time: the first page by start time; ordered by a metric; filtered by a metric and a param, which
are true of a twentieth, and ordered by another metric; the page behind that; and filtered by a param that 20 runs have.
A run has 25 metrics, 20 params and 5 tags. Both stores are SQLite, filled by SQL inside the database with the same
values, which is checked by the first runs of a page, and kept for the next time. Each repeat is a fresh process, which
asks five times, and once before that does not count; the clock starts at `search_runs` and stops when whole runs are
there. What takes longer than 60 s is given up and stands as 60 s.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.machine import describe_machine
from benchmarks.trials import Answer, BenchmarkFailed, Side, Sizes, Trials

_FULL = {"runs": 100_000, "metrics": 25, "params": 20, "tags": 5}
_TINY = {"runs": 2_000, "metrics": 3, "params": 2, "tags": 1}
SIZES: Sizes = {"full": {"runstone": _FULL, "mlflow": _FULL}, "tiny": {"runstone": _TINY, "mlflow": _TINY}}
SCALE = "{runs:,} runs of {metrics} metrics, {params} params, {tags} tags"
PEER_REPEATS = 1
_SCHEMA = 1
"""To be raised when what is filled changes."""


def measure(trials: Trials) -> list[Comparison]:
    folders = {side.library: _filled_folder(trials, side) for side in trials.sides}
    found: set[tuple[str, ...]] = set()

    def ask(side: Side, _: Path) -> Answer:
        answer = side.run("search_pages", folder=folders[side.library], **SIZES[trials.size][side.library])
        found.add(tuple(answer["found"]))
        return answer

    samples = trials.each(ask, peer_repeats=PEER_REPEATS)
    if len(found - {()}) > 1:
        raise BenchmarkFailed(f"The sides did not find the same runs: {found}")
    rows = (
        ("newest", "the newest runs", 25),
        ("by_metric", "ordered by a metric", 25),
        ("filtered", "filtered, ordered by a metric", 25),
        ("deep", "the page behind that", 15),
        ("rare", "a rare filter, ordered by a metric", 5),
    )
    return [
        samples.compare(
            what,
            "ms",
            "less",
            lambda answer, name=name: (60.0 if answer[name] is None else answer[name]) * 1000,  # type: ignore[misc]
            goal=Goal("at most", limit),
            short=f"search: {what}" if name == "filtered" else "",
        )
        for name, what, limit in rows
    ]


def _filled_folder(trials: Trials, side: Side) -> Path:
    """The folder of a filled store, made once for a version, a size and a shape of tables."""
    size = SIZES[trials.size][side.library]
    version = describe_machine((side,)).versions[side.library]
    numbers = "-".join(str(number) for number in size.values())
    folder = trials.cache / f"scale-{side.library}-{version}-{_tables(side)}-{numbers}"
    if not folder.exists():
        half = folder.with_name(folder.name + ".half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        side.run("search_bulk", folder=half, **size)
        half.rename(folder)
    return folder


def _tables(side: Side) -> str:
    """What else than the version says which tables a store has: Runstone's are changed between versions."""
    if side.library != "runstone":
        return str(_SCHEMA)
    from runstone.stores.sql.migrations import HEAD

    return f"{HEAD}-{_SCHEMA}"
