"""The page `docs/benchmarks.md`, its pictures, and the sizing table of a guide, made of the results in `results/`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.catalogue import CATALOGUE, explanation_of, title_of
from benchmarks.chart import draw_chart
from benchmarks.figures import Result, read_results
from benchmarks.lines import draw_lines
from benchmarks.tables import comparison_table, machine_text, scales_text

__all__ = ["SIZING", "render_files", "render_page", "with_sizing"]

_DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = _DOCS / "benchmarks.md"
CHART = _DOCS / "benchmarks.svg"
GROWTH = _DOCS / "growth.svg"
SIZING = _DOCS / "guides" / "deployment.md"
_BEGIN, _END = "<!-- Made by `python -m benchmarks report --write`. -->\n", "<!-- So far. -->\n"

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


def render_files() -> dict[Path, str]:
    """Every file that is made of results, or has a part that is, with what it should hold."""
    results = {result.benchmark: result for result in read_results(CATALOGUE)}
    files = {PAGE: render_page(), CHART: draw_chart(list(results.values()))}
    if "growth" in results:
        files[GROWTH] = draw_lines(results["growth"])
    if "sizing" in results:
        files[SIZING] = with_sizing(SIZING.read_text(encoding="utf-8"), results["sizing"])
    return files


def render_page() -> str:
    """The page, in Markdown."""
    return "\n".join([_INTRODUCTION, *map(_section, read_results(CATALOGUE))])


def with_sizing(page: str, result: Result) -> str:
    """The guide, with the figures of this result between its marks."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    table = f"{comparison_table(result)}\n\n{scales_text(result, separator='; ')}. Machine: {machine_text(result)}.\n"
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def _section(result: Result) -> str:
    return (
        f"## {title_of(result.benchmark)}\n\n"
        f"`{result.command}`, {result.measured_at}\n\n"
        f"{explanation_of(result.benchmark)}\n\n"
        f"{_picture(result)}"
        f"{comparison_table(result)}\n\n"
        f"{scales_text(result, separator='; ')}.\n\n"
        f"Machine: {machine_text(result)}.\n"
    )


def _picture(result: Result) -> str:
    return f"![{title_of(result.benchmark)}]({GROWTH.name})\n\n" if result.benchmark == "growth" else ""
