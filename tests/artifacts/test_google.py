"""Artifacts in a bucket by the client of Google Cloud Storage.

No server of Google's runs here, nor one that claims to be like it: moto's S3 server stands in, since the XML interface
that obstore speaks with Google is S3's in all that the suite asks. What differs (tokens, generations) is not tested.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from runstone.artifacts.digests import PART_BYTES
from runstone.artifacts.object import ObjectArtifactStore
from runstone.artifacts.transfer import download
from runstone.errors import StoreError
from runstone.testing.artifacts import ArtifactSuite, put_bytes
from tests.buckets import S3

_numbers = itertools.count()


@pytest.fixture
def bucket(s3_process: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", s3_process.url)
    # Letters and digits: the client escapes all else in a bucket's name, and moto takes the escapes for the name.
    name = f"google{next(_numbers)}"
    s3_process.client().create_bucket(Bucket=name)
    return name


class TestInABucketOfGoogle(ArtifactSuite):
    @pytest.fixture
    def artifacts(self, bucket: str) -> ObjectArtifactStore:
        return ObjectArtifactStore(f"gs://{bucket}/some/prefix")


def test_keys_are_the_prefix_and_the_path(bucket: str, s3_process: S3) -> None:
    put_bytes(ObjectArtifactStore(f"gs://{bucket}/runs/1"), "a b/c+d#e.txt", b"2")
    assert s3_process.keys(bucket) == ["runs/1/a b/c+d#e.txt"]


def test_a_large_file_goes_in_parts_and_comes_back(bucket: str, tmp_path: Path) -> None:
    content = os.urandom(2 * PART_BYTES + 11)
    (tmp_path / "large").write_bytes(content)
    store = ObjectArtifactStore(f"gs://{bucket}")
    store.put_file(tmp_path / "large", "large")
    assert download(store, "large", tmp_path / "out").read_bytes() == content


def test_a_bucket_that_is_missing_is_named(bucket: str) -> None:
    with pytest.raises(StoreError, match="there is no bucket 'absent'; create it"):
        put_bytes(ObjectArtifactStore("gs://absent/x"), "a", b"1")
