"""What a screen asks of a tracker beyond Tracking: the columns, keys and counts of many runs.

Only a tracker that has its store beside it answers that at the speed of a screen; see LocalTracking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from runstone.entities import Experiment, ModelVersion, PagedList, RegisteredModel, ViewType
from runstone.stores.columns import ColumnChoice, ExperimentActivity, KeyCounts, RunColumns
from runstone.tracking.base import Tracking
from runstone.tracking.models import Models

__all__ = ["Browsing", "BrowsingModels"]


class BrowsingModels(Models, Protocol):
    """Models whose searches can be kept within some names (None: all): full pages for whoever sees only these."""

    def search_registered_models(
        self,
        *,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 100,
        page_token: str | None = None,
        within: frozenset[str] | None = None,
    ) -> PagedList[RegisteredModel]:
        """Those of the names `within`."""

    def search_model_versions(
        self,
        *,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 10_000,
        page_token: str | None = None,
        within: frozenset[str] | None = None,
    ) -> PagedList[ModelVersion]:
        """Those of the models named `within`."""


class Browsing(Tracking, Protocol):
    """A tracker that a screen can be drawn from. See Store for what the answers hold."""

    @property
    def models(self) -> BrowsingModels:
        """What may be asked about models."""

    def search_experiments(
        self,
        *,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
        within: frozenset[str] | None = None,
    ) -> PagedList[Experiment]:
        """Those of the ids `within`."""

    def find_run_experiments(self, run_ids: Sequence[str]) -> dict[str, str]:
        """The experiment of each of the runs that are there, deleted or not."""

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
