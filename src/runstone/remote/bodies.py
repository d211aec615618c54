"""What is sent in pieces, so that no file is held in memory: files, and streams that can be read once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from runstone.errors import ArtifactError, InvalidInput

__all__ = ["Body", "FileBody", "SourceFailed", "StreamBody"]

_CHUNK_BYTES = 1 << 18


class Body(Protocol):
    """Pieces of a request. `size_bytes` is None where it is not known before the end."""

    size_bytes: int | None

    def pieces(self) -> Iterator[bytes]:
        """All of it, from the start. Raises SourceFailed."""

    def can_restart(self) -> bool:
        """Whether `pieces` would yield all of it now."""


class SourceFailed(Exception):
    """Carries what reading the source raised through the HTTP client, which takes any OSError for its own."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class FileBody:
    """A local file, as long as it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.size_bytes: int | None = path.stat().st_size
        except OSError as error:
            raise _unreadable(path, error) from error

    def can_restart(self) -> bool:
        return True

    def pieces(self) -> Iterator[bytes]:
        left = self.size_bytes or 0
        try:
            with self._path.open("rb") as file:
                while left:
                    piece = file.read(min(left, _CHUNK_BYTES))
                    if not piece:
                        raise SourceFailed(ArtifactError(f"'{self._path}' became shorter while it was uploaded"))
                    left -= len(piece)
                    yield piece
        except OSError as error:
            raise SourceFailed(_unreadable(self._path, error)) from error


class StreamBody:
    """What a stream yields from where it stands. One that can seek can be sent again, and its size is known."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._start = _position(stream)
        self._is_begun = False
        self.size_bytes = None if self._start is None else _size_from(stream, self._start)
        self.sent_bytes = 0

    def can_restart(self) -> bool:
        return self._start is not None or not self._is_begun

    def pieces(self) -> Iterator[bytes]:
        if self._start is not None:
            self._stream.seek(self._start)
        self._is_begun = True
        self.sent_bytes = 0
        while piece := self._read():
            self.sent_bytes += len(piece)
            yield piece
        if self.size_bytes is not None and self.sent_bytes != self.size_bytes:
            raise SourceFailed(ArtifactError("The stream became shorter while it was uploaded"))

    def _read(self) -> bytes:
        most = _CHUNK_BYTES if self.size_bytes is None else min(_CHUNK_BYTES, self.size_bytes - self.sent_bytes)
        try:
            piece: Any = self._stream.read(most) if most else b""
        except Exception as error:
            raise SourceFailed(error) from error
        if isinstance(piece, str):
            raise SourceFailed(InvalidInput("The stream to be stored yields text; open it in binary mode ('rb')"))
        return cast("bytes", piece)


def _position(stream: BinaryIO) -> int | None:
    """Where the stream stands, if it can seek."""
    try:
        return stream.tell() if stream.seekable() else None
    except (AttributeError, OSError):
        return None


def _size_from(stream: BinaryIO, start: int) -> int:
    end = stream.seek(0, os.SEEK_END)
    stream.seek(start)
    return max(end - start, 0)


def _unreadable(path: Path, error: OSError) -> ArtifactError:
    return ArtifactError(f"Cannot read the local file '{path}': {error.strerror or error}")
