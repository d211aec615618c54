"""How long does `search_runs` take for 100,000 runs of 50 keys, as an Arrow table and as a DataFrame?

Runstone alone; how it stands beside MLflow is measured with fewer runs. In SQLite, filled as for the searches of pages.
Each try is a fresh process, which has imported pandas or PyArrow and searched one run before the clock starts; it stops
when the whole table is there.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.pages import filled_folder
from benchmarks.trials import Answer, Side, Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"runs": 100_000, "metrics": 25, "params": 20, "tags": 5}},
    "tiny": {"runstone": {"runs": 2_000, "metrics": 3, "params": 2, "tags": 1}},
}
SCALE = "{runs:,} runs of {metrics} metrics, {params} params, {tags} tags"
PEER_REPEATS = 1


def measure(trials: Trials) -> list[Comparison]:
    size = SIZES[trials.size]["runstone"]
    folder = filled_folder(trials, trials.client, size)
    comparisons = []
    for form, title, limit in (("arrow", "an Arrow table", 2), ("pandas", "a DataFrame", 3)):

        def search(side: Side, _: Path, form: str = form) -> Answer:
            return side.run("search_table", folder=folder, form=form, runs=size["runs"])

        samples = trials.each(search)
        comparisons += [
            samples.compare(
                f"as {title}, wall time", "s", "less", lambda answer: answer["wall_s"], goal=Goal("at most", limit)
            ),
            samples.compare(f"as {title}, CPU", "s", "less", lambda answer: answer["cpu_s"]),
        ]
    return comparisons
