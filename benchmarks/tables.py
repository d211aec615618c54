"""A result as a table: Markdown whose columns are aligned, so that it reads well on a terminal too."""

from __future__ import annotations

from typing import Literal

from benchmarks.figures import Comparison, Figure, Result

__all__ = ["comparison_table", "machine_text", "number_text", "ratio_text"]

_Other = Literal["mlflow", "fasttrackml"]
_OTHERS: tuple[_Other, ...] = ("mlflow", "fasttrackml")
_SIGNS = {"at least": "≥ ", "at most": "≤ ", "times": "≥ ×"}


def comparison_table(result: Result) -> str:
    """A row a quantity: the medians, with the extremes in brackets."""
    others = [other for other in _OTHERS if any(getattr(one, other) for one in result.comparisons)] or ["mlflow"]
    header = ["", "Runstone"]
    for other in others:
        header += [_NAMES[other], "times better"]
    rows = [[*header, "goal"], *(_row(one, others) for one in result.comparisons)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:-1]), "-" * widths[-1]]
    return "\n".join([lines[0], _line(ruler, widths), *lines[1:]])


def _line(cells: list[str], widths: list[int]) -> str:
    first, *middle, last = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join([first.strip().ljust(widths[0]), *middle, last.strip().ljust(widths[-1])])} |"


def _row(one: Comparison, others: list[_Other]) -> list[str]:
    row = [f"{one.what} ({one.unit})", _figure(one.runstone)]
    for other in others:
        figure, times = getattr(one, other), one.times_better(other)
        row += [_figure(figure) if figure else "", "" if times is None else ratio_text(times)]
    return [*row, _goal(one)]


def _figure(figure: Figure) -> str:
    median = number_text(figure.median)
    if figure.lowest == figure.highest:
        return median
    return f"{median} ({number_text(figure.lowest)}–{number_text(figure.highest)})"


def _goal(one: Comparison) -> str:
    if one.goal is None:
        return ""
    wanted = f"{_SIGNS[one.goal.kind]}{number_text(one.goal.limit)}"
    if one.goal.fasttrackml is not None:
        wanted += f", ×{number_text(one.goal.fasttrackml)} FastTrackML"
    met = one.meets_goal()
    return wanted if met is None else f"{wanted}: {'met' if met else 'missed'}"


def number_text(value: float) -> str:
    """Three digits, or all before the point."""
    if value == int(value) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if value >= 10 else 2}f}" if value >= 1 else f"{value:.3g}"


def ratio_text(times: float) -> str:
    """How many times better."""
    if times >= 10:
        return f"×{times:,.0f}"
    return f"×{times:.1f}" if times >= 1 else f"×{times:.2g}"


def machine_text(result: Result) -> str:
    """The machine and the versions, in one sentence."""
    machine = result.machine
    versions = ", ".join(f"{_NAMES[library]} {version}" for library, version in machine.versions.items())
    return (
        f"{machine.cpu}, {machine.cores} cores, {number_text(machine.memory_gib)} GiB, {machine.system}; load average "
        f"{machine.load:.1f} before it began; Python {machine.python}, SQLite {machine.sqlite}, {versions}"
    )


_NAMES = {"runstone": "Runstone", "mlflow": "MLflow", "fasttrackml": "FastTrackML"}
