"""Curves in a terminal: a line of blocks, or a chart of Braille dots. Draws numbers; knows no run and no metric.

The dots follow Unicode's Braille patterns: 2 x 4 dots a character, U+2800 plus a bit a dot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from runstone.cli.text import number

__all__ = ["draw_chart", "sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"
# The bit of each dot of a Braille character, by column and by row from the bottom.
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))


def sparkline(values: Sequence[float]) -> str:
    """One block a value, from the lowest to the highest; a gap where there is no finite number."""
    low, high = _range(values)
    return "".join(" " if not math.isfinite(v) else _BLOCKS[_level(v, low, high, len(_BLOCKS))] for v in values)


def draw_chart(
    steps: Sequence[float], lows: Sequence[float], highs: Sequence[float], *, width: int, height: int
) -> list[str]:
    """Lines of a chart of the ranges `lows[i]` to `highs[i]` at `steps[i]`, in order; axes included.

    Neighbouring ranges are joined, unless one of them is no finite number. `width` and `height` are the characters of
    the chart without its axes.
    """
    low, high = _range([*lows, *highs])
    labels = [number(high), *[""] * (height - 2), number(low)]
    margin = max(map(len, labels))
    canvas = [[0] * width for _ in range(height)]
    _draw(canvas, _columns(steps, width * 2), lows, highs, low, high)
    lines = [
        f"{label.rjust(margin)} ┤{''.join(chr(0x2800 + bits) for bits in row)}"
        for label, row in zip(labels, reversed(canvas), strict=True)
    ]
    first, last = number(steps[0]), number(steps[-1])
    return [*lines, f"{' ' * margin} └{'─' * width}", f"{' ' * margin}  {first}{last.rjust(width - len(first))}"]


def _draw(
    canvas: list[list[int]],
    columns: Sequence[int],
    lows: Sequence[float],
    highs: Sequence[float],
    low: float,
    high: float,
) -> None:
    levels = len(canvas) * 4
    before: tuple[int, int, int] | None = None
    for x, bottom, top in zip(columns, lows, highs, strict=True):
        if not (math.isfinite(bottom) and math.isfinite(top)):
            before = None
            continue
        now = (x, _level(bottom, low, high, levels), _level(top, low, high, levels))
        _fill(canvas, *now)
        if before is not None:
            _join(canvas, before, now)
        before = now


def _join(canvas: list[list[int]], before: tuple[int, int, int], now: tuple[int, int, int]) -> None:
    """A line from the middle of one range to that of the next."""
    (x0, y0), (x1, y1) = ((x, (bottom + top) / 2) for x, bottom, top in (before, now))
    slope = (y1 - y0) / max(x1 - x0, 1)
    for x in range(x0, x1 + 1):
        # The part of the line over this column of dots, so that a steep line has no gaps.
        ends = [y0 + slope * (edge - x0) for edge in (max(x - 0.5, x0), min(x + 0.5, x1))] if x1 > x0 else [y0, y1]
        _fill(canvas, x, round(min(ends)), round(max(ends)))


def _fill(canvas: list[list[int]], x: int, bottom: int, top: int) -> None:
    for y in range(bottom, top + 1):
        canvas[y // 4][x // 2] |= _DOTS[x % 2][y % 4]


def _columns(steps: Sequence[float], columns: int) -> list[int]:
    span = steps[-1] - steps[0]
    return [int((step - steps[0]) * (columns - 1) / span) if span else 0 for step in steps]


def _range(values: Sequence[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (0.0, 0.0)


def _level(value: float, low: float, high: float, levels: int) -> int:
    half_span = high / 2 - low / 2  # half, for the span of the largest floats is infinite
    if half_span <= 0:
        return levels // 2
    return min(levels - 1, int((value / 2 - low / 2) / half_span * levels))
