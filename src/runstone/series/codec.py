"""Chunks: a stretch of one series, compressed, as a store keeps it; and when chunks are merged.

Layout of a chunk, all numbers little-endian::

    offset    bytes
    0         1      codec: 1 = pcodec's standalone streams (https://github.com/pcodec/pcodec), 2 = plain
    1         4      CRC-32 of all that follows (see `seal`)
    5         4      count of points
    9         4      s, the size of the steps in bytes
    13        4      t, the size of the timestamps in bytes
    17        s      steps, int64
    17+s      t      timestamps, int64
    17+s+t    rest   values, float64, bit by bit

Points keep their order. Knows neither where chunks lie nor whose they are: the caller adds that to an error.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from pcodec import ChunkConfig, standalone

from runstone.series.plain import POINT_SIZE, pack_points, unpack_points
from runstone.series.points import FloatColumn, IntColumn, Points
from runstone.series.seal import SEAL_SIZE, damaged, seal, unseal

__all__ = ["MAX_CHUNK_POINTS", "ChunkEncoder", "decode_chunk", "encode_chunk", "plan_merge", "split_chunks"]

MAX_CHUNK_POINTS = 8192
"""Where merging stops: enough points for pcodec's full speed, few enough to read only a part of a series."""

_MOST_POINTS = 1 << 20
"""More than any writer puts into one: what a few damaged or hostile bytes may claim, and be believed."""

_PCODEC = 1
_PLAIN = 2
# A pcodec stream has some 27 bytes of its own; three of them outweigh what they save on five points.
_MAX_PLAIN_POINTS = 5
_CONFIG = ChunkConfig(compression_level=4)

_SIZES = struct.Struct("<III")
_HEAD_SIZE = SEAL_SIZE + _SIZES.size


class ChunkEncoder:
    """Encodes chunks that arrive together.

    Metrics that are logged in one call share their steps and timestamps: what has been compressed is not again.
    """

    def __init__(self) -> None:
        self._compressed: dict[bytes, bytes] = {}

    def encode(self, points: Points) -> bytes:
        """The bytes of a chunk."""
        count = len(points)
        if count <= _MAX_PLAIN_POINTS:
            return seal(_PLAIN, _SIZES.pack(count, 8 * count, 8 * count), pack_points(points))
        step, timestamp, value = self._shared(points.step), self._shared(points.timestamp), _compress(points.value)
        return seal(_PCODEC, _SIZES.pack(count, len(step), len(timestamp)), step, timestamp, value)

    def _shared(self, column: IntColumn) -> bytes:
        raw = column.tobytes()
        found = self._compressed.get(raw)
        if found is None:
            found = self._compressed[raw] = _compress(column)
        return found


def encode_chunk(points: Points) -> bytes:
    """The bytes of a chunk."""
    return ChunkEncoder().encode(points)


def decode_chunk(data: bytes) -> Points:
    """The points of a chunk. Raises StoreCorrupt for damaged or truncated bytes and for an unknown codec."""
    codec = unseal(data, "chunk", (_PCODEC, _PLAIN))
    if len(data) < _HEAD_SIZE:
        raise damaged("chunk", data, f"it ends within its head of {_HEAD_SIZE} bytes")
    count, step_size, timestamp_size = _SIZES.unpack_from(data, SEAL_SIZE)
    if count > _MOST_POINTS:  # before room is made for them
        raise damaged("chunk", data, f"its head tells of {count:,} points, and a chunk has at most {_MOST_POINTS:,}")
    if codec == _PLAIN:
        if len(data) != _HEAD_SIZE + POINT_SIZE * count:
            raise damaged("chunk", data, f"{count} plain points and the head do not make up its size")
        return unpack_points(data, _HEAD_SIZE, count)
    points = Points(np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.float64))
    timestamp_at = _HEAD_SIZE + step_size
    value_at = timestamp_at + timestamp_size
    _decompress_into(points.step, data, slice(_HEAD_SIZE, timestamp_at), "steps")
    _decompress_into(points.timestamp, data, slice(timestamp_at, value_at), "timestamps")
    _decompress_into(points.value, data, slice(value_at, len(data)), "values")
    return points


def _compress(column: IntColumn | FloatColumn) -> bytes:
    # pcodec refuses strides, foreign byte orders and columns that begin between two machine words.
    column = np.require(column, column.dtype.newbyteorder("="), ["C_CONTIGUOUS", "ALIGNED"])
    compressed: bytes = standalone.simple_compress(column, _CONFIG)
    return compressed


def _decompress_into(column: IntColumn | FloatColumn, data: bytes, part: slice, name: str) -> None:
    where = f"the {name} at bytes {part.start} to {part.stop}"
    try:
        progress = standalone.simple_decompress_into(bytes(data[part]), column)
    except (RuntimeError, TypeError) as error:
        raise damaged("chunk", data, f"{where} cannot be read ({error})") from error
    if progress.n_processed != len(column) or not progress.finished:
        raise damaged("chunk", data, f"{where} hold another count than the {len(column)} of the head")


def split_chunks(points: Points) -> list[Points]:
    """Points in order as the contents of chunks: full ones, then the rest; none for no points."""
    starts = range(0, len(points), MAX_CHUNK_POINTS)
    return [points[slice(start, start + MAX_CHUNK_POINTS)] for start in starts]


def plan_merge(tail: Sequence[int], new: int) -> int:
    """How many of the last chunks to merge with `new` points; `tail` has their counts, the latest last.

    A chunk is merged while it is not full and has at most twice the points merged so far. So a merge makes
    the chunk of any point at least half as large again, until it is full: points are written some
    log(8192) / log(1.5) = 22 times on average at the very worst, 10 times when folded one by one, 4 by the
    thousand. A series has at most 13 chunks that are not full (counts more than halve from each to the next),
    all of them behind the full ones; so the last 13 counts are enough.
    """
    merged, chunks = new, 0
    for count in reversed(tail):
        if count >= MAX_CHUNK_POINTS or count > 2 * merged:
            break
        merged += count
        chunks += 1
    return chunks
