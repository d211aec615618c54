"""A file on a server, read piece by piece as somebody asks for it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

__all__ = ["PIECE_BYTES", "RangedFile"]

PIECE_BYTES = 4 << 20
"""What one request fetches: large enough that its round trip does not count, small enough to be fetched again."""


class RangedFile(io.RawIOBase):
    """`read_range(start, stop)` gives the bytes of a file of known size, of which `first` are the first.

    Meant to stand below an `io.BufferedReader` of PIECE_BYTES. Not safe to share between threads.
    """

    def __init__(self, read_range: Callable[[int, int], bytes], size_bytes: int, first: bytes) -> None:
        self._read_range = read_range
        self._size_bytes = size_bytes
        self._piece = first
        self._piece_start = 0
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size_bytes or not len(buffer):
            return 0
        if not self._piece_start <= self._position < self._piece_start + len(self._piece):
            stop = min(self._position + PIECE_BYTES, self._size_bytes)
            self._piece, self._piece_start = self._read_range(self._position, stop), self._position
        start = self._position - self._piece_start
        taken = self._piece[start : start + len(buffer)]
        buffer[: len(taken)] = taken
        self._position += len(taken)
        return len(taken)

    def readall(self) -> bytes:
        parts = []
        buffer = bytearray(PIECE_BYTES)
        while count := self.readinto(buffer):
            parts.append(bytes(buffer[:count]))
        return b"".join(parts)
