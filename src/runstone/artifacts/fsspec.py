"""Artifacts on any file system that fsspec knows (sftp, hdfs, smb, memory ...). No network of its own.

A file is written under a temporary name beside its own and then moved there: on most of these systems that is one
step, on those that copy instead a reader may meet a part. What a killed process leaves is never listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from runstone.artifacts.local import check_readable_file
from runstone.artifacts.paths import check_artifact_path, is_artifact_path, new_part_name
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, InvalidInput, NotFound

__all__ = ["FsspecArtifactStore", "knows_scheme"]

_CHUNK_BYTES = 1 << 20
# What only reads, what leads to this machine's disk by a way around its checks, and what only wraps another.
_LEFT_OUT = frozenset(
    "http https data git github jupyter local file dir reference generic async_wrapper "
    "cached blockcache filecache simplecache zip tar libarchive".split()
)


def knows_scheme(scheme: str) -> bool:
    """Whether fsspec is installed and has a file system of that name (which may need a package more)."""
    if scheme in _LEFT_OUT:
        return False
    try:
        from fsspec.registry import known_implementations, registry
    except ImportError:
        return False
    return scheme in known_implementations or scheme in registry


class FsspecArtifactStore:
    """An ArtifactStore over the file system of a URI, below its path. Credentials are where that system looks."""

    def __init__(self, uri: str) -> None:
        if "::" in uri:
            raise InvalidInput(f"Invalid artifact URI {uri!r}: chains of file systems ('::') are not for artifacts")
        self.root_uri = uri.rstrip("/")

    def __repr__(self) -> str:
        return f"FsspecArtifactStore({self.root_uri!r})"

    def put_file(self, local_path: Path, path: str) -> None:
        """Store the local file under `path`. Raises NotFound: no such local file."""
        path = check_artifact_path(path)
        check_readable_file(Path(local_path))
        with Path(local_path).open("rb") as file:
            self.put_stream(file, path)

    def put_stream(self, stream: BinaryIO, path: str) -> int:
        """Store what the stream yields, a chunk at a time; returns the size in bytes."""
        path = check_artifact_path(path)
        target = self._place(path)
        part = f"{target.rpartition('/')[0]}/{new_part_name()}"
        size_bytes = 0
        try:
            with self._translated("store the artifact", path):
                self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
                file = self._files.open(part, "wb")
            with file:
                while chunk := _read(stream):
                    with self._translated("store the artifact", path):
                        file.write(chunk)
                    size_bytes += len(chunk)
            with self._translated("store the artifact", path):
                self._move(part, target)
        except BaseException:
            with suppress(Exception):
                self._files.rm_file(part)
            raise
        return size_bytes

    def _move(self, part: str, target: str) -> None:
        try:
            self._files.mv(part, target)
        except FileExistsError:
            self._files.rm_file(target)
            self._files.mv(part, target)

    def open(self, path: str) -> BinaryIO:
        """The file, for reading; can seek. Raises NotFound: no such file."""
        path = check_artifact_path(path)
        with self._translated("read the artifact", path):
            if not self._files.isfile(self._place(path)):
                raise NotFound(f"No artifact '{path}' in '{self.root_uri}'; list its folder to see what there is")
            return cast("BinaryIO", self._files.open(self._place(path), "rb"))

    def list(self, path: str = "") -> list[FileInfo]:
        """What stands directly below `path`, by name; nothing where there is no such folder, or it is a file."""
        path = check_artifact_path(path, allow_empty=True)
        place = self._place(path)
        with self._translated("list the artifacts in", path):
            self._files.invalidate_cache(place)
            if not self._files.isdir(place):
                return []
            entries = self._files.ls(place, detail=True)
        found = (_describe(path, entry) for entry in entries)
        return sorted((info for info in found if is_artifact_path(info.path)), key=lambda info: info.path)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all in it; nothing happens where there is none."""
        path = check_artifact_path(path, allow_empty=True)
        place = self._place(path)
        with self._translated("delete the artifact", path):
            if self._files.isfile(place):
                self._files.rm_file(place)
            elif self._files.isdir(place):
                self._files.rm(place, recursive=True)

    def local_path(self, path: str) -> Path | None:
        """None: what fsspec opens is read through it."""
        check_artifact_path(path, allow_empty=True)
        return None

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        try:
            files, root = url_to_fs(self.root_uri)
        except ImportError as error:
            raise ArtifactError(f"Cannot open '{self.root_uri}': {error}") from error
        except ValueError as error:
            raise InvalidInput(f"Cannot open the artifact URI '{self.root_uri}': {error}") from error
        return files, root.rstrip("/")

    @property
    def _files(self) -> Any:
        return self._opened[0]

    def _place(self, path: str) -> str:
        return f"{self._opened[1]}/{path}" if path else self._opened[1] or "/"

    @contextmanager
    def _translated(self, act: str, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(
                f"No artifact '{path}' in '{self.root_uri}'; list its folder to see what there is"
            ) from error
        except OSError as error:
            raise ArtifactError(
                f"Cannot {act} '{path}' in '{self.root_uri}': {error}; check the URI, and who may read and write there"
            ) from error


def _describe(folder: str, entry: dict[str, Any]) -> FileInfo:
    name = str(entry["name"]).rstrip("/").rpartition("/")[2]
    path = f"{folder}/{name}" if folder else name
    return FileInfo(path, True) if entry["type"] == "directory" else FileInfo(path, False, entry["size"])


def _read(stream: Any) -> bytes:
    chunk = stream.read(_CHUNK_BYTES)
    if isinstance(chunk, str):
        raise InvalidInput("The stream to be stored yields text; open it in binary mode ('rb')")
    return cast("bytes", chunk)
