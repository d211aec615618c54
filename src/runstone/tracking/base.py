"""The Tracking protocol: what may be asked of a tracker, local or remote.

Everything takes plain values as a user gives them, and raises the errors of `runstone.errors`.
`runstone.testing.TrackingSuite` says the same in tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from runstone.artifacts.base import ArtifactOpener, ArtifactStore
from runstone.entities import DatasetInput, Experiment, Metric, PagedList, Run, RunStatus, ViewType
from runstone.errors import RunstoneError
from runstone.series.curves import Curve, CurveQuery
from runstone.series.points import Points
from runstone.series.summary import Summary
from runstone.stores.base import Changes, RunTable, Write
from runstone.tracking.models import Models
from runstone.tracking.removal import Removal

__all__ = ["MAX_PAGE", "MAX_TABLE", "Tracking"]

MAX_PAGE = 50_000
"""The largest page of a search."""

MAX_TABLE = 1_000_000
"""The largest table of runs to ask for; a server ends it where a page ends."""


class Tracking(Protocol):
    """A tracker. Safe to share between threads.

    Ids are texts (an experiment's may be an int). Times are milliseconds since the Unix epoch; where one is None
    the tracker's clock is read. Values of params and tags may be anything with a `str()`. Every method may raise
    InvalidInput for a value that breaks a rule, NotFound for an unknown id, and StoreError.
    """

    @property
    def artifacts(self) -> ArtifactOpener:
        """Opens artifact URIs as this tracker means them."""

    @property
    def models(self) -> Models:
        """What may be asked about models."""

    @property
    def removal(self) -> Removal:
        """How what was deleted is removed for good."""

    # -- experiments

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Create an experiment and return its id. Raises AlreadyExists."""

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        """The experiment, deleted or not."""

    def find_experiment(self, name: str) -> Experiment | None:
        """The experiment of that name, or None: the active one, else the newest of the deleted ones."""

    def search_experiments(
        self,
        *,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """A page of at most `max_results` experiments; by default the newest first. Raises FilterError."""

    def rename_experiment(self, experiment_id: str | int, name: str) -> None:
        """Raises AlreadyExists, and NotActive for a deleted experiment."""

    def delete_experiment(self, experiment_id: str | int) -> None:
        """Mark it, and its runs, as deleted; its name is free again. Twice is once."""

    def restore_experiment(self, experiment_id: str | int) -> None:
        """Undo a deletion, also of the runs deleted with it. Raises AlreadyExists where its name is taken by now."""

    def set_experiment_tags(self, experiment_id: str | int, tags: Mapping[str, Any]) -> None:
        """Set tags; others stay."""

    def delete_experiment_tag(self, experiment_id: str | int, key: str) -> None:
        """Raises NotFound where there is no such tag."""

    # -- runs

    def create_run(
        self,
        experiment_id: str | int,
        *,
        run_id: str | None = None,
        run_name: str | None = None,
        start_time: int | None = None,
        user_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> Run:
        """Create a run that is RUNNING. A name not given is made up; it also stands in the tag `mlflow.runName`.

        Raises NotActive for a deleted experiment.
        """

    def get_run(self, run_id: str) -> Run:
        """The run with all its data, deleted or not."""

    def update_run(
        self,
        run_id: str,
        *,
        status: RunStatus | str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> None:
        """Set what is given. A status that ends the run sets its end time (now by default), any other clears it."""

    def delete_run(self, run_id: str) -> None:
        """Mark it as deleted; twice is once."""

    def restore_run(self, run_id: str) -> None:
        """Undo a deletion."""

    def search_runs(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """A page of at most `max_results` runs; by default the latest start first, then by id. Raises FilterError."""

    def search_run_table(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> RunTable:
        """The same as columns, of at most `max_results` runs: fewer are the last only where no token follows."""

    def list_changed_runs(self, since: int, *, max_results: int = 1000) -> Changes:
        """The runs that were changed after the revision `since` (0: ever), the first to change first, each once."""

    # -- what a run records

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Iterable[Metric] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Record all or nothing. Raises ParamChanged, and NotActive for a deleted run."""

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        """Record columns of many runs: each write all or nothing, in order; the error of each, or None.

        See `Store.log_batches`. A status that ends the run sets its end time (now by default), any other clears it
        unless one is given. Raises StoreError where none of the writes could be recorded.
        """

    def last_sequence(self, run_id: str, writer: str) -> int:
        """The last record of a writer that is stored (see `Sequenced`); 0 for none, and where that is not kept."""

    def delete_tag(self, run_id: str, key: str) -> None:
        """Raises NotFound where there is no such tag."""

    def record_logged_model(self, run_id: str, description: Mapping[str, Any]) -> None:
        """Append a model's description to the JSON list in the tag `mlflow.log-model.history`."""

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        """Link datasets to a run."""

    # -- series and files

    def list_series(self, run_id: str) -> dict[str, Summary]:
        """The summary of every series of a run, by key in order."""

    def read_series(self, run_id: str, key: str, *, from_step: int | None = None, to_step: int | None = None) -> Points:
        """The points of a series, ordered by step, timestamp and value, of a range of steps, both ends included."""

    def read_curves(self, query: CurveQuery) -> list[Curve]:
        """The series of some runs and keys as curves; by key, then by run, in the query's order.

        Without those that have no point in the range. Raises InvalidInput for fewer than one bucket.
        """

    def open_artifacts(self, run_id: str) -> ArtifactStore:
        """The files of a run."""

    def close(self) -> None:
        """Release files and connections."""
