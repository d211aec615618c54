"""Files of a run, kept beside the journal while the store cannot take them. Knows no tracker."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from runstone.artifacts.base import ArtifactStore, KeptFile, NetworkedStore
from runstone.artifacts.paths import check_artifact_path
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, NotFound, StoreUnavailable
from runstone.journal.events import KeepFile
from runstone.journal.notices import notify
from runstone.journal.writer import Writer
from runstone.naming import new_run_id

__all__ = ["KeepingArtifacts"]


class KeepingArtifacts:
    """A store, given as itself or as what opens it; what it cannot take while `is_away` is kept, and delivered later.

    Everything else is done by the store itself, or not at all; reads `settle` first what was recorded.
    """

    def __init__(
        self,
        store: ArtifactStore | Callable[[], ArtifactStore],
        is_away: Callable[[], bool],
        writer: Writer,
        settle: Callable[[], None],
    ) -> None:
        self._given = store
        self._is_away = is_away
        self._writer = writer
        self._settle = settle

    @property
    def _store(self) -> ArtifactStore:
        if callable(self._given):
            self._given = self._given()
        return self._given

    @property
    def root_uri(self) -> str:
        """The store's, which is opened for it."""
        return self._store.root_uri

    def put_file(self, local_path: Path, path: str) -> None:
        if self._is_away():
            self._keep_file(local_path, path)
            return
        try:
            self._store.put_file(local_path, path)
        except StoreUnavailable as error:
            notify(f"{path} is kept in the journal until it can be stored: {error}")
            self._keep_file(local_path, path)

    def put_stream(self, stream: BinaryIO, path: str) -> int:
        if self._is_away():
            return self.keep_stream(stream, path)
        start = stream.tell() if stream.seekable() else None
        try:
            return self._store.put_stream(stream, path)
        except StoreUnavailable as error:
            if start is None:
                raise
            notify(f"{path} is kept in the journal until it can be stored: {error}")
            stream.seek(start)
            return self.keep_stream(stream, path)

    def keep_stream(self, stream: BinaryIO, path: str) -> int:
        """Keep what the stream yields, to be stored by whoever delivers the journal; returns the size in bytes."""
        return self._keep(lambda target: _copy(stream, target), path)

    def _keep_file(self, local_path: Path, path: str) -> None:
        if not local_path.is_file():
            raise NotFound(f"There is no file '{local_path}' to store")
        self._keep(lambda target: _copy_file(local_path, target), path)

    def _keep(self, copy: Callable[[Path], int], path: str) -> int:
        path = check_artifact_path(path)
        name = new_run_id()
        folder = self._writer.folder() / "files"
        try:
            folder.mkdir(exist_ok=True)
            size_bytes = copy(folder / name)
        except OSError as error:
            raise ArtifactError(f"Cannot keep '{path}' in {folder}: {error.strerror}") from error
        self._writer.log_event(KeepFile(name, path))
        return size_bytes

    def most_at_once(self) -> int:
        store = self._networked()
        return 1 if store is None else store.most_at_once()

    def find_kept(self, path: str) -> Mapping[str, KeptFile]:
        """None where the store is away: all of it is kept, and compared at delivery."""
        store = self._networked()
        try:
            return {} if store is None else store.find_kept(path)
        except StoreUnavailable:
            return {}

    def _networked(self) -> NetworkedStore | None:
        store = None if self._is_away() else self._store
        return store if isinstance(store, NetworkedStore) else None

    def open(self, path: str) -> BinaryIO:
        self._settle()
        return self._store.open(path)

    def list(self, path: str = "") -> list[FileInfo]:
        self._settle()
        return self._store.list(path)

    def delete(self, path: str) -> None:
        self._settle()
        self._store.delete(path)

    def local_path(self, path: str) -> Path | None:
        self._settle()
        return self._store.local_path(path)


def _copy(stream: BinaryIO, target: Path) -> int:
    with target.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return target.stat().st_size


def _copy_file(source: Path, target: Path) -> int:
    shutil.copyfile(source, target)
    return target.stat().st_size
