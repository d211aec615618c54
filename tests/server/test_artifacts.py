"""Files through the server: up, down, listed, deleted; never outside the destination, never half a file."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.server.conftest import Start
from tests.server.serving import API, FILES, RunningServer

MEBIBYTE = 1 << 20


def destination(server: RunningServer) -> Path:
    """Where the server keeps the files that it is sent."""
    return server.folder / "artifacts"


def listed(server: RunningServer, folder: str) -> list[str]:
    return [file["path"] for file in server.ask("GET", f"{FILES}?path={quote(folder)}").json.get("files", [])]


def all_files(folder: Path) -> list[Path]:
    return sorted(place for place in folder.rglob("*") if place.is_file())


# -- up and down


def test_a_file_goes_up_and_comes_down(server: RunningServer) -> None:
    content = os.urandom(3 * MEBIBYTE + 17)
    assert server.ask("PUT", f"{FILES}/up/a%20b/model.bin", content).status == 200
    answer = server.ask("GET", f"{FILES}/up/a%20b/model.bin")
    assert (answer.status, answer.body) == (200, content)
    assert server.ask("GET", f"{FILES}?path=up").json["files"] == [{"path": "a b", "is_dir": True}]
    assert server.ask("GET", f"{FILES}?path=up/a%20b").json["files"] == [
        {"path": "model.bin", "is_dir": False, "file_size": len(content)}
    ]
    assert server.ask("DELETE", f"{FILES}/up/a%20b/model.bin").status == 200
    assert server.ask("GET", f"{FILES}/up/a%20b/model.bin").code == "RESOURCE_DOES_NOT_EXIST"
    assert server.ask("DELETE", f"{FILES}/up/a%20b/model.bin").status == 404


def test_an_empty_file_is_a_file(server: RunningServer) -> None:
    assert server.ask("PUT", f"{FILES}/empty/nothing", b"").status == 200
    assert server.ask("GET", f"{FILES}/empty/nothing").body == b""


def test_a_run_lists_and_gives_its_files(server: RunningServer, run_id: str) -> None:
    uri = server.get(f"runs/get?run_id={run_id}").json["run"]["info"]["artifact_uri"]
    assert uri == f"mlflow-artifacts:/0/{run_id}/artifacts"
    server.ask("PUT", f"{FILES}/0/{run_id}/artifacts/sub/x.txt", b"hello")
    answer = server.get(f"artifacts/list?run_id={run_id}&path=sub")
    assert answer.json == {"root_uri": uri, "files": [{"path": "sub/x.txt", "is_dir": False, "file_size": 5}]}
    for name in ("run_id", "run_uuid"):
        assert server.ask("GET", f"/get-artifact?{name}={run_id}&path=sub/x.txt").body == b"hello"
    assert server.ask("GET", f"/get-artifact?run_id={run_id}&path=../../x").status == 400
    assert server.ask("GET", f"/get-artifact?run_id={run_id}&path=none").status == 404
    assert server.ask("GET", "/get-artifact?path=x").status == 400


def test_the_ajax_twin_serves_the_same_files(server: RunningServer) -> None:
    assert server.ask("PUT", f"{FILES.replace('/api', '/ajax-api')}/twin.txt", b"1").status == 200
    assert server.ask("GET", f"{FILES}/twin.txt").body == b"1"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("page.html", "text/html; charset=utf-8"), ("x.svg", "image/svg+xml"), ("m.pkl", "application/octet-stream")],
)
def test_a_browser_saves_what_it_gets_and_runs_nothing(server: RunningServer, name: str, kind: str) -> None:
    server.ask("PUT", f"{FILES}/kinds/{name}", b"<script>alert(1)</script>")
    headers = server.ask("GET", f"{FILES}/kinds/{name}").headers
    assert headers["Content-Type"] == kind
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "sandbox" in headers["Content-Security-Policy"]


def test_a_name_in_any_script_stays_in_the_header(server: RunningServer) -> None:
    path = quote('kinds/é"; x=日.txt')
    assert server.ask("PUT", f"{FILES}/{path}", b"1").status == 200
    answer = server.ask("GET", f"{FILES}/{path}")
    assert answer.body == b"1"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=utf-8''%C3%A9%22%3B%20x%3D%E6%97%A5.txt"


@pytest.mark.parametrize(
    ("asked", "status", "got"),
    [("bytes=0-3", 206, b"0123"), ("bytes=4-", 206, b"456789"), ("bytes=-2", 206, b"89"), ("bytes=20-30", 416, b"")],
)
def test_a_range_of_a_file_is_answered(server: RunningServer, asked: str, status: int, got: bytes) -> None:
    server.ask("PUT", f"{FILES}/ranges/digits", b"0123456789")
    answer = server.ask("GET", f"{FILES}/ranges/digits", headers={"Range": asked})
    assert (answer.status, answer.body) == (status, got)


def test_head_tells_the_size(server: RunningServer) -> None:
    server.ask("PUT", f"{FILES}/heads/digits", b"0123456789")
    answer = server.ask("HEAD", f"{FILES}/heads/digits")
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "10", b"")


# -- no way out


ESCAPES = [
    "../escaped",
    "a/../../escaped",
    "..",
    "%2e%2e/escaped",
    "%2e%2e%2fescaped",
    "%252e%252e%252fescaped",
    "%25252e%25252e/escaped",
    "a/%2e%2e/%2e%2e/escaped",
    "%2Fetc/passwd",
    "%252Fetc/passwd",
    "/etc/passwd",
    "..%5cescaped",
    "..%255cescaped",
    "%5c%5chost%5cshare",
    "C%3A/windows",
    "C%3A%5cwindows",
    "a%00b",
    "a%2500b",
    "a/..%20/b",
    ".runstone-part-uploads/x",
    "%FF%FE/%2e%2e/x",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out_of_the_destination(server: RunningServer, path: str) -> None:
    (server.folder / "escaped").write_text("secret")
    before = all_files(server.folder)
    for verb, body in (("PUT", b"x"), ("GET", None), ("DELETE", None)):
        answer = server.ask(verb, f"{FILES}/{path}", body)
        assert (answer.status, answer.code) == (400, "INVALID_PARAMETER_VALUE"), verb
    answer = server.ask("GET", f"{FILES}?path={path}")
    assert answer.status == 400
    assert "Invalid path" in answer.message
    assert server.ask("POST", f"/api/2.0/mlflow-artifacts/mpu/create/{path}", {"path": "f"}).status == 400
    assert server.ask("GET", f"/api/2.0/mlflow-artifacts/presigned/{path}").status == 400
    assert (server.folder / "escaped").read_text() == "secret"
    assert set(all_files(server.folder)) <= {*before, *server.folder.glob("*-wal"), *server.folder.glob("*-shm")}


def test_the_root_itself_cannot_be_deleted(server: RunningServer) -> None:
    server.ask("PUT", f"{FILES}/kept", b"1")
    for path in (FILES, f"{FILES}/", f"{FILES}/.", f"{FILES}/%2e"):
        assert server.ask("DELETE", path).status == 400
    assert server.ask("GET", f"{FILES}/kept").body == b"1"


def test_a_symbolic_link_leads_nowhere_outside(server: RunningServer) -> None:
    server.ask("PUT", f"{FILES}/links/inside", b"1")
    secret = server.folder / "beside"
    secret.mkdir()
    (secret / "file").write_text("secret")
    (destination(server) / "links" / "out").symlink_to(secret)
    for verb, body in (("GET", None), ("PUT", b"x"), ("DELETE", None)):
        assert server.ask(verb, f"{FILES}/links/out/file", body).status == 400
    assert listed(server, "links") == ["inside"]
    assert (secret / "file").read_text() == "secret"


@pytest.mark.parametrize("location", ["/etc", "file:///etc", "file:/etc", "../x", "mlflow-artifacts:/../../etc"])
def test_an_experiment_cannot_be_placed_over_the_servers_own_files(server: RunningServer, location: str) -> None:
    answer = server.post("experiments/create", {"name": f"at {location}", "artifact_location": location})
    assert (answer.status, answer.code) == (400, "INVALID_PARAMETER_VALUE")


# -- half a file


def test_a_client_that_vanishes_leaves_no_artifact(server: RunningServer) -> None:
    for number, length in enumerate((b"Content-Length: 5000000", b"Transfer-Encoding: chunked")):
        with server.connect() as connection:
            head = b"PUT %s/half/file%d HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n"
            piece = b"x" * 100_000 if number == 0 else b"186a0\r\n" + b"x" * 100_000 + b"\r\n"
            connection.sendall(head % (FILES.encode(), number, length) + piece * 3)
            _wait_until_arriving(destination(server) / "half")
    _wait_until_gone(destination(server) / "half")
    assert listed(server, "half") == []
    assert all_files(destination(server) / "half") == []


def test_an_old_file_stays_when_its_successor_does_not_arrive(server: RunningServer) -> None:
    server.ask("PUT", f"{FILES}/replace/file", b"old")
    with server.connect() as connection:
        head = b"PUT %s/replace/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n"
        connection.sendall(head % FILES.encode() + b"x" * 300_000)
        _wait_until_arriving(destination(server) / "replace")
        assert server.ask("GET", f"{FILES}/replace/file").body == b"old"
    _wait_until_gone(destination(server) / "replace")
    assert server.ask("GET", f"{FILES}/replace/file").body == b"old"


def _parts(folder: Path) -> list[Path]:
    return list(folder.glob(".runstone-part-*"))


def _wait_until_arriving(folder: Path) -> None:
    while not _parts(folder):
        time.sleep(0.01)


def _wait_until_gone(folder: Path) -> None:
    while _parts(folder):
        time.sleep(0.01)


def test_uploads_that_stand_still_hold_up_nobody_else(server: RunningServer, run_id: str) -> None:
    still: list[socket.socket] = []
    for number in range(48):
        connection = server.connect()
        head = b"PUT %s/still/%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\nx"
        connection.sendall(head % (FILES.encode(), number))
        still.append(connection)
    assert server.get(f"runs/get?run_id={run_id}").status == 200
    assert server.ask("PUT", f"{FILES}/moving/file", b"1").status == 200
    assert server.ask("GET", f"{FILES}/moving/file").body == b"1"
    for connection in still:
        connection.close()
    _wait_until_gone(destination(server) / "still")


# -- large files


def test_a_large_file_is_streamed_both_ways(start_server: Start) -> None:
    running = start_server()
    running.ask("PUT", f"{FILES}/warm", b"x" * MEBIBYTE)
    before = running.memory_bytes()
    size_bytes = 256 * MEBIBYTE
    most = 0

    def pieces() -> Iterator[bytes]:
        nonlocal most
        for _ in range(256):
            yield b"y" * MEBIBYTE
            most = max(most, running.memory_bytes())

    with running.connect() as connection:
        connection.sendall(
            b"PUT %s/large HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (FILES.encode(), size_bytes)
        )
        for piece in pieces():
            connection.sendall(piece)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    received = 0
    with running.connect() as connection:
        connection.sendall(b"GET %s/large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % FILES.encode())
        while piece := connection.recv(MEBIBYTE):
            received += len(piece)
            most = max(most, running.memory_bytes())
    assert received > size_bytes
    assert most - before < 48 * MEBIBYTE


def test_a_client_that_vanishes_midway_through_a_download_harms_nobody(start_server: Start) -> None:
    running = start_server()
    running.ask("PUT", f"{FILES}/large", b"z" * 32 * MEBIBYTE)
    for _ in range(8):
        with running.connect() as connection:
            connection.sendall(b"GET %s/large HTTP/1.1\r\nHost: localhost\r\n\r\n" % FILES.encode())
            assert connection.recv(1000)
    assert running.ask("GET", f"{FILES}/large").body == b"z" * 32 * MEBIBYTE
    assert running.stop() == ""


# -- a server that keeps no files


def test_a_server_that_serves_no_artifacts_says_so(start_server: Start) -> None:
    running = start_server("--no-serve-artifacts")
    service = "/api/2.0/mlflow-artifacts"
    for path in (f"{FILES}/a", FILES, f"{service}/mpu/create/a", f"{service}/presigned/a"):
        answer = running.ask("GET", path)
        assert (answer.status, answer.code) == (501, "NOT_IMPLEMENTED")
        assert "--no-serve-artifacts" in answer.message
    info = running.ask("GET", "/api/3.0/mlflow/server-info").json
    assert info["multipart_uploads_enabled"] is False
    run = running.ask("POST", f"{API}/runs/create", {"experiment_id": "0"}).json["run"]
    assert run["info"]["artifact_uri"].startswith("file:///")


def test_no_error_tells_where_the_server_keeps_its_files(server: RunningServer) -> None:
    for verb in ("GET", "DELETE"):
        answer = server.ask(verb, f"{FILES}/no/such/file")
        assert answer.code == "RESOURCE_DOES_NOT_EXIST"
        assert str(server.folder) not in answer.message
