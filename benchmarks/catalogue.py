"""The benchmarks by name, and how one of them becomes a result."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Protocol, cast

from benchmarks import imports, ingest, log_metric, search_frame, server_load, server_read, server_start, short_runs
from benchmarks.figures import Comparison, Result
from benchmarks.machine import describe_machine
from benchmarks.trials import Library, Sizes, Trials

__all__ = ["CATALOGUE", "DEFAULT_REPEATS", "Benchmark", "explanation_of", "libraries_of", "run_benchmark", "title_of"]

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
    "short_runs": cast("Benchmark", short_runs),
    "search_frame": cast("Benchmark", search_frame),
    "log_metric": cast("Benchmark", log_metric),
    "server_load": cast("Benchmark", server_load),
    "server_read": cast("Benchmark", server_read),
    "server_start": cast("Benchmark", server_start),
}


def title_of(name: str) -> str:
    """The question of a benchmark."""
    return (CATALOGUE[name].__doc__ or name).partition("\n")[0]


def explanation_of(name: str) -> str:
    """What its figures mean, in Markdown."""
    return (CATALOGUE[name].__doc__ or "").partition("\n")[2].strip()


def libraries_of(name: str) -> list[Library]:
    """The sides that take part in it."""
    return list(CATALOGUE[name].SIZES["full"])


def run_benchmark(name: str, trials: Trials) -> Result:
    """Measure, with those sides that take part in it. Raises BenchmarkFailed."""
    benchmark, trials = CATALOGUE[name], trials.only(*libraries_of(name))
    machine = describe_machine(trials.sides)
    started = datetime.now(timezone.utc)
    comparisons = benchmark.measure(trials)
    return Result(
        benchmark=name,
        measured_at=started.strftime("%Y-%m-%d %H:%M UTC"),
        command=_command(name, trials),
        machine=machine,
        scales={side.library: _scale(benchmark, side.library, trials) for side in trials.sides},
        comparisons=comparisons,
    )


def _scale(benchmark: Benchmark, library: Library, trials: Trials) -> str:
    count = trials.repeats if library == "runstone" else min(trials.repeats, benchmark.PEER_REPEATS)
    size = benchmark.SCALE.format(**benchmark.SIZES[trials.size][library])
    return f"{size}, {count} repeat{'s' if count > 1 else ''}"


def _command(name: str, trials: Trials) -> str:
    options = [f"--repeats {trials.repeats}"] if trials.repeats != DEFAULT_REPEATS else []
    if len(trials.sides) == 1:
        options.append("--peers none")
    if trials.size != "full":
        options.append(f"--size {trials.size}")
    return " ".join(["python -m benchmarks", name, *options])
