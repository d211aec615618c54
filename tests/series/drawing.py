"""What the tests of series draw, and the definitions in plain Python that the columns are held against."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

import numpy as np
from hypothesis import strategies as st

from runstone.entities import Metric
from runstone.series.points import Points
from runstone.validation import INT64_MAX, INT64_MIN

Row = tuple[int, int, float]

# Near 2**53 a whole number that passes through a float comes out changed.
ODD_NUMBERS = [INT64_MIN, INT64_MIN + 1, -(2**53) - 1, 2**53, 2**53 + 1, INT64_MAX - 1, INT64_MAX]
# NumPy's fmin and fmax pass over NaN, but not over a signaling one, which raw bytes may bring.
SIGNALING_NAN: float = struct.unpack("<d", bytes.fromhex("010000000000f07f"))[0]
ODD_VALUES = [math.nan, -math.nan, SIGNALING_NAN, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.7976931348623157e308, 1.0]

# Mostly from a few, so that equal points and ties are the rule.
whole_numbers = st.integers(-2, 2) | st.sampled_from(ODD_NUMBERS) | st.integers(INT64_MIN, INT64_MAX)
values = st.sampled_from(ODD_VALUES) | st.floats()
rows = st.tuples(whole_numbers, whole_numbers, values)
row_lists = st.lists(rows, max_size=30)
keyed_row_lists = st.lists(st.tuples(st.sampled_from("abcd"), rows), max_size=40)


def points_of(rows: Iterable[Row]) -> Points:
    """The rows as columns, as they come."""
    step, timestamp, value = tuple(zip(*rows, strict=True)) or ((), (), ())
    return Points(np.array(step, np.int64), np.array(timestamp, np.int64), np.array(value, np.float64))


def metrics_of(keyed_rows: Iterable[tuple[str, Row]]) -> list[Metric]:
    return [Metric(key, value, timestamp, step) for key, (step, timestamp, value) in keyed_rows]


def sorting_value(value: float) -> tuple[bool, float]:
    """What sorts and compares as values do: NaN equals NaN and is above all numbers; -0.0 equals 0.0."""
    return (True, 0.0) if math.isnan(value) else (False, value + 0.0)


def identity(row: Row) -> tuple[int, int, tuple[bool, float]]:
    step, timestamp, value = row
    return step, timestamp, sorting_value(value)


def in_order(rows: Iterable[Row]) -> list[tuple[int, int, tuple[bool, float]]]:
    """The definition of `ordered`."""
    return sorted({identity(row) for row in rows})


def identities(points: Points) -> list[tuple[int, int, tuple[bool, float]]]:
    assert (points.step.dtype, points.timestamp.dtype, points.value.dtype) == (np.int64, np.int64, np.float64)
    return [identity(row) for row in points.rows()]


def bits(points: Points) -> list[tuple[int, int, str]]:
    """Rows that are equal when every bit is, but for the payload of NaN."""
    return [(step, timestamp, value.hex()) for step, timestamp, value in points.rows()]


def by_key(keyed_rows: Iterable[tuple[str, Row]]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for key, row in keyed_rows:
        grouped.setdefault(key, []).append(row)
    return grouped
