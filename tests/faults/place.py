"""Where a test's programs record, and what must be stored there once all is delivered."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from runstone import tag_names
from runstone.entities import Run, RunStatus
from runstone.journal.spool import list_spools
from runstone.series.codec import decode_chunk
from runstone.series.frame import decode_frame
from runstone.stores.base import RunQuery
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from tests.faults.ledger import KEYS, ROW, Ledger, Numbers, numbers_begun, numbers_logged, steps_of
from tests.faults.zygote import ROOT, Program, Zygote

__all__ = ["Place", "wait"]


def wait(seconds: float) -> None:
    """Let others run."""
    threading.Event().wait(seconds)


class Place:
    """A store, a journal, and the programs that write there.

    The journal lies beside the store unless RUNSTONE_JOURNAL says otherwise; RUNSTONE_TRACKING_URI may name a server
    over the store.
    """

    def __init__(self, folder: Path, zygote: Zygote, **environment: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.database = self.home / "runstone.db"
        self.environment = {
            "RUNSTONE_TRACKING_URI": str(self.home),
            "XDG_STATE_HOME": str(folder / "state"),
            "LOGNAME": "ada",
            **environment,
        }
        self.ledgers: list[Ledger] = []
        self.programs: list[Program] = []
        self._zygote = zygote
        self._scripts: list[subprocess.Popen[str]] = []

    @property
    def journal(self) -> Path:
        return Path(self.environment.get("RUNSTONE_JOURNAL", self.home / "journal"))

    @property
    def store_uri(self) -> str:
        """What a server is told to serve."""
        return str(self.home)

    def open_store(self) -> SqlStore:
        """The store, as it is now."""
        return SqlStore(SqliteDatabase(self.database), "file:///root")

    def watch_arrivals(self) -> None:
        """Have the store, which is made where it is missing, keep all that comes: folding drops what came twice."""
        self.start("make_database", {"path": str(self.database)}).finish()
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("CREATE TABLE arrivals AS SELECT run, NULL AS key, data FROM batches")
            for table, key in [("batches", "NULL"), ("chunks", "NEW.key")]:
                connection.execute(
                    f"CREATE TRIGGER keep_{table} AFTER INSERT ON {table} "
                    f"BEGIN INSERT INTO arrivals VALUES (NEW.run, {key}, NEW.data); END"
                )

    # -- programs

    def start(self, name: str, arguments: dict[str, Any] | None = None, **environment: str) -> Program:
        """Start a function of `programs`."""
        log = self.folder / f"{name}-{uuid.uuid4().hex}.log"
        program = self._zygote.start(log, name, arguments or {}, {**self.environment, **environment})
        self.programs.append(program)
        return program

    def new_ledger(self) -> Ledger:
        """The notes of one more program."""
        number = len(self.ledgers)
        ledger = Ledger(self.folder / f"ledger-{number}", number)
        self.ledgers.append(ledger)
        return ledger

    def start_logging(
        self, name: str = "log_numbers", environment: dict[str, str] | None = None, **options: Any
    ) -> tuple[Program, Ledger]:
        """Start a program that logs, and notes what it has logged."""
        ledger = self.new_ledger()
        return self.start(name, {"ledger": str(ledger.path), **options}, **(environment or {})), ledger

    def start_script(self, script: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """Start a Python program of its own, whose text this is."""
        path = self.folder / f"script-{uuid.uuid4().hex}.py"
        path.write_text(textwrap.dedent(script))
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        import_path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = subprocess.Popen(
            [sys.executable, str(path), *map(str, arguments)],
            cwd=self.folder,
            env={**inherited, "PYTHONPATH": import_path, **self.environment, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Whoever runs the tests in the background has them ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        self._scripts.append(process)
        return process

    def run_script(self, script: str, *arguments: object, expect: int = 0, **environment: str) -> str:
        """Run one to its end; what it printed. Its exit code must be the expected one."""
        process = self.start_script(script, *arguments, **environment)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == expect, printed
        return printed

    def kill_at_random(
        self, chance: random.Random, longest_s: float, *, is_logging: bool | None = None, **options: Any
    ) -> Ledger:
        """Start a program that logs, and kill it at some moment of its life: where `is_logging` is not said, mostly
        while it logs.
        """
        program, ledger = self.start_logging(**options)
        if chance.random() < 0.7 if is_logging is None else is_logging:
            self.wait_until_it_logs(program, ledger)
        wait(chance.uniform(0, longest_s))
        program.kill()
        return ledger

    def wait_until_it_logs(self, program: Program, ledger: Ledger, points: int = 1) -> None:
        """Return when so many points are acknowledged."""
        while ledger.logged() < points:
            assert not program.has_ended, f"it ended with {program.wait()}: {program.log.read_text()}"
            wait(0.002)

    def deliver(self) -> str:
        """What dead programs have left is delivered by a program that comes later; returns what that one said."""
        return self.start("deliver").finish()

    def recover_at_once(self, environments: Iterable[dict[str, str]]) -> None:
        """The same by several programs that begin at the same moment, each in its environment."""
        begin = time.time() + 0.3
        for recoverer in [self.start("deliver", {"at": begin}, **one) for one in environments]:
            recoverer.finish()
        self.deliver()  # what one has found busy, another has delivered, or not yet ended

    def close(self) -> None:
        """Nothing of it runs any more."""
        for process in self._scripts:
            with process:
                process.kill()
        for program in self.programs:
            program.kill()
        for ledger in self.ledgers:
            ledger.close()

    # -- what is stored

    def check(self, ledgers: Iterable[Ledger] | None = None, *, status: str | None = None) -> int:
        """Each run holds what its programs have logged, once; no journal holds anything. Returns the points stored.

        At most the last call of each thread may be stored though it has not returned. `status`: that of every run.
        """
        assert [str(path) for path in list_spools(self.journal)] == [], self.said()
        assert [str(path) for path in self.journal.glob("*/*.damaged")] == []
        by_run: dict[str, list[Ledger]] = defaultdict(list)
        for ledger in self.ledgers if ledgers is None else ledgers:
            if ledger.run_id:
                by_run[ledger.run_id].append(ledger)
        return sum(self.check_run(run_id, of_run, status=status) for run_id, of_run in by_run.items())

    def check_run(self, run_id: str, ledgers: list[Ledger], *, status: str | None = None) -> int:
        """The same for one run."""
        raw = self.raw_numbers(run_id)
        with closing(self.open_store()) as store:
            run = store.get_run(run_id)
            stored = np.concatenate([_numbers_of(store, run_id, key) for key in KEYS])
        assert len(np.unique(raw)) == len(raw), "points are stored twice"
        assert np.array_equal(np.sort(raw), np.sort(stored))
        lost = np.setdiff1d(numbers_logged(ledgers), stored)
        assert not len(lost), f"{len(lost)} acknowledged points are lost: {lost[:10]}"
        foreign = np.setdiff1d(stored, numbers_begun(ledgers))
        assert not len(foreign), f"{len(foreign)} points were never logged: {foreign[:10]}"
        _check_params(run, ledgers)
        if status is not None:
            assert run.info.status.value == status
            assert (run.info.status is RunStatus.FAILED) == (tag_names.END_REASON in run.data.tags)
        return len(stored)

    def said(self) -> str:
        """What all programs have printed."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def raw_numbers(self, run_id: str) -> Numbers:
        """The value of every point that was ever stored, where a repeated one would show; in no order."""
        numbers: list[float] = []
        seen: set[float] = set()
        for key, data in self.arrivals(run_id):
            values = (decode_frame(data).points if key is None else decode_chunk(data)).value.tolist()
            # A chunk is new, or it is what folding has made of points that had come before.
            if key is None or values[0] not in seen:
                numbers += values
                seen.update(values)
        return np.array(numbers, np.int64)

    def arrivals(self, run_id: str) -> list[tuple[str | None, bytes]]:
        """What the store was to keep of a run, the first to come first: frames, and chunks with their keys."""
        with closing(sqlite3.connect(self.database)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            select = "SELECT key, data FROM arrivals WHERE run = (SELECT id FROM runs WHERE run_id = ?) ORDER BY rowid"
            return connection.execute(select, (run_id,)).fetchall()

    def run(self, run_id: str) -> Run:
        """The run as it is stored. Raises NotFound."""
        with closing(self.open_store()) as store:
            return store.get_run(run_id)

    def runs(self) -> dict[str, Run]:
        """All runs, by name."""
        with closing(self.open_store()) as store:
            return {run.info.run_name: run for run in store.search_runs(RunQuery(experiment_ids=("0",)))}

    def values(self, run_id: str, key: str) -> list[float]:
        """The values of a series, in the order of its steps."""
        with closing(self.open_store()) as store:
            values: list[float] = store.read_series(run_id, key).value.tolist()
            return values


def _numbers_of(store: SqlStore, run_id: str, key: str) -> Numbers:
    """The numbers that are stored under a key, whose steps must be theirs."""
    points = store.read_series(run_id, key)
    numbers = points.value.astype(np.int64)
    assert np.array_equal(numbers, points.value)
    assert (numbers % ROW == KEYS.index(key)).all()
    assert np.array_equal(points.step, steps_of(numbers))
    return numbers


def _check_params(run: Run, ledgers: list[Ledger]) -> None:
    logged = {key: value for ledger in ledgers for key, value in ledger.params(begun=False).items()}
    begun = {key: value for ledger in ledgers for key, value in ledger.params(begun=True).items()}
    stored = run.data.params
    assert stored == {**logged, **{key: value for key, value in begun.items() if key in stored}}
