"""What several tests over PostgreSQL do with stores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from runstone.series.points import MetricBatch, Points
from runstone.stores.base import Store

__all__ = ["batch", "in_threads", "points_of"]

T = TypeVar("T")


def batch(key: str, first: int, count: int) -> MetricBatch:
    """So many points of one series, by step from `first` on."""
    steps = np.arange(first, first + count)
    return MetricBatch.of_points(key, Points(steps, steps + 1_000, steps / 2))


def points_of(store: Store, run_id: str, key: str) -> Points:
    """All points of a series, of which the summary must tell the same."""
    points = store.read_series(run_id, key)
    assert store.list_series(run_id)[key].count == len(points)
    return points


def in_threads(count: int, act: Callable[[int], T], *, threads: int = 16) -> list[T]:
    """What the act returns for each number below `count`, several at once."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(act, range(count)))
