"""Rows: the points of one call in slots that follow each other, as one record.

A row of n points takes `slots_of(n)` slots of 32 bytes::

    first     head: step, timestamp, number of its layout (int64, in the value's place), mark, ROW
    others    n values, one behind the other, then zeros, and as the last 8 bytes MARK and ROW_END

All of it is packed by one call, in this order, over zeros: a row is there once its end is. A head without it is that of
a row that is being written, or never will be. The *layout* says which keys: numbers of names, counted from 1. It is on
disk before the first row that refers to it, and is itself known by its number, counted from 1.

A sixth of the bytes that single records take, for 50 points, and a third of the objects to be touched.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from runstone.journal.records import MARK, MARK_NS, RECORD_BYTES, ROW, ROW_END, SKIPPED, Records
from runstone.series.points import IntColumn, MetricBatch

__all__ = ["ROW_COMMIT", "WRONG", "Layout", "Rows", "View", "batch_of", "head_of", "look", "row_packer"]

ROW_COMMIT = struct.pack("<II", MARK, ROW_END)
INSIDE, WRONG = -1, -2
"""In place of a slot's key: it belongs to a row; it cannot be what it says."""

_VALUE_BYTES = 8
_VALUES_A_SLOT = RECORD_BYTES // _VALUE_BYTES


class Layout:
    """The keys of a row, as numbers of names counted from 1."""

    __slots__ = ("numbers", "slots")

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = tuple(numbers)
        self.slots = slots_of(len(self.numbers))

    @classmethod
    def from_bytes(cls, data: bytes) -> Layout:
        """As it stands on disk."""
        return cls(np.frombuffer(data, "<u4").tolist())

    def to_bytes(self) -> bytes:
        return np.array(self.numbers, "<u4").tobytes()


class Rows(NamedTuple):
    """Rows of one layout: where the heads of them are, in order."""

    layout: Layout
    heads: IntColumn

    def between(self, begin: int, end: int) -> Rows:
        """Those whose heads lie there, counted from `begin`."""
        first, last = np.searchsorted(self.heads, (begin, end))
        return Rows(self.layout, self.heads[first:last] - begin)

    @property
    def points(self) -> int:
        """How many points they hold."""
        return len(self.heads) * len(self.layout.numbers)


# -- writing


def slots_of(count: int) -> int:
    """How many slots a row of so many points takes: the head, the values, and the end."""
    return 1 + (count + _VALUES_A_SLOT) // _VALUES_A_SLOT


def row_packer(count: int) -> Callable[..., None]:
    """`pack_into` for a row of so many points: (buffer, offset, step, timestamp, head, *values, ROW_COMMIT)."""
    padding = (slots_of(count) - 1) * RECORD_BYTES - (count + 1) * _VALUE_BYTES
    return struct.Struct(f"<qq16s{count}d{padding}x8s").pack_into


def head_of(layout: int, mark: int) -> bytes:
    """What stands behind step and timestamp in the head of a row."""
    return struct.pack("<qII", layout, mark, ROW)


# -- reading


class View(NamedTuple):
    """What is in slots that follow each other.

    `keys` are those of the records, but 0 where nothing is written (yet), INSIDE in a row behind its head, and WRONG
    where something cannot be what it says.
    """

    records: Records
    keys: IntColumn
    rows: list[Rows]

    def is_single(self) -> npt.NDArray[np.bool_]:
        """Which of them are points that were logged one by one."""
        return (self.keys > 0) & (self.keys < ROW_END)

    def part(self, begin: int, end: int) -> View:
        """Some of them, which cut no row."""
        rows = [part for part in (rows.between(begin, end) for rows in self.rows) if part.points]
        return View(self.records[begin:end], self.keys[begin:end], rows)

    @property
    def points(self) -> int:
        """How many points there are."""
        return int(np.count_nonzero(self.is_single())) + sum(rows.points for rows in self.rows)


def look(records: Records, layouts: Sequence[Layout | None], room: int) -> View:
    """What is in these slots, of which the first is inside no row.

    Leaves out a row that is cut off by the end of `records`, and what is behind it. The segment ends `room` slots from
    the first: no row goes beyond that.
    """
    keys = records["key"].astype(np.int64)
    heads = np.flatnonzero(keys == ROW)
    marks, numbers = records["mark"][heads], records["value"][heads].view(np.int64)
    numbers[(marks != MARK) & (marks != MARK_NS)] = 0
    known, stop = _of_one_layout(heads, numbers, layouts, len(records), room) or _one_by_one(
        keys, heads, numbers, layouts, room
    )
    rows = [_written(records, keys, layouts[number - 1], heads) for number, heads in known.items() if len(heads)]
    return View(records[:stop], keys[:stop], rows)


_Heads = tuple[dict[int, IntColumn], int]
"""The heads of rows by the number of their layout, and where what is cut off begins."""


def _of_one_layout(
    heads: IntColumn, numbers: IntColumn, layouts: Sequence[Layout | None], size: int, room: int
) -> _Heads | None:
    """Where all is as a training's is, in a tenth of the time: one layout, and no head within another's row."""
    number = int(numbers[0]) if len(numbers) else 0
    layout = layouts[number - 1] if 0 < number <= len(layouts) else None
    if layout is None or (numbers != number).any() or (np.diff(heads) < layout.slots).any():
        return None
    if heads[-1] + layout.slots <= size:
        return {number: heads}, size
    return ({number: heads[:-1]}, int(heads[-1])) if heads[-1] + layout.slots <= room else None


def _one_by_one(
    keys: IntColumn, heads: IntColumn, numbers: IntColumn, layouts: Sequence[Layout | None], room: int
) -> _Heads:
    """The same of anything; `keys` tells what is wrong."""
    found: dict[int, list[int]] = {}
    behind, stop = 0, len(keys)
    for at, number in zip(heads.tolist(), numbers.tolist(), strict=True):
        if at < behind:
            continue  # a value that looks so
        layout = layouts[number - 1] if 0 < number <= len(layouts) else None
        if layout is None or at + layout.slots > room:
            keys[at], behind = WRONG, at + 1
            continue
        behind = at + layout.slots
        if behind > len(keys):
            stop = at
            break
        found.setdefault(number, []).append(at)
    return {number: np.array(at) for number, at in found.items()}, stop


def _written(records: Records, keys: IntColumn, layout: Layout | None, heads: IntColumn) -> Rows:
    """Those of the rows that are there; `keys` tells them from the others."""
    assert layout is not None
    ends = heads + layout.slots - 1
    marks, end_keys = records["mark"][ends], records["key"][ends]
    is_there = (marks == MARK) & (end_keys == ROW_END)
    if not is_there.all():
        # By a process that was killed, or a thread that was interrupted; perhaps while it was given up.
        is_left = ((marks == 0) & (end_keys == 0)) | ((marks == MARK) & (end_keys == SKIPPED))
        keys[heads[~is_there & ~is_left]] = WRONG
        keys[(heads[is_left, None] + np.arange(layout.slots))] = 0
        heads = heads[is_there]
    keys[heads[:, None] + np.arange(1, layout.slots)] = INSIDE
    return Rows(layout, heads)


def batch_of(records: Records, rows: Rows, names: Sequence[str]) -> MetricBatch:
    """The points of rows, of which there is at least one."""
    heads, numbers = rows.heads, rows.layout.numbers
    step, timestamp = records["step"][heads], records["timestamp"][heads]
    is_ns = records["mark"][heads] == MARK_NS
    timestamp[is_ns] //= 1_000_000
    first, words = (heads + 1) * _VALUES_A_SLOT, records.view("<f8")
    apart = np.diff(heads)
    if len(apart) and (apart == apart[0]).all():  # a training's, in a tenth of the time
        strides = _VALUE_BYTES, int(apart[0]) * RECORD_BYTES
        values = as_strided(words[first[0] :], (len(numbers), len(heads)), strides)
    else:
        values = words[first + np.arange(len(numbers))[:, None]]
    return MetricBatch.of_rows(tuple(names[number - 1] for number in numbers), step, timestamp, values)
