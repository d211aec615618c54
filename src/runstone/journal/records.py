"""Segments: slots of fixed width in a preallocated, memory-mapped file, and the records in them.

Layout, all numbers little-endian::

    offset    bytes
    0         8      magic: b"RUNSTONE"
    8         4      version of this layout: 2 (1 had no rows)
    12        4      CRC-32 of bytes 16 to 31
    16        8      slot of the first record, counted from 1 over all segments of a writer
    24        8      capacity, in slots
    32        32     unused
    64        32n    slots: step, timestamp (ms), value, mark, key

`key` is the number of a name, counted from 1; it is written last, so a record is there once its key is not 0. EVENT
stands for an event, whose offset in the events' file is in `step`; SKIPPED for a slot that was given up; ROW for the
first slot of a row, which takes several (see `rows`). `mark` is MARK, or MARK_NS where `timestamp` is in nanoseconds;
by any other mark foreign bytes are noticed.

A record never straddles a sector, and a process that is killed leaves its mapped pages to the operating system, so
what was packed survives it. Knows bytes; not whose they are.
"""

from __future__ import annotations

import itertools
import mmap
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runstone.errors import StoreCorrupt

__all__ = [
    "EVENT",
    "HEADER_BYTES",
    "MARK",
    "MARK_NS",
    "RECORD",
    "RECORD_BYTES",
    "ROW",
    "ROW_END",
    "SKIPPED",
    "Records",
    "Segment",
]

HEADER_BYTES = 64
RECORD = struct.Struct("<qqdII")
RECORD_BYTES = RECORD.size
MARK, MARK_NS = 0x52_55_4E_45, 0x52_55_4E_4E
EVENT = 0xFFFF_FFFF
SKIPPED = 0xFFFF_FFFE
ROW = 0xFFFF_FFFD
ROW_END = 0xFFFF_FFFC
"""The least of the keys that stand for no name."""

_MAGIC = b"RUNSTONE"
_VERSION, _READABLE = 2, (1, 2)
_HEAD = struct.Struct("<8sII")
_BODY = struct.Struct("<QQ")
_TYPE = np.dtype([("step", "<i8"), ("timestamp", "<i8"), ("value", "<f8"), ("mark", "<u4"), ("key", "<u4")])

Records = npt.NDArray[np.void]
"""Slots, with the fields of a record each."""


class Segment:
    """Slots `first` to `first + capacity - 1` of a writer. `path` is None for one that is in memory alone.

    `indexes` gives out those of its slots, each once, also among threads; those from `limit` on must not be written.
    """

    __slots__ = ("buffer", "capacity", "first", "indexes", "limit", "lost", "path", "take")

    def __init__(self, path: Path | None, buffer: mmap.mmap, first: int, capacity: int) -> None:
        self.path = path
        self.buffer = buffer
        self.first = first
        self.capacity = capacity
        self.limit = capacity
        self.lost = 0
        """How many slots have been cut off from the end of the file."""
        # A count's next is one call of C, which no other thread can interrupt.
        self.indexes = itertools.count()
        self.take = self.indexes.__next__

    @classmethod
    def create(cls, path: Path, first: int, capacity: int) -> Segment:
        """A new file, all of its space allocated: a full disk is an OSError here, never a crash at a later store."""
        size_bytes = HEADER_BYTES + capacity * RECORD_BYTES
        # Under another name until it has its header: a process that is killed meanwhile leaves no damaged segment.
        part = path.with_name(f"{path.name}.new")
        file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _allocate(file, size_bytes)
            buffer = mmap.mmap(file, size_bytes)
            body = _BODY.pack(first, capacity)
            buffer[: _HEAD.size + _BODY.size] = _HEAD.pack(_MAGIC, _VERSION, zlib.crc32(body)) + body
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        finally:
            os.close(file)
        return cls(path, buffer, first, capacity)

    @classmethod
    def in_memory(cls, first: int, capacity: int) -> Segment:
        """One without a file: lost with the process."""
        return cls(None, mmap.mmap(-1, HEADER_BYTES + capacity * RECORD_BYTES), first, capacity)

    @classmethod
    def open(cls, path: Path) -> Segment:
        """A file that is there, to read it. It may have been cut off: see `lost`. Raises StoreCorrupt."""
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
            if len(head) < HEADER_BYTES:
                raise StoreCorrupt(f"{path} ends within its header, at byte {len(head)}")
            magic, version, checksum = _HEAD.unpack_from(head)
            body = head[_HEAD.size : _HEAD.size + _BODY.size]
            if magic != _MAGIC or (version in _READABLE and zlib.crc32(body) != checksum):
                raise StoreCorrupt(f"{path} has a damaged header, at bytes 0 to {_HEAD.size + _BODY.size}")
            if version not in _READABLE:
                raise StoreCorrupt(f"{path} has layout {version}, this Runstone knows {_VERSION}: upgrade Runstone")
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        first, capacity = _BODY.unpack(body)
        there = min(capacity, (len(buffer) - HEADER_BYTES) // RECORD_BYTES)
        segment = cls(path, buffer, first, there)
        segment.lost = capacity - there
        return segment

    @property
    def end(self) -> int:
        """The slot after the last."""
        return self.first + self.capacity

    def read(self, slot: int, limit: int) -> Records:
        """A copy of at most `limit` slots from `slot` on, up to the end; those not written yet have the key 0."""
        start = HEADER_BYTES + (slot - self.first) * RECORD_BYTES
        stop = min(start + limit * RECORD_BYTES, HEADER_BYTES + self.capacity * RECORD_BYTES)
        return np.frombuffer(self.buffer[start:stop], _TYPE)

    def skip(self, index: int) -> None:
        """Give up a slot that was taken."""
        RECORD.pack_into(self.buffer, HEADER_BYTES + index * RECORD_BYTES, 0, 0, 0.0, MARK, SKIPPED)

    def skip_row(self, first: int, end: int) -> None:
        """Give up slots that were taken for a row, which may be written in part."""
        for index in range(end - 1, first - 1, -1):  # its head last: until then nobody looks at the others
            self.skip(index)

    def seal(self) -> None:
        """No slot may be taken any more. A thread that has taken one already still writes it."""
        self.limit = 0

    @property
    def taken(self) -> int:
        """How many slots have been given out; they are written, or about to be."""
        # Its text is the one thing that tells a count's place without moving it.
        return min(int(repr(self.indexes)[len("count(") : -1]), self.capacity)

    def sync(self) -> None:
        """Have what was written on disk, against a loss of power."""
        if self.path is not None:
            # Not `mmap.flush`, during which no other thread of Python runs.
            file = os.open(self.path, os.O_RDWR)
            try:
                os.fsync(file)
            finally:
                os.close(file)


def _allocate(file: int, size_bytes: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size_bytes)
    else:  # macOS, Windows
        block = bytes(1 << 20)
        for start in range(0, size_bytes, len(block)):
            os.write(file, block[: size_bytes - start])
