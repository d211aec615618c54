"""Uploads in parts: kept in a hidden folder until all of them are there, then joined into one artifact.

All workers see the same folder, and any of them may take any part. Knows no HTTP. An upload that nobody completes
or aborts is removed a day after its last part.
"""

from __future__ import annotations

import io
import re
import secrets
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.paths import check_artifact_path
from runstone.errors import InvalidInput, NotFound
from runstone.naming import now_ms

__all__ = ["MAX_PARTS", "Uploads", "check_part_count"]

MAX_PARTS = 10_000
"""As S3 has it."""
_LIFETIME_MS = 24 * 3_600_000
_RECORD = "upload"
_ID = re.compile(r"[0-9a-f]{32}")


def check_part_count(part_count: int) -> int:
    """The count itself. Raises InvalidInput."""
    if not 1 <= part_count <= MAX_PARTS:
        raise InvalidInput(f"Invalid value {part_count} for parameter 'num_parts' supplied: expected 1 to {MAX_PARTS}")
    return part_count


class _Upload(msgspec.Struct, frozen=True):
    """What is known of an upload: the artifact it makes, of how many parts, and whether it has."""

    path: str
    part_count: int
    is_complete: bool = False


class Uploads:
    """The uploads of one artifact destination. `folder` is made when the first one begins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, path: str, part_count: int) -> str:
        """Begin an upload of the artifact; returns its id. Raises InvalidInput."""
        check_part_count(part_count)
        self._remove_stale()
        upload_id = secrets.token_hex(16)
        self._write(upload_id, _Upload(check_artifact_path(path), part_count))
        return upload_id

    def put_part(self, upload_id: str, number: int, stream: BinaryIO) -> str:
        """Keep a part, in place of one of that number; returns its ETag. Raises NotFound and InvalidInput."""
        upload = self._read(upload_id)
        if not 1 <= number <= upload.part_count:
            raise InvalidInput(f"Invalid part number {number}: this upload has the parts 1 to {upload.part_count}")
        self._parts(upload_id).put_stream(stream, str(number))
        return _etag(self._place(upload_id, number))

    def complete(
        self, upload_id: str, path: str, etags: Sequence[tuple[int, str | None]], store: ArtifactStore
    ) -> None:
        """Join the parts into the artifact `path` of the store; once more changes nothing.

        Raises InvalidInput where parts are missing, are told twice or are not those that were sent.
        """
        upload = self._read(upload_id, path)
        if upload.is_complete:
            return  # the client did not get the first answer
        self._check_parts(upload_id, upload, etags)
        with closing(self._opened(upload_id, upload)) as parts:
            store.put_stream(cast("BinaryIO", _Joined(parts)), upload.path)
        self._write(upload_id, msgspec.structs.replace(upload, is_complete=True))
        for number in range(1, upload.part_count + 1):
            self._place(upload_id, number).unlink(missing_ok=True)

    def abort(self, upload_id: str, path: str) -> None:
        """Forget an upload and its parts. Raises NotFound."""
        self._read(upload_id, path)
        shutil.rmtree(self._folder / upload_id, ignore_errors=True)

    # -- parts

    def _check_parts(self, upload_id: str, upload: _Upload, etags: Sequence[tuple[int, str | None]]) -> None:
        told: Mapping[int, str | None] = dict(etags)
        if len(told) != len(etags):
            raise InvalidInput(_sentence(upload, "a part is named twice in 'parts'", "name each once"))
        for number in range(1, upload.part_count + 1):
            place = self._place(upload_id, number)
            if number not in told or not place.exists():
                raise InvalidInput(_sentence(upload, f"part {number} is missing", "send it before you complete"))
            if told[number] and told[number] != _etag(place):
                raise InvalidInput(_sentence(upload, f"part {number} is not the one that was named", "send it again"))
        if len(told) > upload.part_count:
            raise InvalidInput(_sentence(upload, f"{len(told)} parts are named in 'parts'", "begin again"))

    def _opened(self, upload_id: str, upload: _Upload) -> Generator[BinaryIO, None, None]:
        """One part after the other, at most one of them open."""
        for number in range(1, upload.part_count + 1):
            with self._parts(upload_id).open(str(number)) as part:
                yield part

    def _parts(self, upload_id: str) -> LocalArtifactStore:
        return LocalArtifactStore(self._folder / upload_id)

    def _place(self, upload_id: str, number: int) -> Path:
        return self._folder / upload_id / str(number)

    # -- records

    def _read(self, upload_id: str, path: str | None = None) -> _Upload:
        problem = NotFound(
            f"There is no multipart upload '{upload_id[:64]}': it was aborted, or a day has passed; begin again"
        )
        if not _ID.fullmatch(upload_id):
            raise problem
        try:
            upload = msgspec.json.decode((self._folder / upload_id / _RECORD).read_bytes(), type=_Upload)
        except FileNotFoundError:
            raise problem from None
        if path is not None and check_artifact_path(path) != upload.path:
            raise InvalidInput(f"The multipart upload '{upload_id}' is of '{upload.path}', not of '{path}'")
        return upload

    def _write(self, upload_id: str, upload: _Upload) -> None:
        self._parts(upload_id).put_stream(io.BytesIO(msgspec.json.encode(upload)), _RECORD)

    def _remove_stale(self) -> None:
        if not self._folder.is_dir():
            return
        for upload in self._folder.iterdir():
            # A folder's time is that of the last part that came into it.
            with suppress(OSError):
                if now_ms() - upload.stat().st_mtime * 1000 > _LIFETIME_MS:
                    shutil.rmtree(upload, ignore_errors=True)


class _Joined:
    """Files as one stream."""

    def __init__(self, files: Iterator[BinaryIO]) -> None:
        self._files = files
        self._current = next(files, None)

    def read(self, size: int = -1) -> bytes:
        while self._current is not None:
            if piece := self._current.read(size):
                return piece
            self._current = next(self._files, None)
        return b""


def _etag(place: Path) -> str:
    facts = place.stat()
    return f'"{facts.st_ino:x}-{facts.st_mtime_ns:x}-{facts.st_size:x}"'


def _sentence(upload: _Upload, problem: str, remedy: str) -> str:
    return f"Cannot complete the multipart upload of '{upload.path}' in {upload.part_count} parts: {problem}; {remedy}"
