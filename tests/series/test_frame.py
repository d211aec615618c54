"""Frames: a batch comes back whole or key by key, damage is told, and old files are read."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.errors import StoreCorrupt
from runstone.series.frame import decode_frame, decode_frames, encode_frame, frame_points
from runstone.series.points import MetricBatch, Points
from runstone.series.seal import seal
from runstone.validation import INT64_MAX, INT64_MIN

from .drawing import bits, keyed_row_lists, metrics_of, points_of

# A file of the first release, made once. What cannot read it needs a new version byte, not a new file.
GOLDEN = Path(__file__).parent / "data" / "frame.bin"
GOLDEN_BATCH = MetricBatch(
    ("loss", "Genauigkeit/prüf", "損失"),
    np.array([0, 2, 3, 5], np.int64),
    points_of(
        [
            (INT64_MIN, INT64_MAX, -0.0),
            (7, 1_700_000_000_000, 0.1),
            (0, 0, math.nan),
            (1, 2, -math.inf),
            (INT64_MAX, INT64_MIN, 5e-324),
        ]
    ),
)

# What a training logs: at each step one point of every key.
GOLDEN_ROWS = Path(__file__).parent / "data" / "frame_of_rows.bin"
GOLDEN_ROWS_BATCH = MetricBatch.of_rows(
    ("loss", "損失"),
    np.array([0, 1, INT64_MAX], np.int64),
    np.array([0, 1_700_000_000_000, INT64_MIN], np.int64),
    np.array([[-0.0, math.nan, -math.inf], [0.1, 5e-324, 2.0]]),
)


@st.composite
def row_batches(draw: st.DrawFn) -> MetricBatch:
    keys = draw(st.lists(st.text(), unique=True, min_size=2, max_size=4))
    steps = sorted(draw(st.sets(st.integers(INT64_MIN, INT64_MAX), min_size=1, max_size=5)))
    timestamps = draw(st.lists(st.integers(INT64_MIN, INT64_MAX), min_size=len(steps), max_size=len(steps)))
    values = draw(st.lists(st.floats(), min_size=len(keys) * len(steps), max_size=len(keys) * len(steps)))
    return MetricBatch.of_rows(
        tuple(keys),
        np.array(steps, np.int64),
        np.array(timestamps, np.int64),
        np.array(values).reshape(len(keys), len(steps)),
    )


batches = keyed_row_lists.map(metrics_of).map(MetricBatch.of_metrics) | row_batches()


def everything(batch: MetricBatch) -> tuple[object, ...]:
    return batch.keys, batch.starts.tolist(), bits(batch.points)


@given(batches)
def test_a_frame_keeps_every_bit_of_its_batch(batch):
    assert everything(decode_frame(encode_frame(batch))) == everything(batch)


@given(batches)
def test_the_points_of_one_key_are_those_of_the_whole_batch(batch):
    frame = encode_frame(batch)

    assert {key: bits(frame_points(frame, key)) for key in batch.keys} == {
        key: bits(points) for key, points in batch.series()
    }
    assert frame_points(frame, "no such key") is None


@given(st.lists(st.text(), unique=True))
def test_keys_may_be_any_text(keys):
    count = len(keys)
    batch = MetricBatch(tuple(keys), np.arange(count + 1), points_of((n, n, n / 2) for n in range(count)))

    assert everything(decode_frame(encode_frame(batch))) == everything(batch)


@given(row_batches())
def test_rows_keep_their_steps_and_timestamps_once(batch):
    assert encode_frame(batch)[0] == 2
    keys, rows = len(batch.keys), len(batch.points) // len(batch.keys)
    assert len(encode_frame(batch)) < 8 * rows * (keys + 2) + 64 + len(msgspec.msgpack.encode(batch.keys))


@pytest.mark.parametrize("batch", [GOLDEN_BATCH, GOLDEN_ROWS_BATCH])
def test_what_is_read_may_be_written_to_and_does_not_hold_on_to_the_frame(batch):
    frame = bytearray(encode_frame(batch))

    points = decode_frame(frame).points
    frame.clear()
    points.value[:] = 0

    for column in (points.step, points.timestamp, points.value):
        assert column.flags.aligned
        assert column.flags.owndata


def test_columns_may_be_strided_or_of_another_byte_order():
    record = np.dtype([("flag", "u1"), ("step", ">i8"), ("timestamp", "<i8"), ("value", "<f8")])
    records = np.array([(0, *row) for row in GOLDEN_BATCH.points.rows()], record)
    points = Points(records["step"], records["timestamp"], records["value"])

    frame = encode_frame(MetricBatch(GOLDEN_BATCH.keys, GOLDEN_BATCH.starts, points))

    assert frame == encode_frame(GOLDEN_BATCH)


def test_a_frame_of_the_first_release_is_read():
    assert everything(decode_frame(GOLDEN.read_bytes())) == everything(GOLDEN_BATCH)
    assert bits(frame_points(GOLDEN.read_bytes(), "損失")) == bits(GOLDEN_BATCH.points[3:])
    assert everything(decode_frame(GOLDEN_ROWS.read_bytes())) == everything(GOLDEN_ROWS_BATCH)
    assert bits(frame_points(GOLDEN_ROWS.read_bytes(), "損失")) == bits(GOLDEN_ROWS_BATCH.points[3:])


def test_frames_are_written_as_by_the_first_release():
    assert encode_frame(GOLDEN_BATCH) == GOLDEN.read_bytes()
    assert encode_frame(GOLDEN_ROWS_BATCH) == GOLDEN_ROWS.read_bytes()


@given(batches, st.data())
def test_any_changed_byte_is_found(batch, data):
    frame = bytearray(encode_frame(batch))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))

    with pytest.raises(StoreCorrupt, match=f"frame of {len(frame)} bytes"):
        decode_frame(bytes(frame))
    with pytest.raises(StoreCorrupt, match=f"frame of {len(frame)} bytes"):
        frame_points(bytes(frame), "a")


@pytest.mark.parametrize("batch", [GOLDEN_BATCH, GOLDEN_ROWS_BATCH])
def test_a_frame_cut_short_or_continued_is_found(batch):
    frame = encode_frame(batch)

    for size in range(len(frame)):
        with pytest.raises(StoreCorrupt, match=f"Damaged frame of {size} bytes: "):
            decode_frame(frame[:size])
    with pytest.raises(StoreCorrupt, match="checksum"):
        decode_frame(frame + b"\0")


def test_an_unknown_version_is_named_with_the_known_one():
    with pytest.raises(StoreCorrupt, match=r"Unknown form 3 at byte 0 of a frame .* reads 1, 2:"):
        decode_frame(seal(3, bytes(100)))


def header(keys: object, starts: object) -> bytes:
    encoded = msgspec.msgpack.encode((keys, starts))
    return struct.pack("<I", len(encoded)) + encoded


@pytest.mark.parametrize(
    ("form", "body", "fault"),
    [
        (2, header(["a", "b"], 1) + bytes(31), "does not agree"),
        (2, header(["a", "b"], 2) + bytes(48), "does not agree"),
        (2, header(["a", "b"], 0), "does not agree"),
        (2, header(["a", "b"], -1) + bytes(24), "does not agree"),
        (2, header(["a", "b"], 1 << 62) + bytes(24), "does not agree"),
        (2, header([], 1) + bytes(16), "does not agree"),
        (2, header(["a"], [0, 1]) + bytes(24), "cannot be read"),
        (1, b"", "it ends within its head of 9 bytes"),
        (1, struct.pack("<I", 3) + b"abc", "the header at bytes 9 to 12 cannot be read"),
        (1, struct.pack("<I", 3) + b"\x92\xa1\xff", "the header at bytes 9 to 12 cannot be read"),
        (1, struct.pack("<I", 99) + b"abc", "the header at bytes 9 to 108 cannot be read"),
        (1, header([1], [0, 1]) + bytes(24), "cannot be read"),
        (1, header(["a"], [0, 1.5]) + bytes(24), "cannot be read"),
        (1, header(["a"], [0]), "does not agree"),
        (1, header([], []), "does not agree"),
        (1, header(["a"], [1, 2]) + bytes(48), "does not agree"),
        (1, header(["a", "b"], [0, 2, 1]) + bytes(24), "does not agree"),
        (1, header(["a", "b"], [0, 1, 1]) + bytes(24), "does not agree"),
        (1, header(["a"], [0, 2]) + bytes(47), "does not agree"),
        (1, header(["a"], [0, 2]) + bytes(49), "does not agree"),
    ],
)
def test_a_frame_that_contradicts_itself_is_refused_though_its_checksum_is_right(form, body, fault):
    with pytest.raises(StoreCorrupt, match=fault):
        decode_frame(seal(form, body))


def parts_by_key(parts: Iterable[tuple[str, Points]]) -> dict[str, list[tuple[int, int, int]]]:
    """The points of each key in the order of the parts, values as bits, so that NaN equals itself."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for key, points in parts:
        values = points.value.view(np.int64).tolist()
        found.setdefault(key, []).extend(zip(points.step.tolist(), points.timestamp.tolist(), values, strict=True))
    return found


@given(st.lists(batches, min_size=1, max_size=4), st.lists(st.integers(0, 3), max_size=12))
def test_many_frames_decoded_at_once_are_the_frames_one_by_one(kinds: list[MetricBatch], order: list[int]) -> None:
    frames = [encode_frame(kinds[number % len(kinds)]) for number in order]
    one_by_one = [part for frame in frames for part in decode_frame(frame).series()]
    assert parts_by_key(decode_frames(frames)) == parts_by_key(one_by_one)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_damaged_frame_among_many_is_told(number: int) -> None:
    frames = [encode_frame(GOLDEN_BATCH)] * 3
    frames[number] = frames[number][:-1] + bytes([frames[number][-1] ^ 1])
    with pytest.raises(StoreCorrupt, match="checksum"):
        list(decode_frames(frames))
