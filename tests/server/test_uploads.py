"""Uploads in parts and downloads by address, as MLflow's proxied artifact service has them."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from runstone.artifacts.local import LocalArtifactStore
from runstone.errors import NotFound
from runstone.server.uploads import Uploads
from tests.server.conftest import Start
from tests.server.serving import FILES, Answer, RunningServer

SERVICE = "/api/2.0/mlflow-artifacts"
INVALID = "INVALID_PARAMETER_VALUE"


class Upload:
    """One upload in parts, as a client does it."""

    def __init__(self, server: RunningServer, folder: str, local_file: str, count: int, **headers: str) -> None:
        self.server, self.folder, self.local_file = server, folder, local_file
        body = {"path": local_file, "num_parts": count}
        answer = server.ask("POST", f"{SERVICE}/mpu/create/{folder}", body, headers)
        assert answer.status == 200
        self.upload_id = answer.json["upload_id"]
        self.credentials = answer.json["credentials"]

    def put(self, number: int, content: bytes) -> dict[str, Any]:
        url = urlsplit(self.credentials[number - 1]["url"])
        assert url.netloc == f"127.0.0.1:{self.server.port}"
        answer = self.server.ask("PUT", url.path, content)
        assert answer.status == 200
        return {"part_number": number, "etag": answer.headers["ETag"], "url": url.geturl()}

    def tell(self, act: str, parts: list[dict[str, Any]] | None = None, folder: str | None = None) -> Answer:
        body = {"path": self.local_file, "upload_id": self.upload_id, "parts": parts}
        return self.server.ask("POST", f"{SERVICE}/mpu/{act}/{folder or self.folder}", body)


def hidden(server: RunningServer) -> list[Path]:
    return [place for place in (server.folder / "artifacts" / ".runstone-part-uploads").rglob("*") if place.is_file()]


def test_parts_are_joined_in_their_order_whatever_order_they_come_in(server: RunningServer) -> None:
    contents = [os.urandom(700_000), os.urandom(700_000), b"end"]
    upload = Upload(server, "parts/sub", "/home/me/model.bin", 3)
    assert [one["part_number"] for one in upload.credentials] == [1, 2, 3]
    parts = [upload.put(number, contents[number - 1]) for number in (3, 1, 2)]
    assert server.ask("GET", f"{FILES}/parts/sub/model.bin").status == 404
    assert "files" not in server.ask("GET", f"{FILES}?path=parts").json
    assert upload.tell("complete", parts).json == {}
    assert server.ask("GET", f"{FILES}/parts/sub/model.bin").body == b"".join(contents)
    names = [file["path"] for file in server.ask("GET", FILES).json["files"]]
    assert not [name for name in names if name.startswith(".")]


def test_completing_once_more_is_the_same_success(server: RunningServer) -> None:
    upload = Upload(server, "again", "f", 1)
    parts = [upload.put(1, b"content")]
    assert [upload.tell("complete", parts).status for _ in range(2)] == [200, 200]
    assert server.ask("GET", f"{FILES}/again/f").body == b"content"


def test_a_part_that_is_sent_again_counts_as_sent_last(server: RunningServer) -> None:
    upload = Upload(server, "resent", "f", 1)
    first, second = upload.put(1, b"first"), upload.put(1, b"other")
    stale = upload.tell("complete", [first])
    assert (stale.status, stale.code) == (400, INVALID)
    assert "part 1 is not the one that was named" in stale.message
    assert upload.tell("complete", [second]).status == 200
    assert server.ask("GET", f"{FILES}/resent/f").body == b"other"


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([1], "part 2 is missing"),
        ([], "part 1 is missing"),
        ([1, 2, 2], "named twice"),
        ([1, 2, 3], "3 parts are named"),
    ],
)
def test_parts_that_do_not_make_a_whole_are_refused(server: RunningServer, told: list[int], problem: str) -> None:
    upload = Upload(server, "broken", "f", 2)
    sent = {1: upload.put(1, b"a"), 2: upload.put(2, b"b"), 3: {"part_number": 3}}
    answer = upload.tell("complete", [sent[number] for number in told])
    assert (answer.status, answer.code) == (400, INVALID)
    assert problem in answer.message
    assert server.ask("GET", f"{FILES}/broken/f").status == 404


def test_a_part_that_was_never_sent_is_missed(server: RunningServer) -> None:
    upload = Upload(server, "unsent", "f", 2)
    answer = upload.tell("complete", [upload.put(1, b"a"), {"part_number": 2, "etag": "x"}])
    assert answer.status == 400
    assert "part 2 is missing" in answer.message


def test_an_aborted_upload_is_gone(server: RunningServer) -> None:
    before = hidden(server)
    upload = Upload(server, "aborted", "f", 1)
    parts = [upload.put(1, b"a")]
    assert upload.tell("abort").status == 200
    assert hidden(server) == before
    for answer in (upload.tell("complete", parts), upload.tell("abort")):
        assert (answer.status, answer.code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert server.ask("PUT", urlsplit(parts[0]["url"]).path, b"a").status == 404


def test_an_upload_belongs_to_its_artifact(server: RunningServer) -> None:
    upload = Upload(server, "mine", "f", 1)
    parts = [upload.put(1, b"a")]
    for act in ("complete", "abort"):
        answer = upload.tell(act, parts, folder="yours")
        assert (answer.status, answer.code) == (400, INVALID)
    assert upload.tell("complete", parts).status == 200


@pytest.mark.parametrize("upload_id", ["", "x", "../../x", "0" * 32, "A" * 32, "%2e%2e", ".."])
def test_an_unknown_upload_is_404(server: RunningServer, upload_id: str) -> None:
    body = {"path": "f", "upload_id": upload_id, "parts": []}
    assert server.ask("POST", f"{SERVICE}/mpu/complete/a", body).status == 404
    assert server.ask("PUT", f"{SERVICE}/mpu/parts/{upload_id}/1", b"x").status in (400, 404)


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "1e0", "", "99999999999999999999", "1/../../upload"])
def test_a_part_of_no_such_number_is_refused(server: RunningServer, number: str) -> None:
    upload = Upload(server, "numbers", "f", 1)
    answer = server.ask("PUT", f"{SERVICE}/mpu/parts/{upload.upload_id}/{number}", b"x")
    assert (answer.status, answer.code) == (400, INVALID)


@pytest.mark.parametrize("count", [0, -1, 10_001, 10**15])
def test_a_senseless_number_of_parts_is_refused(server: RunningServer, count: int) -> None:
    answer = server.ask("POST", f"{SERVICE}/mpu/create/a", {"path": "f", "num_parts": count})
    assert (answer.status, answer.code) == (400, INVALID)


@pytest.mark.parametrize(
    ("local_file", "name"),
    [("/a/b/model.bin", "model.bin"), ("C:\\data\\model.bin", "model.bin"), ("model.bin", "model.bin"), ("d\\m", "m")],
)
def test_the_artifact_has_the_name_of_the_clients_file(server: RunningServer, local_file: str, name: str) -> None:
    upload = Upload(server, f"names{len(local_file)}", local_file, 1)
    assert upload.tell("complete", [upload.put(1, b"a")]).status == 200
    assert server.ask("GET", f"{FILES}/names{len(local_file)}/{name}").body == b"a"


@pytest.mark.parametrize("act", ["nothing", "", "list"])
def test_another_act_is_an_unknown_route(server: RunningServer, act: str) -> None:
    answer = server.ask("POST", f"{SERVICE}/mpu/{act}", b"{}")
    assert (answer.status, answer.code) == (404, "ENDPOINT_NOT_FOUND")
    assert server.ask("GET", f"{SERVICE}/mpu/create/a").status == 405


def test_addresses_are_those_that_the_client_sees(server: RunningServer) -> None:
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "ml.example.org",
        "X-Forwarded-Prefix": "/tracking/",
        "Authorization": "Bearer token",
    }
    server.ask("PUT", f"{FILES}/seen/a%20b", b"1")
    answer = server.ask("GET", f"{SERVICE}/presigned/seen/a%20b", headers=headers)
    assert answer.json == {
        "url": f"https://ml.example.org/tracking{FILES}/seen/a%20b",
        "headers": {"Authorization": "Bearer token"},
        "file_size": 1,
    }
    created = server.ask("POST", f"{SERVICE}/mpu/create/seen", {"path": "f"}, headers).json["credentials"][0]
    assert created["url"].startswith(f"https://ml.example.org/tracking{SERVICE}/mpu/parts/")
    assert created["headers"] == {"Authorization": "Bearer token"}


def test_the_address_of_a_download_gives_the_file_in_ranges(server: RunningServer) -> None:
    server.ask("PUT", f"{FILES}/addressed/file", b"0123456789")
    found = server.ask("GET", f"{SERVICE}/presigned/addressed/file").json
    assert found["file_size"] == 10
    answer = server.ask("GET", urlsplit(found["url"]).path, headers={"Range": "bytes=5-9"})
    assert (answer.status, answer.body) == (206, b"56789")
    assert server.ask("GET", f"{SERVICE}/presigned/addressed/none").status == 404
    assert server.ask("GET", f"{SERVICE}/presigned/addressed").status == 400


def test_any_worker_takes_any_part(start_server: Start) -> None:
    running = start_server("--workers", "3", "--static-prefix", "/ml")
    body = {"path": "f", "num_parts": 20}
    created = running.ask("POST", f"/ml{SERVICE}/mpu/create/a", body).json
    parts = []
    for one in created["credentials"]:
        path = urlsplit(one["url"]).path
        assert path.startswith("/ml/api/")
        answer = running.ask("PUT", path, b"%03d" % one["part_number"])
        parts.append({"part_number": one["part_number"], "etag": answer.headers["ETag"]})
    body = {"path": "f", "upload_id": created["upload_id"], "parts": parts}
    assert running.ask("POST", f"/ml{SERVICE}/mpu/complete/a", body).status == 200
    assert running.ask("GET", f"/ml{FILES}/a/f").body == b"".join(b"%03d" % number for number in range(1, 21))


def test_an_upload_that_nobody_went_on_with_is_removed_after_a_day(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    stale, fresh = uploads.create("a", 1), uploads.create("b", 1)
    for upload_id in (stale, fresh):
        uploads.put_part(upload_id, 1, io.BytesIO(b"x"))
    yesterday = time.time() - 25 * 3600
    os.utime(tmp_path / "uploads" / stale, (yesterday, yesterday))
    uploads.create("c", 1)
    with pytest.raises(NotFound, match="begin again"):
        uploads.put_part(stale, 1, io.BytesIO(b"x"))
    store = LocalArtifactStore(tmp_path / "artifacts")
    uploads.complete(fresh, "b", [(1, None)], store)
    with store.open("b") as file:
        assert file.read() == b"x"
