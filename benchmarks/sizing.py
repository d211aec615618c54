"""What does a server carry, by its number of workers, and how much room do runs and points take?

Runstone over PostgreSQL 18, both on the same machine as the requests, which take their share of it. For ten seconds 16
connections send one point a request (`log-batch`), as training loops of MLflow's clients do; then 10,000 points a
request (`append`), as Runstone's clients deliver what has gathered; then they ask for single runs (`runs/get`). The
clock starts when all are connected and stops at the last answer. Memory is the resident memory of all processes of the
server after that. A point's bytes are the database's growth by a run of that many points, after `VACUUM FULL`; a run's
bytes are its growth by so many runs of 25 metrics, 20 params and 5 tags, with all their indexes.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison
from benchmarks.postgres import Postgres, postgres_server
from benchmarks.servers import RunningServer
from benchmarks.trials import Answer, Side, Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"connections": 16, "seconds": 10, "points": 1_000_000, "runs": 20_000}},
    "tiny": {"runstone": {"connections": 4, "seconds": 0.3, "points": 2_000, "runs": 200}},
}
SCALE = "{connections} connections for {seconds} s; a run of {points:,} points; {runs:,} runs"
PEER_REPEATS = 1
_WORKERS = {"full": (1, 2, 4), "tiny": (2,)}
_KEYS = {"metrics": 25, "params": 20, "tags": 5}


def measure(trials: Trials) -> list[Comparison]:
    comparisons: list[Comparison] = []
    with postgres_server() as server:
        for workers in _WORKERS[trials.size]:
            comparisons += _compare_workers(trials, server, workers)
        room = trials.each(lambda side, _: _measure_room(trials, server, side))
    return [
        *comparisons,
        room.compare("a point", "bytes", "less", lambda answer: answer["point_bytes"]),
        room.compare("a run", "bytes", "less", lambda answer: answer["run_bytes"]),
    ]


def _compare_workers(trials: Trials, server: Postgres, workers: int) -> list[Comparison]:
    size = {name: SIZES[trials.size]["runstone"][name] for name in ("connections", "seconds")}

    def once(side: Side, folder: Path) -> Answer:
        url = server.new_database(side)
        try:
            with RunningServer(side, folder, workers=workers, url=url) as running:
                asked = {"library": side.library, "port": running.port, "pid": running.pid, **size}
                small = side.run("server_load", route="log-batch", points=1, **asked)
                large = side.run("server_load", route="append", points=10_000, **asked)
                reads = side.run("server_ask", port=running.port, **size)
                return {
                    "requests": small["points"] / small["wall_s"],
                    "points": large["points"] / large["wall_s"],
                    "reads": reads["requests"] / reads["wall_s"],
                    "memory_mb": running.memory_bytes() / 1e6,
                    "failed": small["failed"] + large["failed"],
                }
        finally:
            server.drop(url)

    samples = trials.each(once)
    name = f"{workers} worker{'s' if workers > 1 else ''}"
    return [
        samples.compare(f"{name}: points, one a request", "a second", "more", lambda answer: answer["requests"]),
        samples.compare(f"{name}: points, 10,000 a request", "a second", "more", lambda answer: answer["points"]),
        samples.compare(f"{name}: runs read", "a second", "more", lambda answer: answer["reads"]),
        samples.compare(f"{name}: memory", "MB", "less", lambda answer: answer["memory_mb"]),
        samples.compare(f"{name}: failed", "requests", "less", lambda answer: answer["failed"]),
    ]


def _measure_room(trials: Trials, server: Postgres, side: Side) -> Answer:
    size = SIZES[trials.size]["runstone"]
    url = server.new_database(side)
    try:
        side.run("search_bulk", folder=url, runs=1, **_KEYS)
        empty = server.settled_bytes(url)
        side.run("ingest_write", folder=url, values="losses", points=size["points"], batch=1000)
        with_points = server.settled_bytes(url)
    finally:
        server.drop(url)
    url = server.new_database(side)
    try:
        side.run("search_bulk", folder=url, runs=size["runs"], **_KEYS)
        with_runs = server.settled_bytes(url)
    finally:
        server.drop(url)
    return {
        "point_bytes": (with_points - empty) / size["points"],
        "run_bytes": (with_runs - empty) / (size["runs"] - 1),
    }
