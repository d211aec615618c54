"""What a screen asks of a tracker beyond Tracking: the columns, keys and counts of many runs.

Only a tracker that has its store beside it answers that at the speed of a screen; see LocalTracking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from runstone.entities import ViewType
from runstone.stores.columns import ColumnChoice, ExperimentActivity, KeyCounts, RunColumns
from runstone.tracking.base import Tracking

__all__ = ["Browsing"]


class Browsing(Tracking, Protocol):
    """A tracker that a screen can be drawn from. See Store for what the answers hold."""

    def search_run_columns(
        self,
        experiment_ids: Sequence[str | int],
        choice: ColumnChoice,
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> RunColumns:
        """The page of `search_runs` as chosen columns. Raises FilterError."""

    def count_keys(self, experiment_ids: Sequence[str | int]) -> KeyCounts:
        """How many active runs of the experiments have each key."""

    def count_values(
        self,
        experiment_ids: Sequence[str | int],
        kind: Literal["param", "tag"],
        key: str,
        *,
        prefix: str = "",
        max_results: int = 50,
    ) -> list[tuple[str, int]]:
        """The values of a key in active runs that begin with `prefix`, with how many have each; most frequent first."""

    def summarize_experiments(self, experiment_ids: Sequence[str | int]) -> dict[str, ExperimentActivity]:
        """What happens in each of the experiments that has a run."""
