"""What the processes do that test_sqlite_processes starts. Their words travel through pipes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

from runstone.entities import Metric, RunStatus
from runstone.errors import AlreadyExists
from runstone.series.points import MetricBatch
from runstone.stores.base import NewRun
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore

__all__ = [
    "POINTS",
    "add_run",
    "fold_until_told",
    "hold_and_write",
    "log_values",
    "open_store",
    "start_and_log",
    "write",
]

POINTS = 40
"""How many points a batch of `write` has."""


def open_store(path: Path) -> SqlStore:
    return SqlStore(SqliteDatabase(path), "file:///root")


def add_run(store: SqlStore, run_id: str) -> None:
    """Create the run, if no other process has done so."""
    new = NewRun(
        run_id=run_id, experiment_id="0", run_name="r", user_id="", status=RunStatus.RUNNING, start_time=1, tags={}
    )
    try:
        store.create_run(new)
    except AlreadyExists:
        return


def log_values(store: SqlStore, run_id: str, values: Sequence[int]) -> None:
    """Log points that are known by their value, out of order of steps so that chunks must be rewritten."""
    points = [Metric("loss", float(value), value, value % 1_000) for value in values]
    store.log_batch(run_id, metrics=MetricBatch.of_metrics(points))


def start_and_log(path: Path, number: int, barrier: Barrier, batches: int) -> None:
    """Open the file at the same moment as others, then log to a run of one's own and to one of all."""
    barrier.wait()
    store = open_store(path)
    add_run(store, f"own{number}")
    add_run(store, "shared")
    barrier.wait()
    for index in range(batches):
        log_values(store, f"own{number}", [index])
        log_values(store, "shared", [number * 1_000_000 + 2 * index, number * 1_000_000 + 2 * index + 1])
    store.close()


def write(path: Path, run_id: str, begin: int, fold_every: int, acknowledge: Connection) -> None:
    """Log batch after batch until killed, and tell the first value of each that is stored."""
    store = open_store(path)
    for first in itertools.count(begin, POINTS):
        log_values(store, run_id, range(first, first + POINTS))
        acknowledge.send(first)
        if fold_every and first // POINTS % fold_every == 0:
            store.fold(run_id)


def fold_until_told(path: Path, run_id: str, barrier: Barrier, stop: Connection) -> None:
    store = open_store(path)
    barrier.wait()
    while not stop.poll():
        store.fold(run_id)
    store.close()


def hold_and_write(path: Path, run_id: str, words: Connection) -> None:
    """Say so inside a write transaction, and go on once there is an answer."""
    store = open_store(path)
    with store.database.write():
        words.send(os.getpid())
        words.recv()
    log_values(store, run_id, [7])
    words.send("done")
    store.close()
