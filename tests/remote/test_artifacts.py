"""Files through a server: the suite, and what only a store behind HTTP can meet."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.readahead import PIECE_BYTES
from runstone.artifacts.transfer import download
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, InvalidInput, NotFound, StoreUnavailable
from runstone.remote.address import parse_address
from runstone.remote.artifacts import HttpArtifacts
from runstone.remote.tracking import RemoteTracking
from runstone.remote.transport import HttpSession
from runstone.testing.artifacts import ArtifactSuite
from tests.remote.scripted import CUT, ScriptedServer, reply

ROOT = "mlflow-artifacts:/1/run/artifacts"
SERVICE = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def shared(port: int) -> Iterator[RemoteTracking]:
    """A tracker for the whole file: each test has a run of its own."""
    tracking = RemoteTracking(f"http://127.0.0.1:{port}/artifacts")
    yield tracking
    tracking.close()


@pytest.fixture
def artifacts(shared: RemoteTracking) -> ArtifactStore:
    """The files of a fresh run, through the server."""
    return shared.open_artifacts(shared.create_run("0").info.run_id)


class TestThroughTheServer(ArtifactSuite):
    """The contract, over the artifact service of a server in its own process."""


class TestLargeFiles:
    @pytest.fixture
    def content(self) -> bytes:
        return os.urandom(1 << 16) * (3 * PIECE_BYTES // (1 << 16)) + b"the end"

    def test_a_large_file_goes_and_comes_back(self, artifacts: ArtifactStore, content: bytes, tmp_path: Path) -> None:
        source = tmp_path / "weights.bin"
        source.write_bytes(content)
        artifacts.put_file(source, "weights.bin")
        assert artifacts.list() == [FileInfo("weights.bin", False, len(content))]
        assert download(artifacts, "weights.bin", tmp_path / "out").read_bytes() == content

    def test_its_end_can_be_read_without_its_beginning(self, artifacts: ArtifactStore, content: bytes) -> None:
        assert artifacts.put_stream(io.BytesIO(content), "weights.bin") == len(content)
        with artifacts.open("weights.bin") as file:
            file.seek(-7, io.SEEK_END)
            assert file.read() == b"the end"
            file.seek(PIECE_BYTES - 5)
            assert file.read(10) == content[PIECE_BYTES - 5 : PIECE_BYTES + 5]
            assert file.read() == content[PIECE_BYTES + 5 :]

    def test_a_file_that_is_replaced_while_it_is_read_is_an_error(
        self, artifacts: ArtifactStore, content: bytes
    ) -> None:
        artifacts.put_stream(io.BytesIO(content), "weights.bin")
        with artifacts.open("weights.bin") as file:
            assert file.read(10) == content[:10]
            artifacts.put_stream(io.BytesIO(content[::-1]), "weights.bin")
            with pytest.raises(ArtifactError, match="replaced or deleted while it was read"):
                file.read()

    def test_a_stream_is_sent_from_where_it_stands(self, artifacts: ArtifactStore) -> None:
        stream = io.BytesIO(b"head|body")
        stream.seek(5)
        assert artifacts.put_stream(stream, "body") == 4
        with artifacts.open("body") as file:
            assert file.read() == b"body"


class TestPlaces:
    @pytest.fixture
    def opener(self) -> HttpArtifacts:
        return HttpArtifacts(HttpSession(parse_address("http://tracking.example:5000/base")))

    def test_a_folder_of_this_machine_is_opened_directly(self, opener: HttpArtifacts, tmp_path: Path) -> None:
        assert isinstance(opener.open(tmp_path.as_uri()), LocalArtifactStore)

    def test_a_relative_location_is_sent_in_full_and_others_as_they_are(
        self, opener: HttpArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert opener.check_location("files/") == (tmp_path / "files").as_uri()
        assert opener.check_location("s3://bucket/a%20b/") == "s3://bucket/a%20b"
        assert opener.check_location("mlflow-artifacts:/x") == "mlflow-artifacts:/x"

    @pytest.mark.parametrize(
        "uri", ["mlflow-artifacts:/../x", "mlflow-artifacts:/a/%2e%2e/x", "mlflow-artifacts://h:x/a"]
    )
    def test_a_uri_that_leads_astray_is_refused(self, opener: HttpArtifacts, uri: str) -> None:
        with pytest.raises(InvalidInput, match="Invalid"):
            opener.open(uri)

    def test_another_host_is_asked_without_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0k")
        server = ScriptedServer(reply(b'{"files": []}'), reply(b"", 401))
        opener = HttpArtifacts(HttpSession(parse_address("http://ada:pw@tracking.example")))
        store = opener.open(f"mlflow-artifacts://127.0.0.1:{server.port}/1/run")
        assert store.list("a b") == []
        assert server.arrived[0].target == f"{SERVICE}?path=1%2Frun%2Fa+b"
        assert "authorization" not in server.arrived[0].headers
        with pytest.raises(Exception, match="credentials are shown to no server but that of the tracking URI"):
            store.list()
        opener.close()
        server.close()


@pytest.fixture
def waits_s() -> list[float]:
    return []


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def store(server: ScriptedServer, waits_s: list[float]) -> Iterator[ArtifactStore]:
    """The files of a run on a server that plays scenes."""
    session = HttpSession(parse_address(server.url), sleep=waits_s.append)
    yield HttpArtifacts(session).open(ROOT)
    session.close()


class OnceOnly(io.RawIOBase):
    """A stream that cannot seek."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(size)


class TestUploads:
    def test_a_file_is_sent_with_its_length_under_its_encoded_name(
        self, store: ArtifactStore, server: ScriptedServer, tmp_path: Path
    ) -> None:
        (tmp_path / "a").write_bytes(b"x" * 300_000)
        store.put_file(tmp_path / "a", "läyer %41/a+b?.bin")
        (request,) = server.arrived
        assert (request.verb, request.body) == ("PUT", b"x" * 300_000)
        assert request.target == f"{SERVICE}/1/run/artifacts/l%C3%A4yer%20%2541/a%2Bb%3F.bin"
        assert request.headers["content-length"] == "300000"

    def test_a_stream_that_cannot_seek_is_sent_in_chunks(self, store: ArtifactStore, server: ScriptedServer) -> None:
        assert store.put_stream(cast("BinaryIO", OnceOnly(b"y" * 300_000)), "a") == 300_000
        (request,) = server.arrived
        assert (request.headers["transfer-encoding"], request.body) == ("chunked", b"y" * 300_000)

    def test_a_file_or_a_stream_that_can_seek_is_sent_again(
        self, store: ArtifactStore, server: ScriptedServer, tmp_path: Path
    ) -> None:
        server.scenes.extend([CUT, reply(b"", 503), reply(), CUT, reply()])
        (tmp_path / "a").write_bytes(b"x" * 70_000)
        store.put_file(tmp_path / "a", "a")
        assert store.put_stream(io.BytesIO(b"y" * 70_000), "a") == 70_000
        assert [one.body for one in server.arrived] == [b"x" * 70_000] * 3 + [b"y" * 70_000] * 2

    @pytest.mark.parametrize("scene", [CUT, reply(b"", 503, Retry_After="0")])
    def test_a_stream_that_cannot_seek_is_sent_once(
        self, store: ArtifactStore, server: ScriptedServer, scene: object
    ) -> None:
        server.scenes.append(scene)  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable):
            store.put_stream(cast("BinaryIO", OnceOnly(b"y" * 70_000)), "a")
        assert len(server.arrived) == 1

    def test_a_text_stream_is_refused(self, store: ArtifactStore, server: ScriptedServer) -> None:
        with pytest.raises(InvalidInput, match="binary"):
            store.put_stream(cast("BinaryIO", io.StringIO("abc")), "a")

    def test_a_file_that_shrinks_on_its_way_is_an_error(self, store: ArtifactStore, tmp_path: Path) -> None:
        source = tmp_path / "a"
        source.write_bytes(b"x" * 1_000_000)
        stream = source.open("r+b")

        class Shrinking(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                piece = super().read(size)
                self.truncate(self.tell())
                return piece

        with stream, pytest.raises(ArtifactError, match="shorter"):
            store.put_stream(Shrinking(b"x" * 1_000_000), "a")


class TestDownloads:
    def test_a_server_that_cannot_cut_sends_the_whole_file(self, store: ArtifactStore, server: ScriptedServer) -> None:
        server.scenes.append(reply(b"0123456789"))
        with store.open("a") as file:
            file.seek(4)
            assert file.read(3) == b"456"
        server.scenes.append(reply(b"z" * (PIECE_BYTES + 1)))
        with store.open("a") as file:
            assert len(file.read()) == PIECE_BYTES + 1
        assert len(server.arrived) == 2

    def test_a_piece_that_breaks_off_is_asked_for_again(self, store: ArtifactStore, server: ScriptedServer) -> None:
        size = PIECE_BYTES + 3
        whole = b"a" * PIECE_BYTES + b"end"
        tail = {"Content_Range": f"bytes {PIECE_BYTES}-{size - 1}/{size}", "ETag": '"1"'}
        server.scenes.extend(
            [
                reply(whole[:PIECE_BYTES], 206, Content_Range=f"bytes 0-{PIECE_BYTES - 1}/{size}", ETag='"1"'),
                reply(b"e", 206, length=3, then="close", **tail),
                reply(b"end", 206, **tail),
            ]
        )
        with store.open("a") as file:
            assert file.read() == whole
        assert [one.headers["range"] for one in server.arrived] == [
            f"bytes=0-{PIECE_BYTES - 1}",
            *[f"bytes={PIECE_BYTES}-{size - 1}"] * 2,
        ]

    @pytest.mark.parametrize(
        "page", [b"<html>gone</html>", b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "?"}']
    )
    def test_whatever_a_404_says_the_file_is_not_found(
        self, store: ArtifactStore, server: ScriptedServer, page: bytes
    ) -> None:
        server.scenes.append(reply(page, 404))
        with pytest.raises(NotFound, match=f"'a/b' in '{ROOT}'"):
            store.open("a/b")

    def test_a_listing_that_is_no_listing_is_said_so(self, store: ArtifactStore, server: ScriptedServer) -> None:
        server.scenes.append(reply(b"<html><title>Sign in</title></html>"))
        with pytest.raises(StoreUnavailable, match=r"an HTML page \('Sign in'\), which is not what a tracking server"):
            store.list()

    def test_many_open_files_do_not_use_up_the_connections(self, artifacts: ArtifactStore) -> None:
        artifacts.put_stream(io.BytesIO(b"z" * (PIECE_BYTES + 1)), "a")
        files = [artifacts.open("a") for _ in range(20)]
        assert [len(file.read()) for file in files] == [PIECE_BYTES + 1] * 20
        for file in files:
            file.close()


def test_an_upload_that_stops_midway_leaves_nothing(artifacts: ArtifactStore) -> None:
    started = threading.Event()

    class Vanishing(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            if started.is_set():
                raise KeyboardInterrupt
            started.set()
            return b"x" * 100_000

    with pytest.raises(KeyboardInterrupt):
        artifacts.put_stream(cast("BinaryIO", Vanishing()), "part")
    artifacts.put_stream(io.BytesIO(b"y"), "whole")
    assert [info.path for info in artifacts.list()] == ["whole"]
