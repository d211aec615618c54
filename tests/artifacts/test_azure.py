"""Artifacts in a container of Azure Blob Storage: the suite, on Azurite, and what goes another way than on S3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.digests import PART_BYTES
from runstone.artifacts.object import ObjectArtifactStore
from runstone.artifacts.transfer import download
from runstone.artifacts.uris import open_artifact_store
from runstone.errors import ArtifactError, InvalidInput, StoreError
from runstone.testing.artifacts import ODD_NAMES, ArtifactSuite, put_bytes
from tests.artifacts.azurite import Azure, azure_server

pytestmark = [pytest.mark.xdist_group("azure"), pytest.mark.slow]


@pytest.fixture(scope="module")
def azure_process() -> Iterator[Azure]:
    with azure_server() as server:
        yield server


@pytest.fixture
def container(azure_process: Azure, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in azure_process.environment().items():
        monkeypatch.setenv(name, value)
    return azure_process.make_container()


@pytest.fixture
def store(container: str) -> ObjectArtifactStore:
    return ObjectArtifactStore(f"az://{container}/runs/1")


class TestInAContainerOfAzure(ArtifactSuite):
    @pytest.fixture
    def artifacts(self, container: str) -> ObjectArtifactStore:
        return ObjectArtifactStore(f"az://{container}/some/prefix")

    @pytest.mark.parametrize("name", [name for name in ODD_NAMES if "\\" not in name])
    def test_an_odd_name_comes_back_letter_for_letter(self, artifacts: ArtifactStore, name: str) -> None:
        super().test_an_odd_name_comes_back_letter_for_letter(artifacts, name)

    def test_a_backslash_which_azure_takes_for_a_slash_is_refused(self, artifacts: ArtifactStore) -> None:
        with pytest.raises(InvalidInput, match=r"Azure takes a backslash for a slash; rename the file"):
            put_bytes(artifacts, "a\\b", b"1")


def test_a_large_file_goes_in_parts_and_comes_back(store: ObjectArtifactStore, tmp_path: Path) -> None:
    content = os.urandom(2 * PART_BYTES + 11)
    (tmp_path / "large").write_bytes(content)
    store.put_file(tmp_path / "large", "large")
    assert download(store, "large", tmp_path / "out").read_bytes() == content


def test_a_signed_address_needs_no_credentials(store: ObjectArtifactStore) -> None:
    put_bytes(store, "a.txt", b"content")
    with urlopen(store.sign_url("GET", "a.txt", 60)) as answer:
        assert answer.read() == b"content"


def test_what_azure_would_refuse_is_not_signed(store: ObjectArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="has to be escaped"):
        store.sign_url("GET", "a b.txt", 60)


def test_the_account_may_stand_in_the_uri(container: str, store: ObjectArtifactStore) -> None:
    put_bytes(store, "a", b"1")
    for uri in (
        f"abfss://{container}@devstoreaccount1.dfs.core.windows.net/runs/1",
        f"wasbs://{container}@devstoreaccount1.blob.core.windows.net/runs/1",
    ):
        assert [info.path for info in open_artifact_store(uri).list()] == ["a"]


def test_a_container_that_is_missing_is_named(container: str) -> None:
    with pytest.raises(StoreError, match="there is no bucket 'no-such-container'; create it"):
        put_bytes(ObjectArtifactStore("az://no-such-container/x"), "a", b"1")
