"""Programs that record in processes of their own, and what a store knows of their runs without looking at a journal."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from runstone.connect import open_tracking
from runstone.entities import Run
from runstone.journal.inspection import find_spools
from runstone.tracking.base import Tracking

__all__ = ["Programs", "losses", "mark_heartbeat", "run_of", "spool_of", "store"]

# Logs, says so, and waits for a line before it goes on to its end, which `{end}` is.
PROGRAM = """
import os, sys
import runstone as mlflow

with mlflow.start_run(run_name="offline") as run:
    mlflow.log_param("lr", 0.1)
    for step in range({points}):
        mlflow.log_metric("loss", step / 8, step=step)
    mlflow.set_tag("kind", "test")
    print(run.info.run_id, flush=True)
    sys.stdin.readline()
    {end}
"""
KILLED = "os.kill(os.getpid(), 9)"


class Programs:
    """Starts programs in a folder, with what an environment says; RUNSTONE_OFFLINE=always unless told otherwise."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment
        self._started: list[subprocess.Popen[str]] = []

    def start(self, code: str, **variables: str) -> subprocess.Popen[str]:
        """A program, running in the folder as if it were a script there."""
        (self.folder / "train.py").write_text(code)
        process = subprocess.Popen(
            [sys.executable, "train.py"],
            cwd=self.folder,
            env=self._environment | {"RUNSTONE_OFFLINE": "always", "RUNSTONE_QUIET": "1"} | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def train(self, points: int = 1000, *, end: str = "pass", **variables: str) -> str:
        """A run that ends, or is killed (`end=KILLED`); its id."""
        process = self.start(PROGRAM.format(points=points, end=end), **variables)
        out, err = process.communicate("\n", timeout=60)
        assert process.returncode == (-9 if end == KILLED else 0), err
        return out.strip()

    def begin(self, points: int = 1000, **variables: str) -> tuple[str, subprocess.Popen[str]]:
        """A run that waits for a line before it ends."""
        process = self.start(PROGRAM.format(points=points, end="pass"), **variables)
        assert process.stdout is not None
        return process.stdout.readline().strip(), process

    def close(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@contextmanager
def store(uri: str | Path) -> Iterator[Tracking]:
    """A store, asked without a journal: asking delivers nothing."""
    with closing(open_tracking(str(uri))) as tracking:
        yield tracking


def losses(uri: str | Path, run_id: str) -> list[float]:
    """The values of a run's series, as often as they are stored."""
    with store(uri) as tracking:
        return [float(value) for value in tracking.read_series(run_id, "loss").value]


def run_of(uri: str | Path, run_id: str) -> Run:
    """A run, as the store has it."""
    with store(uri) as tracking:
        return tracking.get_run(run_id)


def spool_of(place: Path) -> Path:
    """The one spool that is there."""
    (folder,) = find_spools(place)
    return folder


def mark_heartbeat(spool: Path, time_ms: int) -> None:
    """The writer was last heard of then."""
    state = bytearray((spool / "state").read_bytes())
    struct.pack_into("<Q", state, 8, time_ms)
    (spool / "state").write_bytes(state)
