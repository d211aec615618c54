"""Log from several processes at once into one store, a run each, then count what another process can read."""

from __future__ import annotations

import multiprocessing
import random
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any, NamedTuple

from count_points import count_points
from library import load_library, open_client
from program import run

WAIT_S = 300


class Logged(NamedTuple):
    """What one process did. Times are `time.monotonic()`."""

    run_id: str
    points: int
    errors: int
    began: float
    ended: float
    stored: float


def main(library: str, folder: str, processes: int, keys: int, seconds: float) -> dict[str, Any]:
    open_client(library, folder).search_experiments()  # makes the database
    methods = multiprocessing.get_context("spawn")
    barrier, queue = methods.Barrier(processes + 1), methods.Queue()
    asked = (library, folder, keys, seconds, barrier, queue)
    loggers = [methods.Process(target=log, args=asked, daemon=True) for _ in range(processes)]
    for one in loggers:
        one.start()
    barrier.wait(WAIT_S)
    logged = [queue.get(timeout=seconds + WAIT_S) for _ in loggers]
    stored = [count_points(library, "", folder, 0, one.run_id) for one in logged]
    barrier.wait(WAIT_S)
    for one in loggers:
        one.join()
    return {
        "stored": sum(stored),
        "lost": sum(max(0, one.points - found) for one, found in zip(logged, stored, strict=True)),
        "errors": sum(one.errors for one in logged),
        "wall_s": max(one.stored for one in logged) - min(one.began for one in logged),
        "lag_s": max(one.stored - one.ended for one in logged),
    }


def log(library: str, folder: str, keys: int, seconds: float, barrier: Barrier, queue: Queue[Logged]) -> None:
    """One process: it logs from the moment that all are ready, and ends its run when all is counted."""
    try:
        tracker = load_library(library, folder)
        draw = random.Random(7)
        row = {f"metric_{number}": draw.random() for number in range(keys)}
        with tracker.start_run() as active:
            tracker.log_metrics(row, step=0)
            barrier.wait(WAIT_S)
            calls, errors, began, ended = log_rows(tracker, row, seconds)
            if library == "runstone":
                wait_until_stored(tracker, ended + WAIT_S)
            points = (1 + calls - errors) * keys
            queue.put(Logged(active.info.run_id, points, errors, began, ended, time.monotonic()))
            barrier.wait(WAIT_S)
    except BaseException:
        barrier.abort()  # nobody need wait for this one
        raise


def log_rows(tracker: Any, row: dict[str, float], seconds: float) -> tuple[int, int, float, float]:
    """Calls, errors among them, and when the loop began and ended."""
    calls, errors = 0, 0
    began = ended = time.monotonic()
    while ended - began < seconds:
        calls += 1
        try:
            tracker.log_metrics(row, step=calls)
        except Exception:  # noqa: BLE001  whatever it is, it is counted
            errors += 1
        ended = time.monotonic()
    return calls, errors, began, ended


def wait_until_stored(tracker: Any, deadline: float) -> None:
    """A flush gives up where the store could not be reached just then; delivery goes on."""
    while not tracker.flush() and time.monotonic() < deadline:
        time.sleep(0.01)


if __name__ == "__main__":  # The loggers import this file.
    run(main)
