"""What a store keeps beside a series' points, so that search and tables never read the points themselves.

A summary is made from points and merged with others; the result is the same in any order and grouping, and
(but for `count`) however often the same points are merged.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from runstone.series.points import MetricBatch

__all__ = ["Summary", "merge", "summarize"]

NAN = math.nan


class Summary(msgspec.Struct, frozen=True):
    """`last` is the largest point by (step, timestamp, value), `first` the smallest; NaN counts as the largest value.

    `min` and `max` pass over NaN, and are NaN where there is no number; `min_step` and `max_step` are the smallest
    steps at which they stand, 0 where there is none.
    """

    count: int
    last: float
    last_step: int
    last_timestamp: int
    first: float
    first_step: int
    first_timestamp: int
    min: float
    min_step: int
    max: float
    max_step: int


def summarize(batch: MetricBatch) -> dict[str, Summary]:
    """The summary of each key of a batch."""
    if not len(batch):
        return {}
    starts, points = batch.starts, batch.points
    begin, end = starts[:-1], starts[1:] - 1
    value = points.value
    is_nan = np.isnan(value)
    low = np.minimum.reduceat(np.where(is_nan, np.inf, value), begin)
    high = np.maximum.reduceat(np.where(is_nan, -np.inf, value), begin)
    numbers = np.add.reduceat(~is_nan, begin, dtype=np.int64)
    low[numbers == 0] = NAN
    high[numbers == 0] = NAN
    lengths = np.diff(starts)
    far = np.iinfo(np.int64).max
    low_step = np.minimum.reduceat(np.where(value == np.repeat(low, lengths), points.step, far), begin)
    high_step = np.minimum.reduceat(np.where(value == np.repeat(high, lengths), points.step, far), begin)
    low_step[numbers == 0] = 0
    high_step[numbers == 0] = 0
    columns = (
        lengths,
        value[end], points.step[end], points.timestamp[end],
        value[begin], points.step[begin], points.timestamp[begin],
        low, low_step, high, high_step,
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {key: Summary(*row) for key, row in zip(batch.keys, rows, strict=True)}


def merge(a: Summary, b: Summary) -> Summary:
    """The summary of the points of both; a point in both is counted twice."""
    last = a if _rank(a.last_step, a.last_timestamp, a.last) >= _rank(b.last_step, b.last_timestamp, b.last) else b
    first = a if _rank(a.first_step, a.first_timestamp, a.first) <= _rank(b.first_step, b.first_timestamp, b.first) else b
    low = _better(a, b, a.min < b.min, a.min == b.min and a.min_step <= b.min_step, b.min)
    high = _better(a, b, a.max > b.max, a.max == b.max and a.max_step <= b.max_step, b.max)
    return Summary(
        a.count + b.count,
        last.last, last.last_step, last.last_timestamp,
        first.first, first.first_step, first.first_timestamp,
        low.min, low.min_step, high.max, high.max_step,
    )  # fmt: skip


def _rank(step: int, timestamp: int, value: float) -> tuple[int, int, bool, float]:
    is_nan = value != value
    return step, timestamp, is_nan, 0.0 if is_nan else value


def _better(a: Summary, b: Summary, a_wins: bool, a_ties: bool, b_value: float) -> Summary:
    return a if a_wins or a_ties or b_value != b_value else b
