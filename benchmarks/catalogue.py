"""The benchmarks by name, and how one of them becomes a result."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Protocol, cast

from benchmarks import (
    growth,
    import_mlflow,
    imports,
    ingest,
    ingest_postgres,
    log_metric,
    log_metrics,
    many_points,
    many_processes,
    search_arrow,
    search_frame,
    search_million,
    search_postgres,
    search_scale,
    server_gone,
    server_load,
    server_read,
    server_start,
    short_runs,
    sizing,
    training,
)
from benchmarks.figures import Comparison, Result
from benchmarks.machine import describe_machine
from benchmarks.trials import Sizes, Trials

__all__ = [
    "BY_HAND",
    "CATALOGUE",
    "DEFAULT_REPEATS",
    "NOT_MEASURED",
    "Benchmark",
    "explanation_of",
    "file_name",
    "run_benchmark",
    "sides_of",
    "title_of",
]

DEFAULT_REPEATS = 5


class Benchmark(Protocol):
    """A module that measures. Its docstring's first line is the question; the rest says units and clocks."""

    __doc__: str | None
    SIZES: Sizes
    SCALE: str
    PEER_REPEATS: int

    def measure(self, trials: Trials) -> list[Comparison]: ...


CATALOGUE: dict[str, Benchmark] = {
    "imports": cast("Benchmark", imports),
    "ingest": cast("Benchmark", ingest),
    "ingest_postgres": cast("Benchmark", ingest_postgres),
    "short_runs": cast("Benchmark", short_runs),
    "search_frame": cast("Benchmark", search_frame),
    "search_arrow": cast("Benchmark", search_arrow),
    "search_scale": cast("Benchmark", search_scale),
    "search_postgres": cast("Benchmark", search_postgres),
    "search_million": cast("Benchmark", search_million),
    "many_points": cast("Benchmark", many_points),
    "growth": cast("Benchmark", growth),
    "import_mlflow": cast("Benchmark", import_mlflow),
    "log_metric": cast("Benchmark", log_metric),
    "log_metrics": cast("Benchmark", log_metrics),
    "many_processes": cast("Benchmark", many_processes),
    "training": cast("Benchmark", training),
    "server_gone": cast("Benchmark", server_gone),
    "server_load": cast("Benchmark", server_load),
    "server_read": cast("Benchmark", server_read),
    "server_start": cast("Benchmark", server_start),
    "sizing": cast("Benchmark", sizing),
}

NOT_MEASURED = {
    "growth",
    "import_mlflow",
    "ingest_postgres",
    "many_points",
    "search_million",
    "sizing",
}
"""Those that have not been run in full yet: there is nothing to show of them."""

BY_HAND = {"many_points", "search_million"}
"""Those that take an hour or more, and run only when they are named."""


def title_of(name: str) -> str:
    """The question of a benchmark."""
    return (CATALOGUE[name].__doc__ or name).partition("\n")[0]


def explanation_of(name: str) -> str:
    """What its figures mean, in Markdown."""
    return (CATALOGUE[name].__doc__ or "").partition("\n")[2].strip()


def sides_of(name: str) -> list[str]:
    """The names of the sides that take part in it."""
    return list(CATALOGUE[name].SIZES["full"])


def run_benchmark(name: str, trials: Trials) -> Result:
    """Measure, with those sides that take part in it. Raises BenchmarkFailed."""
    benchmark, trials = CATALOGUE[name], trials.only(*sides_of(name))
    machine = describe_machine(trials.sides)
    started = datetime.now(timezone.utc)
    comparisons = benchmark.measure(trials)
    return Result(
        benchmark=name,
        measured_at=started.strftime("%Y-%m-%d %H:%M UTC"),
        command=_command(name, trials),
        machine=machine,
        scales={side.name: _scale(benchmark, side.name, trials) for side in trials.sides},
        comparisons=comparisons,
    )


def _scale(benchmark: Benchmark, side: str, trials: Trials) -> str:
    count = trials.repeats if side == "runstone" else min(trials.repeats, benchmark.PEER_REPEATS)
    size = benchmark.SCALE.format(**benchmark.SIZES[trials.size][side])
    return f"{size}, {count} repeat{'s' if count > 1 else ''}"


def file_name(name: str, trials: Trials) -> str:
    """Of its result: only a full comparison is one to commit, git ignores the others."""
    is_full = trials.size == "full" and _has_all_sides(name, trials)
    return f"{name}.json" if is_full else f"{name}.local.json"


def _has_all_sides(name: str, trials: Trials) -> bool:
    return {side.name for side in trials.sides} >= set(sides_of(name))


def _command(name: str, trials: Trials) -> str:
    options = [f"--repeats {trials.repeats}"] if trials.repeats != DEFAULT_REPEATS else []
    if not _has_all_sides(name, trials):
        options.append("--peers none")
    if trials.size != "full":
        options.append(f"--size {trials.size}")
    return " ".join(["python -m benchmarks", name, *options])
