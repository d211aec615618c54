"""Fill a store with finished runs of 20 metrics, 20 params and 5 tags, all in the experiment `search`."""

from __future__ import annotations

import random
from typing import Any

from library import load_library, open_client
from program import run

FIRST_TIMESTAMP = 1_750_000_000_000


def main(library: str, folder: str, runs: int) -> dict[str, Any]:
    entities = load_library(library, folder).entities
    client = open_client(library, folder)
    experiment = client.create_experiment("search")
    draw = random.Random(11)
    for number in range(runs):
        started = FIRST_TIMESTAMP + number * 1000
        run_id = client.create_run(experiment, start_time=started, run_name=f"run-{number}").info.run_id
        client.log_batch(
            run_id,
            metrics=[entities.Metric(f"metric_{key}", draw.random(), started + 1, 0) for key in range(20)],
            params=[entities.Param(f"param_{key}", str(draw.randrange(1000))) for key in range(20)],
            tags=[entities.RunTag(f"tag_{key}", f"value {draw.randrange(10)}") for key in range(5)],
        )
        client.set_terminated(run_id, end_time=started + 500)
    return {"runs": runs}


run(main)
