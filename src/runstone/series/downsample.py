"""What a chart needs of a long series: a few hundred buckets of steps, in which no spike is lost.

Buckets with their extremes, rather than chosen points (as LTTB chooses): whatever the shape, a bucket's minimum
and maximum are there. Knows no pixel and no smoothing.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from runstone.errors import InvalidInput
from runstone.series.points import FloatColumn, IntColumn, Points
from runstone.series.summary import extremes

__all__ = ["Buckets", "bucket"]


class Buckets(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The buckets that hold a point, by step, as columns of one length.

    `step`, `timestamp` (ms) and `last` are of the bucket's last point. `min` and `max` pass over NaN, and are
    NaN where there is no number; `has_nan` tells whether there was a NaN to pass over.
    """

    step: IntColumn
    timestamp: IntColumn
    count: IntColumn
    min: FloatColumn
    max: FloatColumn
    last: FloatColumn
    has_nan: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.step)


def bucket(points: Points, buckets: int, *, from_step: int | None = None, to_step: int | None = None) -> Buckets:
    """Points, which must be in order, as at most `buckets` buckets of equal width.

    The buckets divide the steps `from_step` to `to_step`, both included, by default those of the first and
    the last point; series asked for with the same range have the same buckets. Widths are whole, and differ
    by one step where the range cannot be divided. Buckets without a point are left out.
    Raises InvalidInput for fewer than one bucket.
    """
    if buckets < 1:
        raise InvalidInput(f"A series cannot be put into {buckets} buckets: ask for 1 or more")
    points = points.between(from_step, to_step)
    begin, end = _bounds(points.step, buckets, from_step, to_step)
    value, last = points.value, end - 1
    low, high = extremes(value, begin)
    return Buckets(
        step=points.step[last],
        timestamp=points.timestamp[last],
        count=end - begin,
        min=low,
        max=high,
        last=value[last],
        has_nan=np.logical_or.reduceat(np.isnan(value), begin),
    )


def _bounds(step: IntColumn, buckets: int, from_step: int | None, to_step: int | None) -> tuple[IntColumn, IntColumn]:
    """The first row, and the row behind the last, of every bucket that has a row."""
    if not len(step):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    low = int(step[0]) if from_step is None else from_step
    span = (int(step[-1]) if to_step is None else to_step) - low + 1
    buckets = min(buckets, span)
    # Python's whole numbers: between the extremes of int64 lie more steps than int64 can count.
    edges = [low + -(-number * span // buckets) for number in range(buckets)]
    begin = np.searchsorted(step, np.array(edges, np.int64)).astype(np.int64)
    end = np.append(begin[1:], len(step))
    filled = end > begin
    return begin[filled], end[filled]
