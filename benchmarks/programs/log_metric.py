"""Log one series point by point within one active run: `--timing blocks` reads the clock once a block of calls,
`--timing calls` after each call. Then wait until all of it is in the store."""

from __future__ import annotations

import math
import random
import statistics
import time
from array import array
from collections.abc import Callable
from typing import Any

from count_points import check_stored
from program import run
from recorders import open_recorder
from stopwatch import Stopwatch, settle

KEY = "loss"
MAX_BLOCK, MIN_BLOCKS = 1000, 100


def main(library: str, mode: str, folder: str, port: int, calls: int, timing: str) -> dict[str, Any]:
    draw = random.Random(7)
    values = [draw.random() for _ in range(calls)]
    recorder = open_recorder(library, mode, folder, port)
    recorder.log(KEY, 1.0, step=0)
    settle()
    with Stopwatch() as whole:
        with Stopwatch() as looping:
            times = (time_blocks if timing == "blocks" else time_calls)(recorder.log, values)
        recorder.drain()
    check_stored(library, mode, folder, port, recorder.run_id, calls + 1)
    recorder.end()
    times.sort()
    return {
        "median_ns": statistics.median(times),
        "p999_ns": times[math.ceil(len(times) * 0.999) - 1],
        "longest_ns": times[-1],
        "loop_s": looping.wall_s,
        "whole_s": whole.wall_s,
        "whole_cpu_s": whole.cpu_s,
    }


def time_blocks(log: Callable[..., object], values: list[float]) -> list[float]:
    """The nanoseconds of a call in each block, the `for` of the loop included."""
    size = max(1, min(MAX_BLOCK, len(values) // MIN_BLOCKS))
    times = []
    for first in range(0, len(values), size):
        block = values[first : first + size]
        began = time.perf_counter_ns()
        for step, value in enumerate(block, first + 1):
            log(KEY, value, step=step)
        times.append((time.perf_counter_ns() - began) / len(block))
    return times


def time_calls(log: Callable[..., object], values: list[float]) -> list[float]:
    """The nanoseconds from one call's end to the next one's: no stall of the loop falls between two of them."""
    clock = time.perf_counter_ns
    ends = array("q", bytes(8 * (len(values) + 1)))
    ends[0] = clock()
    for step, value in enumerate(values, 1):
        log(KEY, value, step=step)
        ends[step] = clock()
    return [float(ends[number + 1] - ends[number]) for number in range(len(values))]


run(main)
