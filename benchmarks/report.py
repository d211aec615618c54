"""The page `docs/benchmarks.md` and its picture, made of the results in `results/` alone."""

from __future__ import annotations

from pathlib import Path

from benchmarks.catalogue import CATALOGUE, explanation_of, title_of
from benchmarks.chart import draw_chart
from benchmarks.figures import Result, read_results
from benchmarks.tables import comparison_table, machine_text

__all__ = ["CHART", "PAGE", "render_chart", "render_page"]

_DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = _DOCS / "benchmarks.md"
CHART = _DOCS / "benchmarks.svg"

_INTRODUCTION = f"""\
<!-- Made by `python -m benchmarks report --write`; change benchmarks/report.py instead. -->

# Benchmarks

Runstone beside the newest release of MLflow, and its server also beside FastTrackML: the same data, on the same
machine, in turn, in one run. Each try is a fresh process with a fresh folder. The tables give the median, and the
lowest and highest try in brackets. CPU time counts all threads and child processes; goals are judged by it, because
other work on the machine disturbs it less than wall time. What a server does is judged by wall time, as its clients
feel it.

![How many times better Runstone is than MLflow]({CHART.name})

Each bar says how many times better Runstone's median is; the axis is logarithmic.

Measure yourself with `make bench`, or one of them with the command that stands below its question; the options are
listed by `python -m benchmarks --help`. The others are installed into environments of their own, pinned by
`requirements/mlflow.txt` and `requirements/fasttrackml.txt`.
"""


def render_page() -> str:
    """The page, in Markdown."""
    return "\n".join([_INTRODUCTION, *map(_section, read_results(CATALOGUE))])


def render_chart() -> str:
    """The picture, in SVG."""
    return draw_chart(read_results(CATALOGUE))


def _section(result: Result) -> str:
    scales = "; ".join(f"{_NAMES[library]}: {scale}" for library, scale in result.scales.items())
    return (
        f"## {title_of(result.benchmark)}\n\n"
        f"`{result.command}`, {result.measured_at}\n\n"
        f"{explanation_of(result.benchmark)}\n\n"
        f"{comparison_table(result)}\n\n"
        f"{scales}.\n\n"
        f"Machine: {machine_text(result)}.\n"
    )


_NAMES = {"runstone": "Runstone", "mlflow": "MLflow", "fasttrackml": "FastTrackML"}
