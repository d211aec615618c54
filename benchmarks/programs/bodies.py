"""Bodies of requests that log points, made before the clock starts. A body is whole but for the id of its run, which
comes first, so that all connections of a process share one pool."""

from __future__ import annotations

import msgspec
import numpy as np

from runstone.series.frame import encode_frame
from runstone.series.points import MetricBatch, Points

KEY = "loss"
FIRST_TIMESTAMP = 1_750_000_000_000


def make_bodies(route: str, points: int, bodies: int) -> list[bytes]:
    """The parts behind the run's id of `bodies` bodies of one series; no two of all these points are the same."""
    values = np.random.default_rng(7).standard_normal(points).astype(np.float32).astype(np.float64)
    make = _log_batch if route == "log-batch" else _append
    return [make(number, values) for number in range(bodies)]


def head_of_body(route: str, run_id: str) -> bytes:
    """The part that holds the run's id."""
    if route == "log-batch":
        return b'{"run_id":"%s",' % run_id.encode()
    write = msgspec.msgpack.encode("run_id") + msgspec.msgpack.encode(run_id)
    return b"\x81" + msgspec.msgpack.encode("writes") + b"\x91\x85" + write  # a list of one map of five


def _log_batch(number: int, values: np.ndarray) -> bytes:
    first = number * len(values)
    metrics = ",".join(
        f'{{"key":"{KEY}","value":{value!r},"timestamp":{FIRST_TIMESTAMP + step},"step":{step}}}'
        for step, value in enumerate(values.tolist(), first)
    )
    return f'"metrics":[{metrics}]}}'.encode()


def _append(number: int, values: np.ndarray) -> bytes:
    steps = np.arange(len(values)) + number * len(values)
    batch = MetricBatch((KEY,), np.array([0, len(values)]), Points(steps, FIRST_TIMESTAMP + steps, values))
    fields = {"frame": encode_frame(batch), "writer": "benchmark", "first": number + 1, "last": number + 1}
    return msgspec.msgpack.encode(fields)[1:]  # without the mark of a map of four
