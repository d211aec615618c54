"""Ask a store for pages of 100 runs, each shape of search with a time limit. The store is open before the clock."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from library import open_client
from program import run
from stopwatch import settle

SHAPES: dict[str, tuple[str, list[str]]] = {
    "newest": ("", []),
    "by_metric": ("", ["metrics.m10 DESC"]),
    "filtered": ("metrics.m10 > 0.5 and params.p11 = 'x3'", ["metrics.m12 DESC"]),
    "rare": ("params.rare = 'yes'", ["metrics.m12 DESC"]),
}
LIMIT_S = 60
TRIES = 5


def main(library: str, folder: str, runs: int, metrics: int, params: int, tags: int) -> dict[str, Any]:
    client = open_client(library, folder)
    ids = [client.get_experiment_by_name("search").experiment_id]
    client.search_runs(ids, max_results=1)
    settle()
    answer: dict[str, Any] = {}
    for name, (text, order) in SHAPES.items():

        def ask(token: str | None = None, text: str = text, order: list[str] = order) -> Any:
            return client.search_runs(ids, text, max_results=100, order_by=order, page_token=token)

        answer[name], page = _median(ask)
        if name == "filtered":
            answer["found"] = [] if page is None else [one.info.run_id for one in page[:5]]
            token = page.token if page is not None else None
            answer["deep"] = _median(lambda token=token: ask(token))[0] if token else None
    return answer


def _median(ask: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the median of some tries after one that does not count, and the page; at most the limit."""
    times, page = [], None
    with suppress(TimeoutError):
        for number in range(TRIES + 1):
            started = time.perf_counter()
            signal.alarm(LIMIT_S)
            page = ask()
            signal.alarm(0)
            if number:
                times.append(time.perf_counter() - started)
    signal.alarm(0)
    return (statistics.median(times) if times else float(LIMIT_S)), page


def _give_up(*_: object) -> None:
    raise TimeoutError


signal.signal(signal.SIGALRM, _give_up)
run(main)
