"""A file in pieces reads like a file in one."""

from __future__ import annotations

import io
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.artifacts import readahead
from runstone.artifacts.readahead import open_ranges

CONTENT = bytes(range(256)) * 40
acts = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 5_000)),
        st.tuples(st.just("seek"), st.integers(0, 12_000), st.just(io.SEEK_SET)),
        st.tuples(st.just("seek"), st.integers(-10_240, 100), st.just(io.SEEK_END)),
        st.tuples(st.just("tell")),
    ),
    max_size=20,
)


@pytest.fixture(autouse=True, scope="module")
def _small_pieces() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readahead, "PIECE_BYTES", 1_000)
        yield


def ranged(asked: list[tuple[int, int]]) -> BinaryIO:
    def read_range(start: int, stop: int) -> bytes:
        asked.append((start, stop))
        return CONTENT[start:stop]

    return open_ranges(read_range, len(CONTENT), CONTENT[:1_000])


@given(acts)
def test_it_behaves_as_a_file_in_memory_does(acts: list[tuple[str, int]]) -> None:
    remote, local = ranged([]), io.BytesIO(CONTENT)
    for name, *arguments in acts:
        assert getattr(remote, name)(*arguments) == getattr(local, name)(*arguments)


def test_reading_it_through_asks_for_each_piece_once() -> None:
    asked: list[tuple[int, int]] = []
    file = ranged(asked)
    assert b"".join(iter(lambda: file.read(77), b"")) == CONTENT
    # Asked ahead by several threads, which come in any order.
    assert sorted(asked) == [(at, min(at + 1_000, len(CONTENT))) for at in range(1_000, len(CONTENT), 1_000)]


def test_reading_the_end_asks_for_the_end_alone() -> None:
    asked: list[tuple[int, int]] = []
    file = ranged(asked)
    file.seek(-22, io.SEEK_END)
    assert file.read() == CONTENT[-22:]
    assert asked == [(10_000, len(CONTENT))]


def test_a_place_before_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        ranged([]).seek(-1)
