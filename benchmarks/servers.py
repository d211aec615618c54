"""Tracking servers as real processes, each started as its users start it: on a free port of the loopback address, over
SQLite in a folder, or over a PostgreSQL database. Knows the command lines, not what is measured."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.trials import BenchmarkFailed, Side

__all__ = ["RunningServer", "serving"]

_HOST = "127.0.0.1"
_START_S, _STOP_S = 180, 30
_POLL_S = 0.002


class RunningServer:
    """The server of a side, over the store in `folder`, or in the database at `url`; without `workers` it has the
    side's default, without `port` a free one.

    It answers when the constructor returns, which took it `start_s` from its start as a process. FastTrackML is one
    process, however many workers are asked for.
    """

    def __init__(
        self, side: Side, folder: Path, *, workers: int | None = None, port: int | None = None, url: str = ""
    ) -> None:
        self.port = port or _free_port()
        self._log = folder / "server.log"
        folder.mkdir(parents=True, exist_ok=True)
        command = _command(side, folder, self.port, workers, url)
        began = time.perf_counter()
        # A file, not a pipe: nobody empties a pipe, and a server that cannot log stands still.
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=side.environment())
        try:
            self._wait_for_health(began + _START_S)
        except BaseException:
            self.close()
            raise
        self.start_s = time.perf_counter() - began

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process that was started; the others descend from it."""
        return self._process.pid

    def memory_bytes(self) -> int:
        """The resident memory of all its processes, added up; what they share counts once for each."""
        total = 0
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def count_processes(self) -> int:
        """How many there are."""
        return len(self._family())

    def kill(self) -> None:
        """End all its processes at once, by SIGKILL."""
        family = self._family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=_STOP_S)
        self._process.wait()

    def close(self) -> None:
        """End it; what descends from it and does not end with it is ended too."""
        family = self._family()
        if self._process.poll() is None:
            self._process.terminate()
        _, left = psutil.wait_procs(family, timeout=_STOP_S)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def _family(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _wait_for_health(self, deadline: float) -> None:
        while not _answers(self.port):
            if self._process.poll() is not None or time.perf_counter() > deadline:
                said = self._log.read_text(errors="replace")[-4000:]
                raise BenchmarkFailed(f"{self._process.args!r} does not answer:\n{said}")
            time.sleep(_POLL_S)


@contextlib.contextmanager
def serving(side: Side, folder: Path) -> Iterator[int]:
    """The port of the side's server, which ends with the block; 0 for a side that needs none."""
    if side.mode != "http":
        yield 0
        return
    with RunningServer(side, folder) as server:
        yield server.port


def _command(side: Side, folder: Path, port: int, workers: int | None, url: str) -> list[str]:
    place = folder.absolute()
    chosen = [] if workers is None else ["--workers", str(workers)]
    files = ["--artifacts-destination", f"{place}/artifacts"]
    if side.library == "runstone":
        kept = files if url else []
        return [side.python, "-m", "runstone", "-u", url or str(place), "server", "--port", str(port), *kept, *chosen]
    if side.library == "mlflow":
        where = ["--backend-store-uri", url or f"sqlite:///{place}/mlflow.db", *files]
        return [side.python, "-m", "mlflow", "server", "--host", _HOST, "--port", str(port), *where, *chosen]
    where = ["--database-uri", f"sqlite://{place}/fasttrackml.db", "--default-artifact-root", f"{place}/artifacts"]
    return [str(Path(side.python).with_name("fml")), "server", "--listen-address", f"{_HOST}:{port}", *where]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HOST, 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
