"""How times, numbers, sizes and ids read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.cli.text import duration, iso_time, number, one_line, relative_time, short_ids, size

NOW = 1_750_000_000_000


@pytest.mark.parametrize(
    ("ago_ms", "text"),
    [(0, "now"), (999, "now"), (59_999, "59s ago"), (60_000, "1m ago"), (7_200_000, "2h ago"), (172_800_000, "2d ago")],
)
def test_a_time_reads_as_how_long_ago(ago_ms: int, text: str) -> None:
    assert relative_time(NOW - ago_ms, NOW) == text


@pytest.mark.parametrize("time_ms", [NOW - 31 * 86_400_000, NOW + 86_400_000])
def test_an_old_time_and_one_to_come_read_as_dates(time_ms: int) -> None:
    assert relative_time(time_ms, NOW).startswith("2025-0")


def test_a_time_in_json_is_iso_with_milliseconds() -> None:
    assert iso_time(NOW + 7) == "2025-06-15T15:06:40.007Z"
    assert iso_time(None) is None
    assert iso_time(1 << 61) == str(1 << 61)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "-"), (1234, "1.2s"), (59_000, "59s"), (184_000, "3m 04s"), (7_500_000, "2h 05m"), (90_000_000, "1d 01h")],
)
def test_a_duration_reads_in_two_units(ms: int | None, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456789, "0.12346"), (1347.0, "1347"), (1e-7, "1e-07"), (math.nan, "nan"), (-math.inf, "-inf"), (-0.0, "0")],
)
def test_a_number_has_five_digits_or_is_whole(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("count", "text"), [(None, ""), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")])
def test_a_size_reads_in_binary_units(count: int | None, text: str) -> None:
    assert size(count) == text


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


@given(st.sets(st.text("0123456789abcdef", min_size=1, max_size=32), max_size=20))
def test_short_ids_tell_their_ids_apart(ids: set[str]) -> None:
    short = short_ids(ids)
    assert all(one.startswith(short[one]) for one in ids)
    assert all(short[one] == one or not other.startswith(short[one]) for one in ids for other in ids - {one})
