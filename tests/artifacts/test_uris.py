"""From a URI to a store, and URIs of paths below a root."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.uris import join_uri, open_artifact_store
from runstone.errors import ArtifactError, InvalidInput
from runstone.testing.artifacts import put_bytes, read_bytes


def root_of(uri: str) -> Path:
    store = open_artifact_store(uri)
    assert isinstance(store, LocalArtifactStore)
    return store.root


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("/data/a b", "/data/a b"),
        ("/data/a%20b", "/data/a%20b"),
        ("file:///data/a%20b", "/data/a b"),
        ("file:/data", "/data"),
        ("FILE:///data", "/data"),
        ("file://localhost/data/100%25", "/data/100%"),
        ("file:///data/%252e", "/data/%2e"),
        ("file:///caf%C3%A9", "/caf\u00e9"),
        ("/data/a:b", "/data/a:b"),
    ],
)
def test_a_folder_is_found_by_its_path_or_uri(uri: str, root: str) -> None:
    assert root_of(uri) == Path(root)


def test_a_relative_folder_is_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert root_of("runs/x") == tmp_path / "runs/x"
    assert root_of("file:runs/x") == tmp_path / "runs/x"
    assert root_of("./odd:name") == tmp_path / "odd:name"


def test_a_store_opens_again_from_its_own_uri(tmp_path: Path) -> None:
    root = tmp_path / "100%41 #x? \u00e9\ud55c"
    assert root_of(LocalArtifactStore(root).root_uri) == root


@pytest.mark.parametrize("uri", ["", "file:", "file://", "a\0b", "file:///a%00b"])
def test_a_uri_that_names_no_folder_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid artifact URI"):
        open_artifact_store(uri)


@pytest.mark.parametrize("uri", ["file://nas/data", "file://data", "file://./data", "file://~/x"])
def test_another_machines_folder_is_refused_with_the_remedy(uri: str) -> None:
    with pytest.raises(InvalidInput, match=r"another machine.*three slashes"):
        open_artifact_store(uri)


@pytest.mark.parametrize("uri", ["file:///a?b", "file:///a#b"])
def test_a_file_uri_with_a_query_or_fragment_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput, match="%3F"):
        open_artifact_store(uri)


@pytest.mark.parametrize(
    "uri", ["mlflow-artifacts:/x", "attic://x", "http://h/x", "local:///etc", "simplecache::file:///etc"]
)
def test_an_unknown_scheme_is_refused_with_those_that_are_known(uri: str) -> None:
    with pytest.raises(InvalidInput, match="plain folders and the schemes abfs") as caught:
        open_artifact_store(uri)
    assert uri in str(caught.value)
    assert "runstone.artifact_store" in str(caught.value)


# -- plug-ins


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution with two entry points; one of them cannot be loaded."""
    site = tmp_path / "site"
    info = site / "attic-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: attic\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[runstone.artifact_store]\nattic = attic_plugin:open_attic\nbroken = attic_plugin:missing\n"
    )
    (site / "attic_plugin.py").write_text(
        "from pathlib import Path\n"
        "from runstone.artifacts.local import LocalArtifactStore\n"
        "def open_attic(uri):\n"
        f"    return LocalArtifactStore(Path({str(tmp_path)!r}) / uri.removeprefix('attic://'))\n"
    )
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "attic_plugin", raising=False)
    return tmp_path


def test_a_plugin_opens_the_uris_of_its_scheme(plugin: Path) -> None:
    store = open_artifact_store("attic://box")
    put_bytes(store, "a", b"1")
    assert (plugin / "box" / "a").read_bytes() == b"1"
    with pytest.raises(InvalidInput, match="attic, az, broken, file"):
        open_artifact_store("cellar://b")


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(ArtifactError, match="attic_plugin:missing"):
        open_artifact_store("broken://x")


# -- joining


@pytest.mark.parametrize(
    ("root", "path", "joined"),
    [
        ("/data", "a b/c", "/data/a b/c"),
        ("/data/", "a", "/data/a"),
        ("/", "a", "/a"),
        ("data", "a", "data/a"),
        ("file:///data", "a b/#1?.txt", "file:///data/a%20b/%231%3F.txt"),
        ("file:///", "a", "file:///a"),
        ("file:///data", "a%20b", "file:///data/a%2520b"),
        ("s3://bucket", "a b", "s3://bucket/a b"),
        ("s3://bucket/x?region=eu", "a", "s3://bucket/x/a?region=eu"),
        ("mlflow-artifacts:/0/1", "a", "mlflow-artifacts:/0/1/a"),
        ("file:///data", "", "file:///data"),
    ],
)
def test_a_path_is_joined_to_a_root(root: str, path: str, joined: str) -> None:
    assert join_uri(root, path) == joined


def test_a_path_that_escapes_is_not_joined() -> None:
    with pytest.raises(InvalidInput, match="Invalid path"):
        join_uri("s3://bucket/x", "../y")


@pytest.mark.parametrize("as_uri", [True, False])
def test_a_joined_uri_opens_the_folder_of_that_path(tmp_path: Path, as_uri: bool) -> None:
    root = tmp_path.as_uri() if as_uri else str(tmp_path)
    put_bytes(open_artifact_store(root), "a b%41#/caf\u00e9/x", b"1")
    assert read_bytes(open_artifact_store(join_uri(root, "a b%41#/caf\u00e9")), "x") == b"1"
