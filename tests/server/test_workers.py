"""Worker processes, the listener, the end of a server, and clients that die while it runs."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from runstone.server.serve import bind
from tests.server.conftest import Start
from tests.server.serving import API, FILES, RunningServer

CLIENT = Path(__file__).with_name("dying_client.py")


def test_four_workers_answer(start_server: Start) -> None:
    running = start_server("--workers", "4")
    assert {running.ask("GET", "/health").body for _ in range(40)} == {b"OK"}
    assert len(_workers(running)) == 4
    run_id = running.new_run()
    assert all(running.get(f"runs/get?run_id={run_id}").status == 200 for _ in range(40))
    deadline = time.monotonic() + 60
    while _count(running, 'runstone_requests_total{route="get_run",status="200"}') != 40:
        assert time.monotonic() < deadline  # what the other workers have counted comes a moment later


def _count(running: RunningServer, name: str) -> int:
    lines = running.ask("GET", "/metrics").body.decode().splitlines()
    return sum(int(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_prometheus_metrics_count_requests_times_and_points(start_server: Start) -> None:
    running = start_server()
    run_id = running.new_run()
    metrics = [{"key": "m", "value": 1, "timestamp": 1, "step": step} for step in range(7)]
    assert running.post("runs/log-batch", {"run_id": run_id, "metrics": metrics}).status == 200
    running.get("runs/get?run_id=unknown")
    assert _count(running, "runstone_points_total") == 7
    assert _count(running, 'runstone_requests_total{route="get_run",status="404"}') == 1
    assert _count(running, 'runstone_request_seconds_count{route="log_batch"}') == 1
    assert _count(running, 'runstone_request_seconds_bucket{route="log_batch",le="+Inf"}') == 1
    assert _count(running, "runstone_writes_waiting") == 0


def _workers(running: RunningServer) -> list[psutil.Process]:
    children = psutil.Process(running.process.pid).children()
    return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


def test_accepted_connections_send_small_answers_at_once() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_worker_that_dies_is_replaced(start_server: Start) -> None:
    running = start_server("--workers", "2")
    run_id = running.new_run()
    victim = _workers(running)[0]
    victim.kill()
    victim.wait(30)
    while len(_workers(running)) < 2:
        time.sleep(0.05)
    assert running.get(f"runs/get?run_id={run_id}").status == 200


def test_a_second_server_on_the_same_port_is_a_clear_error(start_server: Start) -> None:
    first = start_server()
    with pytest.raises(RuntimeError, match=rf"Cannot listen on 127.0.0.1:{first.port}: .*choose another with") as error:
        start_server(port=first.port)
    assert "Traceback" not in str(error.value)
    assert first.ask("GET", "/health").body == b"OK"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_was_acknowledged_before_the_end_is_there_after_it(start_server: Start, workers: str) -> None:
    running = start_server("--workers", workers)
    run_ids = [running.new_run() for _ in range(4)]
    acknowledged: dict[str, int] = dict.fromkeys(run_ids, 0)

    def log(run_id: str) -> None:
        step = 0
        while True:
            metrics = [{"key": "m", "value": 1.5, "timestamp": 1, "step": step + one} for one in range(100)]
            try:
                answer = running.post("runs/log-batch", {"run_id": run_id, "metrics": metrics})
            except (OSError, ValueError):
                return  # the server has gone
            if answer.status != 200:
                return
            step += 100
            acknowledged[run_id] = step

    threads = [threading.Thread(target=log, args=(run_id,)) for run_id in run_ids]
    for thread in threads:
        thread.start()
    while min(acknowledged.values()) < 500:
        time.sleep(0.01)
    log_text = running.stop()
    for thread in threads:
        thread.join()
    assert "Traceback" not in log_text
    again = start_server()
    for run_id, count in acknowledged.items():
        steps = [point["step"] for point in again.history(run_id, "m")]
        # One batch more may be there: recorded, with an answer that came too late.
        assert steps in (list(range(count)), list(range(count + 100)))


def test_requests_that_have_begun_are_finished_before_the_end(start_server: Start) -> None:
    running = start_server()
    run_id = running.new_run()
    body = json.dumps({"run_id": run_id, "metrics": [{"key": "m", "value": 1, "timestamp": 1}]}).encode()
    with running.connect() as connection, running.connect() as upload:
        head = f"POST {API}/runs/log-batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:20])
        head = f"PUT {FILES}/begun HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n"
        upload.sendall(head.encode() + b"abc")
        while not list((running.folder / "artifacts").glob(".runstone-part-*")):
            time.sleep(0.01)
        running.process.send_signal(signal.SIGTERM)
        _wait_until_closed(running)
        connection.sendall(body[20:])
        upload.sendall(b"def")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert upload.recv(100).startswith(b"HTTP/1.1 200 ")
    assert running.stop() == ""
    again = start_server()
    assert len(again.history(run_id, "m")) == 1
    assert again.ask("GET", f"{FILES}/begun").body == b"abcdef"


def _wait_until_closed(running: RunningServer) -> None:
    """Until nobody listens any more."""
    while True:
        try:
            running.connect().close()
        except ConnectionError:
            return
        time.sleep(0.01)


def test_a_store_that_cannot_be_opened_is_told_before_anything_listens(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("no folder")
    environment = {**os.environ, "RUNSTONE_TRACKING_URI": ""}
    command = [sys.executable, "-m", "runstone", "-u", str(tmp_path / "store"), "server", "-p", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode != 0
    assert "Serving" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_clients_that_die_and_come_back_lose_no_acknowledged_point(start_server: Start, tmp_path: Path) -> None:
    running = start_server("--workers", "2")
    chance = random.Random(7)
    run_ids = [running.new_run() for _ in range(4)]
    clients: dict[str, subprocess.Popen[bytes]] = {}
    end = time.monotonic() + 12
    kills = 0
    while time.monotonic() < end:
        for run_id in run_ids:
            if run_id not in clients:
                command = [sys.executable, str(CLIENT), str(running.port), run_id, str(tmp_path / run_id)]
                clients[run_id] = subprocess.Popen(command)
        time.sleep(chance.uniform(0.1, 0.5))
        victim = clients.pop(chance.choice(list(clients)))
        victim.kill()
        victim.wait()
        kills += 1
    for client in clients.values():
        client.kill()
        client.wait()
    assert kills > 10
    total = 0
    for run_id in run_ids:
        acknowledged = int((tmp_path / run_id).read_text().split()[-1])
        points = [(point["step"], point["value"]) for point in running.history(run_id, "m")]
        # All of them, each once; and no more than the one append whose answer its client did not live to see.
        assert points == [(step, float(step)) for step in range(1, len(points) + 1)]
        assert acknowledged <= len(points) <= acknowledged + 50
        total += acknowledged
    assert total > 1_000
    assert running.stop() == ""
