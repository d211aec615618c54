"""Whole folders in and out of an ArtifactStore. Plain functions over the protocol; knows no run."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import msgspec

from runstone.artifacts.base import ArtifactStore, NetworkedStore
from runstone.artifacts.digests import is_same_content
from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.paths import check_artifact_path, is_artifact_path, is_part_name
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, InvalidInput, NotFound

__all__ = ["Progress", "download", "put_folder"]

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in total: first with 0, then as files go over."""


class _LocalFile(msgspec.Struct, frozen=True):
    place: Path
    path: str  # relative to the folder, with `/`
    size_bytes: int


def put_folder(store: ArtifactStore, local_dir: Path, path: str = "", *, progress: Progress | None = None) -> None:
    """Store the files below a local folder under `path`, each at its place; what else is there stays.

    Symbolic links are followed, unless one leads back to a folder it stands in. Empty folders are not kept.
    Over a network several files go at a time, and a file that is there already, with the same contents, is not sent
    again: what was broken off goes on where it stopped.
    Raises NotFound: no such folder. What cannot be stored (a link that leads nowhere, a socket, a name that
    no path may hold) does not keep the rest from being stored; then ArtifactError names it.
    """
    path = check_artifact_path(path, allow_empty=True)
    local_dir = Path(local_dir)
    left_out: list[str] = []
    files = list(_walk_local(local_dir, left_out))
    count = _Count(progress, sum(file.size_bytes for file in files))
    left_out += [
        f"{file.path!r} (not a legal artifact path)" for file in files if not is_artifact_path(_join(path, file.path))
    ]
    files = [file for file in files if is_artifact_path(_join(path, file.path))]
    kept = store.find_kept(path) if files and isinstance(store, NetworkedStore) else {}

    def put(file: _LocalFile) -> None:
        target = _join(path, file.path)
        there = kept.get(target)
        if there is None or there.size_bytes != file.size_bytes or not is_same_content(file.place, *there):
            store.put_file(file.place, target)
        count.add(file.size_bytes)

    _for_each(put, files, _most_at_once(store))
    if left_out:
        raise ArtifactError(
            f"Stored the folder '{local_dir}' without {len(left_out)} of its files, which cannot be stored: "
            f"{', '.join(left_out[:10])}{', ...' if len(left_out) > 10 else ''}; rename or remove them"
        )


def download(store: ArtifactStore, path: str, destination: Path, *, progress: Progress | None = None) -> Path:
    """Copy a file, or a folder with all in it, to its path below the folder `destination`; returns its place.

    The empty path means everything. A file appears under its name only when it is whole; what else is there
    stays. Raises NotFound: nothing has this path. Raises InvalidInput where the store lists a path that would
    leave the destination.
    """
    path = check_artifact_path(path, allow_empty=True)
    wanted = _find(store, path)
    files = list(_walk_store(store, path)) if wanted.is_dir else [wanted]
    target = LocalArtifactStore(Path(destination))
    count = _Count(progress, sum(file.file_size or 0 for file in files))
    _for_each(lambda file: _fetch(store, file.path, target, count), files, _most_at_once(store))
    place = target.root / path
    if wanted.is_dir:
        place.mkdir(parents=True, exist_ok=True)
    return place


def _most_at_once(store: ArtifactStore) -> int:
    # Measured on local disks, threads make small files slower and big ones no faster.
    return store.most_at_once() if isinstance(store, NetworkedStore) else 1


def _for_each(act: Callable[[T], None], items: Sequence[T], most_at_once: int) -> None:
    """Do `act` for each of the items; the first error ends it, once what is under way has ended."""
    if most_at_once == 1 or len(items) < 2:
        for item in items:
            act(item)
        return
    threads = ThreadPoolExecutor(min(most_at_once, len(items)), thread_name_prefix="runstone-transfer")
    try:
        for future in as_completed([threads.submit(act, item) for item in items]):
            future.result()
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


class _Count:
    """The bytes that have gone over, told to whoever wants to know. Safe to share between threads."""

    def __init__(self, progress: Progress | None, total_bytes: int) -> None:
        self._progress = progress
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._lock = threading.Lock()
        self.add(0)

    def add(self, size_bytes: int) -> None:
        with self._lock:
            self._done_bytes += size_bytes
            if self._progress is not None:
                self._progress(self._done_bytes, self._total_bytes)


class _CountedStream:
    """A stream that counts what is read from it."""

    def __init__(self, stream: BinaryIO, count: _Count) -> None:
        self._stream = stream
        self._count = count

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self._count.add(len(chunk))
        return chunk


def _fetch(store: ArtifactStore, path: str, target: LocalArtifactStore, count: _Count) -> None:
    place = store.local_path(path)
    if place is not None:
        size_bytes = place.stat().st_size
        target.put_file(place, path)
        count.add(size_bytes)
        return
    with store.open(path) as stream:
        target.put_stream(cast("BinaryIO", _CountedStream(stream, count)), path)


def _find(store: ArtifactStore, path: str) -> FileInfo:
    if not path:
        return FileInfo("", True)
    parent = path.rpartition("/")[0]
    for info in store.list(parent):
        if info.path == path:
            return info
    raise NotFound(f"No artifact '{path}' in '{store.root_uri}'; list '{parent}' to see what there is")


def _walk_store(store: ArtifactStore, path: str) -> Iterator[FileInfo]:
    """All files below a folder. No recursion: a path may be deeper than Python's stack."""
    folders = [path]
    while folders:
        for info in store.list(folders.pop()):
            if info.is_dir:
                folders.append(info.path)
            else:
                yield info


def _walk_local(local_dir: Path, left_out: list[str]) -> Iterator[_LocalFile]:
    """All files below a local folder; what is neither file nor folder is noted in `left_out`."""
    if not local_dir.exists():
        raise NotFound(f"No local folder '{local_dir}' (seen from '{Path.cwd()}'); check its path")
    if not local_dir.is_dir():
        raise InvalidInput(f"'{local_dir}' is not a folder but a file; use log_artifact for a file")
    # Each folder comes with the real places on its way, so that a link back to one of them is not followed.
    folders = [(local_dir, "", frozenset({os.path.realpath(local_dir)}))]
    while folders:
        folder, prefix, way = folders.pop()
        for entry in _scan(folder):
            path = _join(prefix, entry.name)
            mode, size_bytes = _look_at(entry)
            if stat.S_ISREG(mode):
                yield _LocalFile(Path(entry.path), path, size_bytes)
            elif not stat.S_ISDIR(mode):
                left_out.append(f"{path!r} (no file)")
            elif (place := os.path.realpath(entry.path)) not in way:
                folders.append((Path(entry.path), path, way | {place}))


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if not is_part_name(e.name)), key=lambda e: e.name)
    except OSError as error:
        raise ArtifactError(
            f"Cannot read the local folder '{folder}': {error.strerror}; check who may read there"
        ) from error


def _look_at(entry: os.DirEntry[str]) -> tuple[int, int]:
    try:
        facts = entry.stat()
    except OSError:  # a link that leads nowhere
        return 0, 0
    return facts.st_mode, facts.st_size


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
