"""Artifacts as objects in a bucket: S3 and what speaks as it does, Google Cloud Storage, Azure. By obstore.

An object appears whole or not at all: large files go in parts, which the bucket joins at the end. A process that is
killed leaves parts without a name; a rule of the bucket's ("abort incomplete multipart uploads") removes them.
Folders are what names have in common up to a `/`.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

import msgspec

from runstone.artifacts.base import KeptFile
from runstone.artifacts.buckets import Bucket, parse_bucket
from runstone.artifacts.digests import PART_BYTES, is_same_content, part_bytes
from runstone.artifacts.local import check_readable_file
from runstone.artifacts.object_errors import translated
from runstone.artifacts.paths import is_artifact_path
from runstone.artifacts.readahead import PIECE_BYTES, open_ranges
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, InvalidInput

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

    Objects = S3Store | GCSStore | AzureStore

__all__ = ["ObjectArtifactStore"]

_FILES_AT_ONCE = 8
_PARTS_AT_ONCE = 6
"""With PART_BYTES it bounds what a transfer holds in memory, since large files go one after the other."""
_DELETED_AT_ONCE = 1_000
_large_file = threading.BoundedSemaphore(1)


class ObjectArtifactStore:
    """An ArtifactStore over the objects of a bucket below a prefix. Nothing is asked before the first file."""

    def __init__(self, uri: str) -> None:
        self._open(parse_bucket(uri), {})

    def _open(self, bucket: Bucket, connected: dict[int, Objects]) -> ObjectArtifactStore:
        self.bucket = bucket
        self.root_uri = bucket.uri
        self._connected = connected  # by process, and shared with those below
        return self

    def __repr__(self) -> str:
        return f"ObjectArtifactStore({self.root_uri!r})"

    def put_file(self, local_path: Path, path: str) -> None:
        """Store the local file under `path`, in parts side by side; a large one that is there is not sent again.

        Raises NotFound: no such local file. Raises InvalidInput: it is a folder, or no regular file.
        """
        path = self.bucket.check_path(path)
        local_path = Path(local_path)
        check_readable_file(local_path)
        size_bytes = local_path.stat().st_size
        if size_bytes <= PART_BYTES:
            self._put(path, local_path.read_bytes(), size_bytes)
        elif not self._has(local_path, size_bytes, path):
            with _large_file:
                self._put(path, local_path, size_bytes)

    def put_stream(self, stream: BinaryIO, path: str) -> int:
        """Store what the stream yields, a part at a time; returns the size in bytes.

        What the stream itself raises is passed on as it is, and nothing is stored.
        """
        path = self.bucket.check_path(path)
        source = _Source(stream)
        first = source.read(PART_BYTES)
        if len(first) < PART_BYTES:
            self._put(path, first, len(first))
        else:
            self._put(path, source.chunks(first), None)
        return source.size_bytes

    def _put(self, path: str, content: bytes | Path | Iterator[bytes], size_bytes: int | None) -> None:
        import obstore

        attributes: Any = self.bucket.attributes() or None
        # What has no known end may have 10,000 parts, 78 GiB.
        part = PART_BYTES if size_bytes is None else part_bytes(size_bytes)
        with translated(self.bucket, "store the artifact", path):
            obstore.put(
                self._objects,
                self._key(path),
                content,
                attributes=attributes,
                use_multipart=size_bytes is None or size_bytes > PART_BYTES,
                chunk_size=part,
                max_concurrency=max(1, _PARTS_AT_ONCE * PART_BYTES // part),
            )

    def open(self, path: str) -> BinaryIO:
        """The file, for reading; can seek. Comes in ranges, some ahead. Raises NotFound: no such file."""
        import obstore
        from obstore.exceptions import BaseError

        path = self.bucket.check_path(path)
        with translated(self.bucket, "read the artifact", path):
            try:
                # Size, ETag and the first piece by one request: they are of one and the same object.
                answer = obstore.get(self._objects, self._key(path), options={"range": (0, PIECE_BYTES)})
                facts, first = answer.meta, answer.bytes().to_bytes()
            except BaseError:
                if obstore.head(self._objects, self._key(path))["size"]:
                    raise
                return io.BytesIO()  # an empty object has no range at all

        def read_range(start: int, stop: int) -> bytes:
            return self.read_range(path, start, stop, facts["e_tag"])

        return open_ranges(read_range, facts["size"], first)

    def read_range(self, path: str, start: int, stop: int, etag: str | None) -> bytes:
        """Some of the bytes of the file that had this ETag. Raises NotFound; ArtifactError: it was replaced."""
        import obstore
        from obstore.exceptions import PreconditionError

        options: Any = {"range": (start, stop)} | ({"if_match": etag} if etag else {})
        with translated(self.bucket, "read the artifact", path):
            try:
                return obstore.get(self._objects, self._key(path), options=options).bytes().to_bytes()
            except PreconditionError as error:
                raise ArtifactError(
                    f"The artifact '{path}' in '{self.root_uri}' was replaced while it was read; open it again"
                ) from error

    def list(self, path: str = "") -> list[FileInfo]:
        """What stands directly below `path`, by name; nothing where there is no such folder, or it is a file."""
        import obstore

        path = self.bucket.check_path(path, allow_empty=True)
        prefix = self._key(path)
        with translated(self.bucket, "list the artifacts in", path):
            found = obstore.list_with_delimiter(self._objects, prefix or None)
        start = len(prefix) + 1 if prefix else 0
        infos = [FileInfo(_join(path, folder[start:].strip("/")), True) for folder in found["common_prefixes"]]
        # An object with the name of the folder itself is what consoles make for an empty folder.
        infos += [
            FileInfo(_join(path, one["path"][start:]), False, one["size"])
            for one in found["objects"]
            if one["path"] != prefix
        ]
        return sorted((info for info in infos if is_artifact_path(info.path)), key=lambda info: info.path)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all in it; nothing happens where there is none."""
        import obstore

        path = self.bucket.check_path(path, allow_empty=True)
        key = self._key(path)
        with translated(self.bucket, "delete the artifact", path):
            for batch in obstore.list(self._objects, key or None, chunk_size=_DELETED_AT_ONCE):
                obstore.delete(self._objects, [one["path"] for one in batch])
            if path:
                self._delete_one(key)

    def _delete_one(self, key: str) -> None:
        import obstore

        try:
            obstore.delete(self._objects, key)
        except FileNotFoundError as error:
            if "Bucket" in str(error) or "Container" in str(error):
                raise

    def local_path(self, path: str) -> Path | None:
        """None: the files are in the bucket."""
        self.bucket.check_path(path, allow_empty=True)
        return None

    # -- what only a store over a network can do

    def most_at_once(self) -> int:
        """How many files may go over side by side."""
        return _FILES_AT_ONCE

    def find_kept(self, path: str) -> Mapping[str, KeptFile]:
        """All files below a folder, with their ETags."""
        import obstore

        start = len(self.bucket.prefix) + 1 if self.bucket.prefix else 0
        found: dict[str, KeptFile] = {}
        with translated(self.bucket, "list the artifacts in", path):
            for batch in obstore.list(self._objects, self._key(path) or None):
                for one in batch:
                    found[one["path"][start:]] = KeptFile(one["size"], one["e_tag"])
        return found

    def sign_url(self, verb: str, path: str, lifetime_s: int) -> str:
        """A URL by which anybody may GET or PUT the file for a while. Raises RunstoneError where nothing can sign."""
        import obstore

        path = self.bucket.check_path(path)
        if self.bucket.is_azure and quote(self._key(path)) != self._key(path):
            # obstore 0.12 signs the name as it stands in the URL; Azure checks the name itself, and says 403.
            raise ArtifactError(f"Cannot sign a URL of '{path}' in '{self.root_uri}': the name has to be escaped in it")
        with translated(self.bucket, "sign a URL of", path):
            signed = obstore.sign(self._objects, verb, self._key(path), timedelta(seconds=lifetime_s))  # type: ignore[call-overload]
        return str(signed)

    def facts_of(self, path: str) -> KeptFile:
        """Size and ETag of a file. Raises NotFound."""
        import obstore

        path = self.bucket.check_path(path)
        with translated(self.bucket, "find the artifact", path):
            facts = obstore.head(self._objects, self._key(path))
        return KeptFile(facts["size"], facts["e_tag"])

    def key_of(self, path: str) -> str:
        """The object's name in the bucket."""
        return self._key(self.bucket.check_path(path))

    def below(self, path: str) -> ObjectArtifactStore:
        """The store of a folder in this one, over the same connections."""
        prefix = self._key(self.bucket.check_path(path, allow_empty=True))
        store = ObjectArtifactStore.__new__(ObjectArtifactStore)
        return store._open(msgspec.structs.replace(self.bucket, prefix=prefix), self._connected)

    # -- the bucket

    @property
    def _objects(self) -> Objects:
        if os.getpid() not in self._connected:
            if self._connected or _used_by not in (0, os.getpid()):
                raise _forked(self.root_uri)
            self._connected[os.getpid()] = self.bucket.connect()
            _note_process()
        return self._connected[os.getpid()]

    def _key(self, path: str) -> str:
        return _join(self.bucket.prefix, path) if path else self.bucket.prefix

    def _has(self, local_path: Path, size_bytes: int, path: str) -> bool:
        import obstore

        with translated(self.bucket, "find the artifact", path):
            try:
                there = obstore.head(self._objects, self._key(path))
            except FileNotFoundError:
                return False  # or the bucket is missing, which sending says better
        return there["size"] == size_bytes and is_same_content(local_path, size_bytes, there["e_tag"])


_used_by = 0


def _note_process() -> None:
    global _used_by
    _used_by = os.getpid()


def _forked(uri: str) -> ArtifactError:
    # obstore's threads do not come along: it would panic.
    return ArtifactError(
        f"Cannot use '{uri}' in this process, which was forked from one that had used a bucket already; start it by "
        "'spawn' or 'forkserver' (multiprocessing.set_start_method), or store files in the first process"
    )


class _Source:
    """A caller's stream, in chunks of at least a part's size where it has as much."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: Any = stream
        self.size_bytes = 0

    def read(self, most: int) -> bytes:
        parts: list[bytes] = []
        left = most
        while left:
            piece = self._stream.read(left)
            if isinstance(piece, str):
                raise InvalidInput("The stream to be stored yields text; open it in binary mode ('rb')")
            if not piece:
                break
            parts.append(piece)
            left = max(left - len(piece), 0)
        content = parts[0] if len(parts) == 1 else b"".join(parts)
        self.size_bytes += len(content)
        return content

    def chunks(self, first: bytes) -> Iterator[bytes]:
        chunk = first
        while chunk:
            yield chunk
            chunk = self.read(PART_BYTES)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
