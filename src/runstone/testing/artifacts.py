"""What every ArtifactStore must do, as tests. For plug-ins, too.

Derive a class named `Test...` from ArtifactSuite and give it a fixture `artifacts`: a fresh, empty store.
What only one kind of store can do or suffer (links, a full disk, presigned URLs) is not in here.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.transfer import download, put_folder
from runstone.entities import FileInfo
from runstone.errors import InvalidInput, NotFound

__all__ = ["ODD_NAMES", "PATHS_THAT_ESCAPE", "ArtifactSuite"]

PATHS_THAT_ESCAPE = (
    "..",
    "../x",
    "a/..",
    "a/../../x",
    "a/../b",
    "/",
    "/etc/passwd",
    "//host/share",
    "C:/x",
    "C:x",
    "c:\\x",
    "\\x",
    "\\\\host\\share",
    "..\\x",
    "a\\..\\..\\x",
    "a/..\\..\\x",
    "%2e%2e/x",
    "a/%2E%2e/x",
    ".%2e/x",
    "%252e%252e%252fx",
    "%25252e%25252e/x",
    "..%2fx",
    "..%5cx",
    "%2fetc/passwd",
    "%5cx",
    "C%3a/x",
    "a\0b",
    "a%00b",
    ".. /x",
)
"""Paths that some reader could take out of the root, each in its own way; every store refuses them."""

ODD_NAMES = (
    "a b.txt",
    " leading and trailing ",
    "dots...",
    "...",
    ".hidden",
    "~",
    "-rf",
    "100%.txt",
    "a%20b",
    "a+b&c=d?e#f;g",
    "'quotes\"`$(x)`",
    "a\\b",
    "layer:0",
    "*?<>|",
    "caf\u00e9",
    "cafe\u0301",
    "\ud55c\uad6d\uc5b4",
    "\u1112\u1161\u11ab",
    "\u202eexe.txt",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    "\uff0e\uff0e",
    "n" * 255,
    "\u20ac" * 85,
)
"""Names that are legal and must come back letter for letter; each fits into 255 bytes."""


def put_bytes(store: ArtifactStore, path: str, content: bytes) -> None:
    """Store `content` under `path`."""
    assert store.put_stream(io.BytesIO(content), path) == len(content)


def read_bytes(store: ArtifactStore, path: str) -> bytes:
    """All of the file at `path`."""
    with store.open(path) as file:
        return file.read()


def list_paths(store: ArtifactStore, path: str = "") -> list[str]:
    """The paths directly below `path`."""
    return [info.path for info in store.list(path)]


class ArtifactSuite:
    """The contract of ArtifactStore. Needs a fixture `artifacts`: an empty store of its own for each test."""

    # -- files

    def test_a_stored_file_reads_back_the_same(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        source = tmp_path / "weights.bin"
        source.write_bytes(bytes(range(256)) * 20_000)
        artifacts.put_file(source, "model/weights.bin")
        assert read_bytes(artifacts, "model/weights.bin") == source.read_bytes()

    def test_a_stored_stream_reads_back_the_same(self, artifacts: ArtifactStore) -> None:
        content = bytes(range(256)) * 20_000
        put_bytes(artifacts, "a/b/c.bin", content)
        assert read_bytes(artifacts, "a/b/c.bin") == content

    def test_an_empty_file_is_a_file(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "empty", b"")
        assert read_bytes(artifacts, "empty") == b""
        assert artifacts.list() == [FileInfo("empty", False, 0)]

    def test_storing_again_replaces_the_file(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "a.txt", b"a long first version")
        put_bytes(artifacts, "a.txt", b"second")
        assert read_bytes(artifacts, "a.txt") == b"second"
        assert artifacts.list() == [FileInfo("a.txt", False, 6)]

    def test_an_open_file_can_seek(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "digits", b"0123456789")
        with artifacts.open("digits") as file:
            file.seek(4)
            assert file.read(3) == b"456"
            file.seek(-1, io.SEEK_END)
            assert file.read() == b"9"

    def test_a_stream_that_yields_little_at_a_time_is_stored_in_full(self, artifacts: ArtifactStore) -> None:
        stream = _stream(b"abc" for _ in range(1_000))
        assert artifacts.put_stream(stream, "drops") == 3_000
        assert read_bytes(artifacts, "drops") == b"abc" * 1_000

    def test_a_stream_that_breaks_leaves_nothing_and_its_error_is_passed_on(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "kept", b"old")
        with pytest.raises(ConnectionResetError, match="the peer has gone"):
            artifacts.put_stream(_broken_stream(), "kept")
        with pytest.raises(ConnectionResetError):
            artifacts.put_stream(_broken_stream(), "new")
        assert read_bytes(artifacts, "kept") == b"old"
        assert list_paths(artifacts) == ["kept"]

    def test_a_local_file_that_is_missing_is_not_found(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match=r"missing\.txt"):
            artifacts.put_file(tmp_path / "missing.txt", "a.txt")
        assert artifacts.list() == []

    def test_a_local_folder_is_not_taken_for_a_file(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="folder"):
            artifacts.put_file(tmp_path, "a.txt")
        assert artifacts.list() == []

    @pytest.mark.parametrize("path", ["missing", "no/such/folder", "file/below"])
    def test_opening_what_is_not_there_is_not_found(self, artifacts: ArtifactStore, path: str) -> None:
        put_bytes(artifacts, "file", b"x")
        with pytest.raises(NotFound, match=path):
            artifacts.open(path)

    def test_a_local_path_is_the_file_itself_or_none(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "a/b.txt", b"x")
        place = artifacts.local_path("a/b.txt")
        assert place is None or place.read_bytes() == b"x"

    # -- listing

    def test_a_new_store_lists_nothing(self, artifacts: ArtifactStore) -> None:
        assert artifacts.list() == []

    def test_a_list_shows_one_floor_by_name_with_sizes(self, artifacts: ArtifactStore) -> None:
        for path in ("b.txt", "a/deep/x", "a/y", "c"):
            put_bytes(artifacts, path, path.encode())
        assert artifacts.list() == [
            FileInfo("a", True),
            FileInfo("b.txt", False, 5),
            FileInfo("c", False, 1),
        ]
        assert artifacts.list("a") == [FileInfo("a/deep", True), FileInfo("a/y", False, 3)]
        assert artifacts.list("a/") == artifacts.list("a")

    def test_listing_a_file_or_nothing_is_empty(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "a.txt", b"x")
        assert artifacts.list("a.txt") == []
        assert artifacts.list("missing/folder") == []

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_an_odd_name_comes_back_letter_for_letter(self, artifacts: ArtifactStore, name: str) -> None:
        put_bytes(artifacts, name, b"top")
        put_bytes(artifacts, f"folder/{name}", b"below")
        assert list_paths(artifacts) == sorted([name, "folder"])
        assert list_paths(artifacts, "folder") == [f"folder/{name}"]
        assert read_bytes(artifacts, f"folder/{name}") == b"below"

    # -- deleting

    def test_deleting_a_file_leaves_the_others(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "a/x", b"1")
        put_bytes(artifacts, "a/y", b"2")
        artifacts.delete("a/x")
        assert list_paths(artifacts, "a") == ["a/y"]

    def test_deleting_a_folder_takes_all_in_it_and_nothing_beside_it(self, artifacts: ArtifactStore) -> None:
        for path in ("a/x", "a/b/y", "ab", "a.txt"):
            put_bytes(artifacts, path, b"1")
        artifacts.delete("a")
        assert list_paths(artifacts) == ["a.txt", "ab"]

    def test_deleting_what_is_not_there_changes_nothing(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "a", b"1")
        for path in ("missing", "no/such/file", "a/below"):
            artifacts.delete(path)
        assert list_paths(artifacts) == ["a"]

    def test_deleting_the_root_leaves_a_store_that_works(self, artifacts: ArtifactStore) -> None:
        put_bytes(artifacts, "a/x", b"1")
        artifacts.delete("")
        assert artifacts.list() == []
        put_bytes(artifacts, "b", b"2")
        assert list_paths(artifacts) == ["b"]

    # -- paths

    @pytest.mark.parametrize("path", PATHS_THAT_ESCAPE)
    def test_no_method_takes_a_path_that_escapes(self, artifacts: ArtifactStore, path: str, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"x")
        acts: list[Callable[[], object]] = [
            lambda: artifacts.put_file(source, path),
            lambda: artifacts.put_stream(io.BytesIO(b"x"), path),
            lambda: artifacts.open(path),
            lambda: artifacts.list(path),
            lambda: artifacts.delete(path),
            lambda: artifacts.local_path(path),
        ]
        for act in acts:
            with pytest.raises(InvalidInput, match="Invalid path"):
                act()

    @pytest.mark.parametrize("path", ["", ".", "a//b", "a\nb", "n" * 256, "\ud800"])
    def test_a_path_that_names_no_file_is_refused(self, artifacts: ArtifactStore, path: str) -> None:
        with pytest.raises(InvalidInput, match="Invalid path"):
            artifacts.put_stream(io.BytesIO(b"x"), path)

    # -- folders

    def test_a_folder_goes_in_and_comes_out_the_same(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        source = tmp_path / "source"
        files = {"a.txt": b"1", "b/c.bin": b"\0" * 70_000, "b/d/e": b"", "b/caf\u00e9 %41": b"4"}
        for path, content in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
        put_folder(artifacts, source, "models/first")
        place = download(artifacts, "models/first", tmp_path / "out")
        assert place == tmp_path / "out" / "models/first"
        assert _files_below(place) == files

    def test_a_file_is_downloaded_to_its_path(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        put_bytes(artifacts, "a/b.txt", b"x")
        put_bytes(artifacts, "a/c.txt", b"y")
        place = download(artifacts, "a/b.txt", tmp_path / "out")
        assert place == tmp_path / "out" / "a/b.txt"
        assert _files_below(tmp_path / "out") == {"a/b.txt": b"x"}

    def test_downloading_what_is_not_there_is_not_found(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        put_bytes(artifacts, "a/b.txt", b"x")
        for path in ("b", "a/c", "a/b.txt/d"):
            with pytest.raises(NotFound, match=path):
                download(artifacts, path, tmp_path / "out")

    def test_progress_ends_at_the_total(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        put_bytes(artifacts, "a", b"x" * 1_000)
        put_bytes(artifacts, "b", b"y" * 3_000)
        steps: list[tuple[int, int]] = []
        download(artifacts, "", tmp_path, progress=lambda done, total: steps.append((done, total)))
        assert steps[0] == (0, 4_000)
        assert steps[-1] == (4_000, 4_000)
        assert steps == sorted(steps)

    # -- many at once

    def test_of_many_writers_of_one_name_one_wins_whole(self, artifacts: ArtifactStore) -> None:
        versions = [bytes([letter]) * 200_000 for letter in b"abcd"]
        put_bytes(artifacts, "shared", versions[0])
        seen: list[bytes] = []

        def write(content: bytes) -> None:
            for _ in range(5):
                put_bytes(artifacts, "shared", content)
                seen.append(read_bytes(artifacts, "shared"))

        _run_together([partial(write, content) for content in versions])
        assert len(seen) == 20
        assert set(seen) <= set(versions)
        assert list_paths(artifacts) == ["shared"]

    def test_threads_fill_one_new_folder_together(self, artifacts: ArtifactStore) -> None:
        def write(name: str) -> None:
            put_bytes(artifacts, f"new/folder/{name}", name.encode())

        _run_together([partial(write, name) for name in "abcdefgh"])
        assert list_paths(artifacts, "new/folder") == [f"new/folder/{name}" for name in "abcdefgh"]


class _ChunkStream(io.RawIOBase):
    """A stream that cannot seek and yields chunks of its own choosing."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)

    def read(self, size: int = -1) -> bytes:
        return next(self._chunks, b"")


def _stream(chunks: Iterable[bytes]) -> BinaryIO:
    return cast("BinaryIO", _ChunkStream(chunks))


def _broken_stream() -> BinaryIO:
    def chunks() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise ConnectionResetError("the peer has gone")

    return _stream(chunks())


def _files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _run_together(acts: list[Callable[[], object]]) -> None:
    """Run each act in its own thread, started together; raises what one of them raised."""
    start = threading.Barrier(len(acts))
    errors: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except BaseException as error:  # noqa: BLE001 (raised again by the test)
            errors.append(error)

    threads = [threading.Thread(target=run, args=(act,), name=f"suite-{i}") for i, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
