"""Runs as columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from runstone.entities import PagedList, Run
from runstone.stores.base import RunTable

__all__ = ["RunTableBuilder", "table_of_runs"]


class RunTableBuilder:
    """Columns of metrics, params and tags, filled cell by cell in any order."""

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

    def add_params(self, row: int, params: Mapping[str, str]) -> None:
        """The params of one run."""
        self._add_texts(self.params, row, params)

    def add_tags(self, row: int, tags: Mapping[str, str]) -> None:
        """The tags of one run."""
        self._add_texts(self.tags, row, tags)

    def _add_texts(self, columns: dict[str, list[str | None]], row: int, texts: Mapping[str, str]) -> None:
        for key, value in texts.items():
            try:
                columns[key][row] = value
            except KeyError:
                columns[key] = [None] * self._rows
                columns[key][row] = value


def table_of_runs(runs: PagedList[Run]) -> RunTable:
    """The same page as columns."""
    cells = RunTableBuilder(len(runs))
    for row, run in enumerate(runs):
        cells.add_metrics([(row, key, value) for key, value in run.data.metrics.items()])
        cells.add_params(row, run.data.params)
        cells.add_tags(row, run.data.tags)
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
