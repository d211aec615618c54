"""Dates and times in a filter: ISO 8601 text -> milliseconds since the Unix epoch. Knows nothing else."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

__all__ = ["time_ms"]

# datetime.fromisoformat reads less before Python 3.11 (no "Z", no "+0100"), so the form is spelled out here.
_TIME = re.compile(
    r"""
    (?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)
    (?:[T\ ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?
       \ ?(?:Z|(?P<sign>[+-])(?P<zone_hour>\d\d):?(?P<zone_minute>\d\d)?)?
    )?
    """,
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def time_ms(text: str) -> int | None:
    """The instant of `2026-01-31` (its midnight) or `2026-01-31T23:59:59.5+01:00`, or None for another text.

    UTC where no zone is given; anything finer than a millisecond is cut off.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.group(*_PARTS))
        instant = datetime(year, month, day, hour, minute, second, tzinfo=_zone(match))
        ms = (instant - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):  # no such day, hour or zone
        return None
    return ms + int((match["fraction"] or "0")[:3].ljust(3, "0"))


def _zone(match: re.Match[str]) -> timezone:
    if not match["sign"]:
        return timezone.utc
    offset = timedelta(hours=int(match["zone_hour"]), minutes=int(match["zone_minute"] or 0))
    return timezone(-offset if match["sign"] == "-" else offset)
