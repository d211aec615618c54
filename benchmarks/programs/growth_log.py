"""How long a call takes that logs a point of each of `--count` keys, or a thousand points more than `--count`."""

from __future__ import annotations

import itertools
from typing import Any

from library import open_client
from program import run
from stopwatch import settle
from tries import median_of_tries

MOST = 1_000
"""So many points MLflow takes in a call."""


def main(library: str, folder: str, what: str, count: int) -> dict[str, Any]:
    client = open_client(library, folder)
    metric = __import__(library).entities.Metric
    run_id = client.create_run("0").info.run_id
    steps = itertools.count()

    def log(keys: int, points: int) -> None:
        some = list(itertools.islice(steps, points))
        client.log_batch(run_id, metrics=[metric(f"m{key}", at / 7, at, at) for at in some for key in range(keys)])
        if library == "runstone":
            client.tracking.flush()

    keys, points = (count, 1) if what == "keys" else (1, MOST)
    for _ in range(1 if what == "keys" else count // points):
        log(keys, points)
    settle()
    return {"log_s": median_of_tries(lambda: log(keys, points))[0]}


run(main)
