"""Writers: what logging calls. Packs records into the current segment; no lock, no store, no network on the way.

Knows nothing of delivery.
"""

from __future__ import annotations

import struct
import sys
import threading
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from runstone.errors import StoreUnavailable
from runstone.journal.events import Event
from runstone.journal.records import EVENT, HEADER_BYTES, MARK, MARK_NS, RECORD, RECORD_BYTES, Segment
from runstone.journal.rows import ROW_COMMIT, Layout, head_of, row_packer
from runstone.journal.spool import Spool
from runstone.naming import now_ms, now_ns
from runstone.validation import check_key, metric_value, metric_whole_number

__all__ = ["Room", "Writer", "is_logging"]

FIRST_RECORDS, MAX_RECORDS = 1 << 10, 1 << 20
"""A run of a few points takes 32 kB on disk while it is active; a segment never more than 32 MB."""
MEMORY_RECORDS = 1 << 16
MAX_MEMORY_SEGMENTS = 32
"""64 MB, for as long as the disk is full."""
MAX_ROW = 4096
MAX_LAYOUT_KEYS = 1 << 16
"""Of all layouts of a spool together; rows of yet other keys are packed point by point."""

_NOWHERE = Segment.in_memory(1, 0)
"""Has no slot, so that the first call of `log` takes the slow way."""
_UNPACKABLE = (struct.error, TypeError, ValueError, OverflowError, RuntimeError)

_pack_record = RECORD.pack_into

Log = Callable[[str, Any, "int | None", int], None]
LogRow = Callable[[Mapping[str, Any], "int | None", int], None]
_Packing = tuple[Callable[..., None], int, bytes, bytes]
"""What packs a row of certain keys, how many slots it takes less one, and its heads: for a time in ms, and in ns."""


class Room:
    """How much a journal may hold, and who is told when it is full. `may_grow(bytes)` asks for more on disk."""

    def __init__(self, may_grow: Callable[[int], bool], warn: Callable[[str], None], *, is_strict: bool) -> None:
        self.may_grow = may_grow
        self.warn = warn
        self.is_strict = is_strict


class Writer:
    """What one process records in one run. Safe to share between threads.

    `open_spool` makes a new spool, after it has made sure that the run can be written to; its errors go to the
    caller of the first `log`, and of the first one after `close` or a fork.
    """

    def __init__(
        self, run_id: str, open_spool: Callable[[Writer], Spool], room: Room, *, is_synchronous: bool = False
    ) -> None:
        self.run_id = run_id
        self.is_synchronous = is_synchronous
        """Whether the calls of `log` are to be waited for; not by the writer."""
        self.spool: Spool | None = None
        self.dropped = 0
        """Points for which there was no room, neither on disk nor in memory."""
        self._open_spool = open_spool
        self._room = room
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[str, int] = {}
        self._packings: dict[tuple[str, ...], _Packing] = {}
        self._layout_keys = 0
        self._use(_NOWHERE)

    def _use(self, segment: Segment) -> None:
        self._segment = segment
        self.log = _make_log(self._numbers, segment, self._log_one)
        self.log_row = _make_log_row(self._packings, segment, self._log_row)

    # -- points

    log: Log
    """Record one point, given as key, value, timestamp (ms; None for now) and step.

    What it raises, it raises before anything is recorded: InvalidInput. A function that knows the segment, and is
    another one for the next: looking both up in the writer would take a fifth longer.
    """

    def _log_one(self, key: str, value: Any, timestamp: int | None, step: int) -> None:
        self._log_checked([(key, value, now_ms() if timestamp is None else timestamp, step)])

    log_row: LogRow
    """Record one point of each metric, all or none, given as metrics, timestamp (ms; None for now) and step.

    Raises InvalidInput. A function that knows the segment, as `log` is.
    """

    def _log_row(self, metrics: Mapping[str, Any], timestamp: int | None, step: int) -> None:
        full, keys = self._segment, tuple(metrics)
        if keys in self._packings and full.taken == full.capacity and self._grow(full):
            return self.log_row(metrics, timestamp, step)  # as one record, now that there is room
        at = now_ms() if timestamp is None else timestamp
        self._log_checked([(key, value, at, step) for key, value in metrics.items()])
        self._remember_layout(keys)
        return None

    def log_points(self, points: list[tuple[str, Any, Any, Any]]) -> None:
        """Record points given as (key, value, timestamp, step), all or none. Raises InvalidInput."""
        self._log_checked(points)

    def _log_checked(self, points: list[tuple[str, Any, Any, Any]]) -> None:
        checked = [
            (
                check_key(key, kind="metric"),
                metric_value(key, value),
                metric_whole_number(key, "timestamp", timestamp),
                metric_whole_number(key, "step", step),
            )
            for key, value, timestamp, step in points
        ]
        with self._lock:
            self._ensure_open()
            numbers = [self._number(key) for key, *_ in checked]
        for number, (_, value, timestamp, step) in zip(numbers, checked, strict=True):
            self._put(step, timestamp, value, number)

    def _put(self, step: int, timestamp: int, value: float, number: int) -> int:
        """Pack a record into the next slot, and return the slot; 0 where there was no room."""
        while True:
            segment = self._segment
            index = segment.take()
            if index < segment.limit:
                _pack_record(segment.buffer, HEADER_BYTES + index * RECORD_BYTES, step, timestamp, value, MARK, number)
                return segment.first + index
            if not self._grow(segment):
                self.dropped += 1
                return 0

    def _number(self, key: str) -> int:
        number = self._numbers.get(key)
        if number is None:
            assert self.spool is not None
            number = self.spool.add_name(key)
            if not self.spool.is_safe:
                self._room.warn(f"the name '{key}' could not be written to {self.spool.folder}: a crash would lose it")
            self._numbers[key] = number
        return number

    def _remember_layout(self, keys: tuple[str, ...]) -> None:
        """The next row of these keys is packed in one call."""
        if not 0 < len(set(keys)) == len(keys) <= MAX_ROW:
            return
        with self._lock:
            numbers = [self._numbers.get(key, 0) for key in keys]
            if self.spool is None or 0 in numbers or keys in self._packings:
                return  # closed meanwhile, or another thread was faster
            if self._layout_keys + len(keys) > MAX_LAYOUT_KEYS:
                return
            layout = Layout(numbers)
            number = self.spool.add_layout(layout)
            if number is None:
                return  # a crash would lose it, and every row with it
            self._layout_keys += len(keys)
            heads = head_of(number, MARK), head_of(number, MARK_NS)
            self._packings[keys] = row_packer(len(keys)), layout.slots - 1, *heads

    # -- events

    def log_event(self, event: Event) -> int:
        """Record an event behind what was recorded before, and return its slot; 0 where there was no room."""
        with self._lock:
            self._ensure_open()
            assert self.spool is not None
            offset = self.spool.add_event(event)
            return self._put(offset, now_ms(), 0.0, EVENT)

    def folder(self) -> Path:
        """The folder of the spool, for what belongs beside it."""
        with self._lock:
            self._ensure_open()
            assert self.spool is not None
            return self.spool.folder

    # -- segments

    def _ensure_open(self) -> None:
        if self.spool is None:
            self.spool = self._open_spool(self)
            self._grow(_NOWHERE)

    def _grow(self, full: Segment) -> bool:
        """Go on in a new segment, unless another thread has made one; whether there is one."""
        with self._lock:
            if self._segment is not full:
                return True
            spool = self.spool
            if spool is None:
                self._ensure_open()
                return True
            segment = self._new_segment(spool, min(max(full.capacity * 4, FIRST_RECORDS), MAX_RECORDS))
            if segment is None:
                return False
            self._use(segment)
            return True

    def _new_segment(self, spool: Spool, capacity: int) -> Segment | None:
        if self._room.may_grow(capacity * RECORD_BYTES):
            try:
                return spool.add_segment(capacity)
            except OSError as error:
                why = f"{spool.folder} cannot take more: {error.strerror}"
        else:
            why = f"the journal of {spool.folder.parent.parent} has reached its size (RUNSTONE_JOURNAL_MAX_MB)"
        if self._room.is_strict:
            raise StoreUnavailable(f"{why}; free some space, or deliver what waits with `runstone sync`")
        self._room.warn(f"{why}; points are kept in memory, up to 64 MB, until that changes")
        if sum(segment.path is None for segment in spool.segments) < MAX_MEMORY_SEGMENTS:
            return spool.add_segment_in_memory(MEMORY_RECORDS)
        self._room.warn(f"{why}, and the memory is full, too: points of run {self.run_id} are dropped, and counted")
        return None

    # -- ending

    def close(self) -> Spool | None:
        """Stop writing to the spool, which is returned: the next call of `log` opens a new one.

        A thread that is about to write still does; `is_logging` tells.
        """
        with self._lock:
            self._segment.seal()
            spool, self.spool = self.spool, None
            self._forget()
        return spool

    def renew_after_fork(self) -> None:
        """In a forked child: the spool is the parent's. The lock on it stays the parent's alone."""
        self._lock = threading.RLock()
        spool = self.close()
        if spool is not None:
            spool.close()


def is_logging() -> bool:
    """Whether a thread of this process is within a call that takes slots.

    It may have taken one that it has not written yet. Where nobody is, a slot that is empty stays so: Ctrl-C has hit
    between the two.
    """
    return any(_is_within(frame) for frame in sys._current_frames().values())


def _make_log(numbers: Mapping[str, int], segment: Segment, log_slowly: Log) -> Log:
    take, buffer = segment.take, segment.buffer

    def log(key: str, value: Any, timestamp: int | None, step: int) -> None:
        try:
            number = numbers[key]
        except (KeyError, TypeError):
            return log_slowly(key, value, timestamp, step)
        index = take()
        if index >= segment.limit:
            return log_slowly(key, value, timestamp, step)
        try:
            at = HEADER_BYTES + index * RECORD_BYTES
            if timestamp is None:
                # In ns as the clock tells it: to divide is as dear as to look at the clock, and can be done later.
                _pack_record(buffer, at, step, now_ns(), value, MARK_NS, number)
            else:
                _pack_record(buffer, at, step, timestamp, value, MARK, number)
        except _UNPACKABLE:
            segment.skip(index)
            return log_slowly(key, value, timestamp, step)
        except BaseException:
            segment.skip(index)
            raise

    return log


def _make_log_row(packings: Mapping[tuple[str, ...], _Packing], segment: Segment, log_slowly: LogRow) -> LogRow:
    indexes, buffer = segment.indexes, segment.buffer

    # After a step of training nothing of this is in the processor's cache: what is called and touched counts, more
    # than how often.
    def log_row(metrics: Mapping[str, Any], timestamp: int | None, step: int) -> None:
        packing = packings.get(tuple(metrics))
        if packing is None:
            return log_slowly(metrics, timestamp, step)
        pack, others, head_ms, head_ns = packing
        # Slots that follow each other: one call of C, as `take` is.
        last = next(islice(indexes, others, None))
        if last < segment.limit:
            at = HEADER_BYTES + (last - others) * RECORD_BYTES
            try:
                if timestamp is None:
                    return pack(buffer, at, step, now_ns(), head_ns, *metrics.values(), ROW_COMMIT)
                return pack(buffer, at, step, timestamp, head_ms, *metrics.values(), ROW_COMMIT)
            except _UNPACKABLE:
                pass  # told of what cannot be packed by the way that looks at each
            except BaseException:
                segment.skip_row(last - others, last + 1)
                raise
        segment.skip_row(last - others, min(last + 1, segment.limit))
        return log_slowly(metrics, timestamp, step)

    return log_row


_LOGGING = {
    function.__code__ for function in (_make_log({}, _NOWHERE, print), _make_log_row({}, _NOWHERE, print), Writer._put)
}
"""What takes a slot."""


def _is_within(frame: Any) -> bool:
    while frame is not None:
        if frame.f_code in _LOGGING:
            return True
        frame = frame.f_back
    return False
