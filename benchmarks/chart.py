"""A bar chart as SVG, on a logarithmic axis, for light and dark pages: how many times better than MLflow."""

from __future__ import annotations

import math
from html import escape

from benchmarks.figures import Comparison, Result
from benchmarks.tables import ratio_text

__all__ = ["draw_chart"]

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 760, 210, 60, 34, 28, 16
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .label { text-anchor: end }
  .tick { font-size: 11px; text-anchor: middle; fill: #777 }
  .grid { stroke: #ddd }
  .base { stroke: #777 }
  .bar { fill: #4a6fa5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd }
    .tick { fill: #999 }
    .grid { stroke: #444 }
    .base { stroke: #999 }
    .bar { fill: #7d9fd0 }
  }
"""


def draw_chart(results: list[Result]) -> str:
    """A bar for each quantity that has a short name and a figure of MLflow's."""
    named = [one for result in results for one in result.comparisons if one.short]
    bars = [(one, times) for one in named if (times := one.times_better())]
    low = min([0, *(math.floor(math.log10(times)) for _, times in bars)])
    high = max([1, *(math.ceil(math.log10(times)) for _, times in bars)])

    def x(times: float) -> float:
        return _LEFT + (math.log10(times) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    bottom = _TOP + _ROW * len(bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 12}" role="img">',
        "<title>How many times better Runstone is than MLflow</title>",
        f"<style>{_STYLE}</style>",
    ]
    for power in range(low, high + 1):
        at = round(x(10**power), 1)
        kind = "base" if power == 0 else "grid"
        name = "MLflow" if power == 0 else f"×{10**power:,}" if power > 0 else f"×{10**power:g}"
        parts.append(f'<line class="{kind}" x1="{at}" x2="{at}" y1="{_TOP - 8}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{at}" y="{_TOP - 16}">{name}</text>')
    parts += [_bar(number, one, times, x(1), x(times)) for number, (one, times) in enumerate(bars)]
    return "\n".join([*parts, "</svg>", ""])


def _bar(number: int, one: Comparison, times: float, base: float, end: float) -> str:
    y = _TOP + _ROW * number + (_ROW - _BAR) / 2
    left, right = sorted((base, end))
    middle = y + _BAR / 2 + 4.5
    return (
        f'<text class="label" x="{_LEFT - 10}" y="{middle:.1f}">{escape(one.short)}</text>'
        f'<rect class="bar" x="{left:.1f}" y="{y:.1f}" width="{right - left:.1f}" height="{_BAR}" rx="2"/>'
        f'<text x="{right + 6:.1f}" y="{middle:.1f}">{ratio_text(times)}</text>'
    )
