"""Log rows of many metrics within one active run, then wait until all of them are in the store."""

from __future__ import annotations

import random
from typing import Any

from count_points import check_stored
from program import run
from recorders import open_recorder
from stopwatch import Stopwatch, settle

ROWS = 1000
"""So many different rows, again and again: what makes them is not measured."""


def main(library: str, mode: str, folder: str, port: int, steps: int, keys: int) -> dict[str, Any]:
    draw = random.Random(7)
    names = [f"metric_{number}" for number in range(keys)]
    rows = [{name: draw.random() for name in names} for _ in range(min(ROWS, steps))]
    recorder = open_recorder(library, mode, folder, port)
    log_row, size = recorder.log_row, len(rows)
    log_row(rows[0], step=0)
    settle()
    with Stopwatch() as whole:
        with Stopwatch() as looping:
            for step in range(1, steps + 1):
                log_row(rows[step % size], step=step)
        recorder.drain()
    check_stored(library, mode, folder, port, recorder.run_id, (steps + 1) * keys)
    recorder.end()
    return {
        "points": steps * keys,
        "loop_s": looping.wall_s,
        "whole_s": whole.wall_s,
        "whole_cpu_s": whole.cpu_s,
    }


run(main)
