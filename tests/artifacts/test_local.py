"""LocalArtifactStore: the suite, and what only a local folder can meet (links, obstacles, leftovers)."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.paths import is_artifact_path, is_part_name, new_part_name
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, InvalidInput, NotFound
from runstone.testing.artifacts import ArtifactSuite, list_paths, put_bytes, read_bytes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def artifacts(root: Path) -> LocalArtifactStore:
    return LocalArtifactStore(root)


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


class TestLocalArtifactStore(ArtifactSuite):
    """The contract."""


# -- the root


def test_the_root_uri_is_a_file_uri_with_odd_letters_encoded(tmp_path: Path) -> None:
    store = LocalArtifactStore(tmp_path / "my data" / "100% #1?")
    assert store.root_uri == f"file://{tmp_path}/my%20data/100%25%20%231%3F"


def test_a_relative_root_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalArtifactStore(Path("x/../here"))
    monkeypatch.chdir("/")
    put_bytes(store, "a", b"1")
    assert (tmp_path / "here" / "a").read_bytes() == b"1"


def test_nothing_is_made_before_the_first_file_arrives(artifacts: LocalArtifactStore, root: Path) -> None:
    artifacts.list()
    artifacts.delete("a")
    assert not root.exists()


def test_the_root_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    store = LocalArtifactStore(tmp_path / "link")
    put_bytes(store, "a/b", b"1")
    assert list_paths(store, "a") == ["a/b"]
    assert store.local_path("a/b") == tmp_path / "link" / "a" / "b"
    store.delete("")
    put_bytes(store, "c", b"2")
    assert (tmp_path / "real" / "c").read_bytes() == b"2"


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("I am a file")
    store = LocalArtifactStore(tmp_path / "root")
    with pytest.raises(ArtifactError, match=f"file '{tmp_path}/root'"):
        put_bytes(store, "a", b"1")
    assert store.list() == []


# -- links planted inside the root


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    return folder / "secret"


@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_out_of_the_root_is_never_followed(
    artifacts: LocalArtifactStore, root: Path, secret: Path, absolute: bool
) -> None:
    (root / "deep").mkdir(parents=True)
    target = secret.parent if absolute else Path("../../outside")
    (root / "deep" / "folder").symlink_to(target)
    (root / "deep" / "file").symlink_to(target / "secret")
    acts: list[Callable[[], object]] = [
        lambda: artifacts.open("deep/folder/secret"),
        lambda: artifacts.open("deep/file"),
        lambda: artifacts.local_path("deep/file"),
        lambda: artifacts.list("deep/folder"),
        lambda: artifacts.delete("deep/folder/secret"),
        lambda: put_bytes(artifacts, "deep/file", b"x"),
        lambda: put_bytes(artifacts, "deep/folder/new", b"x"),
        lambda: put_bytes(artifacts, "deep/folder/new/below", b"x"),
        lambda: artifacts.put_file(secret, "deep/folder/new"),
    ]
    for act in acts:
        with pytest.raises(InvalidInput, match=r"Invalid path .*symbolic link"):
            act()
    assert artifacts.list("deep") == []
    assert names_in(secret.parent) == ["secret"]
    assert secret.read_bytes() == b"secret"


def test_a_folder_whose_name_starts_like_the_root_is_outside(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root-2").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "root-2")
    with pytest.raises(InvalidInput):
        put_bytes(LocalArtifactStore(tmp_path / "root"), "link/x", b"1")


def test_deleting_a_link_leaves_what_it_leads_to(artifacts: LocalArtifactStore, root: Path, secret: Path) -> None:
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "link").symlink_to(secret.parent)
    (root / "file").symlink_to(secret)
    artifacts.delete("file")
    artifacts.delete("folder")
    assert names_in(root) == []
    assert secret.read_bytes() == b"secret"


def test_a_link_inside_the_root_is_followed(artifacts: LocalArtifactStore, root: Path) -> None:
    put_bytes(artifacts, "v1/weights", b"1")
    (root / "latest").symlink_to("v1")
    (root / "best").symlink_to("v1/weights")
    assert read_bytes(artifacts, "latest/weights") == b"1"
    assert artifacts.list() == [FileInfo("best", False, 1), FileInfo("latest", True), FileInfo("v1", True)]
    put_bytes(artifacts, "best", b"22")
    assert (root / "best").is_symlink()
    assert read_bytes(artifacts, "v1/weights") == b"22"


def test_a_walk_through_links_that_lead_back_ends(artifacts: LocalArtifactStore, root: Path) -> None:
    put_bytes(artifacts, "a/x", b"1")
    put_bytes(artifacts, "b/y", b"2")
    (root / "a" / "up").symlink_to("..")
    (root / "a" / "over").symlink_to("../b")
    (root / "b" / "back").symlink_to("../a")
    (root / "self").symlink_to("self")
    folders, files = [""], []
    while folders:
        for info in artifacts.list(folders.pop()):
            (folders if info.is_dir else files).append(info.path)
    assert sorted(files) == ["a/over/y", "a/x", "b/back/x", "b/y"]


def test_opening_a_link_to_itself_is_an_error_that_names_it(artifacts: LocalArtifactStore, root: Path) -> None:
    root.mkdir()
    (root / "self").symlink_to("self")
    with pytest.raises(ArtifactError, match="self"):
        artifacts.open("self")
    put_bytes(artifacts, "self", b"1")
    assert read_bytes(artifacts, "self") == b"1"


# -- obstacles


def test_a_file_where_a_folder_is_needed_is_named(artifacts: LocalArtifactStore, root: Path) -> None:
    put_bytes(artifacts, "a/b", b"1")
    for path in ("a/b/c", "a/b/c/d"):
        with pytest.raises(ArtifactError, match=rf"'{path}'.*file '{root}/a/b'.*choose"):
            put_bytes(artifacts, path, b"2")
    assert read_bytes(artifacts, "a/b") == b"1"


def test_a_folder_where_a_file_is_needed_is_named(artifacts: LocalArtifactStore, root: Path, tmp_path: Path) -> None:
    put_bytes(artifacts, "a/b", b"1")
    (root / "empty").mkdir()
    (tmp_path / "local").write_bytes(b"2")
    for path in ("a", "empty"):
        with pytest.raises(ArtifactError, match=rf"'{path}'.*folder '{root}/{path}'.*choose"):
            artifacts.put_file(tmp_path / "local", path)
        with pytest.raises(ArtifactError, match="folder"):
            artifacts.open(path)
    assert names_in(root) == ["a", "empty"]


def test_a_pipe_neither_hangs_nor_is_listed(artifacts: LocalArtifactStore, root: Path, tmp_path: Path) -> None:
    root.mkdir()
    os.mkfifo(root / "pipe")
    assert artifacts.list() == []
    with pytest.raises(ArtifactError, match="pipe"):
        artifacts.open("pipe")
    with pytest.raises(InvalidInput, match="pipe"):
        artifacts.put_file(root / "pipe", "copy")


def test_text_is_refused_where_bytes_are_meant(artifacts: LocalArtifactStore, root: Path) -> None:
    with pytest.raises(InvalidInput, match="binary"):
        artifacts.put_stream(cast("BinaryIO", io.StringIO("text")), "a.txt")
    assert names_in(root) == []


def test_a_local_path_of_nothing_is_not_found(artifacts: LocalArtifactStore) -> None:
    put_bytes(artifacts, "a/b", b"1")
    for path in ("c", "a/c", "a/b/c"):
        with pytest.raises(NotFound, match=path):
            artifacts.local_path(path)


def test_a_file_may_be_stored_over_itself(artifacts: LocalArtifactStore, root: Path) -> None:
    put_bytes(artifacts, "a", b"1")
    artifacts.put_file(root / "a", "a")
    assert read_bytes(artifacts, "a") == b"1"


def test_only_the_contents_of_a_file_are_kept(artifacts: LocalArtifactStore, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"1")
    source.chmod(0o4755)
    (tmp_path / "link").symlink_to(source)
    artifacts.put_file(tmp_path / "link", "a")
    assert not (root / "a").is_symlink()
    assert (root / "a").stat().st_mode & 0o7111 == 0


# -- unfinished files


def test_a_file_that_still_arrives_is_hidden(artifacts: LocalArtifactStore, root: Path) -> None:
    class Watching(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            seen.append((names_in(root), artifacts.list()))
            return super().read(size)

    seen: list[tuple[list[str], list[FileInfo]]] = []
    artifacts.put_stream(Watching(b"1"), "a")
    ((name,), listed), _ = seen
    assert is_part_name(name)
    assert listed == []
    assert names_in(root) == ["a"]


def test_old_leftovers_are_removed_when_the_folder_is_written_to(root: Path) -> None:
    root.mkdir()
    old, young = root / new_part_name(), root / new_part_name()
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    put_bytes(LocalArtifactStore(root), "a", b"1")
    assert names_in(root) == sorted([young.name, "a"])
    assert list_paths(LocalArtifactStore(root)) == ["a"]


def test_names_that_no_path_may_hold_are_not_listed(artifacts: LocalArtifactStore, root: Path) -> None:
    root.mkdir()
    for name in (b"new\nline", b"not-utf8-\xff", b"%2e%2e%2fx", b"fine"):
        Path(os.fsdecode(os.path.join(os.fsencode(root), name))).write_bytes(b"1")  # noqa: PTH118
    assert list_paths(artifacts) == ["fine"]


# -- any path


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(is_artifact_path))
def test_any_legal_path_is_stored_listed_and_read_inside_the_root(
    artifacts: LocalArtifactStore, root: Path, path: str
) -> None:
    put_bytes(artifacts, f"top/{path}", path.encode())
    found, folders = [], ["top"]
    while folders:
        for info in artifacts.list(folders.pop()):
            if info.is_dir:
                folders.append(info.path)
            else:
                found.append(info.path)
    assert len(found) == 1
    assert read_bytes(artifacts, found[0]) == path.encode()
    assert names_in(root) == ["top"]
    artifacts.delete("top")
