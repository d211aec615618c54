"""The ArtifactStore protocol: the files of one run (or of one folder of any kind).

Knows nothing of runs: an ArtifactStore is opened for a root URI. `runstone.testing.ArtifactSuite` says the same
in tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from runstone.entities import FileInfo

__all__ = ["ArtifactOpener", "ArtifactStore", "KeptFile", "NetworkedStore", "RangedStore"]


class ArtifactOpener(Protocol):
    """From artifact URIs to stores, as one place sees them: a process of a user, or a server."""

    def open(self, uri: str) -> ArtifactStore:
        """The store of a run's artifact URI. Raises InvalidInput for a URI that means nothing here."""

    def check_location(self, uri: str) -> str:
        """The URI, absolute and without a slash at its end, if an experiment may keep its artifacts there.

        Raises InvalidInput.
        """


class ArtifactStore(Protocol):
    """Files below one root. Paths are relative, with `/`; the empty path is the root itself.

    A path that would leave the root (`..`, absolute, through a symbolic link) raises InvalidInput. A file appears
    under its name only when it is whole. Safe to share between threads. Every method may raise ArtifactError.
    """

    @property
    def root_uri(self) -> str:
        """Where the root lies."""

    def put_file(self, local_path: Path, path: str) -> None:
        """Store the local file under `path`, replacing what is there. Raises NotFound: no such local file."""

    def put_stream(self, stream: BinaryIO, path: str) -> int:
        """Store what the stream yields, without holding it in memory; returns the size in bytes."""

    def open(self, path: str) -> BinaryIO:
        """The file, for reading; can seek. Raises NotFound: no such file."""

    def list(self, path: str = "") -> list[FileInfo]:
        """What stands directly below `path`, by name; nothing where there is no such folder, or `path` is a file."""

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all in it; nothing happens where there is none."""

    def local_path(self, path: str) -> Path | None:
        """Where the file or folder lies on this machine, so that it need not be copied; None for a remote store.

        Raises NotFound: nothing there.
        """


class KeptFile(NamedTuple):
    """A file that is in a store already; its ETag as `runstone.artifacts.digests` reads it."""

    size_bytes: int
    etag: str | None


@runtime_checkable
class NetworkedStore(Protocol):
    """What an ArtifactStore may offer besides, so that folders go over a network quickly."""

    def most_at_once(self) -> int:
        """How many files may go over side by side."""

    def find_kept(self, path: str) -> Mapping[str, KeptFile]:
        """The files below a folder by their paths, so that none is sent again; empty where that is not known."""


@runtime_checkable
class RangedStore(Protocol):
    """What an ArtifactStore may offer besides, so that others read some bytes of a file, or fetch it themselves."""

    def facts_of(self, path: str) -> KeptFile:
        """Size and ETag of a file. Raises NotFound."""

    def read_range(self, path: str, start: int, stop: int, etag: str | None) -> bytes:
        """Some of the bytes of the file that had this ETag. Raises NotFound; ArtifactError: it was replaced."""

    def sign_url(self, verb: str, path: str, lifetime_s: int) -> str:
        """A URL by which anybody may GET or PUT the file for a while. Raises RunstoneError where nothing can sign."""
