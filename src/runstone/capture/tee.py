"""A program: passes on what it reads, and keeps a copy in files of bounded size.

    python tee.py FOLDER IN:OUT [IN:OUT]

IN and OUT are numbers of open files. It ends when nothing can come any more. A process of its own, so that the last
words of one that is killed are passed on and kept, too. Imports the standard library alone: it must start at once.
"""

from __future__ import annotations

import os
import select
import signal
import sys

PART_BYTES = 1 << 16
MAX_BYTES = 10_000_000
_READ_BYTES = 1 << 16


class Copy:
    """Lines, in `FOLDER/000000.log` and so on. Of a line that was written over (`\\r`) the last text is kept."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._number = self._size = self._total = 0
        self._is_open = True

    def add(self, lines: bytes) -> None:
        """Whole lines."""
        if not self._is_open:
            return
        self._total += len(lines)
        if self._total > MAX_BYTES:
            self._is_open = False
            lines = f"[the rest is not kept: more than {MAX_BYTES // 1_000_000} MB]\n".encode()
        try:
            with open(os.path.join(self._folder, f"{self._number:06d}.log"), "ab") as file:  # noqa: PTH118, PTH123
                file.write(lines)
        except OSError:
            self._is_open = False  # the disk is full, or the run is over
        self._size += len(lines)
        if self._size >= PART_BYTES:
            self._number, self._size = self._number + 1, 0


class Stream:
    """One stream on its way from `source` to `target`."""

    def __init__(self, source: int, target: int, copy: Copy) -> None:
        self._source, self._target, self._copy = source, target, copy
        self._line = b""

    def pass_on(self) -> bool:
        """Read once; whether more can come."""
        try:
            data = os.read(self._source, _READ_BYTES)
        except OSError:  # a terminal's end
            data = b""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._target, data[written:])
        except OSError:
            pass  # nobody listens; what is kept is kept
        *lines, self._line = (self._line + data).replace(b"\r\n", b"\n").split(b"\n")
        if lines:
            self._copy.add(b"".join(_shown(line) + b"\n" for line in lines))
        if len(self._line) > PART_BYTES:
            self._line = _shown(self._line)[-PART_BYTES:]
        if not data and self._line:
            self._copy.add(_shown(self._line) + b"\n")
        return bool(data)


def _shown(line: bytes) -> bytes:
    return next((part for part in reversed(line.split(b"\r")) if part), b"")


def main(folder: str, pairs: list[str]) -> None:
    # Whoever is meant by these, this one ends when there is nothing more to pass on.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    copy = Copy(folder)
    streams = {}
    for pair in pairs:
        source, target = map(int, pair.split(":"))
        streams[source] = Stream(source, target, copy)
    while streams:
        for source in select.select(list(streams), [], [])[0]:
            if not streams[source].pass_on():
                del streams[source]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
