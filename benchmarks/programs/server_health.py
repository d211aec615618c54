"""Ask for `/health` again and again on one connection: the median of the times until the answer."""

from __future__ import annotations

import statistics
import time
from typing import Any

from connection import Connection
from program import run

WARM_UP = 20


def main(library: str, port: int, requests: int) -> dict[str, Any]:
    connection = Connection(port)
    times = []
    for _ in range(WARM_UP + requests):
        began = time.perf_counter()
        connection.read("GET", "/health")
        times.append(time.perf_counter() - began)
    return {"health_s": statistics.median(times[WARM_UP:])}


run(main)
