"""A server whose artifacts lie in a bucket: through it, and by the addresses that it signs. And without a server."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.digests import PART_BYTES
from runstone.artifacts.transfer import download, put_folder
from runstone.errors import RunstoneError
from runstone.remote.tracking import RemoteTracking
from runstone.testing.artifacts import ArtifactSuite, put_bytes, read_bytes
from tests.buckets import S3, s3_server
from tests.server.serving import RunningServer

LARGE = 5 * PART_BYTES + 11


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def bucket(s3: S3) -> str:
    return s3.make_bucket()


@pytest.fixture(scope="module")
def server(s3: S3, bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that alone has the credentials of the bucket."""
    folder = tmp_path_factory.mktemp("store")
    options = ("--artifacts-destination", f"s3://{bucket}/all")
    running = RunningServer(folder, *options, settings=s3.environment())
    yield running
    running.close()


@pytest.fixture
def tracking(server: RunningServer) -> Iterator[RemoteTracking]:
    tracking = RemoteTracking(server.url)
    yield tracking
    tracking.close()


@pytest.fixture
def run_id(tracking: RemoteTracking) -> str:
    return tracking.create_run("0").info.run_id


@pytest.fixture
def artifacts(tracking: RemoteTracking, run_id: str) -> ArtifactStore:
    return tracking.open_artifacts(run_id)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    place = tmp_path / "in" / "weights.bin"
    place.parent.mkdir()
    place.write_bytes(os.urandom(LARGE))
    return place


def asked(server: RunningServer, route: str) -> int:
    """How often the server has been asked that."""
    found = re.findall(
        rf'runstone_requests_total{{route="{route}",status="2\d\d"}} (\d+)', server.ask("GET", "/metrics").body.decode()
    )
    return sum(map(int, found))


class TestThroughAServerIntoABucket(ArtifactSuite):
    """The contract, over a server over a bucket."""


def test_a_large_file_goes_straight_to_the_bucket_and_back(
    s3: S3, bucket: str, server: RunningServer, artifacts: ArtifactStore, run_id: str, large: Path, tmp_path: Path
) -> None:
    before = asked(server, "upload_artifact")
    put_folder(artifacts, large.parent, "m")
    (key,) = [key for key in s3.keys(bucket) if run_id in key]
    assert key == f"all/0/{run_id}/artifacts/m/weights.bin"
    assert s3.client().head_object(Bucket=bucket, Key=key)["ETag"].endswith('-6"')
    through = asked(server, "download_artifact")
    assert (download(artifacts, "m", tmp_path / "out") / "weights.bin").read_bytes() == large.read_bytes()
    assert asked(server, "download_artifact") == through + 1  # its first piece
    assert asked(server, "upload_artifact") == before
    assert s3.unfinished(bucket) == []


def test_a_large_file_that_is_there_is_not_sent_again(
    server: RunningServer, artifacts: ArtifactStore, large: Path
) -> None:
    artifacts.put_stream(io.BytesIO(large.read_bytes()), "w")
    before = asked(server, "create_upload")
    artifacts.put_file(large, "w")
    assert asked(server, "create_upload") == before
    large.write_bytes(b"0" * LARGE)
    artifacts.put_file(large, "w")
    assert asked(server, "create_upload") == before + 1
    assert read_bytes(artifacts, "w") == b"0" * LARGE


def test_it_goes_through_the_server_where_that_is_chosen(
    server: RunningServer, artifacts: ArtifactStore, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTONE_DIRECT_TRANSFER", "false")
    before = asked(server, "create_upload"), asked(server, "presign_download")
    artifacts.put_file(large, "w")
    assert download(artifacts, "w", tmp_path / "out").read_bytes() == large.read_bytes()
    assert (asked(server, "create_upload"), asked(server, "presign_download")) == before


def test_it_goes_through_the_server_where_the_bucket_cannot_be_reached(
    s3: S3,
    bucket: str,
    server: RunningServer,
    artifacts: ArtifactStore,
    large: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        elsewhere.setenv("NO_PROXY", f"127.0.0.1:{server.port}")
        elsewhere.setenv("RUNSTONE_HTTP_REQUEST_MAX_RETRIES", "0")
        before = asked(server, "upload_artifact")
        artifacts.put_file(large, "w")
        assert asked(server, "upload_artifact") == before + 1
        assert download(artifacts, "w", tmp_path / "out").read_bytes() == large.read_bytes()
    assert s3.unfinished(bucket) == []


def test_ranges_of_a_bucket_come_through_the_server(
    server: RunningServer, artifacts: ArtifactStore, run_id: str
) -> None:
    put_bytes(artifacts, "digits", b"0123456789")
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/digits"
    for wanted, status, body, said in (
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=4-99", 206, b"456789", "bytes 4-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("lines=1", 200, b"0123456789", None),
    ):
        answer = server.ask("GET", path, headers={"Range": wanted})
        assert (answer.status, answer.body, answer.headers.get("Content-Range")) == (status, body, said)
        assert answer.headers["Content-Length"] == str(len(body))


def test_a_server_streams_large_files_in_little_memory(
    server: RunningServer, artifacts: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTONE_DIRECT_TRANSFER", "false")
    place = tmp_path / "large"
    with place.open("wb") as file:
        file.truncate(160 << 20)
    put_bytes(artifacts, "a", b"1")
    read_bytes(artifacts, "a")
    before = server.memory_bytes()
    artifacts.put_file(place, "large")
    after_upload = server.memory_bytes()
    download(artifacts, "large", tmp_path / "out")
    assert (after_upload - before) >> 20 < 120
    assert (server.memory_bytes() - before) >> 20 < 120


def test_an_upload_that_nobody_ends_shows_nothing_and_can_be_aborted(
    s3: S3, bucket: str, server: RunningServer, artifacts: ArtifactStore, run_id: str
) -> None:
    service = "/api/2.0/mlflow-artifacts/mpu"
    body = {"path": "model.bin", "num_parts": 2}
    upload = server.ask("POST", f"{service}/create/0/{run_id}/artifacts", body).json
    assert len(upload["credentials"]) == 2
    part = upload["credentials"][0]
    with urlopen(Request(part["url"], b"x" * PART_BYTES, {"Content-Type": "x/y"}, method="PUT")) as answer:
        assert answer.headers["ETag"]
    assert artifacts.list() == []
    ending = {"path": "model.bin", "upload_id": upload["upload_id"]}
    incomplete = server.ask("POST", f"{service}/complete/0/{run_id}/artifacts", ending | {"parts": []})
    assert incomplete.status >= 400
    assert server.ask("POST", f"{service}/abort/0/{run_id}/artifacts", ending).status == 200
    assert s3.unfinished(bucket) == []


def test_a_bucket_that_is_missing_is_said_by_the_server(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTONE_HTTP_REQUEST_MAX_RETRIES", "0")
    options = ("--artifacts-destination", "s3://no-such-bucket/x")
    server = RunningServer(tmp_path / "store", *options, settings=s3.environment())
    tracking = RemoteTracking(server.url)
    try:
        store = tracking.open_artifacts(tracking.create_run("0").info.run_id)
        with pytest.raises(RunstoneError, match="there is no bucket 'no-such-bucket'; create it"):
            put_bytes(store, "a", b"1")
    finally:
        tracking.close()
        server.close()


def test_files_that_were_kept_offline_are_delivered_into_a_bucket(s3: S3, bucket: str, tmp_path: Path) -> None:
    program = (
        "import runstone, sys\n"
        "from pathlib import Path\n"
        "Path('w.bin').write_bytes(b'w' * 3_000_000)\n"
        "with runstone.start_run() as run:\n"
        "    runstone.log_metric('m', 1)\n"
        "    runstone.log_text('hello', 'notes/a.txt')\n"
        "    runstone.log_artifact('w.bin')\n"
        "print(run.info.run_id)\n"
    )
    environment = (
        os.environ | s3.environment() | {"RUNSTONE_QUIET": "1", "RUNSTONE_TRACKING_URI": str(tmp_path / "home")}
    )

    def run(*command: str, **settings: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            check=False,
            cwd=tmp_path,
            env=environment | settings,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-m", "runstone", "experiments", "create", "in-a-bucket", "--artifact-location", f"s3://{bucket}/offline")
    run_id = run("-c", program, RUNSTONE_OFFLINE="always", RUNSTONE_EXPERIMENT_NAME="in-a-bucket").split()[-1]
    assert [key for key in s3.keys(bucket) if run_id in key] == []
    run("-m", "runstone", "sync")
    assert [key for key in s3.keys(bucket) if run_id in key] == [
        f"offline/{run_id}/artifacts/notes/a.txt",
        f"offline/{run_id}/artifacts/w.bin",
    ]
