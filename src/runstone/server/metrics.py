"""What the server counts, for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from __future__ import annotations

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counters of one process; `render` sums those of all workers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter("runstone_requests", "Requests answered", ["route", "status"], registry=self._registry)
        self.seconds = Histogram(
            "runstone_request_seconds",
            "Time to answer a request",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.points = Counter("runstone_points", "Points of metrics recorded", registry=self._registry)
        self.waiting = Gauge(
            "runstone_writes_waiting", "Writes waiting for a transaction", registry=self._registry,
            multiprocess_mode="livesum",
        )  # fmt: skip

    def render(self) -> bytes:
        """The text of `/metrics`."""
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self._registry)
