"""Does a training loop notice that its server is gone for a minute, and when is everything there again?

A loop of 90 seconds logs 20 metrics an iteration by `log_metrics` to a Runstone server on the same machine; the rest
of an iteration is work that is always the same (hashing 4 MB, without Python's lock, and counting in Python, with it).
After 15 seconds the server's processes are killed with SIGKILL; after 75 it is started again, over the same folder and
on the same port. An iteration's time goes from its beginning to the next one's, the call included; compared are those
while the server was there, and those that began and ended while it was gone. The clock of the last quantity starts at
the first good answer of the server that is back, and stops when another process, which asks it 20 times a second, finds
all points there that were logged before that. At the end a fresh process reads all series from the store: each point
that was logged must be there once, with its value. No other tracker takes part: with the others a call waits for the
server, or raises.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.figures import Comparison, Goal
from benchmarks.servers import RunningServer
from benchmarks.trials import Answer, BenchmarkFailed, Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"before": 15, "gone": 60, "after": 15, "keys": 20}},
    # Delivery tries again within 3 s by itself; a loop that ended sooner would make it try.
    "tiny": {"runstone": {"before": 0.5, "gone": 1, "after": 4, "keys": 20}},
}
SCALE = "{before} s with the server, {gone} s without, {after} s with it, {keys} metrics an iteration"
PEER_REPEATS = 1
_START_S = 60


def measure(trials: Trials) -> list[Comparison]:
    samples = trials.each(lambda _, folder: _try(trials, folder))
    return [
        samples.compare("iteration, server there, median", "ms", "less", lambda answer: answer["there_s"] * 1000),
        samples.compare("iteration, server gone, median", "ms", "less", lambda answer: answer["gone_s"] * 1000),
        samples.compare(
            "median, gone against there",
            "times as long",
            "less",
            lambda answer: answer["gone_s"] / answer["there_s"],
            goal=Goal("at most", 1.05),
        ),
        samples.compare(
            "iteration, server there, 99th percentile", "ms", "less", lambda answer: answer["there_p99_s"] * 1000
        ),
        samples.compare(
            "iteration, server gone, 99th percentile", "ms", "less", lambda answer: answer["gone_p99_s"] * 1000
        ),
        samples.compare(
            "99th percentile, gone against there",
            "times as long",
            "less",
            lambda answer: answer["gone_p99_s"] / answer["there_p99_s"],
            goal=Goal("at most", 1.25),
        ),
        samples.compare("iteration, server back, median", "ms", "less", lambda answer: answer["back_s"] * 1000),
        samples.compare(
            "all there after the return", "s", "less", lambda answer: answer["caught_up_s"], goal=Goal("at most", 5)
        ),
        samples.compare("logged while it was gone", "points", "more", lambda answer: answer["missed"]),
        samples.compare(
            "missing, doubled or wrong", "points", "less", lambda answer: answer["faults"], goal=Goal("at most", 0)
        ),
    ]


def _try(trials: Trials, folder: Path) -> Answer:
    size = SIZES[trials.size]["runstone"]
    keys, side = size["keys"], trials.client
    store, started, stop, done = folder / "store", folder / "started", folder / "stop", folder / "done"
    server = RunningServer(side, store)
    port = server.port
    with ThreadPoolExecutor(2) as threads, _touched(stop, done):
        try:
            loop = threads.submit(
                side.run, "server_gone", folder=folder, port=port, keys=keys, started=started, stop=stop
            )
            _wait_for(started, loop)
            time.sleep(size["before"])
            server.kill()
            killed = time.monotonic()
            time.sleep(size["gone"])
            watcher = threads.submit(side.run, "server_watch", port=port, keys=keys, stop=done)
            server = RunningServer(side, store, port=port)
            returned = time.monotonic()
            time.sleep(size["after"])
            stop.touch()
            logged = loop.result()
            done.touch()
            seen = watcher.result()["seen"]
        finally:
            server.close()
    marks: list[float] = logged["marks"]
    stored = side.run("server_gone_check", folder=store, keys=keys, steps=len(marks) - 1)
    return {**phases(marks, killed, returned), **catch_up(marks, killed, returned, seen, keys), **stored}


@contextlib.contextmanager
def _touched(*paths: Path) -> Iterator[None]:
    """Whatever happens in the block, the programs that wait for these files end."""
    try:
        yield
    finally:
        for path in paths:
            path.touch()


def _wait_for(path: Path, program: Future[Answer]) -> None:
    deadline = time.monotonic() + _START_S
    while not path.exists():
        if program.done():
            program.result()
        if program.done() or time.monotonic() > deadline:
            raise BenchmarkFailed("The loop has not begun")
        time.sleep(0.01)


def phases(marks: Sequence[float], killed: float, returned: float) -> dict[str, float]:
    """Median and 99th percentile of the iterations with the server, without it, and with it again.

    `marks` are the times at which iterations began, and that at which the last one ended.
    """
    spans = list(pairwise(marks))
    there = sorted(end - begin for begin, end in spans if end <= killed)
    gone = sorted(end - begin for begin, end in spans if begin >= killed and end <= returned)
    back = sorted(end - begin for begin, end in spans if begin >= returned)
    if not (there and gone and back):
        raise BenchmarkFailed(f"Iterations with the server, without, with it: {len(there)}, {len(gone)}, {len(back)}")
    return {
        "there_s": statistics.median(there),
        "there_p99_s": _p99(there),
        "gone_s": statistics.median(gone),
        "gone_p99_s": _p99(gone),
        "back_s": statistics.median(back),
    }


def _p99(times: Sequence[float]) -> float:
    return times[math.ceil(len(times) * 0.99) - 1]


def catch_up(
    marks: Sequence[float], killed: float, returned: float, seen: Sequence[Any], keys: int
) -> dict[str, float]:
    """How long it took until all of before the return was there. `seen` are times and the last step found then."""
    ended = marks[1:]
    last = sum(end <= returned for end in ended)
    caught_up = next((when for when, step in seen if step >= last), None)
    if caught_up is None:
        raise BenchmarkFailed(f"The server never had step {last}; it was seen {len(seen)} times")
    missed = last - sum(end <= killed for end in ended)
    return {"caught_up_s": max(0.0, caught_up - returned), "missed": missed * keys}
