"""What the programs do that tests start by `Zygote`. The first argument says where they note what they have logged."""

from __future__ import annotations

import itertools
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

import runstone as mlflow
from runstone import Client
from runstone.connect import connect, open_database, upgrade_database
from runstone.entities import Metric
from runstone.journal import writer
from runstone.stores.sql.store import SqlStore
from tests.faults.ledger import KEYS, ROW, Ledger, step_of

__all__ = [
    "deliver",
    "log_and_vanish",
    "log_into_a_small_journal",
    "log_numbers",
    "log_past_a_full_journal",
    "make_database",
    "serve",
    "sync",
    "upgrade",
    "warm_up",
]


def warm_up() -> None:
    """Load what a program loads on first use."""
    import alembic.command
    import pcodec
    import sqlalchemy
    import urllib3
    import uvicorn
    import uvloop

    import runstone.cli
    import runstone.fluent
    import runstone.remote.tracking
    import runstone.remote.transport
    import runstone.server.serve
    import runstone.serving

    assert alembic and pcodec and sqlalchemy and urllib3 and uvicorn and uvloop
    assert runstone.cli and runstone.fluent and runstone.remote and runstone.serving


# -- writers


def log_numbers(
    ledger: str,
    *,
    threads: int = 1,
    resume: str | None = None,
    rows: int | None = None,
    params_every: int = 0,
    pause_every: int = 40,
    pause_s: float = 0.001,
    store_delay_s: float = 0.0,
) -> None:
    """Log until told to stop, or until each thread has logged so many rows; then end the run well."""
    if store_delay_s:
        _slow_down(store_delay_s)
    notes = Ledger(ledger)
    with mlflow.start_run(run_id=resume) as run:
        notes.run_id = run.info.run_id

        def work(lane: int) -> None:
            for row in itertools.count() if rows is None else range(rows):
                if notes.is_stopping:
                    return
                if params_every and row % params_every == 0:
                    _log_param(notes, lane, row // params_every)
                _log_row(notes, lane, row, run.info.run_id)
                if pause_every and row % pause_every == 0:
                    time.sleep(pause_s)

        workers = [threading.Thread(target=work, args=(lane,)) for lane in range(1, threads)]
        for worker in workers:
            worker.start()
        work(0)
        for worker in workers:
            worker.join()


def _log_row(notes: Ledger, lane: int, row: int, run_id: str) -> None:
    """ROW numbers: in one call of one kind or another, or one by one."""
    begin = row * ROW
    first = notes.first(lane) + begin
    step = step_of(first)
    if row % 3 == 1:
        for at in range(ROW):
            notes.begin(lane, begin + at + 1)
            mlflow.log_metric(KEYS[at], first + at, step)
            notes.acknowledge(lane, begin + at + 1)
        return
    notes.begin(lane, begin + ROW)
    values = {key: float(first + at) for at, key in enumerate(KEYS)}
    if row % 6 != 2:
        mlflow.log_metrics(values, step)
    else:
        now = time.time_ns() // 1_000_000
        Client().log_batch(run_id, metrics=[Metric(key, value, now, step) for key, value in values.items()])
    notes.acknowledge(lane, begin + ROW)


def _log_param(notes: Ledger, lane: int, number: int) -> None:
    notes.begin_param(lane, number + 1)
    mlflow.log_param(f"p{notes.first(lane) + number}", number)
    mlflow.set_tag(f"t{notes.first(lane)}", number)
    notes.acknowledge_param(lane, number + 1)


def _slow_down(longest_s: float) -> None:
    """A store that is slow, so that a kill hits before, between and after its commits."""
    log_batches = SqlStore.log_batches
    chance = itertools.cycle([0.1, 0.9, 0.5, 0.0, 1.0, 0.3])

    def log_slowly(self: SqlStore, writes: Any) -> Any:
        time.sleep(longest_s * next(chance))
        errors = log_batches(self, writes)
        time.sleep(longest_s * next(chance))
        return errors

    SqlStore.log_batches = log_slowly  # type: ignore[method-assign]


def log_and_vanish(ledger: str, *, rows: int, params_every: int = 0) -> None:
    """Log so many rows, and end without a word."""
    notes = Ledger(ledger)
    run = mlflow.start_run()
    notes.run_id = run.info.run_id
    for row in range(rows):
        if params_every and row % params_every == 0:
            _log_param(notes, 0, row // params_every)
        _log_row(notes, 0, row, run.info.run_id)
    os._exit(9)


# -- journals that are too small


def log_into_a_small_journal(
    ledger: str, *, rows: int, file_bytes: int | None = None, memory_segments: int | None = None, waits: bool = False
) -> None:
    """Log so many rows at full speed, none of the program's files larger than `file_bytes`; then end well.

    With `waits`, not before all that could be kept is delivered.
    """
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if memory_segments is not None:
        writer.MAX_MEMORY_SEGMENTS = memory_segments
    notes = Ledger(ledger)
    with mlflow.start_run() as run:
        notes.run_id = run.info.run_id
        for row in range(rows):
            _log_row(notes, 0, row, run.info.run_id)
        while waits and not mlflow.flush():
            time.sleep(0.02)


def log_past_a_full_journal(ledger: str, *, rows: int) -> None:
    """The journal is full after its first segment, and has room again later; then the program ends without a word."""
    os.environ["RUNSTONE_JOURNAL_MAX_MB"] = "0.05"
    notes = Ledger(ledger)
    notes.run_id = mlflow.start_run().info.run_id
    for row in range(rows):
        if row == rows // 15:  # when the first segment in memory is in use
            os.environ["RUNSTONE_JOURNAL_MAX_MB"] = "100"
        _log_row(notes, 0, row, notes.run_id)
    os._exit(9)


# -- recoverers


def deliver(*, at: float = 0.0, **_: Any) -> None:
    """Deliver what others have left; at a given time, so that several begin at once."""
    tracking = connect()
    time.sleep(max(0.0, at - time.time()))
    tracking.journal.recover()
    assert tracking.flush()
    tracking.close()


def sync(**_: Any) -> None:
    """The same by the command."""
    _run_command("sync")


def _run_command(*arguments: str) -> None:
    from runstone.cli import main

    sys.argv[1:] = arguments
    main()


# -- stores and servers


def make_database(path: str, **_: Any) -> None:
    """Make a store, or leave the one that is there."""
    open_database(Path(path)).close()


def upgrade(path: str, **_: Any) -> None:
    """Bring a store up to date."""
    upgrade_database(Path(path))


def serve(*, uri: str, port: int) -> None:
    """A server over a store, until it is killed or asked to end."""
    _run_command("-u", uri, "server", "-p", str(port))
