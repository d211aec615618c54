"""A process that appends to runs, each batch twice, and folds them now and then.

python -m tests.postgres.append_and_fold URL NUMBER RUN_ID...
"""

from __future__ import annotations

import sys
from contextlib import closing

import numpy as np

from runstone.series.points import MetricBatch, Points
from runstone.stores.base import Sequenced, Write
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore


def points(number: int, at: int, size: int) -> Points:
    """Their steps are those of other processes' points, too."""
    values = number * 10**6 + at * 1_000 + np.arange(size)
    return Points(np.arange(at * size, (at + 1) * size), np.full(size, at), values.astype(float))


def main(url: str, number: int, run_ids: list[str]) -> None:
    with closing(SqlStore(PostgresDatabase(url), "file:///root")) as store:
        for at in range(30):
            for key, size in (("shared", 10), ("long", 600)):
                word = Sequenced(f"{key}-{number}", at + 1, at + 1)
                metrics = MetricBatch.of_points(key, points(number, at, size))
                writes = [Write(run_id=run_id, metrics=metrics, sequenced=word) for run_id in run_ids]
                assert not any(store.log_batches(writes * 2))
            if at % 5 == number:
                for run_id in run_ids:
                    store.fold(run_id)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
