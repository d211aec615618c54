"""The page `docs/benchmarks.md` and its picture, made of the results in `results/` alone."""

from __future__ import annotations

from pathlib import Path

from benchmarks.catalogue import CATALOGUE, explanation_of, title_of
from benchmarks.chart import draw_chart
from benchmarks.figures import Result, read_results
from benchmarks.tables import comparison_table, machine_text, scales_text

__all__ = ["CHART", "PAGE", "render_chart", "render_page"]

_DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = _DOCS / "benchmarks.md"
CHART = _DOCS / "benchmarks.svg"

_INTRODUCTION = f"""\
<!-- Made by `python -m benchmarks report --write`; change benchmarks/report.py instead. -->

# Benchmarks

Runstone beside the newest release of MLflow, its server also beside FastTrackML, and logging also beside trackers of
other kinds: the same data, on the same machine, in turn, in one run. Each try is a fresh process with a fresh folder.
The tables give the median, the lowest and highest try in brackets, and how many times better (×) Runstone's median is.
CPU time counts all threads and child processes; goals are judged by it where a table has it, because other work on the
machine disturbs it less than wall time. What a server does, and what a training loop waits for, is judged by wall time,
as those who wait feel it.

![How many times better Runstone is than MLflow]({CHART.name})

Each bar says how many times better Runstone's median is; the axis is logarithmic.

Measure yourself with `make bench`, or one of them with the command that stands below its question; the options are
listed by `python -m benchmarks --help`. The others are installed into environments of their own, pinned by
`requirements/mlflow.txt`, `requirements/fasttrackml.txt` and `requirements/peers.txt`.
"""


def render_page() -> str:
    """The page, in Markdown."""
    return "\n".join([_INTRODUCTION, *map(_section, read_results(CATALOGUE))])


def render_chart() -> str:
    """The picture, in SVG."""
    return draw_chart(read_results(CATALOGUE))


def _section(result: Result) -> str:
    return (
        f"## {title_of(result.benchmark)}\n\n"
        f"`{result.command}`, {result.measured_at}\n\n"
        f"{explanation_of(result.benchmark)}\n\n"
        f"{comparison_table(result)}\n\n"
        f"{scales_text(result, separator='; ')}.\n\n"
        f"Machine: {machine_text(result)}.\n"
    )
