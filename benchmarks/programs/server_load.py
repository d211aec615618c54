"""Post bodies of points over many connections at once, then count what the server has kept.

The requests come from two processes, a thread a connection, a run a connection.
"""

from __future__ import annotations

import functools
import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any, NamedTuple, TypeVar

import msgspec
import psutil
from bodies import KEY, head_of_body, make_bodies
from connection import API, JSON, MSGPACK, NATIVE, Connection, Poster
from program import run

T = TypeVar("T")
PROCESSES = 2
FASTEST = {"log-batch": 125_000, "append": 500_000}
"""Points a second of one connection for which there are bodies."""
MOST_REQUESTS = 5_000
"""The same in requests."""
PATHS = {"log-batch": (f"{API}/runs/log-batch", JSON), "append": (f"{NATIVE}/append", MSGPACK)}


class Posted(NamedTuple):
    """What one connection did. Times are `time.monotonic()`; a latency is in seconds."""

    run_id: str
    accepted: int
    failed: int
    latencies: list[float]
    began: float
    ended: float


def main(
    library: str, port: int, pid: int, route: str, points: int, seconds: float, connections: int
) -> dict[str, Any]:
    methods = multiprocessing.get_context("spawn")
    barrier, queue = methods.Barrier(PROCESSES + 1), methods.Queue()
    asked = (port, route, points, seconds, connections // PROCESSES, barrier, queue)
    generators = [methods.Process(target=generate, args=asked, daemon=True) for _ in range(PROCESSES)]
    for one in generators:
        one.start()
    barrier.wait(timeout=300)
    cpu_s = _cpu_s(pid)
    posted = [one for _ in generators for one in queue.get(timeout=seconds + 900)]
    cpu_s = _cpu_s(pid) - cpu_s
    for one in generators:
        one.join()
    accepted, failed = sum(one.accepted for one in posted), sum(one.failed for one in posted)
    _check_kept(library, port, posted)
    latencies = sorted(latency for one in posted for latency in one.latencies)
    return {
        "points": accepted,
        "failed": failed,
        "wall_s": max(one.ended for one in posted) - min(one.began for one in posted),
        "cpu_s": cpu_s,
        "p50_s": latencies[len(latencies) // 2],
        "p99_s": latencies[math.ceil(len(latencies) * 0.99) - 1],
    }


def generate(
    port: int, route: str, points: int, seconds: float, connections: int, barrier: Barrier, queue: Queue[list[Posted]]
) -> None:
    """One process: its connections post until the time is over."""
    pool = make_bodies(route, points, math.ceil(min(FASTEST[route] / points, MOST_REQUESTS) * seconds))
    runs = in_threads([functools.partial(open_run, port) for _ in range(connections)])
    # They connect with their first request: a server may hang up on a connection that has waited for the others.
    ready = [
        functools.partial(post, Poster(port, *PATHS[route]), run_id, route, points, seconds, pool) for run_id in runs
    ]
    barrier.wait(timeout=300)
    queue.put(in_threads(ready))


def in_threads(functions: Sequence[Callable[[], T]]) -> list[T]:
    """What they return, each run in a thread of its own."""
    with ThreadPoolExecutor(len(functions)) as threads:
        return [one.result() for one in [threads.submit(function) for function in functions]]


def open_run(port: int) -> str:
    """A new run with one other point: the first request is slow where workers load their code late."""
    connection = Connection(port)
    run_id = connection.create_run()
    connection.post(
        "runs/log-batch", run_id=run_id, metrics=[{"key": "warm-up", "value": 0, "timestamp": 1, "step": 0}]
    )
    connection.close()
    return run_id


def post(poster: Poster, run_id: str, route: str, points: int, seconds: float, pool: list[bytes]) -> Posted:
    """Send body after body, each when the one before is answered."""
    head = head_of_body(route, run_id)
    accepted, failed, latencies = 0, 0, []
    began = ended = time.monotonic()
    for body in pool:
        if ended - began >= seconds:
            break
        sent = time.monotonic()
        if _is_accepted(poster, route, head + body):
            accepted += points
        else:
            failed += 1
        ended = time.monotonic()
        latencies.append(ended - sent)
    poster.close()
    return Posted(run_id, accepted, failed, latencies, began, ended)


def _is_accepted(poster: Poster, route: str, body: bytes) -> bool:
    try:
        status, answer = poster.post(body)
    except OSError:
        return False
    if status != 200 or route == "log-batch":
        return status == 200
    return msgspec.msgpack.decode(answer) == {"errors": [None]}


def _check_kept(library: str, port: int, posted: list[Posted]) -> None:
    """Every accepted point is there; more are only where a request failed, which may have been done all the same."""
    for one in posted:
        connection = Connection(port)
        kept = connection.count_history(one.run_id, KEY)
        connection.close()
        if kept < one.accepted or (kept > one.accepted and not one.failed):
            raise SystemExit(f"{library} has kept {kept} of {one.accepted} accepted points of run {one.run_id}")


def _cpu_s(pid: int) -> float:
    """CPU time of a server's processes."""
    first = psutil.Process(pid)
    return sum(sum(process.cpu_times()[:2]) for process in (first, *first.children(recursive=True)))


if __name__ == "__main__":  # The generators import this file.
    run(main)
