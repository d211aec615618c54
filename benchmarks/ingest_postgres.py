"""How fast do points get through two server processes into PostgreSQL, how large are they, how fast do they come back?

Both sides use the same PostgreSQL 18 on the same machine, with the settings that it comes with, in databases of their
own. First through a server of two workers, from 16 connections, each into a run and a series of its own for ten
seconds: `log-batch` with 1,000 points a body, and Runstone's own route `append` with 10,000 (beside it stands
`log-batch`). The clock starts when bodies and runs are made, and stops at the last answer; every accepted point must be
there afterwards.

Then without a server: one series of float32 losses by `Client.log_batch`, as into SQLite above, where the clock stops
when all points are in the database. Bytes a point are what the database has grown by once the run has ended and
`VACUUM FULL` has given back what was free. A fresh process reads the series back: as `Metric` by `get_metric_history`,
and as columns by `client.tracking.read_series` (beside it stands MLflow's `get_metric_history`).
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.postgres import Postgres, postgres_server
from benchmarks.servers import RunningServer
from benchmarks.trials import Answer, Samples, Side, Sizes, Trials

_LOAD = {"connections": 16, "seconds": 10}
_TINY = {"connections": 4, "seconds": 0.3, "points": 2_000, "batch": 1000}
SIZES: Sizes = {
    "full": {
        "runstone": {**_LOAD, "points": 1_000_000, "batch": 1000},
        "mlflow": {**_LOAD, "points": 100_000, "batch": 1000},
    },
    "tiny": {"runstone": _TINY, "mlflow": _TINY},
}
SCALE = "{connections} connections for {seconds} s; {points:,} points, {batch:,} a call"
PEER_REPEATS = 3
_WORKERS = 2


def measure(trials: Trials) -> list[Comparison]:
    with postgres_server() as server:
        batches = _load(trials, server, "log-batch", 1000)
        native = _load(trials.only("runstone"), server, "append", 10_000).beside(batches)
        stored = trials.each(lambda side, folder: _store(trials, server, side), peer_repeats=PEER_REPEATS)
    return [
        *_compare_load(batches, "`log-batch`", Goal("times", 30)),
        *_compare_load(native, "`append`", Goal("at least", 1_000_000)),
        *_compare_stored(stored),
    ]


def _load(trials: Trials, server: Postgres, route: str, points: int) -> Samples:
    def once(side: Side, folder: Path) -> Answer:
        size = {name: SIZES[trials.size][side.library][name] for name in _LOAD}
        url = server.new_database(side)
        try:
            with RunningServer(side, folder, workers=_WORKERS, url=url) as running:
                asked = {"port": running.port, "pid": running.pid, "route": route, "points": points, **size}
                return trials.client.run("server_load", library=side.library, **asked)
        finally:
            server.drop(url)

    return trials.each(once, peer_repeats=PEER_REPEATS)


def _store(trials: Trials, server: Postgres, side: Side) -> Answer:
    points, batch = (SIZES[trials.size][side.library][name] for name in ("points", "batch"))
    url = server.new_database(side)
    try:
        side.run("ingest_write", folder=url, values="losses", points=0, batch=batch)
        empty_bytes = server.settled_bytes(url)
        written = side.run("ingest_write", folder=url, values="losses", points=points, batch=batch)
        size_bytes = server.settled_bytes(url) - empty_bytes
        reading = {"folder": url, "run_id": written["run_id"], "points": points}
        history = columns = side.run("ingest_read", what="history", **reading)
        if side.library == "runstone":
            columns = side.run("ingest_read", what="columns", **reading)
    finally:
        server.drop(url)
    return {**written, "points": points, "size_bytes": size_bytes, "history": history, "columns": columns}


def _compare_load(samples: Samples, route: str, goal: Goal) -> list[Comparison]:
    return [
        samples.compare(
            f"{route}: points a second",
            "points",
            "more",
            lambda answer: answer["points"] / answer["wall_s"],
            goal=goal,
            short=f"PostgreSQL, {route.replace('`', '')}",
        ),
        samples.compare(f"{route}: wait, median", "ms", "less", lambda answer: answer["p50_s"] * 1000),
        samples.compare(
            f"{route}: failed", "requests", "less", lambda answer: answer["failed"], goal=Goal("at most", 0)
        ),
    ]


def _compare_stored(samples: Samples) -> list[Comparison]:
    def a_million(kind: str, answer: Answer) -> float:
        return float(answer[kind]["wall_s"]) / answer["points"] * 1e9

    return [
        samples.compare("written a second", "points", "more", lambda answer: answer["points"] / answer["write_wall_s"]),
        samples.compare(
            "size of a point",
            "bytes",
            "less",
            lambda answer: answer["size_bytes"] / answer["points"],
            goal=Goal("at most", 4),
            short="PostgreSQL, bytes a point",
        ),
        samples.compare(
            "a million points read as columns",
            "ms",
            "less",
            lambda answer: a_million("columns", answer),
            goal=Goal("at most", 40),
        ),
        samples.compare("a million points read as `Metric`", "ms", "less", lambda answer: a_million("history", answer)),
    ]
