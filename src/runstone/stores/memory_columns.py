"""Chosen columns and counts of the runs that the store in memory holds: what the others must answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from runstone import tag_names
from runstone.entities import Run
from runstone.series.points import FloatColumn
from runstone.series.summary import Summary
from runstone.stores.columns import AGGREGATES, Aggregate, ColumnChoice, KeyCounts, RunColumns, is_reserved

__all__ = ["count_texts", "keys_of_runs", "run_columns"]

Recorded = tuple[Run, Mapping[str, Summary]]
"""A run, and what is known of its series."""


def run_columns(runs: Sequence[Recorded], choice: ColumnChoice, revision: int, token: str | None) -> RunColumns:
    """The runs, in their order."""
    infos = [run.info for run, _ in runs]
    return RunColumns(
        run_ids=[info.run_id for info in infos],
        experiment_ids=[info.experiment_id for info in infos],
        names=[info.run_name for info in infos],
        users=[info.user_id for info in infos],
        status=[info.status.value for info in infos],
        stages=[info.lifecycle_stage.value for info in infos],
        start_time=[info.start_time for info in infos],
        end_time=[info.end_time for info in infos],
        parents=[run.data.tags.get(tag_names.PARENT_RUN_ID) for run, _ in runs],
        metrics={
            key: {one: _figures(runs, key, one) for one in choice.aggregates}
            for key in _keys((summaries for _, summaries in runs), choice.metrics)
            if choice.aggregates
        },
        params=_texts([run.data.params for run, _ in runs], choice.params),
        tags=_texts([run.data.tags for run, _ in runs], choice.tags, is_reserved),
        revision=revision,
        token=token,
    )


def _keys(maps: Iterable[Mapping[str, object]], chosen: tuple[str, ...] | None) -> list[str]:
    found = {key for one in maps for key in one}
    return sorted(found if chosen is None else found.intersection(chosen))


def _figures(runs: Sequence[Recorded], key: str, aggregate: Aggregate) -> FloatColumn:
    assert aggregate in AGGREGATES
    name = "last_timestamp" if aggregate == "last_time" else aggregate
    return np.array([getattr(series[key], name) if key in series else np.nan for _, series in runs], np.float64)


def _texts(
    runs: Sequence[Mapping[str, str]],
    chosen: tuple[str, ...] | None,
    leaves_out: Callable[[str], bool] = lambda key: False,
) -> dict[str, list[str | None]]:
    keys = [key for key in _keys(runs, chosen) if chosen is not None or not leaves_out(key)]
    return {key: [run.get(key) for run in runs] for key in keys}


def keys_of_runs(runs: Sequence[Recorded]) -> KeyCounts:
    """How many of the runs have each key."""

    def count(maps: Iterable[Mapping[str, object]]) -> dict[str, int]:
        return dict(sorted(Counter(key for one in maps for key in one).items()))

    return KeyCounts(
        metrics=count(summaries for _, summaries in runs),
        params=count(run.data.params for run, _ in runs),
        tags=count(run.data.tags for run, _ in runs),
    )


def count_texts(texts: Iterable[Mapping[str, str]], key: str, prefix: str, limit: int) -> list[tuple[str, int]]:
    """The values of a key that begin with the prefix, with how many have each; the most frequent first."""
    found = Counter(one[key] for one in texts if key in one and one[key].startswith(prefix))
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
