"""Who may talk to the server: hosts, origins, read-only mode."""

from __future__ import annotations

import pytest

from tests.server.conftest import Start
from tests.server.serving import API, FILES, RunningServer

SEARCH = f"{API}/experiments/get?experiment_id=0"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:5000",
        "LOCALHOST",
        "127.0.0.1",
        "127.0.0.1:80",
        "192.168.7.7:5000",
        "[::1]:5000",
        "[::1]",
    ],
)
def test_loopback_and_ip_addresses_are_allowed(server: RunningServer, host: str) -> None:
    assert server.ask("GET", SEARCH, headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "a@b",
        "[evil]",
        "localhost:1:2",
    ],
)
def test_a_name_that_the_server_does_not_go_by_is_refused(server: RunningServer, host: str) -> None:
    for verb, path in (("GET", SEARCH), ("POST", f"{API}/runs/search"), ("GET", "/health"), ("PUT", f"{FILES}/x")):
        answer = server.ask(verb, path, None if verb == "GET" else b"{}", headers={"Host": host})
        assert (answer.status, answer.code) == (403, "PERMISSION_DENIED")
        assert "--allowed-hosts" in answer.message


def test_a_server_goes_by_the_names_it_was_given(start_server: Start) -> None:
    running = start_server("--allowed-hosts", "*.example.org", "--allowed-hosts", "tracker:5000")
    hosts = {"a.example.org": 200, "A.Example.org:99": 200, "tracker:5000": 200, "tracker:1": 403, "example.com": 403}
    assert {host: running.ask("GET", SEARCH, headers={"Host": host}).status for host in hosts} == hosts


@pytest.mark.parametrize("origin", ["http://evil.example", "https://localhost:3000", "null", "http://127.0.0.1"])
def test_a_page_of_another_origin_may_not_write(server: RunningServer, origin: str) -> None:
    for verb, path in (("POST", f"{API}/runs/create"), ("PUT", f"{FILES}/x"), ("DELETE", f"{FILES}/x")):
        answer = server.ask(verb, path, b"{}", {"Origin": origin})
        assert (answer.status, answer.code) == (403, "PERMISSION_DENIED")
    answer = server.ask("GET", SEARCH, headers={"Origin": origin})
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] is None  # so that the browser keeps the answer from the page


def test_the_servers_own_pages_may_write(server: RunningServer) -> None:
    headers = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert server.ask("POST", f"{API}/runs/create", {"experiment_id": "0"}, headers).status == 200


def test_an_origin_that_was_named_may_use_the_server(start_server: Start) -> None:
    running = start_server("--cors-origins", "https://*.example.org")
    headers = {"Origin": "https://ui.example.org"}
    asked = running.ask("OPTIONS", f"{API}/runs/create", headers={**headers, "Access-Control-Request-Method": "POST"})
    made = running.ask("POST", f"{API}/runs/create", {"experiment_id": "0"}, headers)
    for answer, status in ((asked, 204), (made, 200)):
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == "https://ui.example.org"
        assert answer.headers["Vary"] == "Origin"
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    assert running.ask("POST", f"{API}/runs/create", {}, {"Origin": "https://example.com"}).status == 403


def test_a_read_only_server_answers_and_changes_nothing(start_server: Start) -> None:
    first = start_server()
    run_id = first.new_run()
    first.ask("PUT", f"{FILES}/file", b"1")
    first.stop()
    running = start_server("--read-only")
    service = "/api/2.0/mlflow-artifacts/mpu"
    for verb, path in (
        ("POST", f"{API}/runs/create"),
        ("POST", f"{API}/runs/log-batch"),
        ("POST", f"{API}/runs/log-metric"),
        ("POST", f"{API}/experiments/create"),
        ("POST", f"{API}/registered-models/create"),
        ("POST", f"{API}/logged-models"),
        ("DELETE", f"{API}/registered-models/delete"),
        ("POST", "/api/runstone/v1/append"),
        ("PUT", f"{FILES}/file"),
        ("DELETE", f"{FILES}/file"),
        ("POST", f"{service}/create/a"),
        ("PUT", f"{service}/parts/{'0' * 32}/1"),
    ):
        answer = running.ask(verb, path, b"{}")
        assert (answer.status, answer.code) == (403, "PERMISSION_DENIED"), path
    assert running.get(f"runs/get?run_id={run_id}").status == 200
    assert running.post("runs/search", {"experiment_ids": ["0"]}).status == 200
    assert running.ask("GET", f"{FILES}/file").body == b"1"


def test_every_route_says_what_it_reads_or_writes() -> None:
    from runstone.wire.routes import NATIVE_ROUTES, ROUTES

    reading = {route.name for route in (*ROUTES, *NATIVE_ROUTES) if not route.access.startswith(("write", "create"))}
    writing_words = ("create", "delete", "log", "set", "update", "rename", "restore", "append", "finalize")
    assert not [name for name in reading if name.startswith(writing_words)]
