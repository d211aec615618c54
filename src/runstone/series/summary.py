"""What a store keeps beside a series' points, so that search and tables never read the points themselves.

A summary is made from points and merged with others; the result is the same in any order and grouping (but
for the sign of a zero), and but for `count` however often the same points are merged. Knows no store.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from runstone.series.points import FloatColumn, IntColumn, MetricBatch, Points

__all__ = ["Summary", "extremes", "merge", "summarize", "summarize_points"]


# gc=False: it holds numbers alone, so the collector need not look at the thousands that a table makes.
class Summary(msgspec.Struct, frozen=True, gc=False):
    """What is known of a series without its points.

    `last` is the largest point by (step, timestamp, value), `first` the smallest; NaN is above every number.
    `min` and `max` pass over NaN, and are NaN where there is no number; `min_step` and `max_step` are the
    smallest steps at which they stand, 0 where there is none.
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
    if len(batch) == len(batch.keys):
        return _summarize_single_points(batch)
    if len(batch.keys) == 1:
        return {batch.keys[0]: summarize_points(batch.points)}
    starts, points = batch.starts, batch.points
    begin, end = starts[:-1], starts[1:] - 1
    step, value = points.step, points.value
    lengths = np.diff(starts)
    low, high = extremes(value, begin)
    far = np.iinfo(np.int64).max
    low_step = np.minimum.reduceat(np.where(value == np.repeat(low, lengths), step, far), begin)
    high_step = np.minimum.reduceat(np.where(value == np.repeat(high, lengths), step, far), begin)
    no_number = np.isnan(low)
    low_step[no_number] = 0
    high_step[no_number] = 0
    columns = (
        lengths,
        value[end], step[end], points.timestamp[end],
        value[begin], step[begin], points.timestamp[begin],
        low, low_step, high, high_step,
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {key: Summary(*row) for key, row in zip(batch.keys, rows, strict=True)}


def summarize_points(points: Points) -> Summary:
    """The summary of one series' points, which are in order; at least one."""
    step, timestamp, value = points.step, points.timestamp, points.value
    # Steps rise, so the first of equal values has the smallest. Where there is a NaN, both give the first of them.
    low_at, high_at = int(value.argmin()), int(value.argmax())
    low, high = value.item(low_at), value.item(high_at)
    low_step, high_step = step.item(low_at), step.item(high_at)
    if low != low:
        numbers = points[~np.isnan(value)]
        if len(numbers):
            of_numbers = summarize_points(numbers)
            low, low_step, high, high_step = of_numbers.min, of_numbers.min_step, of_numbers.max, of_numbers.max_step
        else:
            low = high = math.nan
            low_step = high_step = 0
    return Summary(
        len(points),
        value.item(-1), step.item(-1), timestamp.item(-1),
        value.item(0), step.item(0), timestamp.item(0),
        low, low_step, high, high_step,
    )  # fmt: skip


def _summarize_single_points(batch: MetricBatch) -> dict[str, Summary]:
    # What log_metric and log_metrics bring: one point takes 2 µs, against 30 by way of columns.
    summaries = {}
    for key, (step, timestamp, value) in zip(batch.keys, batch.points.rows(), strict=True):
        at = 0 if math.isnan(value) else step
        summaries[key] = Summary(1, value, step, timestamp, value, step, timestamp, value, at, value, at)
    return summaries


def extremes(value: FloatColumn, begin: IntColumn) -> tuple[FloatColumn, FloatColumn]:
    """The smallest and the largest number of each stretch, of which `begin` has the first rows.

    NaN where a stretch has no number.
    """
    # fmin passes over NaN, but not over a signaling one, which raw bytes may bring.
    value = np.where(np.isnan(value), np.nan, value)
    return np.fmin.reduceat(value, begin), np.fmax.reduceat(value, begin)


def merge(a: Summary, b: Summary) -> Summary:
    """The summary of the points of both; a point in both is counted twice."""
    a_last, b_last = (a.last_step, a.last_timestamp), (b.last_step, b.last_timestamp)
    last = a if a_last > b_last or (a_last == b_last and _is_above(a.last, b.last)) else b
    a_first, b_first = (a.first_step, a.first_timestamp), (b.first_step, b.first_timestamp)
    first = a if a_first < b_first or (a_first == b_first and _is_above(b.first, a.first)) else b
    low = a if a.min < b.min or b.min != b.min or (a.min == b.min and a.min_step <= b.min_step) else b
    high = a if a.max > b.max or b.max != b.max or (a.max == b.max and a.max_step <= b.max_step) else b
    return Summary(
        a.count + b.count,
        last.last, last.last_step, last.last_timestamp,
        first.first, first.first_step, first.first_timestamp,
        low.min, low.min_step, high.max, high.max_step,
    )  # fmt: skip


def _is_above(value: float, other: float) -> bool:
    return value > other or value != value
