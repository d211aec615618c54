"""Runs as columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from runstone.entities import PagedList, Run
from runstone.stores.base import RunTable

__all__ = ["RunTableBuilder", "table_of_runs"]

_STRETCH = 100
"""So many runs at a time: few enough objects that Python's collector does not look at all that is there already."""


class RunTableBuilder:
    """Columns of metrics, params and tags, filled in any order."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.metrics: dict[str, list[float]] = {}
        self.params: dict[str, list[str | None]] = {}
        self.tags: dict[str, list[str | None]] = {}

    def add_metrics(self, cells: Iterable[tuple[Any, ...]]) -> None:
        """Cells are (row, key, value); a value of None is NaN."""
        columns = self.metrics
        for row, key, value in cells:
            if value is None:
                value = math.nan
            try:
                columns[key][row] = value
            except KeyError:
                columns[key] = [math.nan] * self._rows
                columns[key][row] = value

    def add_params(self, params: Iterable[tuple[int, Mapping[str, str]]]) -> None:
        """Each run's row and its params."""
        self._add_texts(self.params, params)

    def add_tags(self, tags: Iterable[tuple[int, Mapping[str, str]]]) -> None:
        """Each run's row and its tags."""
        self._add_texts(self.tags, tags)

    def _add_texts(self, columns: dict[str, list[str | None]], runs: Iterable[tuple[int, Mapping[str, str]]]) -> None:
        runs = iter(runs)
        while stretch := list(islice(runs, _STRETCH)):
            first, keys = stretch[0][0], tuple(stretch[0][1])
            if all(row == number and tuple(texts) == keys for number, (row, texts) in enumerate(stretch, first)):
                # Runs of one experiment mostly have the same keys: column by column takes a third of the time.
                for key, values in zip(keys, zip(*(texts.values() for _, texts in stretch), strict=True), strict=False):
                    self._set(columns, key, first, values)
            else:
                for row, texts in stretch:
                    for key, value in texts.items():
                        self._set(columns, key, row, (value,))

    def _set(self, columns: dict[str, list[str | None]], key: str, first: int, values: Sequence[str | None]) -> None:
        column = columns.get(key)
        if column is None:
            column = columns[key] = [None] * self._rows
        column[first : first + len(values)] = values


def table_of_runs(runs: PagedList[Run]) -> RunTable:
    """The same page as columns."""
    cells = RunTableBuilder(len(runs))
    cells.add_metrics((row, key, value) for row, run in enumerate(runs) for key, value in run.data.metrics.items())
    cells.add_params((row, run.data.params) for row, run in enumerate(runs))
    cells.add_tags((row, run.data.tags) for row, run in enumerate(runs))
    infos = [run.info for run in runs]
    return RunTable(
        run_id=[info.run_id for info in infos],
        experiment_id=[info.experiment_id for info in infos],
        status=[info.status.value for info in infos],
        artifact_uri=[info.artifact_uri for info in infos],
        start_time=[info.start_time for info in infos],
        end_time=[info.end_time for info in infos],
        metrics=dict(sorted(cells.metrics.items())),
        params=dict(sorted(cells.params.items())),
        tags=dict(sorted(cells.tags.items())),
        token=runs.token,
    )
