"""What a program is told that a server with --auth does not let in, from the start or midway."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.serving import RunningServer
from tests.server.test_auth import PASSWORD, administer

REFUSED = """
import runstone
from runstone.errors import AccessDenied

runstone.set_tracking_uri(URI)
for act in (lambda: runstone.set_experiment("x"), runstone.start_run, lambda: runstone.log_param("a", 1)):
    try:
        act()
    except AccessDenied as error:
        print(type(error).__name__)
"""
MIDWAY = """
import time

import runstone
from runstone.errors import AccessDenied

runstone.set_tracking_uri(URI)
runstone.set_experiment("midway")
run = runstone.start_run()
runstone.log_metric("m", 0.0, step=0)
print(run.info.run_id, flush=True)
input()
deadline = time.monotonic() + 30
for number in range(1_000):  # until the server knows that the rights have changed
    runstone.log_metric("m", float(number), step=number + 1)
    try:
        runstone.log_param(f"p{number}", number)
    except AccessDenied as error:
        print("denied", flush=True)
        break
    assert time.monotonic() < deadline
    time.sleep(0.2)
last = number + 1
runstone.log_metric("m", 7.0, step=last + 1)
input()
while True:
    try:
        runstone.log_param("back", 1)
        break
    except AccessDenied:
        assert time.monotonic() < deadline + 30
        time.sleep(0.2)
runstone.end_run()
history = runstone.Client().get_metric_history(run.info.run_id, "m")
print(sorted(point.step for point in history) == list(range(last + 2)))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("denied")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    running = RunningServer(folder, "--auth", settings={"RUNSTONE_ADMIN_PASSWORD": PASSWORD})
    administer(folder, "users", "add", "eve", "--password-stdin")
    yield running
    running.close()


def start(program: str, server: RunningServer, home: Path, token: str) -> subprocess.Popen[str]:
    settings = {"MLFLOW_TRACKING_TOKEN": token, "HOME": str(home), "XDG_STATE_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-c", program.replace("URI", repr(server.url))],
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_who_is_not_let_in_hears_of_it_at_once(server: RunningServer, tmp_path: Path) -> None:
    said, _ = start(REFUSED, server, tmp_path, "rst_wrong").communicate(timeout=60)
    assert said.split() == ["NotAuthenticated"] * 3


def test_points_wait_for_rights_that_come_back(server: RunningServer, folder: Path, tmp_path: Path) -> None:
    program = start(MIDWAY, server, tmp_path, administer(folder, "tokens", "create", "eve"))
    assert program.stdin is not None
    assert program.stdout is not None
    run_id = program.stdout.readline().strip()
    administer(folder, "users", "set-role", "eve", "viewer")
    program.stdin.write("\n")
    program.stdin.flush()
    assert program.stdout.readline() == "denied\n"
    administer(folder, "users", "set-role", "eve", "editor")
    said, told = program.communicate("\n", timeout=60)
    assert said == "True\n", told
    assert told.count(f"run {run_id} cannot be delivered, all of it is kept") == 1
    assert told.count(f"run {run_id} is let in again") == 1
