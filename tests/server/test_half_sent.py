"""Clients that send half, slowly or in an old way, and those that go away."""

from __future__ import annotations

import json
import socket
import time

import pytest

from tests.server.conftest import Start
from tests.server.serving import API, RunningServer, read_answer

MEBIBYTE = 1 << 20


def log_batch(run_id: str, *, key: str = "m", version: str = "1.1") -> bytes:
    """The bytes of a whole request that logs one point."""
    body = json.dumps({"run_id": run_id, "metrics": [{"key": key, "value": 1, "timestamp": 1}]}).encode()
    head = f"POST {API}/runs/log-batch HTTP/{version}\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_half_a_request_records_nothing_and_is_no_failure(start_server: Start) -> None:
    running = start_server()
    run_id = running.new_run()
    request = log_batch(run_id)
    for kept in (0.1, 0.5, 0.9, 0.99):
        for how in (socket.SHUT_WR, socket.SHUT_RDWR):
            with running.connect() as connection:
                connection.sendall(request[: int(len(request) * kept)])
                time.sleep(0.05)  # so that the server has begun with it
                connection.shutdown(how)
    assert running.history(run_id, "m") == []
    assert running.stop() == ""


def test_a_request_in_many_small_pieces_is_one_request(server: RunningServer, run_id: str) -> None:
    request = log_batch(run_id)
    with server.connect() as connection:
        for place in range(0, len(request), 7):
            connection.sendall(request[place : place + 7])
            time.sleep(0.001)
        assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
    assert len(server.history(run_id, "m")) == 1


def test_a_slow_client_holds_up_nobody_else(server: RunningServer, run_id: str) -> None:
    request = log_batch(run_id)
    slow = [server.connect() for _ in range(100)]
    for connection in slow:
        connection.sendall(request[:-3])
    assert server.history(run_id, "m") == []
    for connection in slow:
        connection.sendall(request[-3:])
    assert {read_answer(connection)[:12] for connection in slow} == {b"HTTP/1.1 200"}
    for connection in slow:
        connection.close()
    assert len(server.history(run_id, "m")) == 1


def test_a_client_that_does_not_wait_for_the_answer_has_logged_all_the_same(server: RunningServer, run_id: str) -> None:
    for number in range(20):
        with server.connect() as connection:
            connection.sendall(log_batch(run_id, key=f"m{number}"))
    while sum(len(server.history(run_id, f"m{number}")) for number in range(20)) < 20:
        time.sleep(0.01)


def test_requests_one_after_the_other_on_one_connection(server: RunningServer, run_id: str) -> None:
    with server.connect() as connection:
        connection.sendall(b"".join(log_batch(run_id, key=f"m{number}") for number in range(5)))
        for _ in range(5):
            assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
    assert [len(server.history(run_id, f"m{number}")) for number in range(5)] == [1] * 5


def test_http_1_0_without_a_host_is_answered_and_closed(server: RunningServer, run_id: str) -> None:
    with server.connect() as connection:
        connection.sendall(log_batch(run_id, version="1.0").replace(b"Host: localhost\r\n", b""))
        answer = b""
        while piece := connection.recv(1000):
            answer += piece
    assert b" 200 OK\r\n" in answer
    assert len(server.history(run_id, "m")) == 1


@pytest.mark.parametrize(
    "text", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 100]
)
def test_what_is_no_http_is_refused_and_harms_nobody(server: RunningServer, text: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(1000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert server.ask("GET", "/health").body == b"OK"


def test_a_client_may_wait_for_the_servers_consent(server: RunningServer, run_id: str) -> None:
    head, _, body = log_batch(run_id).partition(b"\r\n\r\n")
    with server.connect() as connection:
        connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert read_answer(connection).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert read_answer(connection).startswith(b"HTTP/1.1 200 ")


def test_a_huge_body_is_refused_before_it_is_sent(server: RunningServer) -> None:
    with server.connect() as connection:
        head = f"POST {API}/runs/log-batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n"
        connection.sendall(head.encode())
        answer = read_answer(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_huge_body_of_unknown_length_is_refused_and_not_held(start_server: Start) -> None:
    running = start_server()
    running.ask("GET", "/health")
    before = running.memory_bytes()
    most = 0
    chunk = b"100000\r\n" + b" " * MEBIBYTE + b"\r\n"
    with running.connect() as connection:
        head = f"POST {API}/runs/log-batch HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(300):
            connection.sendall(chunk)
            most = max(most, running.memory_bytes())
        connection.sendall(b"0\r\n\r\n")
        assert read_answer(connection).startswith(b"HTTP/1.1 413 ")
    assert most - before < 100 * MEBIBYTE
    assert running.ask("GET", "/health").body == b"OK"
    assert running.stop() == ""


def test_a_compressed_body_is_an_error_and_no_failure(server: RunningServer) -> None:
    answer = server.ask("POST", f"{API}/runs/search", b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"})
    assert (answer.status, answer.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("size", [9_000, 200_000])
def test_long_urls_and_headers_are_no_failure(server: RunningServer, size: int) -> None:
    answer = server.ask("GET", f"{API}/runs/get?run_id={'0' * size}", headers={"X-Long": "x" * size})
    assert answer.status in (400, 404, 414, 431)
