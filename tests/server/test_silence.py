"""Runs that fall silent are failed by the server, and go on when they are heard again."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from runstone import tag_names
from tests.server.conftest import Start
from tests.server.serving import NATIVE, RunningServer

NEVER = {"RUNSTONE_SILENT_AFTER": "0"}
SOON = {"RUNSTONE_SILENT_AFTER": "0.01"}


def say(server: RunningServer, run_id: str, **more: Any) -> None:
    """A word of a writer that has nothing to record."""
    body = msgspec.msgpack.encode({"writes": [{"run_id": run_id, "writer": "w", **more}]})
    answer = server.ask("POST", f"{NATIVE}/append", body)
    assert msgspec.msgpack.decode(answer.body) == {"errors": [None]}


def read(server: RunningServer, run_id: str) -> dict[str, Any]:
    return dict(server.get(f"runs/get?run_id={run_id}").json["run"])


def wait_for_failure(server: RunningServer, run_id: str) -> dict[str, Any]:
    """The run, once it has failed."""
    deadline = time.monotonic() + 60
    while (run := read(server, run_id))["info"]["status"] != "FAILED":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return run


def test_a_run_fails_when_its_writer_is_silent_and_goes_on_when_it_is_heard(start_server: Start) -> None:
    first = start_server(settings=NEVER)
    silent, ended, plain = (first.new_run() for _ in range(3))
    say(first, silent)
    say(first, ended)
    say(first, ended, ends=True)
    assert first.stop() == ""
    running = start_server(settings=SOON)
    run = wait_for_failure(running, silent)
    reasons = [tag["value"] for tag in run["data"]["tags"] if tag["key"] == tag_names.END_REASON]
    assert [reason.partition(":")[0] for reason in reasons] == ["silent"]
    assert run["info"]["end_time"] >= run["info"]["start_time"]
    say(running, silent)
    assert read(running, silent)["info"]["status"] == "RUNNING"
    for run_id in (ended, plain):
        assert read(running, run_id)["info"]["status"] == "RUNNING"
    assert "Traceback" not in running.stop()


def test_nothing_is_failed_where_that_is_switched_off(start_server: Start) -> None:
    running = start_server(settings=NEVER)
    run_id = running.new_run()
    say(running, run_id)
    running.stop()
    again = start_server(settings=NEVER)
    assert {read(again, run_id)["info"]["status"] for _ in range(50)} == {"RUNNING"}


def test_a_setting_that_cannot_be_read_is_said_before_the_server_starts(start_server: Start) -> None:
    for workers in ("1", "2"):
        running = start_server("--workers", workers, settings={"RUNSTONE_SILENT_AFTER": "soon"})
        assert running.process.wait(60) == 1
        _, error = running.log.read_text().splitlines()
        assert "RUNSTONE_SILENT_AFTER='soon' cannot be read" in error
