"""How soon does a server answer, how quickly with one worker and with four, and how much memory do four take?

The start is measured from the start of the process to the first good answer to `/health`, with one worker: in a new
folder, where the database is made first, and in one with a database. Then the clock runs for each of 200 requests for
`/health` on one connection, and stops when the answer is read: with one worker, and with four, which is MLflow's
default. Memory is the resident memory of all processes of the server with four workers, added up: idle, and after some
seconds of `log-batch` requests of 100 points from 16 connections. FastTrackML is always one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.servers import RunningServer
from benchmarks.trials import Answer, Side, Sizes, Trials

_FULL = {"requests": 200, "connections": 16, "seconds": 5}
_TINY = {"requests": 20, "connections": 4, "seconds": 0.3}
SIZES: Sizes = {
    "full": {"runstone": _FULL, "mlflow": _FULL, "fasttrackml": _FULL},
    "tiny": {"runstone": _TINY, "mlflow": _TINY, "fasttrackml": _TINY},
}
SCALE = "{requests} requests for `/health`, {seconds} s of load"
PEER_REPEATS = 3
_WORKERS = 4
_SETTLE_S = 2
"""Workers that start late, and what they allocate, are there by then."""


def measure(trials: Trials) -> list[Comparison]:
    samples = trials.each(lambda side, folder: _try(trials, side, folder), peer_repeats=PEER_REPEATS)
    return [
        samples.compare(
            "first answer, new database", "ms", "less", _ms("new_s"), goal=Goal("at most", 1000), short="server start"
        ),
        samples.compare("first answer", "ms", "less", _ms("start_s"), goal=Goal("at most", 1000)),
        samples.compare("`/health`, 1 worker", "ms", "less", _ms("one_s")),
        samples.compare("`/health`, 4 workers", "ms", "less", _ms("four_s"), short="/health, 4 workers"),
        samples.compare(
            "`/health`, 4 workers against 1",
            "times as long",
            "less",
            lambda answer: answer["four_s"] / answer["one_s"],
            goal=Goal("at most", 1.25),
        ),
        samples.compare("processes, 4 workers", "processes", "less", lambda answer: answer["processes"]),
        samples.compare(
            "memory of 4 workers, idle",
            "MB",
            "less",
            _mb("idle_bytes"),
            goal=Goal("at most", 400),
            short="memory, idle",
        ),
        samples.compare("memory of 4 workers, after load", "MB", "less", _mb("after_bytes"), goal=Goal("at most", 400)),
    ]


def _try(trials: Trials, side: Side, folder: Path) -> Answer:
    size = dict(SIZES[trials.size][side.library])
    requests = size.pop("requests")

    def time_health(server: RunningServer) -> float:
        answer = trials.client.run("server_health", library=side.library, port=server.port, requests=requests)
        return float(answer["health_s"])

    with RunningServer(side, folder, workers=1) as server:
        new_s = server.start_s
    with RunningServer(side, folder, workers=1) as server:
        start_s, one_s = server.start_s, time_health(server)
    with RunningServer(side, folder, workers=_WORKERS) as server:
        four_s = time_health(server)
        time.sleep(_SETTLE_S)
        idle_bytes, processes = server.memory_bytes(), server.count_processes()
        load = {"library": side.library, "port": server.port, "pid": server.pid, "route": "log-batch", "points": 100}
        trials.client.run("server_load", **load, **size)
        after_bytes = server.memory_bytes()
    return {
        "new_s": new_s,
        "start_s": start_s,
        "one_s": one_s,
        "four_s": four_s,
        "processes": processes,
        "idle_bytes": idle_bytes,
        "after_bytes": after_bytes,
    }


def _ms(name: str) -> Callable[[Answer], float]:
    return lambda answer: float(answer[name]) * 1000


def _mb(name: str) -> Callable[[Answer], float]:
    return lambda answer: float(answer[name]) / 1e6
