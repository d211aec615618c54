"""Write one series into a new run by batches, then end the run and close the store."""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np
from library import open_client
from program import run
from stopwatch import Stopwatch, settle

FIRST_TIMESTAMP = 1_750_000_000_000


def draw_values(kind: str, points: int) -> list[float]:
    """`losses`: a falling, noisy curve of float32 numbers, as `tensor.item()` gives; `noise`: all 53 bits random."""
    noise = np.random.default_rng(7).standard_normal(points)
    if kind == "noise":
        return list(noise.tolist())
    steps = np.arange(points)
    losses = 2.3 * np.exp(-5 * steps / points) + 0.2 + 0.05 * noise
    return list(losses.astype(np.float32).astype(np.float64).tolist())


def draw_timestamps(points: int) -> list[int]:
    """Milliseconds; a step takes 20 ms, give or take 2."""
    durations = np.random.default_rng(8).normal(20, 2, points)
    return list((FIRST_TIMESTAMP + np.cumsum(durations)).astype(np.int64).tolist())


def main(library: str, folder: str, points: int, batch: int, values: str) -> dict[str, Any]:
    client = open_client(library, folder)
    metric = __import__(library).entities.Metric
    rows = zip(draw_values(values, points), draw_timestamps(points), range(points), strict=True)
    metrics = [metric("loss", value, timestamp, step) for value, timestamp, step in rows]
    batches = [metrics[start : start + batch] for start in range(0, points, batch)]
    run_id = client.create_run("0", start_time=int(time.time() * 1000)).info.run_id
    client.log_batch(run_id, metrics=[metric("warm-up", 0.0, FIRST_TIMESTAMP, 0)])
    gc.collect()
    gc.freeze()  # A training script does not hold a million metrics for the collector to walk through.
    settle()
    with Stopwatch() as writing:
        for one in batches:
            client.log_batch(run_id, metrics=one)
        if library == "runstone" and not client.tracking.flush():
            raise SystemExit("runstone has not stored all that was logged")
    with Stopwatch() as ending:
        client.set_terminated(run_id)
        if library == "runstone":
            client.tracking.close()
    return {
        "run_id": run_id,
        "write_cpu_s": writing.cpu_s,
        "write_wall_s": writing.wall_s,
        "end_cpu_s": ending.cpu_s,
        "end_wall_s": ending.wall_s,
    }


run(main)
