"""In a store of many runs: how long a page takes, and how long a new run. The store is open before the clock."""

from __future__ import annotations

import time
from typing import Any

from library import open_client
from program import run
from stopwatch import settle
from tries import median_of_tries

FILTER, ORDER = "metrics.m10 > 0.5 and params.p11 = 'x3'", ["metrics.m12 DESC"]


def main(library: str, folder: str) -> dict[str, Any]:
    client = open_client(library, folder)
    entities = __import__(library).entities
    ids = [client.get_experiment_by_name("search").experiment_id]
    client.search_runs(ids, max_results=1)
    metrics = [entities.Metric(f"m{number}", 0.5, 1, 0) for number in range(10)]
    params = [entities.Param(f"p{number}", "1") for number in range(5)]

    def add_run() -> None:
        # In another experiment, so that searches find what they found.
        run_id = client.create_run("0", start_time=int(time.time() * 1000)).info.run_id
        client.log_batch(run_id, metrics=metrics, params=params)
        client.set_terminated(run_id)
        if library == "runstone":
            client.tracking.flush()

    settle()
    return {
        "page_s": median_of_tries(lambda: client.search_runs(ids, FILTER, max_results=100, order_by=ORDER))[0],
        "run_s": median_of_tries(add_run)[0],
    }


run(main)
