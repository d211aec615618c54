"""How things read in a terminal: times, durations, numbers, sizes, ids. Pure functions; knows no table and no store."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable
from datetime import datetime, timezone

__all__ = [
    "counted",
    "duration",
    "iso_time",
    "number",
    "one_line",
    "relative_time",
    "shell_word",
    "short_ids",
    "size",
]

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_MIN_ID_LENGTH = 12
# C0 and C1 controls: a recorded text must not steer the terminal.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def relative_time(time_ms: int | None, now_ms: int) -> str:
    """`3m ago`, and the date for what is older than a month."""
    if time_ms is None:
        return "-"
    seconds = (now_ms - time_ms) // 1000
    if seconds < 0 or seconds > 30 * _DAY_S:
        return datetime.fromtimestamp(time_ms / 1000).astimezone().strftime("%Y-%m-%d")
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m")):
        if seconds >= unit_s:
            return f"{seconds // unit_s}{unit} ago"
    return f"{seconds}s ago" if seconds else "now"


def iso_time(time_ms: int | None) -> str | None:
    """ISO 8601 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`; years beyond 9999 stay milliseconds."""
    if time_ms is None:
        return None
    try:
        moment = datetime.fromtimestamp(time_ms // 1000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return str(time_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def duration(milliseconds: int | None) -> str:
    """`1.2s`, `3m 04s`, `2h 05m`, `4d 03h`."""
    if milliseconds is None:
        return "-"
    seconds = max(0, milliseconds) // 1000
    if seconds < 10:
        return f"{max(0, milliseconds) / 1000:.1f}s"
    if seconds < _MINUTE_S:
        return f"{seconds}s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S}m {seconds % _MINUTE_S:02d}s"
    if seconds < _DAY_S:
        return f"{seconds // _HOUR_S}h {seconds % _HOUR_S // _MINUTE_S:02d}m"
    return f"{seconds // _DAY_S}d {seconds % _DAY_S // _HOUR_S:02d}h"


def number(value: float) -> str:
    """Five significant digits, or a whole number as it is."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.5g}"


def size(size_bytes: int | None) -> str:
    """`512 B`, `1.5 KiB`, `3.0 GiB`."""
    if size_bytes is None:
        return ""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    amount = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"


def counted(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def one_line(text: str) -> str:
    """The text with its line breaks and control characters made visible."""
    return _CONTROLS.sub(lambda match: _visible(match[0]), text)


def _visible(character: str) -> str:
    return {"\n": "⏎", "\r": "", "\t": " "}.get(character, f"\\x{ord(character):02x}")


def shell_word(text: str) -> str:
    """The text as a word of a shell's command line."""
    return shlex.quote(text)


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """The shortest beginning, of 12 characters or more, that tells each id from the others.

    The first 12 of our own ids are the millisecond in which the run was created.
    """
    ids = sorted(set(ids))
    short = {}
    for place, one in enumerate(ids):
        neighbours = ids[max(0, place - 1) : place] + ids[place + 1 : place + 2]
        shared = max((_shared_length(one, other) for other in neighbours), default=0)
        short[one] = one[: max(_MIN_ID_LENGTH, shared + 1)]
    return short


def _shared_length(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
