"""How many points a second does a server take from 16 connections, and how long does a request wait?

Each connection logs into a run of its own, one series, request after request for ten seconds: `log-batch` bodies of 100
points, then of 1,000; and on Runstone's own route `append` bodies of 1,000 and of 10,000 (beside them stands
`log-batch` with 1,000, the most that MLflow takes). The requests come from two Python processes with plain sockets on
the same machine, the same for all servers; the bodies are made, and each run has a point, before the clock starts,
which stops at the last answer. A request that fails counts as such; afterwards `metrics/get-history` must give back
every accepted point.

A server is started anew for each try, over a new SQLite database, as its users get it by default: Runstone with one
worker, MLflow with four, FastTrackML as the one process that it is. CPU time is that of the server's processes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.servers import RunningServer
from benchmarks.trials import Answer, Samples, Side, Sizes, Trials

_FULL = {"connections": 16, "seconds": 10}
_TINY = {"connections": 4, "seconds": 0.3}
SIZES: Sizes = {
    "full": {"runstone": _FULL, "mlflow": _FULL, "fasttrackml": _FULL},
    "tiny": {"runstone": _TINY, "mlflow": _TINY, "fasttrackml": _TINY},
}
SCALE = "{connections} connections for {seconds} s"
PEER_REPEATS = 3


def measure(trials: Trials) -> list[Comparison]:
    hundreds, thousands = _try(trials, "log-batch", 100), _try(trials, "log-batch", 1000)
    own = trials.only("runstone")
    native = _try(own, "append", 1000).beside(thousands)
    large = _try(own, "append", 10_000).beside(thousands)
    return [
        *_compare(hundreds, "100 a body", rate=Goal("times", 50, fasttrackml=12), wait=Goal("times", 10)),
        *_compare(thousands, "1,000 a body"),
        *_compare(native, "`append`, 1,000 a body"),
        *_compare(large, "`append`, 10,000 a body", rate=Goal("at least", 2_000_000)),
    ]


def _try(trials: Trials, route: str, points: int) -> Samples:
    def once(side: Side, folder: Path) -> Answer:
        size = SIZES[trials.size][side.library]
        with RunningServer(side, folder) as server:
            return trials.client.run(
                "server_load",
                library=side.library,
                port=server.port,
                pid=server.pid,
                route=route,
                points=points,
                **size,
            )

    return trials.each(once, peer_repeats=PEER_REPEATS)


def _compare(samples: Samples, kind: str, *, rate: Goal | None = None, wait: Goal | None = None) -> list[Comparison]:
    return [
        samples.compare(
            f"{kind}: points a second",
            "points",
            "more",
            lambda answer: answer["points"] / answer["wall_s"],
            goal=rate,
            short=f"server, {kind.replace('`', '')}",
        ),
        samples.compare(
            f"{kind}: points a CPU second", "points", "more", lambda answer: answer["points"] / answer["cpu_s"]
        ),
        samples.compare(f"{kind}: wait, median", "ms", "less", _ms("p50_s")),
        samples.compare(f"{kind}: wait, 99th percentile", "ms", "less", _ms("p99_s"), goal=wait),
        samples.compare(
            f"{kind}: failed", "requests", "less", lambda answer: answer["failed"], goal=Goal("at most", 0)
        ),
    ]


def _ms(name: str) -> Callable[[Answer], float]:
    return lambda answer: float(answer[name]) * 1000
