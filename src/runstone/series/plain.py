"""Points as plain bytes, little-endian: all steps (int64), all timestamps (int64), then all values (float64).

Knows no count and no checksum; frames and chunks keep those.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from runstone.series.points import FloatColumn, IntColumn, Points

__all__ = ["POINT_SIZE", "pack_column", "pack_points", "unpack_columns", "unpack_points"]

POINT_SIZE = 24


def pack_points(points: Points) -> bytes:
    """The three columns, one behind the other."""
    return pack_column(points.step) + pack_column(points.timestamp) + pack_column(points.value)


def pack_column(column: IntColumn | FloatColumn) -> bytes:
    """One column; its byte order changes on big-endian machines alone."""
    return column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes()


def unpack_points(data: bytes, offset: int, count: int, start: int = 0, stop: int | None = None) -> Points:
    """The points `start:stop` of the `count` that begin at `offset`, copied out of `data`."""
    length = (count if stop is None else stop) - start
    step_at = offset + 8 * start
    timestamp_at = step_at + 8 * count
    value_at = timestamp_at + 8 * count
    return Points(
        np.frombuffer(data, "<i8", length, step_at).astype(np.int64),
        np.frombuffer(data, "<i8", length, timestamp_at).astype(np.int64),
        np.frombuffer(data, "<f8", length, value_at).astype(np.float64),
    )


def unpack_columns(columns: npt.NDArray[np.int64]) -> Points:
    """The points of several frames, given as (frame, column, row) of 64-bit words, copied out, frame after frame."""
    step, timestamp, value = (np.ascontiguousarray(columns[:, number]).ravel() for number in range(3))
    return Points(step.astype(np.int64), timestamp.astype(np.int64), value.view("<f8").astype(np.float64))
