"""Points as columns: of one series (Points), of several (MetricBatch), and their order and identity.

Points are ordered by step, then timestamp, then value, NaN after every number. Points equal in all three are one
point (as MLflow's SQL store keeps them: its clients may send a batch twice).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from runstone.entities import Metric

__all__ = ["FloatColumn", "IntColumn", "MetricBatch", "Points"]

IntColumn = npt.NDArray[np.int64]
FloatColumn = npt.NDArray[np.float64]


class Points:
    """The points of one series as three columns of one length: `step`, `timestamp` (ms) and `value`."""

    __slots__ = ("step", "timestamp", "value")

    def __init__(self, step: IntColumn, timestamp: IntColumn, value: FloatColumn) -> None:
        self.step = step
        self.timestamp = timestamp
        self.value = value

    @classmethod
    def empty(cls) -> Points:
        """No points."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))

    @classmethod
    def join(cls, parts: Sequence[Points]) -> Points:
        """The points of all parts, ordered, each once."""
        if not parts:
            return cls.empty()
        joined = cls(
            np.concatenate([part.step for part in parts]),
            np.concatenate([part.timestamp for part in parts]),
            np.concatenate([part.value for part in parts]),
        )
        return joined.ordered()

    def __len__(self) -> int:
        return len(self.step)

    def __getitem__(self, rows: slice | npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Points:
        return Points(self.step[rows], self.timestamp[rows], self.value[rows])

    def rows(self) -> Iterator[tuple[int, int, float]]:
        """(step, timestamp, value) of each point."""
        return zip(self.step.tolist(), self.timestamp.tolist(), self.value.tolist(), strict=True)

    def metrics(self, key: str) -> list[Metric]:
        """The points as entities."""
        return [Metric(key, value, timestamp, step) for step, timestamp, value in self.rows()]

    def ordered(self) -> Points:
        """The same points in order, each once; `self` where that is so already."""
        step, timestamp = self.step, self.timestamp
        rises = (step[1:] > step[:-1]) | ((step[1:] == step[:-1]) & (timestamp[1:] > timestamp[:-1]))
        if rises.all():
            return self
        points = self[np.lexsort((self.value, timestamp, step))]
        return points[_first_of_equals(points.step, points.timestamp, points.value)]


def _first_of_equals(*columns: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Which rows of ordered columns differ from the row before; NaN equals NaN."""
    keep = np.ones(len(columns[0]), np.bool_)
    same = np.ones(max(len(columns[0]) - 1, 0), np.bool_)
    for column in columns:
        equal = column[1:] == column[:-1]
        if column.dtype.kind == "f":
            equal |= np.isnan(column[1:].astype(float)) & np.isnan(column[:-1].astype(float))
        same &= equal
    keep[1:] = ~same
    return keep


class MetricBatch:
    """Points of several series as columns, grouped by key: what arrives at a store in one piece.

    `keys[i]` has the rows `starts[i]:starts[i + 1]` of `points`; `starts` has one entry more than `keys`. Within
    a key the rows are ordered, each point once. Keys are distinct; their order has no meaning.
    """

    __slots__ = ("keys", "points", "starts")

    def __init__(self, keys: tuple[str, ...], starts: IntColumn, points: Points) -> None:
        self.keys = keys
        self.starts = starts
        self.points = points

    @classmethod
    def of_metrics(cls, metrics: Iterable[Metric]) -> MetricBatch:
        """The batch of these points, in any order."""
        numbers: dict[str, int] = {}
        metrics = list(metrics)
        rows = [numbers.setdefault(metric.key, len(numbers)) for metric in metrics]
        points = Points(
            np.array([metric.step for metric in metrics], np.int64),
            np.array([metric.timestamp for metric in metrics], np.int64),
            np.array([metric.value for metric in metrics], np.float64),
        )
        return cls.of_columns(tuple(numbers), np.array(rows, np.int64), points)

    @classmethod
    def of_columns(cls, keys: tuple[str, ...], key_rows: IntColumn, points: Points) -> MetricBatch:
        """The batch of points in any order, of which row i belongs to `keys[key_rows[i]]`. Each key has a row."""
        if len(keys) <= 1:
            points = points.ordered()
            return cls(keys, np.array([0, len(points)][: len(keys) + 1], np.int64), points)
        order = np.lexsort((points.value, points.timestamp, points.step, key_rows))
        points, key_rows = points[order], key_rows[order]
        kept = _first_of_equals(key_rows, points.step, points.timestamp, points.value)
        if not kept.all():
            points, key_rows = points[kept], key_rows[kept]
        return cls(keys, np.searchsorted(key_rows, np.arange(len(keys) + 1)).astype(np.int64), points)

    def __len__(self) -> int:
        return len(self.points)

    def series(self) -> Iterator[tuple[str, Points]]:
        """Each key with its points."""
        starts = self.starts.tolist()
        for number, key in enumerate(self.keys):
            yield key, self.points[slice(starts[number], starts[number + 1])]
