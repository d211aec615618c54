"""Frames: the bytes of a batch that has just arrived and is not folded into chunks yet.

Layout, all numbers little-endian::

    offset    bytes
    0         1      version of this layout: 1
    1         4      CRC-32 of all that follows (see `seal`)
    5         4      h, the size of the header in bytes
    9         h      header: MessagePack of [keys, starts] as a MetricBatch has them
    9+h       rest   the batch's points: steps, timestamps and values, as in `plain`

Made to be written in microseconds and read key by key; compressing is for chunks. Knows neither where frames
lie nor whose they are: the caller adds that to an error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import lt

import msgspec
import numpy as np

from runstone.series.plain import POINT_SIZE, pack_points, unpack_columns, unpack_points
from runstone.series.points import MetricBatch, Points
from runstone.series.seal import SEAL_SIZE, damaged, seal, unseal

__all__ = ["decode_frame", "decode_frames", "encode_frame", "frame_points"]

_VERSION = 1
_HEADER_SIZE = struct.Struct("<I")
_HEADER_AT = SEAL_SIZE + _HEADER_SIZE.size

_Header = tuple[tuple[str, ...], tuple[int, ...]]
_encode_header = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(_Header).decode


def encode_frame(batch: MetricBatch) -> bytes:
    """The bytes of a frame."""
    header = _encode_header((batch.keys, batch.starts.tolist()))
    return seal(_VERSION, _HEADER_SIZE.pack(len(header)), header, pack_points(batch.points))


def decode_frame(data: bytes) -> MetricBatch:
    """The batch of a frame. Raises StoreCorrupt for damaged or truncated bytes and for an unknown version."""
    (keys, starts), points_at = _read_header(data)
    return MetricBatch(keys, np.array(starts, np.int64), unpack_points(data, points_at, starts[-1]))


def decode_frames(frames: Iterable[bytes]) -> Iterator[tuple[str, Points]]:
    """The points of each key of many frames, those of one key in the order of the frames. Raises as decode_frame does.

    A training logs the same keys again and again: neighbours that differ in nothing but their points are decoded at
    once, and give one part a key, which is then not in order by itself. Ten times as fast as frame by frame.
    """
    for _, alike in groupby(frames, _likeness):
        group = list(alike)
        (keys, starts), points_at = _read_header(group[0])
        for data in group[1:]:
            unseal(data, "frame", (_VERSION,))
        count = starts[-1]
        joined = b"".join([memoryview(data)[points_at:] for data in group])
        columns = np.frombuffer(joined, "<i8").reshape(len(group), 3, count)
        for number, key in enumerate(keys):
            rows = slice(starts[number], starts[number + 1])
            yield key, unpack_columns(columns[:, :, rows])


def _likeness(data: bytes) -> tuple[int, bytes]:
    """The size and the header of a frame, sound or not."""
    if len(data) < _HEADER_AT:
        return len(data), b""
    return len(data), data[SEAL_SIZE : _HEADER_AT + _HEADER_SIZE.unpack_from(data, SEAL_SIZE)[0]]


def frame_points(data: bytes, key: str) -> Points | None:
    """The points of one key of a frame, or None where it has no such key. Raises as decode_frame does.

    Copies no other points, but checks the whole frame's checksum (which runs at some 3 GB/s).
    """
    (keys, starts), points_at = _read_header(data)
    if key not in keys:
        return None
    number = keys.index(key)
    return unpack_points(data, points_at, starts[-1], starts[number], starts[number + 1])


def _read_header(data: bytes) -> tuple[_Header, int]:
    """The header, which agrees with itself and the frame's size, and the offset of the points."""
    unseal(data, "frame", (_VERSION,))
    if len(data) < _HEADER_AT:
        raise damaged("frame", data, f"it ends within its head of {_HEADER_AT} bytes")
    points_at = _HEADER_AT + _HEADER_SIZE.unpack_from(data, SEAL_SIZE)[0]
    where = f"the header at bytes {_HEADER_AT} to {points_at}"
    try:
        keys, starts = _decode_header(memoryview(data)[_HEADER_AT:points_at])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged("frame", data, f"{where} cannot be read ({error})") from error
    rising = len(starts) == len(keys) + 1 and starts[0] == 0 and all(map(lt, starts, starts[1:]))
    if not rising or points_at + POINT_SIZE * starts[-1] != len(data):
        raise damaged("frame", data, f"{where} does not agree with the points behind it")
    return (keys, starts), points_at
