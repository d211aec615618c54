"""Events: what a run records besides points, and the file in which a writer keeps them.

The file is a row of frames: length and CRC-32 of what follows (4 bytes each, little-endian), then MessagePack. Names
of keys stand in a file of the same kind, a text a frame, and so do the layouts of rows (see `rows`). Knows no run.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from runstone.errors import StoreCorrupt

__all__ = ["Attach", "CreateRun", "Event", "FrameFile", "KeepFile", "LinkDatasets", "Record", "RecordModel"]

_HEAD = struct.Struct("<II")
_IN_MEMORY = 1 << 60


class Attach(msgspec.Struct, frozen=True, tag=True):
    """A process has begun to write to the run: its first word."""


class CreateRun(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A run was started where no store could be asked. The experiment is known by its name where it has no id yet."""

    experiment_id: str | None
    experiment_name: str | None
    start_time: int
    user_id: str
    tags: dict[str, str]


class Record(msgspec.Struct, frozen=True, tag=True, kw_only=True, omit_defaults=True):
    """Params, tags, a status and a batch of points that belongs with them (`frame`, see `series.frame`)."""

    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    deleted_tags: list[str] = []
    status: str | None = None
    end_time: int | None = None
    frame: bytes | None = None
    ends: bool = False


class LinkDatasets(msgspec.Struct, frozen=True, tag=True):
    """Datasets: what `DatasetInput` holds, as plain data."""

    inputs: list[Any]


class RecordModel(msgspec.Struct, frozen=True, tag=True):
    """A model's description, for the run's list of models."""

    description: dict[str, Any]


class KeepFile(msgspec.Struct, frozen=True, tag=True):
    """A file that is kept beside the journal until it can be stored in the run under `path`."""

    name: str
    path: str


Event = Attach | CreateRun | Record | LinkDatasets | RecordModel | KeepFile


class FrameFile:
    """An append-only file of checked frames. For one process at a time to write; made where it is missing.

    A frame that cannot be written is kept in memory, and `is_safe` tells that a crash would lose it. Where
    `is_ordered`, because frames are known by their place, all that come after it are lost with it.
    """

    def __init__(self, path: Path, *, is_ordered: bool = False) -> None:
        self.path = path
        self._is_ordered = is_ordered
        self.is_safe = True
        self._file: int | None = None
        self._end = path.stat().st_size if path.exists() else 0
        self._in_memory: dict[int, bytes] = {}

    def append(self, data: bytes) -> int:
        """Write a frame, and return its offset."""
        frame = _HEAD.pack(len(data), zlib.crc32(data)) + data
        offset = self._end
        try:
            if self._is_ordered and not self.is_safe:
                raise OSError("an earlier frame is missing")
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
                self._file = os.open(self.path, flags, 0o600)
            _write_all(self._file, frame, offset)
        except OSError:
            self.is_safe = False
            offset = _IN_MEMORY + len(self._in_memory)
            self._in_memory[offset] = data
            return offset
        self._end = offset + len(frame)
        return offset

    def read(self, offset: int) -> bytes:
        """The frame at an offset. Raises StoreCorrupt."""
        if offset in self._in_memory:
            return self._in_memory[offset]
        if not 0 <= offset < _IN_MEMORY:  # damaged, or lost with the memory of a process that is dead
            raise StoreCorrupt(f"{self.path} has no frame at {offset}")
        with self.path.open("rb") as file:
            file.seek(offset)
            return _read_frame(self.path, file.read(_HEAD.size), offset, file.read)

    def frames(self) -> Iterator[bytes]:
        """All frames in order, up to one that is cut off, which a killed process may have left."""
        data = self.path.read_bytes() if self.path.exists() else b""
        offset = 0
        while offset + _HEAD.size <= len(data):
            size, checksum = _HEAD.unpack_from(data, offset)
            frame = data[offset + _HEAD.size : offset + _HEAD.size + size]
            if len(frame) < size or zlib.crc32(frame) != checksum:
                return
            yield frame
            offset += _HEAD.size + size

    def sync(self) -> None:
        """Have it on disk, against a loss of power."""
        if self._file is not None:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        if self._file is not None:
            os.close(self._file)
        self._file = None


def _write_all(file: int, data: bytes, offset: int) -> None:
    os.lseek(file, offset, os.SEEK_SET)  # what an earlier attempt left half written is overwritten
    while data:
        data = data[os.write(file, data) :]


def _read_frame(path: Path, head: bytes, offset: int, read: Any) -> bytes:
    if len(head) < _HEAD.size:
        raise StoreCorrupt(f"{path} ends at byte {offset + len(head)}, within an event")
    size, checksum = _HEAD.unpack(head)
    frame: bytes = read(size)
    if len(frame) < size or zlib.crc32(frame) != checksum:
        raise StoreCorrupt(f"{path} is damaged at byte {offset}: an event's checksum does not match")
    return frame
