"""How costs grow, as SVG for light and dark pages: a panel for each quantity, lines on logarithmic axes.

Takes the result of `growth`, whose quantities are named `WHAT: SIZE UNIT`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

from benchmarks.figures import Comparison, Result
from benchmarks.sides import PARTICIPANTS
from benchmarks.tables import number_text

__all__ = ["draw_lines"]

_PANEL, _HEIGHT, _LEFT, _TOP, _GAP = 300, 190, 66, 62, 96
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .tick { font-size: 11px; fill: #777 }
  .y { text-anchor: end }
  .x { text-anchor: middle }
  .grid { stroke: #ddd }
  polyline { fill: none; stroke-width: 2 }
  .runstone { stroke: #4a6fa5; fill: #4a6fa5 }
  .mlflow { stroke: #b5651d; fill: #b5651d }
  text.runstone, text.mlflow { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd }
    .tick { fill: #999 }
    .grid { stroke: #444 }
  }
"""


def draw_lines(result: Result) -> str:
    """Two panels in a row."""
    panels: dict[str, list[Comparison]] = {}
    for one in result.comparisons:
        panels.setdefault(one.what.partition(":")[0], []).append(one)
    width, height = 2 * (_PANEL + _GAP), math.ceil(len(panels) / 2) * (_HEIGHT + _GAP) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>How costs grow with runs, keys and points</title>",
        f"<style>{_STYLE}</style>",
    ]
    for number, side in enumerate(("runstone", "mlflow")):
        parts.append(f'<text class="{side}" x="{_LEFT + 90 * number}" y="18">{PARTICIPANTS[side].title}</text>')
    for number, (title, rows) in enumerate(panels.items()):
        left, top = _LEFT + number % 2 * (_PANEL + _GAP), _TOP + number // 2 * (_HEIGHT + _GAP)
        parts.append(f'<g transform="translate({left} {top})">{_panel(title, rows)}</g>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, rows: list[Comparison]) -> str:
    unit = rows[0].what.rpartition(" ")[2]
    sizes = [int(row.what.partition(": ")[2].partition(" ")[0].replace(",", "")) for row in rows]
    lines = {"runstone": [row.runstone.median for row in rows]}
    for side in rows[0].others:
        lines[side] = [row.others[side].median for row in rows]
    x, _ = _scale(sizes, 0, _PANEL)
    y, powers = _scale([value for line in lines.values() for value in line], _HEIGHT, 0)
    parts = [f'<text x="0" y="-14">{escape(title)}, ms</text>']
    for power in powers:
        at = round(y(10.0**power), 1)
        parts.append(f'<line class="grid" x1="0" x2="{_PANEL}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text class="tick y" x="-8" y="{at + 4}">{number_text(10.0**power)}</text>')
    for size in sizes:
        parts.append(f'<text class="tick x" x="{x(size):.1f}" y="{_HEIGHT + 18}">{size:,} {unit}</text>')
    for side, values in lines.items():
        places = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in zip(sizes, values, strict=True))
        parts.append(f'<polyline class="{side}" style="fill: none" points="{places}"/>')
    return "".join(parts)


def _scale(values: list[float] | list[int], low: float, high: float) -> tuple[Callable[[float], float], list[int]]:
    """Where a value lies between `low` and `high`, and the powers of ten that it lies between."""
    first = math.floor(math.log10(min(values)))
    last = max(math.ceil(math.log10(max(values))), first + 1)

    def at(value: float) -> float:
        return low + (math.log10(value) - first) / (last - first) * (high - low)

    return at, list(range(first, last + 1))
