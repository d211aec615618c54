"""Artifacts in a bucket of a real S3 server: the suite, and what only a bucket can do or suffer."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest

from runstone.artifacts.aws import AwsKeys
from runstone.artifacts.buckets import parse_bucket
from runstone.artifacts.digests import PART_BYTES, is_same_content
from runstone.artifacts.object import ObjectArtifactStore
from runstone.artifacts.s3_parts import signed_url
from runstone.artifacts.transfer import download, put_folder
from runstone.artifacts.uris import open_artifact_store
from runstone.errors import AccessDenied, ArtifactError, InvalidInput, NotAuthenticated, StoreError, StoreUnavailable
from runstone.testing.artifacts import ODD_NAMES, ArtifactSuite, put_bytes, read_bytes
from tests.buckets import S3, CutAfter


@pytest.fixture
def bucket(s3: S3) -> str:
    return s3.make_bucket()


class TestInABucketOfS3(ArtifactSuite):
    @pytest.fixture
    def artifacts(self, bucket: str) -> ObjectArtifactStore:
        return ObjectArtifactStore(f"s3://{bucket}/some/prefix")


@pytest.fixture
def store(bucket: str) -> ObjectArtifactStore:
    return ObjectArtifactStore(f"s3://{bucket}/runs/1")


def names_in(store: ObjectArtifactStore) -> list[str]:
    return [info.path for info in store.list()]


# -- where files lie


def test_keys_are_the_prefix_and_the_path_letter_for_letter(s3: S3, bucket: str, store: ObjectArtifactStore) -> None:
    put_bytes(store, "100%.txt", b"1")
    put_bytes(store, "a b/c+d#e.txt", b"2")
    assert s3.keys(bucket) == ["runs/1/100%.txt", "runs/1/a b/c+d#e.txt"]


def test_a_whole_bucket_is_a_store(s3: S3, bucket: str) -> None:
    store = open_artifact_store(f"s3://{bucket}")
    assert isinstance(store, ObjectArtifactStore)
    put_bytes(store, "a/b", b"1")
    assert s3.keys(bucket) == ["a/b"]
    assert [info.path for info in store.list("a")] == ["a/b"]
    store.delete("")
    assert s3.keys(bucket) == []


def test_the_mark_of_an_empty_folder_is_not_a_file(s3: S3, bucket: str, store: ObjectArtifactStore) -> None:
    s3.client().put_object(Bucket=bucket, Key="runs/1/empty/", Body=b"")
    put_bytes(store, "b", b"1")
    assert names_in(store) == ["b", "empty"]
    assert store.list("empty") == []


@pytest.mark.parametrize(
    ("uri", "name", "prefix", "account"),
    [
        ("s3://b", "b", "", None),
        ("s3://b/x/y/", "b", "x/y", None),
        ("gs://b/x%20y", "b", "x%20y", None),
        ("az://c/x", "c", "x", None),
        ("abfss://c@acc.dfs.core.windows.net/x", "c", "x", "acc"),
        ("wasbs://c@acc.blob.core.windows.net/x", "c", "x", "acc"),
    ],
)
def test_uris_of_three_clouds(uri: str, name: str, prefix: str, account: str | None) -> None:
    bucket = parse_bucket(uri)
    assert (bucket.name, bucket.prefix, bucket.account) == (name, prefix, account)
    assert bucket.uri == uri.rstrip("/")


@pytest.mark.parametrize("uri", ["s3:/b/x", "s3://", "s3:///x", "s3://key:secret@b/x", "s3://b/x?region=eu"])
def test_a_uri_that_names_no_bucket_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid artifact URI"):
        open_artifact_store(uri)


# -- what is there is not sent again


def test_a_folder_that_was_broken_off_goes_on_where_it_stopped(s3: S3, bucket: str, tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.bin").write_bytes(os.urandom(1_000_000))
    (tmp_path / "large.bin").write_bytes(os.urandom(2 * PART_BYTES + 5))
    with CutAfter(s3, 4_000_000) as cut, pytest.raises(StoreUnavailable, match=f"{bucket}.*{cut.url}"):
        put_folder(ObjectArtifactStore(f"s3://{bucket}/m"), tmp_path)
    first = {one["Key"]: one["LastModified"] for one in s3.client().list_objects_v2(Bucket=bucket).get("Contents", [])}
    assert 0 < len(first) < 7
    assert "m/large.bin" not in first
    with CutAfter(s3, 1 << 40) as counted:
        put_folder(ObjectArtifactStore(f"s3://{bucket}/m"), tmp_path)
        assert (
            counted.passed_bytes
            < sum(path.stat().st_size for path in tmp_path.iterdir()) - 1_000_000 * len(first) + 200_000
        )
    assert len(s3.keys(bucket)) == 7
    with CutAfter(s3, 1 << 40) as counted:
        put_folder(ObjectArtifactStore(f"s3://{bucket}/m"), tmp_path)
        ObjectArtifactStore(f"s3://{bucket}/m").put_file(tmp_path / "large.bin", "large.bin")
        assert counted.passed_bytes < 20_000
    place = download(ObjectArtifactStore(f"s3://{bucket}/m"), "", tmp_path / "out")
    assert all((place / path.name).read_bytes() == path.read_bytes() for path in tmp_path.glob("*.bin"))


def test_a_file_of_the_same_size_and_other_contents_is_sent(store: ObjectArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    put_folder(store, tmp_path)
    (tmp_path / "a").write_bytes(b"new")
    put_folder(store, tmp_path)
    assert read_bytes(store, "a") == b"new"


def test_what_another_client_has_stored_is_known_by_its_checksum(s3: S3, bucket: str, tmp_path: Path) -> None:
    for size in (0, 5, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 7):
        place = tmp_path / "a"
        place.write_bytes(os.urandom(size))
        s3.client().upload_file(str(place), bucket, "by-boto3")
        etag = s3.client().head_object(Bucket=bucket, Key="by-boto3")["ETag"]
        assert is_same_content(place, size, etag) or size == PART_BYTES  # boto3 sends that in one part of many
        ObjectArtifactStore(f"s3://{bucket}").put_file(place, "by-us")
        assert is_same_content(place, size, s3.client().head_object(Bucket=bucket, Key="by-us")["ETag"])
        assert not is_same_content(place, size, f'"{"0" * 32}"')
        assert not is_same_content(place, size, "0x8DC")


# -- what breaks leaves nothing


def test_a_stream_that_breaks_in_a_later_part_leaves_no_object_and_no_parts(
    s3: S3, bucket: str, store: ObjectArtifactStore
) -> None:
    class Breaking(io.RawIOBase):
        left = 3 * PART_BYTES

        def read(self, size: int = -1) -> bytes:
            self.left -= size
            if self.left < 0:
                raise ConnectionResetError("the peer has gone")
            return b"x" * size

    with pytest.raises(ConnectionResetError, match="the peer has gone"):
        store.put_stream(Breaking(), "a")  # type: ignore[arg-type]
    assert s3.keys(bucket) == []
    assert s3.unfinished(bucket) == []


def test_a_process_that_is_killed_in_the_middle_leaves_no_object(s3: S3, bucket: str, tmp_path: Path) -> None:
    program = (
        "import io, sys, time\n"
        "from runstone.artifacts.object import ObjectArtifactStore\n"
        "class Slow(io.RawIOBase):\n"
        "    count = 0\n"
        "    def read(self, size=-1):\n"
        "        self.count += 1\n"
        "        if self.count == 5: print('sent', flush=True)\n"
        "        if self.count >= 5: time.sleep(60)\n"
        "        return b'x' * size\n"
        f"ObjectArtifactStore('s3://{bucket}/k').put_stream(Slow(), 'model.bin')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sent\n"
        process.kill()
    assert s3.keys(bucket) == []
    store = ObjectArtifactStore(f"s3://{bucket}/k")
    assert store.list() == []
    put_bytes(store, "model.bin", b"whole")
    assert read_bytes(store, "model.bin") == b"whole"


def test_a_connection_that_is_cut_in_a_file_leaves_no_object(s3: S3, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(4 * PART_BYTES))
    with CutAfter(s3, 12_000_000), pytest.raises(StoreUnavailable, match="cannot be reached, or does not answer"):
        ObjectArtifactStore(f"s3://{bucket}/k").put_file(tmp_path / "a", "a")
    assert s3.keys(bucket) == []


def test_a_download_that_is_cut_leaves_no_file(s3: S3, bucket: str, tmp_path: Path) -> None:
    store = ObjectArtifactStore(f"s3://{bucket}")
    (tmp_path / "a").write_bytes(os.urandom(4 * PART_BYTES))
    store.put_file(tmp_path / "a", "a")
    with CutAfter(s3, 12_000_000), pytest.raises((StoreUnavailable, ArtifactError)):
        download(ObjectArtifactStore(f"s3://{bucket}"), "a", tmp_path / "out")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
    assert download(store, "a", tmp_path / "out").read_bytes() == (tmp_path / "a").read_bytes()


def test_a_file_that_is_replaced_while_it_is_read_is_an_error(store: ObjectArtifactStore) -> None:
    put_bytes(store, "a", b"x" * (3 * PART_BYTES))
    with store.open("a") as file:
        assert file.read(3) == b"xxx"
        put_bytes(store, "a", b"y" * (3 * PART_BYTES))
        with pytest.raises(ArtifactError, match="replaced while it was read"):
            file.read()


# -- what is in the way says what to do


def test_a_bucket_that_is_missing_is_named(s3: S3, tmp_path: Path) -> None:
    store = ObjectArtifactStore("s3://no-such-bucket/x")
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "large").write_bytes(bytes(PART_BYTES + 1))
    for act in (
        lambda: store.put_file(tmp_path / "a", "a"),
        lambda: store.put_file(tmp_path / "large", "large"),
        lambda: store.open("a"),
        lambda: store.list(),
        lambda: store.delete("a"),
    ):
        with pytest.raises(StoreError, match=f"{s3.url}.*there is no bucket 'no-such-bucket'; create it"):
            act()


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, s3: S3) -> None:
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match=r"'a' in 's3://b' at http://127.0.0.1:9.*check that it is up"):
        put_bytes(ObjectArtifactStore("s3://b"), "a", b"1")


def test_without_credentials_the_variables_are_named(monkeypatch: pytest.MonkeyPatch, s3: S3, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(NotAuthenticated, match=r"'s3://b/x': set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        put_bytes(ObjectArtifactStore("s3://b/x"), "a", b"1")
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(NotAuthenticated, match="AWS_PROFILE names the profile 'absent'"):
        put_bytes(ObjectArtifactStore("s3://b/x"), "a", b"1")


def test_keys_come_from_the_profile_too(monkeypatch: pytest.MonkeyPatch, s3: S3, bucket: str, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    (tmp_path / "credentials").write_text("[lab]\naws_access_key_id = FROMFILE\naws_secret_access_key = s\n")
    store = ObjectArtifactStore(f"s3://{bucket}")
    put_bytes(store, "a", b"1")
    assert "FROMFILE" in store.sign_url("GET", "a", 60)


def test_a_denied_write_says_which_permissions(s3: S3, bucket: str) -> None:
    with s3.denying():
        with pytest.raises(AccessDenied, match=rf"'a' in 's3://{bucket}'.*denied.*ask for s3:PutObject"):
            put_bytes(ObjectArtifactStore(f"s3://{bucket}"), "a", b"1")
        with pytest.raises(AccessDenied, match="s3:ListBucket"):
            ObjectArtifactStore(f"s3://{bucket}").list()


def test_extra_arguments_of_mlflow_reach_the_object(monkeypatch: pytest.MonkeyPatch, s3: S3, bucket: str) -> None:
    monkeypatch.setenv(
        "MLFLOW_S3_UPLOAD_EXTRA_ARGS", '{"ServerSideEncryption": "AES256", "Metadata": {"team": "blue"}}'
    )
    put_bytes(ObjectArtifactStore(f"s3://{bucket}"), "a", b"1")
    facts = s3.client().head_object(Bucket=bucket, Key="a")
    assert (facts["ServerSideEncryption"], facts["Metadata"]) == ("AES256", {"team": "blue"})
    monkeypatch.setenv("MLFLOW_S3_UPLOAD_EXTRA_ARGS", '{"ACL": "public-read"}')
    with pytest.raises(InvalidInput, match="'ACL'"):
        put_bytes(ObjectArtifactStore(f"s3://{bucket}"), "a", b"1")


def test_a_forked_process_is_told_to_start_otherwise(store: ObjectArtifactStore) -> None:
    put_bytes(store, "a", b"1")
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            put_bytes(store, "b", b"1")
        except ArtifactError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        assert "forked" in answer.read()


# -- addresses


def test_a_signed_address_needs_no_credentials(store: ObjectArtifactStore) -> None:
    put_bytes(store, "a b%.txt", b"content")
    with urlopen(store.sign_url("GET", "a b%.txt", 60)) as answer:
        assert answer.read() == b"content"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_our_signature_is_the_one_that_obstore_makes(store: ObjectArtifactStore, name: str) -> None:
    theirs = store.sign_url("GET", name, 77)
    when = datetime.strptime(parse_qs(urlsplit(theirs).query)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
    keys = AwsKeys(access_key_id=os.environ["AWS_ACCESS_KEY_ID"], secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"])
    url = theirs.partition("?")[0]
    ours = signed_url(keys, "us-east-1", "GET", url, {}, now=when.replace(tzinfo=timezone.utc), lifetime_s=77)
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs).query)


# -- memory


LARGE_MB = os.environ.get("RUNSTONE_TEST_LARGE_MB", "400")
"""By hand, 2048: the limits stay."""


@pytest.mark.timeout(3_600)
def test_a_large_file_goes_over_and_back_in_little_memory(s3: S3, bucket: str, tmp_path: Path) -> None:
    program = Path(__file__).with_name("large_file.py")
    done = subprocess.run(
        [sys.executable, str(program), f"s3://{bucket}/large", str(tmp_path), LARGE_MB],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    before, after_upload, after_download = map(int, done.stdout.split())
    assert after_upload - before < 160
    assert after_download - before < 200
