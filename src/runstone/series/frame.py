"""Frames: the bytes of a batch that has just arrived and is not folded into chunks yet.

Layout, all numbers little-endian::

    offset    bytes
    0         1      form: 1 = columns, 2 = rows
    1         4      CRC-32 of all that follows (see `seal`)
    5         4      h, the size of the header in bytes
    9         h      header: MessagePack, of columns [keys, starts] as a MetricBatch has them, of rows [keys, count]
    9+h       rest   columns: the batch's points, steps, timestamps and values, as in `plain`
                     rows: the steps (int64) and timestamps (int64) of the rows, then each key's values (float64)

Rows are what is logged with one call for all keys, as a training does each step: a third of the bytes. Made to be
written in microseconds and read key by key; compressing is for chunks. Knows neither where frames lie nor whose they
are: the caller adds that to an error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import lt
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from runstone.series.plain import POINT_SIZE, pack_column, pack_points, unpack_columns, unpack_points
from runstone.series.points import MetricBatch, Points
from runstone.series.seal import SEAL_SIZE, damaged, seal, unseal

__all__ = ["decode_frame", "decode_frames", "encode_frame", "frame_points"]

_COLUMNS, _ROWS = _FORMS = (1, 2)
_WORD_BYTES = 8
_HEADER_SIZE = struct.Struct("<I")
_HEADER_AT = SEAL_SIZE + _HEADER_SIZE.size

_encode_header = msgspec.msgpack.Encoder().encode
_decode_columns = msgspec.msgpack.Decoder(tuple[tuple[str, ...], tuple[int, ...]]).decode
_decode_rows = msgspec.msgpack.Decoder(tuple[tuple[str, ...], int]).decode


class _Header(NamedTuple):
    """What stands before the points, and where these begin. `rows`: how many there are; None in columns."""

    keys: tuple[str, ...]
    starts: tuple[int, ...]
    rows: int | None
    points_at: int


def encode_frame(batch: MetricBatch) -> bytes:
    """The bytes of a frame."""
    points, count = batch.points, _count_of_rows(batch)
    if count is None:
        header = _encode_header((batch.keys, batch.starts.tolist()))
        return seal(_COLUMNS, _HEADER_SIZE.pack(len(header)), header, pack_points(points))
    header = _encode_header((batch.keys, count))
    step, timestamp = pack_column(points.step[:count]), pack_column(points.timestamp[:count])
    return seal(_ROWS, _HEADER_SIZE.pack(len(header)), header, step, timestamp, pack_column(points.value))


def _count_of_rows(batch: MetricBatch) -> int | None:
    """How many rows a batch is made of: points of all keys, with one step and timestamp; None for any other batch."""
    keys = len(batch.keys)
    if keys < 2 or len(batch.points) % keys:
        return None
    count = len(batch.points) // keys
    if (batch.starts != np.arange(keys + 1) * count).any():
        return None
    alike = all(
        (column.reshape(keys, count) == column[:count]).all() for column in (batch.points.step, batch.points.timestamp)
    )
    return count if alike else None


def decode_frame(data: bytes) -> MetricBatch:
    """The batch of a frame. Raises StoreCorrupt for damaged or truncated bytes and for an unknown form."""
    header = _read_header(data)
    starts = np.array(header.starts, np.int64)
    if header.rows is None:
        return MetricBatch(header.keys, starts, unpack_points(data, header.points_at, header.starts[-1]))
    words = np.frombuffer(data, "<i8", offset=header.points_at).reshape(len(header.keys) + 2, header.rows)
    values = words[2:].ravel().view("<f8").astype(np.float64)
    step, timestamp = (np.concatenate([words[number]] * len(header.keys)).astype(np.int64) for number in range(2))
    return MetricBatch(header.keys, starts, Points(step, timestamp, values))


def decode_frames(frames: Iterable[bytes]) -> Iterator[tuple[str, Points]]:
    """The points of each key of many frames, those of one key in the order of the frames. Raises as decode_frame does.

    A training logs the same keys again and again: neighbours that differ in nothing but their points are decoded at
    once, and give one part a key, which is then not in order by itself. Ten times as fast as frame by frame. Parts of
    different keys may share their steps and timestamps: not to be written to.
    """
    for _, alike in groupby(frames, _likeness):
        group = list(alike)
        header = _read_header(group[0])
        for data in group[1:]:
            unseal(data, "frame", _FORMS)
        joined = b"".join([memoryview(data)[header.points_at :] for data in group])
        words = np.frombuffer(joined, "<i8").reshape(len(group), -1)
        yield from _parts_of_rows(header, words) if header.rows is not None else _parts_of_columns(header, words)


def _parts_of_columns(header: _Header, words: npt.NDArray[np.int64]) -> Iterator[tuple[str, Points]]:
    columns = words.reshape(len(words), 3, header.starts[-1])
    for key, start, stop in zip(header.keys, header.starts, header.starts[1:], strict=False):
        yield key, unpack_columns(columns[:, :, start:stop])


def _parts_of_rows(header: _Header, words: npt.NDArray[np.int64]) -> Iterator[tuple[str, Points]]:
    columns = words.reshape(len(words), len(header.keys) + 2, header.rows or 0)
    step, timestamp = (columns[:, number].astype(np.int64).ravel() for number in range(2))
    for number, key in enumerate(header.keys, 2):
        yield key, Points(step, timestamp, columns[:, number].ravel().view("<f8").astype(np.float64, copy=False))


def _likeness(data: bytes) -> tuple[int, bytes]:
    """The size, the form and the header of a frame, sound or not."""
    if len(data) < _HEADER_AT:
        return len(data), b""
    return len(data), data[:1] + data[SEAL_SIZE : _HEADER_AT + _HEADER_SIZE.unpack_from(data, SEAL_SIZE)[0]]


def frame_points(data: bytes, key: str) -> Points | None:
    """The points of one key of a frame, or None where it has no such key. Raises as decode_frame does.

    Copies no other points, but checks the whole frame's checksum (which runs at some 3 GB/s).
    """
    keys, starts, rows, points_at = _read_header(data)
    if key not in keys:
        return None
    number = keys.index(key)
    if rows is None:
        return unpack_points(data, points_at, starts[-1], starts[number], starts[number + 1])
    step, timestamp, value = (
        np.frombuffer(data, "<i8", rows, points_at + _WORD_BYTES * rows * column).astype(np.int64)
        for column in (0, 1, number + 2)
    )
    return Points(step, timestamp, value.view(np.float64))


def _read_header(data: bytes) -> _Header:
    """The header, which agrees with itself and the frame's size."""
    form = unseal(data, "frame", _FORMS)
    if len(data) < _HEADER_AT:
        raise damaged("frame", data, f"it ends within its head of {_HEADER_AT} bytes")
    points_at = _HEADER_AT + _HEADER_SIZE.unpack_from(data, SEAL_SIZE)[0]
    where, header = f"the header at bytes {_HEADER_AT} to {points_at}", memoryview(data)[_HEADER_AT:points_at]
    try:
        if form == _ROWS:
            keys, rows = _decode_rows(header)
            starts = tuple(range(0, len(keys) * rows + 1, rows)) if keys and 0 < rows * len(keys) <= len(data) else ()
            found, size = _Header(keys, starts, rows, points_at), _WORD_BYTES * rows * (len(keys) + 2)
        else:
            keys, starts = _decode_columns(header)
            found, size = _Header(keys, starts, None, points_at), POINT_SIZE * starts[-1] if starts else 0
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged("frame", data, f"{where} cannot be read ({error})") from error
    rising = len(starts) == len(keys) + 1 and starts[0] == 0 and all(map(lt, starts, starts[1:]))
    if not rising or points_at + size != len(data):
        raise damaged("frame", data, f"{where} does not agree with the points behind it")
    return found
