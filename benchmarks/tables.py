"""A result as a table: Markdown whose columns are aligned, so that it reads well on a terminal too."""

from __future__ import annotations

from benchmarks.figures import Comparison, Figure, Result
from benchmarks.sides import PARTICIPANTS

__all__ = ["comparison_table", "machine_text", "number_text", "ratio_text", "scales_text"]

_SIGNS = {"at least": "≥ ", "at most": "≤ ", "times": "≥ ×"}
_MOST_COLUMNS = 2
"""So many others have columns; more have rows."""


def comparison_table(result: Result) -> str:
    """A row a quantity, or a row a side where there are many: the medians, with the extremes in brackets."""
    measured = {name for one in result.comparisons for name in one.others}
    others = [name for name in PARTICIPANTS if name in measured]
    if len(others) > _MOST_COLUMNS:
        return _aligned(_by_side(result.comparisons, others), is_goal_last=False)
    return _aligned(_by_quantity(result.comparisons, others), is_goal_last=True)


def _by_quantity(comparisons: list[Comparison], others: list[str]) -> list[list[str]]:
    header = ["", "Runstone"]
    for other in others:
        header += [PARTICIPANTS[other].title, "times better"]
    return [[*header, "goal"], *(_row(one, others) for one in comparisons)]


def _row(one: Comparison, others: list[str]) -> list[str]:
    row = [_quantity(one), _figure(one.runstone)]
    for other in others:
        figure, times = one.others.get(other), one.times_better(other)
        row += [_figure(figure) if figure else "", "" if times is None else ratio_text(times)]
    return [*row, _goal(one)]


def _by_side(comparisons: list[Comparison], others: list[str]) -> list[list[str]]:
    """How many times better Runstone is stands behind each figure of the others."""
    rows = [
        ["", *map(_quantity, comparisons)],
        ["Runstone", *(_figure(one.runstone) for one in comparisons)],
        *([PARTICIPANTS[other].title, *(_cell(one, other) for one in comparisons)] for other in others),
    ]
    goals = [_goal(one) for one in comparisons]
    return [*rows, ["goal", *goals]] if any(goals) else rows


def _cell(one: Comparison, other: str) -> str:
    figure, times = one.others.get(other), one.times_better(other)
    return "" if figure is None else _figure(figure) + ("" if times is None else f": {ratio_text(times)}")


def _aligned(rows: list[list[str]], *, is_goal_last: bool) -> str:
    """Numbers to the right; what stands first, and the goals in the last column, to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    is_left = [column == 0 or (is_goal_last and column == len(widths) - 1) for column in range(len(widths))]
    ruler = ["-" * width if left else "-" * (width - 1) + ":" for width, left in zip(widths, is_left, strict=True)]
    lines = [
        " | ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(row, widths, is_left, strict=True)
        )
        for row in (rows[0], ruler, *rows[1:])
    ]
    return "\n".join(f"| {line} |" for line in lines)


def _quantity(one: Comparison) -> str:
    return f"{one.what} ({one.unit})"


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


def scales_text(result: Result, *, separator: str) -> str:
    """How much each side did."""
    return separator.join(f"{PARTICIPANTS[side].title}: {scale}" for side, scale in result.scales.items())


def machine_text(result: Result) -> str:
    """The machine and the versions, in one sentence."""
    machine = result.machine
    versions = ", ".join(f"{_library_title(library)} {version}" for library, version in machine.versions.items())
    return (
        f"{machine.cpu}, {machine.cores} cores, {number_text(machine.memory_gib)} GiB, {machine.system}; load average "
        f"{machine.load:.1f} before it began; Python {machine.python}, SQLite {machine.sqlite}, {versions}"
    )


def _library_title(library: str) -> str:
    return PARTICIPANTS[library].title.partition(",")[0]
