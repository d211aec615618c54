"""A server with --auth, in a process of its own, asked by plain HTTP."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runstone.server.auth.failures import Failures
from tests.server.serving import API, RunningServer

PASSWORD = "correct horse battery"
SEARCH = f"{API}/experiments/get?experiment_id=0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("auth")


@pytest.fixture(scope="module")
def guarded(folder: Path) -> Iterator[RunningServer]:
    server = RunningServer(folder, "--auth", settings={"RUNSTONE_ADMIN_PASSWORD": PASSWORD})
    yield server
    server.close()


def ask(server: RunningServer, path: str, authorization: str = "") -> tuple[int, str, str]:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body, answer.getheader("WWW-Authenticate", "")


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def test_nobody_is_told_what_to_do(guarded: RunningServer) -> None:
    status, body, challenge = ask(guarded, SEARCH)
    assert (status, challenge.split()[0]) == (401, "Basic")
    assert "MLFLOW_TRACKING_TOKEN" in body
    quiet = guarded.ask("GET", SEARCH, headers={"X-Requested-With": "runstone"})
    assert (quiet.status, quiet.headers.get("WWW-Authenticate")) == (401, None)
    assert [ask(guarded, path)[0] for path in ("/health", "/version", "/metrics", "/")] == [200, 200, 401, 401]


def test_no_browser_guesses_types_or_keeps_answers(guarded: RunningServer) -> None:
    for path in (SEARCH, "/health", "/nothing"):
        answer = guarded.ask("GET", path, headers={"Authorization": basic("admin", PASSWORD)})
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_password_and_a_token_are_let_in_and_a_wrong_one_is_not(guarded: RunningServer, folder: Path) -> None:
    assert ask(guarded, SEARCH, basic("admin", PASSWORD))[0] == 200
    assert ask(guarded, "/metrics", basic("admin", PASSWORD))[0] == 200
    for user in ("admin", "nobody"):
        assert ask(guarded, SEARCH, basic(user, "wrong password"))[0] == 401
    command = [sys.executable, "-m", "runstone", "-u", str(folder), "tokens", "create", "admin", "--scope", "read"]
    token = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    for authorization in (f"Bearer {token}", basic("admin", token)):
        assert ask(guarded, SEARCH, authorization)[0] == 200
    assert ask(guarded, "/metrics", f"Bearer {token}")[0] == 403
    assert ask(guarded, SEARCH, "Bearer rst_unknown")[0] == 401
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept


def administer(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "runstone", "-u", str(folder), *arguments]
    done = subprocess.run(command, input=f"{PASSWORD}\n", capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_was_granted_by_command_counts_within_seconds_and_is_on_record(
    guarded: RunningServer, folder: Path
) -> None:
    administer(folder, "users", "add", "bob", "--password-stdin")
    administer(folder, "groups", "add", "vision", "bob")
    bob = basic("bob", PASSWORD)
    hidden = ask(guarded, SEARCH, bob)
    assert hidden[0] == 404
    assert hidden[1] == ask(guarded, SEARCH.replace("=0", "=77"), bob)[1].replace("77", "0")

    administer(folder, "grants", "set", "read", "-e", "0", "--group", "vision")
    await_status(guarded, bob, 200)
    administer(folder, "grants", "remove", "-e", "0", "--group", "vision")
    await_status(guarded, bob, 404)

    events = json.loads(administer(folder, "audit", "--json"))
    assert [one["action"] for one in events if one["action"] != "login"][:4] == [
        "set grant",
        "set grant",
        "add to group",
        "add user",
    ]
    assert "bob" in {one["user"] for one in events if one["action"] == "login"}


def test_the_doctor_tells_what_a_server_leaves_open(guarded: RunningServer, folder: Path, tmp_path: Path) -> None:
    def look(url: str) -> dict[str, str]:
        command = [sys.executable, "-m", "runstone", "-u", url, "doctor", "--security", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return {one["name"]: one["status"] for one in json.loads(done.stdout)["findings"]}

    assert look(guarded.url) == {"way": "ok", "login": "ok", "host names": "ok", "origins": "ok"}
    careless = RunningServer(tmp_path, "--allowed-hosts", "*", "--cors-origins", "*")
    assert look(careless.url) == {"way": "ok", "login": "warning", "host names": "warning", "origins": "error"}
    careless.close()
    assert look("http://stranger.invalid:1") == {"way": "error", "server": "error"}


def test_what_is_made_through_one_worker_can_be_used_through_another_at_once(tmp_path: Path) -> None:
    server = RunningServer(tmp_path, "--auth", "-w", "2", settings={"RUNSTONE_ADMIN_PASSWORD": PASSWORD})
    administer(tmp_path, "users", "add", "eve", "--password-stdin")
    eve = {"Authorization": basic("eve", PASSWORD)}
    for number in range(8):
        made = server.ask("POST", f"{API}/experiments/create", {"name": f"made {number}"}, eve).json["experiment_id"]
        # Each on a connection of its own, which either worker may take.
        for _ in range(4):
            assert server.ask("GET", f"{API}/experiments/get?experiment_id={made}", headers=eve).status == 200
            body = {"experiment_ids": [made]}
            assert server.ask("POST", f"{API}/runs/search", body, eve).status == 200
            assert server.ask("POST", f"{API}/runs/create", {"experiment_id": made}, eve).status == 200
    server.close()


def test_everyone_gets_what_the_setting_says_on_what_is_made(tmp_path: Path) -> None:
    settings = {"RUNSTONE_ADMIN_PASSWORD": PASSWORD, "RUNSTONE_EVERYONES_LEVEL": "read"}
    server = RunningServer(tmp_path, "--auth", settings=settings)
    administer(tmp_path, "users", "add", "eve", "--password-stdin")
    admin, eve = ({"Authorization": basic(user, PASSWORD)} for user in ("admin", "eve"))
    made = server.ask("POST", f"{API}/experiments/create", {"name": "open"}, admin).json["experiment_id"]
    assert server.ask("GET", f"{API}/experiments/get?experiment_id={made}", headers=eve).status == 200
    assert server.ask("POST", f"{API}/runs/create", {"experiment_id": made}, eve).status == 403
    server.close()


def await_status(server: RunningServer, authorization: str, expected: int) -> None:
    """Within 5 seconds, as is promised."""
    until = time.monotonic() + 5
    while ask(server, SEARCH, authorization)[0] != expected:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_wrong_logins_wait_longer_and_longer_at_their_address_alone() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    for _ in range(5):
        assert failures.wait_s("ann", "a") == 0
        failures.count("ann", "a")
    first = failures.wait_s("ann", "a")
    assert first > 0
    assert failures.wait_s("ann", "b") == failures.wait_s("bob", "a") == 0
    now[0] += first
    assert failures.wait_s("ann", "a") == 0
    failures.count("ann", "a")
    assert failures.wait_s("ann", "a") > first
