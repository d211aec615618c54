"""A file that is had in ranges, read as a stream: the next pieces come while the last is being used.

Knows neither HTTP nor buckets: somebody else reads a range.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO, cast

__all__ = ["PIECE_BYTES", "open_ranges"]

PIECE_BYTES = 8 << 20
"""What one request fetches: large enough that its round trip does not count, small enough to be fetched again."""
_AHEAD = 3
"""Pieces on their way while one is read. With that one they are what an open file holds in memory."""


def open_ranges(read_range: Callable[[int, int], bytes], size_bytes: int, first: bytes) -> BinaryIO:
    """A file of known size for reading, of which `first` is the first piece; can seek.

    `read_range(start, stop)` gives these bytes, and is called by several threads at a time.
    """
    if len(first) == size_bytes:
        return io.BytesIO(first)
    return cast("BinaryIO", io.BufferedReader(_RangedFile(read_range, size_bytes, first), 1 << 20))


class _RangedFile(io.RawIOBase):
    """Pieces ahead are asked for once two in a row have been read: who only looks at the end gets one piece."""

    def __init__(self, read_range: Callable[[int, int], bytes], size_bytes: int, first: bytes) -> None:
        self._read_range = read_range
        self._size_bytes = size_bytes
        self._position = 0
        self._threads: ThreadPoolExecutor | None = None
        done: Future[bytes] = Future()
        done.set_result(first)
        self._pieces: OrderedDict[int, Future[bytes]] = OrderedDict({0: done})
        self._last = 0

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
        number, start = divmod(self._position, PIECE_BYTES)
        taken = memoryview(self._piece(number))[start : start + len(buffer)]
        buffer[: len(taken)] = taken
        self._position += len(taken)
        return len(taken)

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
        self._pieces.clear()
        super().close()

    def _piece(self, number: int) -> bytes:
        if number != self._last:
            wanted = range(number, number + 1 + (_AHEAD if number == self._last + 1 else 0))
            for old in [one for one in self._pieces if one not in wanted]:
                self._pieces.pop(old).cancel()
            for one in wanted:
                if one not in self._pieces and one * PIECE_BYTES < self._size_bytes:
                    self._pieces[one] = self._ask(one)
            self._last = number
        elif number not in self._pieces:
            self._pieces[number] = self._ask(number)
        return self._pieces[number].result()

    def _ask(self, number: int) -> Future[bytes]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1 + _AHEAD, thread_name_prefix="runstone-read-ahead")
        start = number * PIECE_BYTES
        return self._threads.submit(self._read_range, start, min(start + PIECE_BYTES, self._size_bytes))
