"""What a program has begun to log, and what it was told is logged: numbers in a mapped file, which outlives a kill.

Every point is known by its value, a running number, from which its key and its step follow. A program has lanes, one
a thread; a lane's numbers are `first(lane)`, the next, and so on. A row is ROW numbers from a multiple of ROW on.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["KEYS", "ROW", "Ledger", "numbers_begun", "numbers_logged", "step_of", "steps_of"]

KEYS = ("loss", "acc", "grad/norm", "lr", "time")
ROW = len(KEYS)
LANES = 8
_LANE_NUMBERS = 10**8
_PROGRAM_NUMBERS = 10**9

_WORD = struct.Struct("<Q")
_LANE_BYTES = 4 * _WORD.size  # points begun, points logged, params begun, params logged
_FIRST_AT = LANES * _LANE_BYTES
_STOP_AT = _FIRST_AT + _WORD.size
_RUN_ID_AT = _STOP_AT + _WORD.size
_SIZE = _RUN_ID_AT + 32

Numbers = npt.NDArray[np.int64]


def step_of(number: int) -> int:
    """The step of a number: those of a row are equal, and some rows come too late."""
    row = number // ROW
    return row - 40 if row % 7 == 3 and row >= 40 else row


def steps_of(numbers: Numbers) -> Numbers:
    """The steps of these numbers."""
    rows = numbers // ROW
    return np.where((rows % 7 == 3) & (rows >= 40), rows - 40, rows)


class Ledger:
    """The notes of one program. `number` tells programs apart that log to one run; None opens what is there."""

    def __init__(self, path: Path | str, number: int | None = None) -> None:
        self.path = Path(path)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(file, _SIZE)
        self._notes = mmap.mmap(file, _SIZE)
        os.close(file)
        if number is not None:
            self._set(_FIRST_AT, number * _PROGRAM_NUMBERS)

    def _get(self, offset: int) -> int:
        return int(_WORD.unpack_from(self._notes, offset)[0])

    def _set(self, offset: int, value: int) -> None:
        # Not `pack_into`, which writes zeros first: a kill between the two would forget what was noted.
        self._notes[offset : offset + _WORD.size] = _WORD.pack(value)

    def close(self) -> None:
        self._notes.close()

    # -- what the program notes

    def first(self, lane: int) -> int:
        """The first number of a lane."""
        return self._get(_FIRST_AT) + lane * _LANE_NUMBERS

    def begin(self, lane: int, count: int) -> None:
        """So many numbers of the lane are logged, or about to be."""
        self._set(lane * _LANE_BYTES, count)

    def acknowledge(self, lane: int, count: int) -> None:
        """The calls that log so many numbers have returned."""
        self._set(lane * _LANE_BYTES + 8, count)

    def begin_param(self, lane: int, count: int) -> None:
        """The same for params."""
        self._set(lane * _LANE_BYTES + 16, count)

    def acknowledge_param(self, lane: int, count: int) -> None:
        """The same for params."""
        self._set(lane * _LANE_BYTES + 24, count)

    @property
    def run_id(self) -> str:
        """The run, once it has started; "" before."""
        return bytes(self._notes[_RUN_ID_AT:_SIZE]).rstrip(b"\0").decode()

    @run_id.setter
    def run_id(self, run_id: str) -> None:
        self._notes[_RUN_ID_AT:_SIZE] = run_id.encode().ljust(32, b"\0")

    @property
    def is_stopping(self) -> bool:
        """Whether the program has been asked to end."""
        return bool(self._get(_STOP_AT))

    def stop(self) -> None:
        """Ask the program to end."""
        self._set(_STOP_AT, 1)

    # -- what the test asks

    def logged(self, lane: int = 0) -> int:
        """How many numbers of a lane are acknowledged."""
        return self._get(lane * _LANE_BYTES + 8)

    def numbers(self, *, begun: bool) -> list[Numbers]:
        """Those that are acknowledged, or those that were begun, of each lane."""
        counts = [self._get(lane * _LANE_BYTES + (0 if begun else 8)) for lane in range(LANES)]
        return [np.arange(self.first(lane), self.first(lane) + count) for lane, count in enumerate(counts) if count]

    def params(self, *, begun: bool) -> dict[str, str]:
        """The params that are acknowledged, or that were begun."""
        counts = [self._get(lane * _LANE_BYTES + (16 if begun else 24)) for lane in range(LANES)]
        return {
            f"p{self.first(lane) + number}": str(number) for lane, count in enumerate(counts) for number in range(count)
        }


def numbers_begun(ledgers: Iterable[Ledger]) -> Numbers:
    """The numbers that may be stored."""
    return _joined(part for ledger in ledgers for part in ledger.numbers(begun=True))


def numbers_logged(ledgers: Iterable[Ledger]) -> Numbers:
    """The numbers that must be stored."""
    return _joined(part for ledger in ledgers for part in ledger.numbers(begun=False))


def _joined(parts: Iterable[Numbers]) -> Numbers:
    return np.concatenate([np.empty(0, np.int64), *parts])
