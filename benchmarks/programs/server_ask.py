"""Ask a server for single runs over many connections at once, from two processes."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

from connection import API, Connection
from program import run

from server_load import PROCESSES, in_threads


def main(library: str, port: int, seconds: float, connections: int) -> dict[str, Any]:
    methods = multiprocessing.get_context("spawn")
    barrier, queue = methods.Barrier(PROCESSES + 1), methods.Queue()
    asked = (port, seconds, connections // PROCESSES, barrier, queue)
    askers = [methods.Process(target=ask_all, args=asked, daemon=True) for _ in range(PROCESSES)]
    for one in askers:
        one.start()
    barrier.wait(timeout=300)
    began = time.monotonic()
    counts = [queue.get(timeout=seconds + 300) for _ in askers]
    wall_s = time.monotonic() - began
    for one in askers:
        one.join()
    return {"requests": sum(counts), "wall_s": wall_s}


def ask_all(port: int, seconds: float, connections: int, barrier: Barrier, queue: Queue[int]) -> None:
    """One process: its connections ask until the time is over."""
    opened = [Connection(port) for _ in range(connections)]
    paths = [f"{API}/runs/get?run_id={one.create_run()}" for one in opened]
    barrier.wait(timeout=300)

    def ask(connection: Connection, path: str) -> int:
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            connection.read("GET", path)
            count += 1
        connection.close()
        return count

    queue.put(sum(in_threads([lambda c=c, p=p: ask(c, p) for c, p in zip(opened, paths, strict=True)])))


if __name__ == "__main__":  # The askers import this file.
    run(main)
