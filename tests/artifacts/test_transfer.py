"""Folders in and out, over any store; a store without local paths stands for a remote one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import pytest

from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.paths import MAX_DEPTH, new_part_name
from runstone.artifacts.transfer import download, put_folder
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, InvalidInput, NotFound
from runstone.testing.artifacts import ArtifactSuite, list_paths, put_bytes, read_bytes


class RemoteStore:
    """A local store that hides where its files lie, and that can list what it should not."""

    def __init__(self, root: Path) -> None:
        self._store = LocalArtifactStore(root)
        self.root_uri = "remote://x"
        self.put_file = self._store.put_file
        self.put_stream = self._store.put_stream
        self.delete = self._store.delete
        self.evil: list[FileInfo] = []

    def open(self, path: str) -> BinaryIO:
        return self._store.open("bait" if self.evil else path)

    def list(self, path: str = "") -> list[FileInfo]:
        return self.evil or self._store.list(path)

    def local_path(self, path: str) -> None:
        self._store.local_path(path)


@pytest.fixture(params=[LocalArtifactStore, RemoteStore])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LocalArtifactStore | RemoteStore:
    made: LocalArtifactStore | RemoteStore = request.param(tmp_path / "store")
    return made


class TestRemoteStore(ArtifactSuite):
    """The contract holds without local paths, too."""

    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> RemoteStore:
        return RemoteStore(tmp_path / "root")


def fill(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())
    return folder


def files_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# -- in


def test_a_folder_is_stored_beside_what_is_there(store: LocalArtifactStore, tmp_path: Path) -> None:
    put_bytes(store, "m/old", b"old")
    put_folder(store, fill(tmp_path / "in", "a", "b/c"), "m")
    assert list_paths(store, "m") == ["m/a", "m/b", "m/old"]
    assert read_bytes(store, "m/b/c") == b"b/c"


def test_empty_folders_and_unfinished_files_stay_behind(store: LocalArtifactStore, tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "a", new_part_name())
    (source / "empty" / "deeper").mkdir(parents=True)
    put_folder(store, source)
    assert list_paths(store) == ["a"]


def test_links_are_followed_and_loops_end(store: LocalArtifactStore, tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "a/x", "b/y")
    fill(tmp_path / "elsewhere", "z")
    (source / "file").symlink_to("a/x")
    (source / "folder").symlink_to(tmp_path / "elsewhere")
    (source / "a" / "up").symlink_to("..")
    (source / "a" / "over").symlink_to("../b")
    (source / "b" / "back").symlink_to("../a")
    put_folder(store, source)
    place = download(store, "", tmp_path / "out")
    assert files_below(place) == ["a/over/y", "a/x", "b/back/x", "b/y", "file", "folder/z"]
    assert not any(p.is_symlink() for p in place.rglob("*"))


def test_what_cannot_be_stored_is_named_after_the_rest_has_been_stored(
    store: LocalArtifactStore, tmp_path: Path
) -> None:
    source = fill(tmp_path / "in", "a", "b\nb", "z")
    (source / "dangling").symlink_to("nowhere")
    os.mkfifo(source / "pipe")
    with pytest.raises(ArtifactError) as caught:
        put_folder(store, source, "m")
    assert list_paths(store, "m") == ["m/a", "m/z"]
    for name in ("'dangling'", "'pipe'", r"'b\nb'", str(source)):
        assert name in str(caught.value)


def test_a_missing_folder_and_a_file_are_refused(store: LocalArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="missing"):
        put_folder(store, tmp_path / "missing")
    fill(tmp_path, "file")
    with pytest.raises(InvalidInput, match="log_artifact for a file"):
        put_folder(store, tmp_path / "file")
    with pytest.raises(InvalidInput, match="Invalid path"):
        put_folder(store, tmp_path, "../x")


def test_progress_counts_the_bytes_of_a_folder(store: LocalArtifactStore, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    put_folder(store, fill(tmp_path / "in", "aaa", "b/c"), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(0, 6), (3, 6), (6, 6)]


# -- out


def test_everything_is_downloaded_into_the_destination(store: LocalArtifactStore, tmp_path: Path) -> None:
    put_folder(store, fill(tmp_path / "in", "a", "b/c"))
    assert download(store, "", tmp_path / "out") == tmp_path / "out"
    assert files_below(tmp_path / "out") == ["a", "b/c"]


def test_an_empty_store_downloads_to_an_empty_folder(store: LocalArtifactStore, tmp_path: Path) -> None:
    assert list(download(store, "", tmp_path / "out").iterdir()) == []


def test_a_download_replaces_files_and_leaves_others(store: LocalArtifactStore, tmp_path: Path) -> None:
    put_bytes(store, "a", b"new")
    fill(tmp_path / "out", "a", "b")
    download(store, "a", tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes() == b"new"
    assert files_below(tmp_path / "out") == ["a", "b"]


def test_a_very_deep_folder_goes_in_and_out(store: LocalArtifactStore, tmp_path: Path) -> None:
    path = "/".join(["d"] * (MAX_DEPTH - 2))
    put_bytes(store, f"{path}/x", b"deep")
    place = download(store, "", tmp_path / "out")
    put_folder(store, place, "again")
    assert read_bytes(store, f"again/{path}/x") == b"deep"


def test_a_download_onto_the_store_itself_changes_nothing(tmp_path: Path) -> None:
    store = LocalArtifactStore(tmp_path)
    put_bytes(store, "a/b", b"1")
    assert download(store, "a", tmp_path) == tmp_path / "a"
    assert read_bytes(store, "a/b") == b"1"


@pytest.mark.parametrize("path", ["../escaped", "/tmp/escaped", "a/../../escaped", "..\\escaped", "%2e%2e/escaped"])
def test_a_store_that_lists_paths_outside_cannot_write_outside(tmp_path: Path, path: str) -> None:
    store = RemoteStore(tmp_path / "store")
    put_bytes(store, "bait", b"x")
    store.evil = [FileInfo(path, False, 1)]
    with pytest.raises(InvalidInput, match="Invalid path"):
        download(store, "", tmp_path / "out")
    assert not any("escaped" in name for name in files_below(tmp_path))


def test_a_link_in_the_destination_cannot_lead_a_download_outside(tmp_path: Path) -> None:
    store = LocalArtifactStore(tmp_path / "store")
    put_bytes(store, "a/b", b"1")
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="symbolic link"):
        download(store, "a", tmp_path / "out")
    assert files_below(tmp_path / "elsewhere") == []


def test_progress_of_a_remote_download_moves_within_a_file(tmp_path: Path) -> None:
    store = RemoteStore(tmp_path / "store")
    put_bytes(store, "a", b"x" * 3_000_000)
    steps: list[int] = []
    download(store, "a", tmp_path / "out", progress=lambda done, total: steps.append(done))
    assert steps[0] == 0
    assert steps[-1] == 3_000_000
    assert len(set(steps)) > 3
