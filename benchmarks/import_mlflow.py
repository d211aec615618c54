"""How long does `runstone import` take for a database of MLflow with 10,000 runs and 10 million points?

A run has 10 series of 100 points, 10 params and 5 tags, in MLflow's tables with MLflow's indexes, in one SQLite file,
which is made by plain SQL and kept for the next time. The clock starts before the source is opened, in a fresh process
with everything imported, and stops when the last run is durable in a new embedded store. What was imported is checked
by the number of runs and points.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.trials import Answer, BenchmarkFailed, Side, Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"runs": 10_000, "steps": 100}},
    "tiny": {"runstone": {"runs": 20, "steps": 5}},
}
SCALE = "{runs:,} runs of 10 series, {steps:,} points each"
PEER_REPEATS = 0


def measure(trials: Trials) -> list[Comparison]:
    trials = trials.only("runstone")
    size = SIZES[trials.size]["runstone"]
    database = _database(trials, **size)

    def bring(side: Side, folder: Path) -> Answer:
        answer = side.run("import_mlflow", folder=folder, database=database)
        if (answer["runs"], answer["points"]) != (size["runs"], size["runs"] * 10 * size["steps"]):
            raise BenchmarkFailed(f"Not everything was imported: {answer}")
        return answer

    samples = trials.each(bring)
    return [
        samples.compare(
            "import of MLflow's database, wall time",
            "s",
            "less",
            lambda answer: answer["wall_s"],
            goal=Goal("at most", 120),
            short="import from MLflow",
        ),
        samples.compare("import of MLflow's database, CPU", "s", "less", lambda answer: answer["cpu_s"]),
        samples.compare(
            "points imported a second", "points", "more", lambda answer: answer["points"] / answer["wall_s"]
        ),
    ]


def _database(trials: Trials, runs: int, steps: int) -> Path:
    """The database of MLflow, made once."""
    path = trials.cache / f"import-{runs}-{steps}.db"
    if not path.exists():
        trials.cache.mkdir(parents=True, exist_ok=True)
        half = path.with_name(path.name + ".half")
        half.unlink(missing_ok=True)
        trials.client.run("import_fill", folder=half, runs=runs, steps=steps)
        half.rename(path)
    return path
