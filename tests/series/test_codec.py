"""Chunks: nothing is lost, damage is told, old files are read, and merging them stays cheap."""

from __future__ import annotations

import math
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.errors import StoreCorrupt
from runstone.series.codec import MAX_CHUNK_POINTS, decode_chunk, encode_chunk, plan_merge, split_chunks
from runstone.series.points import Points
from runstone.series.seal import seal
from runstone.validation import INT64_MAX, INT64_MIN

from .drawing import bits, identities, in_order, points_of, row_lists

DATA = Path(__file__).parent / "data"
# Files of the first release, made once. What cannot read them needs a new codec byte, not new files.
GOLDEN_PLAIN = [
    (INT64_MIN, INT64_MAX, -0.0),
    (-1, 0, math.nan),
    (0, 1, math.inf),
    (INT64_MAX, INT64_MIN, 0.1),
]
GOLDEN_PCODEC = [
    *((step, 1_700_000_000_000 + 100 * step + step % 3, 1 / (1 + step)) for step in range(200)),
    (2**53 + 1, -(2**53) - 1, 5e-324),
    (2**53 + 2, -1, -math.inf),
    *GOLDEN_PLAIN,
]

chunks = row_lists.map(points_of).map(encode_chunk)


@given(row_lists)
def test_a_chunk_keeps_every_bit_of_its_points(rows):
    points = points_of(rows)

    assert bits(decode_chunk(encode_chunk(points))) == bits(points)


@pytest.mark.parametrize("count", [0, 1, 5, 6, 1000, MAX_CHUNK_POINTS, 3 * MAX_CHUNK_POINTS])
def test_a_chunk_may_hold_any_number_of_points(count):
    steps = np.arange(count)
    points = Points(steps, 1_700_000_000_000 + steps * 37, np.sin(steps / 9))

    assert bits(decode_chunk(encode_chunk(points))) == bits(points)


@pytest.mark.parametrize("count", [4, 40])
def test_columns_may_be_strided_misaligned_or_of_another_byte_order(count):
    expected = points_of((n, -n, n / 3) for n in range(count))
    record = np.dtype([("flag", "u1"), ("step", ">i8"), ("timestamp", "<i8"), ("value", "<f8")])
    records = np.array([(0, *row) for row in expected.rows()], record)

    chunk = encode_chunk(Points(records["step"], records["timestamp"], records["value"]))

    assert chunk == encode_chunk(expected)


def test_a_chunk_of_a_smooth_series_is_small():
    steps = np.arange(MAX_CHUNK_POINTS)

    chunk = encode_chunk(Points(steps, 1_700_000_000_000 + 100 * steps, np.round(np.sin(steps / 500), 3)))

    assert len(chunk) < 2 * MAX_CHUNK_POINTS


@pytest.mark.parametrize(("name", "rows"), [("chunk-plain.bin", GOLDEN_PLAIN), ("chunk-pcodec.bin", GOLDEN_PCODEC)])
def test_chunks_of_the_first_release_are_read(name, rows):
    assert bits(decode_chunk((DATA / name).read_bytes())) == bits(points_of(rows))


def test_plain_chunks_are_written_as_by_the_first_release():
    assert encode_chunk(points_of(GOLDEN_PLAIN)) == (DATA / "chunk-plain.bin").read_bytes()


@given(chunks, st.data())
def test_any_changed_byte_is_found(chunk, data):
    position = data.draw(st.integers(0, len(chunk) - 1))
    damaged = bytearray(chunk)
    damaged[position] ^= data.draw(st.integers(1, 255))

    with pytest.raises(StoreCorrupt, match=f"chunk of {len(chunk)} bytes"):
        decode_chunk(bytes(damaged))


@pytest.mark.parametrize("rows", [GOLDEN_PLAIN, GOLDEN_PCODEC])
def test_a_chunk_cut_short_or_continued_is_found(rows):
    chunk = encode_chunk(points_of(rows))

    for size in range(len(chunk)):
        with pytest.raises(StoreCorrupt, match=f"Damaged chunk of {size} bytes: "):
            decode_chunk(chunk[:size])
    with pytest.raises(StoreCorrupt, match="checksum"):
        decode_chunk(chunk + b"\0")


@pytest.mark.parametrize("codec", [0, 3, 255])
def test_an_unknown_codec_is_named_with_the_known_ones(codec):
    with pytest.raises(StoreCorrupt, match=f"Unknown form {codec} at byte 0 of a chunk .* reads 1, 2"):
        decode_chunk(seal(codec, bytes(100)))


WHOLE = encode_chunk(points_of(GOLDEN_PCODEC))
SIZES = struct.unpack_from("<III", WHOLE, 5)
STEPS = WHOLE[17 : 17 + SIZES[1]]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "it ends within its head of 17 bytes"),
        (struct.pack("<III", 1, 4, 4) + b"not pcodec", "the steps at bytes 17 to 21 cannot be read"),
        (struct.pack("<III", 205, *SIZES[1:]) + WHOLE[17:], "the steps .* hold another count than the 205"),
        (struct.pack("<III", 207, *SIZES[1:]) + WHOLE[17:], "the steps .* hold another count than the 207"),
        (struct.pack("<III", *SIZES[:2], 5) + WHOLE[17:], "the timestamps at bytes .* cannot be read"),
        (struct.pack("<III", *SIZES[:2], 9999) + WHOLE[17:], "the values at bytes .* cannot be read"),
        (struct.pack("<III", 206, SIZES[1], SIZES[1]) + STEPS * 3, "the values at bytes .* cannot be read"),
    ],
)
def test_a_chunk_that_contradicts_itself_is_refused_though_its_checksum_is_right(body, fault):
    with pytest.raises(StoreCorrupt, match=fault):
        decode_chunk(seal(1, body))


def test_a_plain_chunk_of_another_size_than_its_count_is_refused_though_its_checksum_is_right():
    with pytest.raises(StoreCorrupt, match="2 plain points"):
        decode_chunk(seal(2, struct.pack("<III", 2, 16, 16), bytes(47)))


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (0, []),
        (1, [1]),
        (MAX_CHUNK_POINTS, [MAX_CHUNK_POINTS]),
        (2 * MAX_CHUNK_POINTS + 7, [MAX_CHUNK_POINTS, MAX_CHUNK_POINTS, 7]),
    ],
)
def test_points_are_split_into_full_chunks_and_a_rest(count, sizes):
    steps = np.arange(count)
    points = Points(steps, steps, steps.astype(np.float64))

    parts = split_chunks(points)

    assert [len(part) for part in parts] == sizes
    assert bits(Points.join(parts)) == bits(points)


def fold(counts: list[int], new: int) -> int:
    """Fold `new` points behind chunks of these counts, changed in place; how many points were written."""
    merged = plan_merge(counts, new)
    total = new + sum(counts[len(counts) - merged :])
    steps = np.arange(total)
    counts[len(counts) - merged :] = [len(part) for part in split_chunks(Points(steps, steps, steps))]
    return total


@given(st.lists(st.integers(1, 5) | st.integers(1, 2 * MAX_CHUNK_POINTS), min_size=1, max_size=60))
def test_merging_writes_each_point_a_logarithmic_number_of_times_and_leaves_few_chunks(arrivals):
    counts: list[int] = []

    written = sum(fold(counts, new) for new in arrivals)

    assert sum(counts) == sum(arrivals)
    assert written <= sum(arrivals) * (2 + math.log(MAX_CHUNK_POINTS, 1.5))
    full = sum(arrivals) // MAX_CHUNK_POINTS
    partial = [count for count in counts if count < MAX_CHUNK_POINTS]
    assert counts == [MAX_CHUNK_POINTS] * (len(counts) - len(partial)) + partial
    assert all(left > 2 * right for left, right in pairwise(partial))
    assert len(partial) <= 13
    assert len(counts) <= full + 13


@pytest.mark.parametrize(("new", "times"), [(1, 10), (10, 8), (100, 7), (1000, 4), (5000, 3)])
def test_points_that_come_evenly_are_written_a_few_times_each(new, times):
    counts: list[int] = []

    written = sum(fold(counts, new) for _ in range(20_000 // new))

    assert written <= times * sum(counts)


@given(st.lists(st.integers(1, 20_000), max_size=40), st.integers(1, 20_000))
def test_the_last_13_counts_are_enough_to_plan_a_merge(arrivals, new):
    counts: list[int] = []
    for arrival in arrivals:
        fold(counts, arrival)

    assert plan_merge(counts[-13:], new) == plan_merge(counts, new)


def test_no_new_points_merge_nothing():
    assert plan_merge([1], 0) == 0
    assert plan_merge([], 5) == 0


@given(st.lists(row_lists, max_size=6))
def test_folding_changes_no_answer(arrivals):
    chunks: list[bytes] = []
    for rows in arrivals:
        points = points_of(rows).ordered()
        merged = plan_merge([len(decode_chunk(chunk)) for chunk in chunks], len(points))
        kept = len(chunks) - merged
        joined = Points.join([*map(decode_chunk, chunks[kept:]), points])
        chunks[kept:] = map(encode_chunk, split_chunks(joined))

    answer = Points.join([decode_chunk(chunk) for chunk in chunks])

    assert identities(answer) == in_order(row for rows in arrivals for row in rows)
