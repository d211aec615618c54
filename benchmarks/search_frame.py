"""How long does `search_runs` take for 5,000 runs of 45 keys as a DataFrame?

A run has 20 metrics, 20 params and 5 tags. pandas is imported and one run was searched before the clock starts; it
stops when the whole DataFrame is there. Each repeat is a fresh process over the same database; both sides hold the
same data, which is checked by the sum of all metrics. MLflow's database takes minutes to fill and is kept for the
next time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.machine import describe_machine
from benchmarks.trials import Answer, BenchmarkFailed, Side, Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"runs": 5000}, "mlflow": {"runs": 5000}},
    "tiny": {"runstone": {"runs": 20}, "mlflow": {"runs": 20}},
}
SCALE = "{runs:,} runs"
PEER_REPEATS = 5


def measure(trials: Trials) -> list[Comparison]:
    with tempfile.TemporaryDirectory(prefix="runstone-bench-") as scratch:
        folders = {side.library: _filled_folder(trials, side, Path(scratch)) for side in trials.sides}
        sums: set[float] = set()

        def search(side: Side, _: Path) -> Answer:
            answer = side.run("search_frame", folder=folders[side.library], **SIZES[trials.size][side.library])
            sums.add(answer["sum"])
            return answer

        samples = trials.each(search, peer_repeats=PEER_REPEATS)
    if len(sums) > 1:
        raise BenchmarkFailed(f"The sides did not find the same metrics: their sums are {sums}")
    return [
        samples.compare(
            "`search_runs` as DataFrame, CPU",
            "ms",
            "less",
            lambda answer: answer["cpu_s"] * 1000,
            goal=Goal("times", 20),
            short="search_runs as DataFrame",
        ),
        samples.compare("`search_runs` as DataFrame, wall time", "ms", "less", lambda answer: answer["wall_s"] * 1000),
    ]


def _filled_folder(trials: Trials, side: Side, scratch: Path) -> Path:
    """The folder of a filled store: Runstone's is filled anew, a peer's once a version."""
    size = SIZES[trials.size][side.library]
    if side.library == "runstone":
        folder = scratch / side.library
        folder.mkdir()
        side.run("search_fill", folder=folder, **size)
        return folder
    version = describe_machine((side,)).versions[side.library]
    name = f"search-{side.library}-{version}-{size['runs']}"
    return trials.kept(name, lambda folder: side.run("search_fill", folder=folder, **size))
