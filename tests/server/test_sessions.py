"""Logins of browsers at a server in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.serving import API, RunningServer
from tests.server.test_auth import PASSWORD, administer

AUTH = "/api/runstone/v1/auth"
CREATE = f"{API}/experiments/create"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("sessions")
    running = RunningServer(folder, "--auth", "-w", "2", settings={"RUNSTONE_ADMIN_PASSWORD": PASSWORD})
    administer(folder, "users", "add", "eve", "--password-stdin")
    administer(folder, "groups", "add", "vision", "eve")
    yield running
    running.close()


def log_in(server: RunningServer, headers: dict[str, str] | None = None) -> tuple[str, dict[str, str]]:
    """The text of the cookie, and the headers that a page of ours sends from then on."""
    answer = server.ask("POST", f"{AUTH}/login", {"name": "eve", "password": PASSWORD}, headers)
    assert answer.status == 200, answer.body
    cookie = answer.headers["Set-Cookie"]
    return cookie, {"Cookie": cookie.partition(";")[0], "X-Runstone-CSRF": answer.json["csrf_token"]}


def test_a_session_is_who_logged_in_through_every_worker_until_the_logout(server: RunningServer) -> None:
    cookie, session = log_in(server)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert "Secure" in log_in(server, {"X-Forwarded-Proto": "https"})[0]
    for _ in range(6):
        me = server.ask("GET", f"{AUTH}/me", headers=session).json
        told = {"auth": True, "user": "eve", "role": "editor", "groups": ["everyone", "vision"]}
        assert me == {**told, "csrf_token": session["X-Runstone-CSRF"]}
    assert server.ask("POST", CREATE, {"name": "by session"}, session).status == 200
    assert server.ask("POST", f"{AUTH}/logout", headers=session).status == 204
    deadline = time.monotonic() + 30  # the other worker knows the session for some seconds more
    while any(server.ask("GET", f"{AUTH}/me", headers=session).status != 401 for _ in range(6)):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_session_changes_nothing_without_the_csrf_token(server: RunningServer) -> None:
    _, session = log_in(server)
    for token in ("", "wrong"):
        refused = server.ask("POST", CREATE, {"name": "forged"}, {**session, "X-Runstone-CSRF": token})
        assert (refused.status, refused.json["error_code"]) == (403, "PERMISSION_DENIED")
    without = server.ask("GET", f"{AUTH}/me", headers={"Cookie": session["Cookie"]})
    assert without.status == 200


def test_wrong_logins_are_refused_and_begin_no_session(server: RunningServer) -> None:
    answer = server.ask("POST", f"{AUTH}/login", {"name": "eve", "password": "wrong"}, {"X-Requested-With": "runstone"})
    assert (answer.status, answer.headers.get("Set-Cookie")) == (401, None)
    assert server.ask("POST", f"{AUTH}/login", {"name": "eve"}).status == 400
    assert server.ask("GET", f"{AUTH}/me").status == 401


def test_a_server_without_users_says_so(tmp_path: Path) -> None:
    running = RunningServer(tmp_path)
    assert running.ask("GET", f"{AUTH}/me").json["auth"] is False
    assert running.ask("POST", f"{AUTH}/login", {"name": "a", "password": "b"}).status == 400
    running.close()
