"""Fill a server with runs of 10 metrics and 5 params, and with one run that has a long series."""

from __future__ import annotations

import random
from typing import Any

from bodies import head_of_body, make_bodies
from connection import API, Connection
from program import run

FIRST_TIMESTAMP = 1_750_000_000_000
BATCH = 1000


def main(library: str, port: int, runs: int, points: int) -> dict[str, Any]:
    connection = Connection(port)
    experiment_id = connection.post("experiments/create", name="search")["experiment_id"]
    draw = random.Random(11)
    for number in range(runs):
        started = FIRST_TIMESTAMP + number * 1000
        run_id = connection.create_run(experiment_id, started)
        connection.post(
            "runs/log-batch",
            run_id=run_id,
            metrics=[
                {"key": f"metric_{key}", "value": draw.random(), "timestamp": started + 1, "step": 0}
                for key in range(10)
            ],
            params=[{"key": f"param_{key}", "value": str(draw.randrange(1000))} for key in range(5)],
        )
    run_id = connection.create_run()
    head = head_of_body("log-batch", run_id)
    for body in make_bodies("log-batch", BATCH, points // BATCH):
        connection.read("POST", f"{API}/runs/log-batch", head + body)
    return {"experiment_id": experiment_id, "run_id": run_id}


run(main)
