"""What a table of runs on a screen asks of a store: chosen columns of many runs, counts, and what is known to be there.

Values alone; `Store` says what they mean.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from runstone.series.points import FloatColumn

__all__ = ["AGGREGATES", "Aggregate", "ColumnChoice", "ExperimentActivity", "KeyCounts", "RunColumns", "is_reserved"]

Aggregate = Literal["last", "min", "max", "first", "count", "last_step", "last_time"]
"""What a metric's column holds of each run's series; `last_time` is the timestamp of the last point (ms)."""
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)

_RESERVED = ("mlflow.", "runstone.")


def is_reserved(key: str) -> bool:
    """Whether a tag is one that software writes."""
    return key.startswith(_RESERVED)


class ColumnChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys; None: all that the runs have, but of tags only those that are not reserved."""

    metrics: tuple[str, ...] | None = None
    aggregates: tuple[Aggregate, ...] = ("last",)
    params: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None


class RunColumns(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A page of runs as columns of one length, keys sorted. A run without a key has NaN or None there.

    `revision` is one that no run of the page is behind: what changes afterwards has a later one.
    """

    run_ids: list[str]
    experiment_ids: list[str]
    names: list[str]
    users: list[str]
    status: list[str]
    stages: list[str]
    start_time: list[int | None]
    end_time: list[int | None]
    parents: list[str | None]
    metrics: dict[str, dict[Aggregate, FloatColumn]]
    params: dict[str, list[str | None]]
    tags: dict[str, list[str | None]]
    revision: int
    token: str | None = None

    def __len__(self) -> int:
        return len(self.run_ids)


class KeyCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many active runs have a key, by key in order."""

    metrics: dict[str, int]
    params: dict[str, int]
    tags: dict[str, int]


class ExperimentActivity(msgspec.Struct, frozen=True, kw_only=True):
    """What happens in an experiment. `runs` and `live` (RUNNING) count active runs.

    `last_time` is the latest start, end or word of a writer of any run (ms); `revision` that of its latest change.
    """

    runs: int = 0
    live: int = 0
    last_time: int | None = None
    revision: int = 0
