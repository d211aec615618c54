"""Several processes on one SQLite file: started at once, forked, killed, stopped, folding."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.stores.processes import (
    POINTS,
    add_run,
    fold_until_told,
    hold_and_write,
    log_values,
    open_store,
    start_and_log,
    write,
)

TIMEOUT_S = 120
Start = Callable[..., BaseProcess]


@pytest.fixture(scope="module")
def context() -> Any:
    """Processes that share nothing with this one, and start in milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.stores.processes", "sqlalchemy", "alembic.command"])
    return context


@pytest.fixture
def start(context: Any) -> Iterator[Start]:
    """Start a process; all are gone at the end of the test."""
    started: list[BaseProcess] = []

    def start_process(target: Callable[..., None], *arguments: object) -> BaseProcess:
        process: BaseProcess = context.Process(target=target, args=arguments, daemon=True)
        process.start()
        started.append(process)
        return process

    yield start_process
    for process in started:
        if process.is_alive():
            process.kill()
        process.join(TIMEOUT_S)


def finish(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.join(TIMEOUT_S)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def values(path: Path, run_id: str) -> list[int]:
    """The values of the series, in order; its count agrees with them, and the file is sound."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(open_store(path)) as store:
        found = sorted(int(value) for _, _, value in store.read_series(run_id, "loss").rows())
        assert store.list_series(run_id)["loss"].count == len(found)
    return found


@pytest.mark.parametrize("round_", range(3))
def test_eight_processes_that_start_on_a_new_file_at_once_all_log_and_lose_nothing(
    tmp_path: Path, context: Any, start: Start, round_: int
) -> None:
    path = tmp_path / "runs.db"
    barrier = context.Barrier(8)
    batches = 25
    finish([start(start_and_log, path, number, barrier, batches) for number in range(8)])
    for number in range(8):
        assert values(path, f"own{number}") == list(range(batches))
    assert values(path, "shared") == [number * 1_000_000 + value for number in range(8) for value in range(2 * batches)]


def test_a_process_that_is_killed_while_it_makes_the_file_leaves_one_that_others_complete(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path)) as connection:
        # What is on disk between the first statement and the commit of the tables.
        connection.execute("PRAGMA journal_mode=WAL")
    assert path.stat().st_size > 0
    with closing(open_store(path)) as store:
        assert store.get_experiment("0").name == "Default"


@pytest.mark.parametrize("fold_every", [0, 2], ids=["while writing", "while writing and folding"])
def test_killing_a_writer_loses_no_acknowledged_point(
    tmp_path: Path, context: Any, start: Start, fold_every: int
) -> None:
    path = tmp_path / "runs.db"
    with closing(open_store(path)) as store:
        add_run(store, "run")
    acknowledged: list[int] = []
    moments = random.Random(fold_every)
    for kill in range(12):
        mine, theirs = context.Pipe(duplex=False)
        process = start(write, path, "run", kill * 1_000_000, fold_every, theirs)
        theirs.close()
        acknowledged.append(mine.recv())
        threading.Event().wait(moments.uniform(0, 0.06))
        process.kill()
        process.join(TIMEOUT_S)
        acknowledged += _rest(mine)
        found = values(path, "run")
        assert len(found) == len(set(found))
        batches = {value // POINTS * POINTS for value in found}
        assert len(found) == POINTS * len(batches), "a batch is stored in part"
        assert set(acknowledged) <= batches
        assert len(batches) - len(acknowledged) <= kill + 1, "only the batch of a kill may be stored unacknowledged"


def _rest(connection: Any) -> list[int]:
    """What was sent before the other end died; a last word may be cut."""
    words = []
    try:
        while True:
            words.append(connection.recv())
    except (EOFError, OSError):
        return words


def test_two_processes_that_fold_at_once_while_a_third_writes_lose_and_repeat_nothing(
    tmp_path: Path, context: Any, start: Start
) -> None:
    path = tmp_path / "runs.db"
    barrier = context.Barrier(3)
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    with closing(open_store(path)) as store:
        add_run(store, "run")
        folders = [start(fold_until_told, path, "run", barrier, theirs) for theirs, _ in pipes]
        barrier.wait(TIMEOUT_S)
        for first in range(0, 6_000, 30):
            log_values(store, "run", range(first, first + 30))
        for _, mine in pipes:
            mine.send("stop")
        finish(folders)
    assert values(path, "run") == list(range(6_000))


def test_a_stopped_writer_delays_writers_and_no_reader(tmp_path: Path, context: Any, start: Start) -> None:
    path = tmp_path / "runs.db"
    with closing(open_store(path)) as store, ThreadPoolExecutor(1) as pool:
        add_run(store, "run")
        mine, theirs = context.Pipe()
        process = start(hold_and_write, path, "run", theirs)
        pid = mine.recv()
        os.kill(pid, signal.SIGSTOP)
        waiting = pool.submit(log_values, store, "run", [8])
        assert list(store.read_series("run", "loss").rows()) == []
        assert store.get_run("run").info.run_id == "run"
        assert not waiting.done()
        os.kill(pid, signal.SIGCONT)
        mine.send("go on")
        waiting.result(TIMEOUT_S)
        assert mine.recv() == "done"
        finish([process])
    assert values(path, "run") == [7, 8]


def test_a_killed_writer_leaves_no_lock(tmp_path: Path, context: Any, start: Start) -> None:
    path = tmp_path / "runs.db"
    with closing(open_store(path)) as store:
        add_run(store, "run")
        mine, theirs = context.Pipe()
        process = start(hold_and_write, path, "run", theirs)
        mine.recv()
        process.kill()
        process.join(TIMEOUT_S)
        log_values(store, "run", [9])
    assert values(path, "run") == [9]


FORKING = """
import os, sys, threading
from pathlib import Path
from tests.stores.processes import add_run, log_values, open_store

store = open_store(Path(sys.argv[1]))
add_run(store, "run")
logged, stop = [], threading.Event()

def log_until_told():
    while not stop.is_set():
        log_values(store, "run", [len(logged)])
        logged.append(1)
        store.read_series("run", "loss")

thread = threading.Thread(target=log_until_told)
thread.start()
children = []
for number in range(1, 7):
    child = os.fork()
    if child == 0:
        for index in range(20):
            log_values(store, "run", [number * 1_000_000 + index])
        if number % 2:
            store.close()
        os._exit(0)
    children.append(child)
    log_values(store, "run", [-number])
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
stop.set()
thread.join()
store.close()
print(len(logged))
"""


def test_a_process_forks_while_a_thread_writes_and_both_go_on(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING, str(path)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    of_children = [number * 1_000_000 + index for number in range(1, 7) for index in range(20)]
    assert values(path, "run") == [-6, -5, -4, -3, -2, -1, *range(int(done.stdout)), *of_children]
