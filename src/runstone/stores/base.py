"""The Store protocol: what may be true inside one transaction. Knows no default, no clock and no wire format.

`runstone.testing.StoreSuite` says the same in tests; a store is right when the suite passes over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from runstone.entities import (
    DatasetInput,
    Experiment,
    LifecycleStage,
    ModelMetric,
    PagedList,
    Run,
    RunStatus,
    ViewType,
)
from runstone.errors import RunstoneError
from runstone.filters.ast import Filter, OrderTerm
from runstone.series.curves import Curve, CurveQuery
from runstone.series.points import MetricBatch, Points
from runstone.series.summary import Summary
from runstone.stores.columns import ColumnChoice, ExperimentActivity, KeyCounts, RunColumns
from runstone.stores.models import ModelStore
from runstone.stores.removal import RemovalStore

__all__ = ["Changes", "ExperimentQuery", "NewRun", "RunCount", "RunQuery", "RunTable", "Sequenced", "Store", "Write"]


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run to be created. `tags` holds its name under `mlflow.runName`.

    Its files lie at `artifact_uri`, by default below the experiment's location.
    """

    run_id: str
    experiment_id: str
    run_name: str
    user_id: str
    status: RunStatus
    start_time: int | None
    tags: Mapping[str, str]
    artifact_uri: str | None = None


class ExperimentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which experiments, in which order; ties: newest first. `filter` speaks of attributes and tags.

    `within` are the ids of those that count; None for all.
    """

    view: ViewType = ViewType.ACTIVE_ONLY
    filter: Filter | None = None
    order: tuple[OrderTerm, ...] = ()
    max_results: int = 1000
    page_token: str | None = None
    within: frozenset[str] | None = None


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs of which experiments, in which order; ties, and no order: start_time descending, then run_id."""

    experiment_ids: tuple[str, ...]
    view: ViewType = ViewType.ACTIVE_ONLY
    filter: Filter | None = None
    order: tuple[OrderTerm, ...] = ()
    max_results: int = 1000
    page_token: str | None = None


class RunCount(NamedTuple):
    """How many runs a search finds. Large numbers are estimated, from a sample that is the same each time."""

    runs: int
    is_estimate: bool


class RunTable(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs as columns, all of one length; keys sorted. A run without a key has NaN or None there."""

    run_id: list[str]
    experiment_id: list[str]
    status: list[str]
    artifact_uri: list[str]
    start_time: list[int | None]
    end_time: list[int | None]
    metrics: dict[str, list[float]]
    params: dict[str, list[str | None]]
    tags: dict[str, list[str | None]]
    token: str | None = None

    def __len__(self) -> int:
        return len(self.run_id)


class Sequenced(msgspec.Struct, frozen=True):
    """Who writes, and which of its records a write holds: `first` to `last`, both included, counted from 1.

    A store keeps the last sequence of each (run, writer) in the transaction that stores the records, so that a
    write that arrives twice is stored once. A repeat of the last one (0 to 0 from a writer that has none yet) says
    that the writer lives; with `ends` it is the writer's last word: nothing more is to be expected from it.
    """

    writer: str
    first: int
    last: int
    ends: bool = False


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that have changed, as (run id, experiment id); `revision` is where to go on asking."""

    revision: int
    runs: list[tuple[str, str]]


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded in one run, all or nothing. `model_metrics` are the points that speak of logged models, too.

    `deleted_tags` go after `tags` are set, and need not be there. A `status` comes last; it and `end_time` are set,
    whatever they were. `heard_at` is when a sequenced write was heard, by the clock of whoever stands before the store.
    """

    run_id: str
    metrics: MetricBatch | None = None
    params: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    deleted_tags: Sequence[str] = ()
    status: RunStatus | None = None
    end_time: int | None = None
    model_metrics: Sequence[ModelMetric] = ()
    sequenced: Sequenced | None = None
    heard_at: int | None = None


class Store(Protocol):
    """Facts about experiments and runs. Every method is one transaction; safe to share between threads.

    Reads raise NotFound for an unknown id. Writes to a run raise NotFound, or NotActive where it is deleted.
    Every method may raise StoreError. Times are milliseconds since the Unix epoch.
    """

    @property
    def models(self) -> ModelStore:
        """What the same database keeps about models."""

    @property
    def removal(self) -> RemovalStore:
        """How the same database forgets what was deleted."""

    @property
    def own_artifact_root(self) -> str | None:
        """The URI under which no other store keeps files; None where others may."""

    # -- experiments

    def create_experiment(self, name: str, *, artifact_location: str | None, tags: Mapping[str, str], now: int) -> str:
        """Create one and return its id. Raises AlreadyExists; the name of a deleted experiment is free."""

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment, deleted or not."""

    def find_experiment(self, name: str) -> Experiment | None:
        """The experiment of that name, or None: the active one, else the newest of the deleted ones."""

    def search_experiments(self, query: ExperimentQuery) -> PagedList[Experiment]:
        """A page of experiments. Raises InvalidInput for a page token that is not of this query."""

    def rename_experiment(self, experiment_id: str, name: str, *, now: int) -> None:
        """Raises AlreadyExists, and NotActive for a deleted experiment."""

    def set_experiment_stage(self, experiment_id: str, stage: LifecycleStage, *, now: int) -> None:
        """Delete or restore it, with the runs that are active in it, or that were deleted with it.

        Raises AlreadyExists where it is to be restored, and another one has taken its name.
        """

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, str], *, now: int) -> None:
        """Set tags; others stay. Raises NotActive for a deleted experiment."""

    def delete_experiment_tag(self, experiment_id: str, key: str, *, now: int) -> None:
        """Raises NotFound where there is no such tag."""

    # -- runs

    def create_run(self, run: NewRun) -> Run:
        """Raises NotFound for an unknown experiment, NotActive for a deleted one, AlreadyExists for a taken id."""

    def get_run(self, run_id: str) -> Run:
        """The run with all its data, deleted or not."""

    def find_run_experiments(self, run_ids: Sequence[str]) -> dict[str, str]:
        """The experiment of each of the runs that are there, deleted or not."""

    def set_run_status(self, run_id: str, status: RunStatus, *, end_time: int | None) -> None:
        """Set both, whatever they were. That the run's writers were silent counts no more, until one is heard again."""

    def set_run_stage(self, run_id: str, stage: LifecycleStage, *, now: int) -> None:
        """Delete or restore a run; doing so twice changes nothing."""

    def search_runs(self, query: RunQuery) -> PagedList[Run]:
        """A page of runs. Raises InvalidInput for a page token that is not of this query."""

    def search_run_table(self, query: RunQuery) -> RunTable:
        """The same page as columns."""

    def count_runs(self, query: RunQuery) -> RunCount:
        """How many runs all pages of a search have together; its order, page size and token do not matter."""

    def list_changed_runs(self, since: int, *, max_results: int) -> Changes:
        """The runs that were changed after the revision `since` (0: ever), the first to change first, each once.

        Whatever changed a run counts, its deletion too. A little more than `max_results` come where one transaction
        has changed more.
        """

    # -- what a screen shows of many runs

    def search_run_columns(self, query: RunQuery, choice: ColumnChoice) -> RunColumns:
        """The page of `search_runs` as chosen columns. A series' count may count points twice until it is folded."""

    def count_keys(self, experiment_ids: Sequence[str]) -> KeyCounts:
        """How many active runs of the experiments have each key."""

    def count_values(
        self, experiment_ids: Sequence[str], kind: Literal["param", "tag"], key: str, *, prefix: str, limit: int
    ) -> list[tuple[str, int]]:
        """The values of a key in active runs that begin with `prefix`, with how many have each; most frequent first."""

    def summarize_experiments(self, experiment_ids: Sequence[str]) -> dict[str, ExperimentActivity]:
        """What happens in each of the experiments that has a run."""

    # -- what a run records

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        """Record each write all or nothing, in order; the result holds the error of each, or None.

        The tag `mlflow.runName` is also the run's name. Points, params and tags that are there already change
        nothing. Of a model's figures the latest by (timestamp, step) is kept for each key and dataset; of two equal
        ones that which came last.

        The errors are NotFound (also for a logged model), NotActive, ParamChanged for a param that has another
        value, and InvalidInput for a gap in a sequence. With `sequenced`, a write whose `last` is not above the
        writer's last records nothing, but the writer is heard; one that overlaps it in part, or leaves a gap, is an
        error. A StoreError is raised: then none of the writes was recorded.

        A run that `fail_silent_runs` has failed is RUNNING again once a writer of it is heard, unless that write has an
        error, ends, or sets a status itself.
        """

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: MetricBatch | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        sequenced: Sequenced | None = None,
    ) -> None:
        """The same for one write, whose error is raised."""

    def last_sequence(self, run_id: str, writer: str) -> int:
        """The last sequence stored for that writer of that run, 0 for none."""

    def fail_silent_runs(self, *, heard_before: int) -> list[str]:
        """End the runs that are RUNNING though the last word of all their writers that have not ended is older (ms).

        They are FAILED at the time of that word, and the tag `runstone.end_reason` says so. Returns their ids. Deleted
        runs are let alone, and those without such writers.
        """

    def delete_tag(self, run_id: str, key: str) -> None:
        """Raises NotFound where there is no such tag."""

    def append_to_list_tag(self, run_id: str, key: str, item: object) -> None:
        """Append `item` to the JSON list that the tag holds; an absent tag is an empty list.

        Raises InvalidInput where the tag holds something else.
        """

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        """Link datasets to a run; tags of a link that is there are overwritten."""

    # -- series

    def list_series(self, run_id: str) -> dict[str, Summary]:
        """The summary of every series of a run, by key in order."""

    def read_series(self, run_id: str, key: str, *, from_step: int | None = None, to_step: int | None = None) -> Points:
        """The points of a series, in order, whose step lies in the range, both ends included.

        No points where the run has no such series.
        """

    def read_curves(self, query: CurveQuery) -> list[Curve]:
        """The series of some runs and keys as curves; by key, then by run, in the query's order.

        Without those that have no point in the range. Raises InvalidInput for fewer than one bucket.
        """

    def fold(self, run_id: str) -> None:
        """Tidy what has been appended. Changes no answer."""

    def close(self) -> None:
        """Release files and connections. Anything after that raises StoreError."""
