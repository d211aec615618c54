"""The Store over a SQL database: each method is one transaction of the functions of its noun."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from runstone.entities import DatasetInput, Experiment, LifecycleStage, PagedList, Run, RunStatus
from runstone.errors import RunstoneError, StoreError
from runstone.series.curves import Curve, CurveQuery
from runstone.series.points import MetricBatch, Points
from runstone.series.summary import Summary
from runstone.stores.base import Changes, ExperimentQuery, NewRun, RunCount, RunQuery, RunTable, Sequenced, Write
from runstone.stores.columns import ColumnChoice, ExperimentActivity, KeyCounts, RunColumns
from runstone.stores.sql import columns, curves, experiments, folding, hydrate, runs, series, writers
from runstone.stores.sql.access import SqlAccess
from runstone.stores.sql.conditions import EXPERIMENTS
from runstone.stores.sql.database import Database
from runstone.stores.sql.models import SqlModelStore
from runstone.stores.sql.removal import SqlRemoval
from runstone.stores.sql.run_search import count_runs, find_run_page, stage_condition
from runstone.stores.sql.search import Search, find_page, uses_counts
from runstone.stores.sql.undone import begun_again
from runstone.stores.sql.writes import record

__all__ = ["SqlStore"]

_log = logging.getLogger(__name__)

# A run's batches are folded when this much has come from this process; a read decodes what is not folded yet.
_FOLD_POINTS = 1 << 18
_FOLD_BATCHES = 512
# When a run ends, a handful of points stays as it came: a chunk for each would be larger than the batch.
_FOLD_POINTS_AT_END = 1024
_FOLD_BATCHES_AT_END = 8


@begun_again
class SqlStore:
    """A Store in a SQL database. Artifacts lie under `artifact_root` (a URI), unless an experiment says otherwise.

    Owns the database: `close` closes it. With `folds_aside` a thread folds what has been appended, so that who appends
    need not wait for it: for servers. A run that outpaces it is folded by who appends, after all. `shares_root`: other
    stores may keep files under the same root.
    """

    def __init__(
        self, database: Database, artifact_root: str, *, folds_aside: bool = False, shares_root: bool = False
    ) -> None:
        self.database = database
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="runstone-fold") if folds_aside else None
        self._folding: set[str] = set()
        self._root = artifact_root.rstrip("/")
        self._unfolded = _Unfolded()
        self.models = SqlModelStore(database, self._root)
        self.removal = SqlRemoval(database, self._root)
        self.access = SqlAccess(database)
        self.own_artifact_root = None if shares_root else self._root

    def close(self) -> None:
        if self._aside is not None:
            self._aside.shutdown(wait=True, cancel_futures=True)
        self.database.close()

    # -- experiments

    def create_experiment(self, name: str, *, artifact_location: str | None, tags: Mapping[str, str], now: int) -> str:
        with self.database.write() as tx:
            return experiments.create(tx, name, artifact_location, tags, now)

    def get_experiment(self, experiment_id: str) -> Experiment:
        with self.database.read() as tx:
            return experiments.get(tx, experiment_id, self._root)

    def find_experiment(self, name: str) -> Experiment | None:
        with self.database.read() as tx:
            return experiments.find(tx, name, self._root)

    def search_experiments(self, query: ExperimentQuery) -> PagedList[Experiment]:
        with self.database.read() as tx:
            search = Search(EXPERIMENTS, tx.dialect, self._root)
            search.conditions.where(stage_condition("e", query.view))
            if query.within is not None:
                search.keep_within("e.id", list(map(experiments.number, query.within)))
            ids, token = find_page(search, tx, query)
            page = tx.dialect.numbered_rows()
            rows = tx.rows(
                f"SELECT {experiments.COLUMNS} FROM {page} JOIN experiments e ON e.id = page.id ORDER BY page.position",
                (tx.dialect.list_argument(ids),),
            )
            return PagedList(experiments.entities(tx, rows, self._root), token)

    def rename_experiment(self, experiment_id: str, name: str, *, now: int) -> None:
        with self.database.write() as tx:
            experiments.rename(tx, experiment_id, name, now)

    def set_experiment_stage(self, experiment_id: str, stage: LifecycleStage, *, now: int) -> None:
        with self.database.write() as tx:
            experiments.set_stage(tx, experiment_id, stage, now)

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, str], *, now: int) -> None:
        with self.database.write() as tx:
            experiments.set_tags(tx, experiment_id, tags, now)

    def delete_experiment_tag(self, experiment_id: str, key: str, *, now: int) -> None:
        with self.database.write() as tx:
            experiments.delete_tag(tx, experiment_id, key, now)

    # -- runs

    def create_run(self, run: NewRun) -> Run:
        with self.database.write(locks_runs=True) as tx:
            return runs.create(tx, run, self._root)

    def get_run(self, run_id: str) -> Run:
        with self.database.read() as tx:
            return hydrate.runs(tx, [runs.run_number(tx, run_id)], self._root)[0]

    def set_run_status(self, run_id: str, status: RunStatus, *, end_time: int | None) -> None:
        with self.database.write(locks_runs=True) as tx:
            runs.lock(tx, [run_id])
            runs.set_status(tx, run_id, status, end_time)
        if RunStatus.is_terminated(status) and self._unfolded.at_end(run_id):
            self._tidy(run_id)

    def set_run_stage(self, run_id: str, stage: LifecycleStage, *, now: int) -> None:
        with self.database.write(locks_runs=True) as tx:
            runs.lock(tx, [run_id])
            runs.set_stage(tx, run_id, stage, now)

    def search_runs(self, query: RunQuery) -> PagedList[Run]:
        self._make_counts_exact(query)
        with self.database.read() as tx:
            ids, token = find_run_page(tx, query, self._root)
            return PagedList(hydrate.runs(tx, ids, self._root), token)

    def search_run_table(self, query: RunQuery) -> RunTable:
        self._make_counts_exact(query)
        with self.database.read() as tx:
            ids, token = find_run_page(tx, query, self._root)
            return hydrate.table(tx, ids, self._root, token)

    def count_runs(self, query: RunQuery) -> RunCount:
        self._make_counts_exact(query)
        with self.database.read() as tx:
            return count_runs(tx, query, self._root)

    def _make_counts_exact(self, query: RunQuery) -> None:
        if uses_counts(query.filter, query.order):
            folding.fold_inexact(self.database)

    def find_run_experiments(self, run_ids: Sequence[str]) -> dict[str, str]:
        with self.database.read() as tx:
            return runs.find_experiments(tx, run_ids)

    def list_changed_runs(self, since: int, *, max_results: int) -> Changes:
        with self.database.read() as tx:
            return runs.list_changed(tx, since, max_results)

    # -- what a screen shows of many runs

    def search_run_columns(self, query: RunQuery, choice: ColumnChoice) -> RunColumns:
        self._make_counts_exact(query)
        with self.database.read() as tx:
            revision = columns.current_revision(tx)
            ids, token = find_run_page(tx, query, self._root)
            return columns.run_columns(tx, ids, choice, revision, token)

    def count_keys(self, experiment_ids: Sequence[str]) -> KeyCounts:
        with self.database.read() as tx:
            return columns.count_keys(tx, list(map(experiments.number, experiment_ids)))

    def count_values(
        self, experiment_ids: Sequence[str], kind: Literal["param", "tag"], key: str, *, prefix: str, limit: int
    ) -> list[tuple[str, int]]:
        with self.database.read() as tx:
            numbers = list(map(experiments.number, experiment_ids))
            return columns.count_values(tx, numbers, kind, key, prefix, limit)

    def summarize_experiments(self, experiment_ids: Sequence[str]) -> dict[str, ExperimentActivity]:
        with self.database.read() as tx:
            found = columns.summarize_experiments(tx, list(map(experiments.number, experiment_ids)))
        return {str(number): activity for number, activity in found.items()}

    # -- what a run records

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        # What takes long, encoding, is done before the transaction, for which others may be waiting.
        arrivals = [series.prepare(write.metrics) if write.metrics else None for write in writes]
        with self.database.write(locks_runs=True) as tx:
            runs.lock(tx, (write.run_id for write in writes))
            additions = series.Additions(tx)
            outcomes = [record(tx, additions, write, arrival) for write, arrival in zip(writes, arrivals, strict=True)]
            additions.store()
        errors: list[RunstoneError | None] = []
        for write, outcome in zip(writes, outcomes, strict=True):
            errors.append(outcome if isinstance(outcome, RunstoneError) else None)
            if isinstance(outcome, int) and self._unfolded.add(write, outcome):
                self._tidy_soon(write.run_id)
        return errors

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: MetricBatch | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        sequenced: Sequenced | None = None,
    ) -> None:
        write = Write(run_id=run_id, metrics=metrics, params=params or {}, tags=tags or {}, sequenced=sequenced)
        (error,) = self.log_batches([write])
        if error is not None:
            raise error

    def last_sequence(self, run_id: str, writer: str) -> int:
        with self.database.read() as tx:
            return writers.last_sequence(tx, runs.run_number(tx, run_id), writer)

    def fail_silent_runs(self, *, heard_before: int) -> list[str]:
        with self.database.read() as tx:
            # Hardly ever is there one, and nobody who writes is to wait for the looking.
            if not writers.find_silent_runs(tx, heard_before):
                return []
        with self.database.write() as tx:
            return writers.fail_silent_runs(tx, heard_before)

    def delete_tag(self, run_id: str, key: str) -> None:
        with self.database.write(locks_runs=True) as tx:
            runs.lock(tx, [run_id])
            runs.delete_tag(tx, run_id, key)

    def append_to_list_tag(self, run_id: str, key: str, item: object) -> None:
        with self.database.write(locks_runs=True) as tx:
            runs.lock(tx, [run_id])
            runs.append_to_list_tag(tx, run_id, key, item)

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        with self.database.write(locks_runs=True) as tx:
            runs.lock(tx, [run_id])
            runs.log_inputs(tx, run_id, inputs)

    # -- series

    def list_series(self, run_id: str) -> dict[str, Summary]:
        with self.database.read() as tx:
            run = runs.run_number(tx, run_id)
            is_exact = series.has_exact_counts(tx, run)
        if not is_exact:
            self._tidy(run_id)
        with self.database.read() as tx:
            return series.list_summaries(tx, run)

    def read_series(self, run_id: str, key: str, *, from_step: int | None = None, to_step: int | None = None) -> Points:
        with self.database.read() as tx:
            run = runs.run_number(tx, run_id)
            # Many short-lived writers, or killed ones, leave what none of them has had reason to fold.
            is_untidy = series.unfolded(tx, run) >= _FOLD_BATCHES
        if is_untidy:
            self._tidy(run_id)
        with self.database.read() as tx:
            return series.read(tx, run, key, from_step, to_step)

    def read_curves(self, query: CurveQuery) -> list[Curve]:
        with self.database.read() as tx:
            return curves.read_curves(tx, query)

    def fold(self, run_id: str) -> None:
        with self.database.read() as tx:
            run = runs.run_number(tx, run_id)
        folding.fold(self.database, run)
        self._unfolded.forget(run_id)

    def _tidy_soon(self, run_id: str) -> None:
        if self._aside is None or run_id in self._folding:
            self._tidy(run_id)
            return
        self._unfolded.forget(run_id)
        self._folding.add(run_id)
        self._aside.submit(self._tidy_aside, run_id)

    def _tidy_aside(self, run_id: str) -> None:
        try:
            self._tidy(run_id)
        finally:
            self._folding.discard(run_id)

    def _tidy(self, run_id: str) -> None:
        """Fold if that can be done now: what has been stored is safe, and readable, without it."""
        try:
            self.fold(run_id)
        except StoreError as error:
            self._unfolded.forget(run_id)  # not again with every batch
            _log.debug("Run %s is not folded: %s", run_id, error)


class _Unfolded:
    """How much this process has appended to each run since it was folded: when to fold, not what to fold.

    Without a lock, which a fork in another thread could leave locked for ever: a batch that is miscounted when two
    threads meet makes folding come a little later.
    """

    def __init__(self) -> None:
        self._appended: dict[str, tuple[int, int]] = {}

    def add(self, write: Write, unfolded: int) -> bool:
        """Count the points that a write has left to be folded; whether it is time for that."""
        batches, points = self._appended.get(write.run_id, (0, 0))
        if unfolded:
            batches, points = batches + 1, points + unfolded
            self._appended[write.run_id] = (batches, points)
        if write.status is not None and RunStatus.is_terminated(write.status):
            return self.at_end(write.run_id)
        return unfolded > 0 and (batches >= _FOLD_BATCHES or points >= _FOLD_POINTS)

    def at_end(self, run_id: str) -> bool:
        """The run ends: whether to fold what is left."""
        batches, points = self._appended.pop(run_id, (0, 0))
        return batches > _FOLD_BATCHES_AT_END or points > _FOLD_POINTS_AT_END

    def forget(self, run_id: str) -> None:
        """The run is folded."""
        self._appended.pop(run_id, None)
