"""A store in plain dictionaries: the reference that says what the others must answer, and a store for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import numpy as np
from msgspec.structs import replace

from runstone import tag_names
from runstone.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LifecycleStage,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
)
from runstone.errors import RunstoneError, StoreUnavailable
from runstone.filters.match import Subject, matches, order_key, run_subject
from runstone.series.curves import Curve, CurveQuery, curves_of_points
from runstone.series.points import MetricBatch, Points
from runstone.series.summary import Summary, summarize
from runstone.stores import records
from runstone.stores.base import Changes, ExperimentQuery, NewRun, RunCount, RunQuery, RunTable, Sequenced, Write
from runstone.stores.columns import ColumnChoice, ExperimentActivity, KeyCounts, RunColumns
from runstone.stores.cursor import cut_page
from runstone.stores.memory_columns import Recorded, count_texts, keys_of_runs, run_columns
from runstone.stores.memory_models import MemoryModelStore
from runstone.stores.memory_removal import MemoryRemoval
from runstone.stores.tables import table_of_runs

__all__ = ["MemoryStore"]

ACTIVE, DELETED = LifecycleStage.ACTIVE, LifecycleStage.DELETED


class _Experiment:
    def __init__(self, experiment_id: str, name: str, location: str, tags: Mapping[str, str], now: int) -> None:
        self.id = experiment_id
        self.name = name
        self.location = location
        self.tags = dict(tags)
        self.stage = ACTIVE
        self.creation_time = self.last_update_time = now

    def entity(self) -> Experiment:
        return Experiment(
            experiment_id=self.id,
            name=self.name,
            artifact_location=self.location,
            lifecycle_stage=self.stage,
            tags=dict(sorted(self.tags.items())),
            creation_time=self.creation_time,
            last_update_time=self.last_update_time,
        )

    def subject(self) -> Subject:
        return Subject(
            attributes={
                "experiment_id": self.id,
                "name": self.name,
                "creation_time": self.creation_time,
                "last_update_time": self.last_update_time,
            },
            params={},
            tags=self.tags,
            series={},
            datasets=(),
        )


class _Run:
    def __init__(self, new: NewRun, artifact_uri: str) -> None:
        self.new = new
        self.artifact_uri = artifact_uri
        self.name = new.run_name
        self.status = new.status
        self.end_time: int | None = None
        self.stage = ACTIVE
        self.deleted_with_experiment = False
        self.deleted_time: int | None = None
        self.params: dict[str, str] = {}
        self.tags = dict(new.tags)
        self.series: dict[str, Points] = {}
        self.summaries: dict[str, Summary] = {}
        self.inputs: dict[tuple[str, str], DatasetInput] = {}
        self.model_inputs: set[str] = set()
        self.model_outputs: dict[str, int] = {}
        self.sequences: dict[str, int] = {}
        self.heard_at: dict[str, int] = {}  # by writer, of those that are expected to go on
        self.revision = 0

    def add_points(self, key: str, points: Points) -> None:
        points = Points.join([self.series.get(key, Points.empty()), points])
        self.series[key] = points
        self.summaries |= summarize(MetricBatch((key,), np.array([0, len(points)], np.int64), points))

    def is_failed_for_silence(self) -> bool:
        """Whether it ended because nothing was heard of it."""
        return self.status is RunStatus.FAILED and self.tags.get(tag_names.END_REASON, "").startswith(records.SILENT)

    def set_status(self, status: RunStatus, end_time: int | None) -> None:
        """Set both, and forget that the writers were silent."""
        self.status, self.end_time = status, end_time
        self.heard_at.clear()
        if self.tags.get(tag_names.END_REASON, "").startswith(records.SILENT):
            del self.tags[tag_names.END_REASON]

    def hear(self, word: Sequenced, heard_at: int | None) -> None:
        """Note how far a writer has come, and that it lives, or has said its last word."""
        self.sequences[word.writer] = max(self.sequences.get(word.writer, 0), word.last)
        if word.ends or heard_at is None:
            self.heard_at.pop(word.writer, None)
        else:
            self.heard_at[word.writer] = heard_at

    def info(self) -> RunInfo:
        return RunInfo(
            run_id=self.new.run_id,
            experiment_id=self.new.experiment_id,
            run_name=self.name,
            user_id=self.new.user_id,
            status=self.status,
            start_time=self.new.start_time,
            end_time=self.end_time,
            lifecycle_stage=self.stage,
            artifact_uri=self.artifact_uri,
        )

    def entity(self) -> Run:
        latest = tuple(
            Metric(key, summary.last, summary.last_timestamp, summary.last_step)
            for key, summary in sorted(self.summaries.items())
        )
        data = RunData(
            latest_metrics=latest,
            params=dict(sorted(self.params.items())),
            tags=dict(sorted(self.tags.items())),
        )
        inputs = RunInputs(
            dataset_inputs=tuple(self.inputs[name] for name in sorted(self.inputs)),
            model_inputs=tuple(map(LoggedModelInput, sorted(self.model_inputs))),
        )
        outputs = tuple(LoggedModelOutput(model_id, step) for model_id, step in sorted(self.model_outputs.items()))
        return Run(info=self.info(), data=data, inputs=inputs, outputs=RunOutputs(model_outputs=outputs))

    def subject(self) -> Subject:
        return run_subject(
            self.info(), params=self.params, tags=self.tags, series=self.summaries, inputs=self.inputs.values()
        )


class MemoryStore:
    """A Store whose facts end with the process. Artifacts of a run lie under `artifact_root` (a URI)."""

    def __init__(self, artifact_root: str) -> None:
        self._artifact_root = artifact_root
        self._lock = threading.RLock()
        self._experiments: dict[str, _Experiment] | None = {}
        self._runs: dict[str, _Run] = {}
        self._revision = 0
        self._experiment_count = 0
        self.models = MemoryModelStore(self)
        self.removal = MemoryRemoval(self)
        self._add_experiment("Default", None, {}, 0)

    @contextmanager
    def _open(self) -> Iterator[dict[str, _Experiment]]:
        with self._lock:
            if self._experiments is None:
                raise StoreUnavailable("The store in memory is closed")
            yield self._experiments

    def close(self) -> None:
        with self._lock:
            self._experiments = None

    # -- what its models and its removal ask

    @property
    def run_rows(self) -> dict[str, _Run]:
        """All runs by id; for use in a transaction."""
        return self._runs

    @property
    def experiment_rows(self) -> dict[str, _Experiment]:
        """All experiments by id; for use in a transaction."""
        return self._experiments or {}

    def transaction(self) -> AbstractContextManager[object]:
        """Nobody else reads or writes during the block. Raises StoreUnavailable once the store is closed."""
        return self._open()

    @property
    def own_artifact_root(self) -> str | None:
        """Nobody else knows of it."""
        return self._artifact_root

    def experiment_location(self, experiment_id: str) -> str:
        """Where an active experiment keeps its files. Raises NotFound, NotActive."""
        return self._experiment(experiment_id, active=True).location

    def run_models(self, run_id: str) -> tuple[set[str], dict[str, int]]:
        """What an active run has read, and made at which steps, to be added to. Raises NotFound, NotActive."""
        run = self._touch(self._run(run_id, active=True))
        return run.model_inputs, run.model_outputs

    # -- experiments

    def _add_experiment(self, name: str, location: str | None, tags: Mapping[str, str], now: int) -> str:
        with self._open() as experiments:
            experiment_id = str(self._experiment_count)
            self._experiment_count += 1
            location = location or f"{self._artifact_root}/{experiment_id}"
            experiments[experiment_id] = _Experiment(experiment_id, name, location, tags, now)
            return experiment_id

    def _experiment(self, experiment_id: str, *, active: bool = False) -> _Experiment:
        with self._open() as experiments:
            found = experiments.get(experiment_id)
        if found is None:
            raise records.experiment_not_found(experiment_id)
        if active and found.stage != ACTIVE:
            raise records.experiment_deleted(found.id, found.name)
        return found

    def _check_name_is_free(self, name: str) -> None:
        if self._holder(name) is not None:
            raise records.experiment_exists(name)

    def _holder(self, name: str) -> str | None:
        """The active experiment of that name."""
        with self._open() as experiments:
            return next((one.id for one in experiments.values() if one.name == name and one.stage == ACTIVE), None)

    def create_experiment(self, name: str, *, artifact_location: str | None, tags: Mapping[str, str], now: int) -> str:
        with self._open():
            self._check_name_is_free(name)
            return self._add_experiment(name, artifact_location, tags, now)

    def get_experiment(self, experiment_id: str) -> Experiment:
        return self._experiment(experiment_id).entity()

    def find_experiment(self, name: str) -> Experiment | None:
        with self._open() as experiments:
            named = [found for found in experiments.values() if found.name == name]
            best = max(named, key=lambda found: (found.stage == ACTIVE, int(found.id)), default=None)
            return best.entity() if best else None

    def search_experiments(self, query: ExperimentQuery) -> PagedList[Experiment]:
        with self._open() as experiments:

            def key(one: _Experiment) -> tuple[object, ...]:
                return (*order_key(query.order, one.subject()), -one.creation_time, -int(one.id))

            def is_found(one: _Experiment) -> bool:
                return one.stage in query.view.stages and matches(query.filter, one.subject())

            rows = [one for one in experiments.values() if query.within is None or one.id in query.within]
            page, token = cut_page(query, sorted(rows, key=key), lambda one: one.id, is_found)
            return PagedList([one.entity() for one in page], token)

    def rename_experiment(self, experiment_id: str, name: str, *, now: int) -> None:
        with self._open():
            found = self._experiment(experiment_id, active=True)
            if found.name != name:
                self._check_name_is_free(name)
            found.name, found.last_update_time = name, now

    def set_experiment_stage(self, experiment_id: str, stage: LifecycleStage, *, now: int) -> None:
        with self._open():
            found = self._experiment(experiment_id)
            if found.stage == stage:
                return
            if stage == ACTIVE and (holder := self._holder(found.name)) is not None:
                raise records.name_taken_meanwhile(experiment_id, found.name, holder)
            found.stage, found.last_update_time = stage, now
            for run in self._runs.values():
                if run.new.experiment_id == experiment_id and (stage == DELETED or run.deleted_with_experiment):
                    if stage == ACTIVE or run.stage == ACTIVE:
                        run.deleted_time = now if stage == DELETED else None
                    run.deleted_with_experiment = stage == DELETED and run.stage == ACTIVE
                    self._touch(run).stage = stage

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, str], *, now: int) -> None:
        with self._open():
            found = self._experiment(experiment_id, active=True)
            found.tags.update(tags)
            found.last_update_time = now

    def delete_experiment_tag(self, experiment_id: str, key: str, *, now: int) -> None:
        with self._open():
            found = self._experiment(experiment_id, active=True)
            if found.tags.pop(key, None) is None:
                raise records.tag_not_found(f"experiment '{experiment_id}'", key)
            found.last_update_time = now

    # -- runs

    def _run(self, run_id: str, *, active: bool = False) -> _Run:
        with self._open():
            found = self._runs.get(run_id)
        if found is None:
            raise records.run_not_found(run_id)
        if active and found.stage != ACTIVE:
            raise records.run_deleted(run_id)
        return found

    def create_run(self, run: NewRun) -> Run:
        with self._open():
            experiment = self._experiment(run.experiment_id, active=True)
            if run.run_id in self._runs:
                raise records.run_exists(run.run_id)
            created = _Run(run, run.artifact_uri or f"{experiment.location}/{run.run_id}/artifacts")
            self._runs[run.run_id] = self._touch(created)
            return created.entity()

    def get_run(self, run_id: str) -> Run:
        with self._open():
            return self._run(run_id).entity()

    def set_run_status(self, run_id: str, status: RunStatus, *, end_time: int | None) -> None:
        with self._open():
            self._touch(self._run(run_id, active=True)).set_status(status, end_time)

    def set_run_stage(self, run_id: str, stage: LifecycleStage, *, now: int) -> None:
        with self._open():
            run = self._run(run_id)
            if run.stage != stage:
                self._touch(run)
                run.stage, run.deleted_with_experiment = stage, False
                run.deleted_time = now if stage == DELETED else None

    def search_runs(self, query: RunQuery) -> PagedList[Run]:
        with self._open():
            runs = [run for run in self._runs.values() if run.new.experiment_id in query.experiment_ids]

            def key(run: _Run) -> tuple[object, ...]:
                start = run.new.start_time
                newest_first = (1, 0) if start is None else (0, -start)
                return (*order_key(query.order, run.subject()), newest_first, run.new.run_id)

            def is_found(run: _Run) -> bool:
                return run.stage in query.view.stages and matches(query.filter, run.subject())

            page, token = cut_page(query, sorted(runs, key=key), lambda run: run.new.run_id, is_found)
            return PagedList([run.entity() for run in page], token)

    def search_run_table(self, query: RunQuery) -> RunTable:
        return table_of_runs(self.search_runs(query))

    def count_runs(self, query: RunQuery) -> RunCount:
        whole = replace(query, order=(), max_results=max(len(self._runs), 1), page_token=None)
        return RunCount(len(self.search_runs(whole)), False)

    def find_run_experiments(self, run_ids: Sequence[str]) -> dict[str, str]:
        with self._open():
            return {run_id: self._runs[run_id].new.experiment_id for run_id in run_ids if run_id in self._runs}

    def list_changed_runs(self, since: int, *, max_results: int) -> Changes:
        with self._open():
            changed = sorted((run for run in self._runs.values() if run.revision > since), key=lambda run: run.revision)
        page = changed[:max_results]
        revision = page[-1].revision if page else since
        return Changes(revision=revision, runs=[(run.new.run_id, run.new.experiment_id) for run in page])

    def _touch(self, run: _Run) -> _Run:
        """The run, which is about to change."""
        self._revision += 1
        run.revision = self._revision
        return run

    # -- what a screen shows of many runs

    def search_run_columns(self, query: RunQuery, choice: ColumnChoice) -> RunColumns:
        with self._open():
            page = self.search_runs(query)
            return run_columns([self._recorded(run.info.run_id) for run in page], choice, self._revision, page.token)

    def _recorded(self, run_id: str) -> Recorded:
        run = self._runs[run_id]
        return run.entity(), run.summaries

    def count_keys(self, experiment_ids: Sequence[str]) -> KeyCounts:
        with self._open():
            return keys_of_runs([self._recorded(run.new.run_id) for run in self._active_runs(experiment_ids)])

    def _active_runs(self, experiment_ids: Sequence[str]) -> list[_Run]:
        return [run for run in self._runs.values() if run.new.experiment_id in experiment_ids and run.stage is ACTIVE]

    def count_values(
        self, experiment_ids: Sequence[str], kind: Literal["param", "tag"], key: str, *, prefix: str, limit: int
    ) -> list[tuple[str, int]]:
        with self._open():
            runs = self._active_runs(experiment_ids)
            return count_texts([run.params if kind == "param" else run.tags for run in runs], key, prefix, limit)

    def summarize_experiments(self, experiment_ids: Sequence[str]) -> dict[str, ExperimentActivity]:
        with self._open():
            present = {run.new.experiment_id for run in self._runs.values()}
            return {one: self._activity(one) for one in experiment_ids if one in present}

    def _activity(self, experiment_id: str) -> ExperimentActivity:
        active = self._active_runs([experiment_id])
        live = [run for run in active if run.status is RunStatus.RUNNING]
        times = [time for run in active for time in (run.new.start_time, run.end_time) if time is not None]
        times += [time for run in live for time in run.heard_at.values()]
        of_experiment = [run.revision for run in self._runs.values() if run.new.experiment_id == experiment_id]
        return ExperimentActivity(
            runs=len(active), live=len(live), last_time=max(times, default=None), revision=max(of_experiment)
        )

    # -- what a run records

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        with self._open():
            return [self._attempt(write) for write in writes]

    def _attempt(self, write: Write) -> RunstoneError | None:
        try:
            self._record(write)
        except RunstoneError as error:
            return error
        return None

    def _record(self, write: Write) -> None:
        run = self._run(write.run_id, active=True)
        sequenced = write.sequenced
        if sequenced and records.is_stored(write.run_id, run.sequences.get(sequenced.writer, 0), sequenced):
            self._revive(run, write)
            run.hear(sequenced, write.heard_at)
            return
        for key, value in write.params.items():
            if run.params.get(key, value) != value:
                raise records.param_changed(write.run_id, key, run.params[key], value)
        self.models.check_metrics(write.model_metrics)
        self._touch(run)
        self._revive(run, write)
        run.params.update(write.params)
        run.tags.update(write.tags)
        run.name = write.tags.get(tag_names.RUN_NAME, run.name)
        for key, points in write.metrics.series() if write.metrics else ():
            run.add_points(key, points)
        self.models.record_metrics(write.model_metrics)
        for key in write.deleted_tags:
            run.tags.pop(key, None)
        if write.status is not None:
            run.set_status(write.status, write.end_time)
        if sequenced:
            run.hear(sequenced, write.heard_at)

    def _revive(self, run: _Run, write: Write) -> None:
        if records.revives(write) and run.is_failed_for_silence():
            self._touch(run).set_status(RunStatus.RUNNING, None)

    def fail_silent_runs(self, *, heard_before: int) -> list[str]:
        failed = []
        with self._open():
            for run in self._runs.values():
                last_word = max(run.heard_at.values(), default=heard_before)
                if run.stage is ACTIVE and run.status is RunStatus.RUNNING and last_word < heard_before:
                    self._touch(run).set_status(RunStatus.FAILED, last_word)
                    run.tags[tag_names.END_REASON] = records.silence(last_word)
                    failed.append(run.new.run_id)
        return failed

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: MetricBatch | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        sequenced: Sequenced | None = None,
    ) -> None:
        with self._open():
            self._record(
                Write(run_id=run_id, metrics=metrics, params=params or {}, tags=tags or {}, sequenced=sequenced)
            )

    def last_sequence(self, run_id: str, writer: str) -> int:
        return self._run(run_id).sequences.get(writer, 0)

    def delete_tag(self, run_id: str, key: str) -> None:
        with self._open():
            run = self._run(run_id, active=True)
            if run.tags.pop(key, None) is None:
                raise records.tag_not_found(f"run '{run_id}'", key)
            self._touch(run)

    def append_to_list_tag(self, run_id: str, key: str, item: object) -> None:
        with self._open():
            run = self._run(run_id, active=True)
            run.tags[key] = records.extend_json_list(run_id, key, run.tags.get(key), item)
            self._touch(run)

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        with self._open():
            run = self._touch(self._run(run_id, active=True))
            for link in inputs:
                name = (link.dataset.name, link.dataset.digest)
                known = run.inputs.get(name, link)
                tags = {tag.key: tag.value for tag in (*known.tags, *link.tags)}
                run.inputs[name] = DatasetInput(
                    self._known_dataset(run, known),
                    tuple(InputTag(key, value) for key, value in sorted(tags.items())),
                )

    def _known_dataset(self, run: _Run, link: DatasetInput) -> Dataset:
        name = (link.dataset.name, link.dataset.digest)
        same_experiment = (r for r in self._runs.values() if r.new.experiment_id == run.new.experiment_id)
        return next((r.inputs[name].dataset for r in same_experiment if name in r.inputs), link.dataset)

    # -- series

    def list_series(self, run_id: str) -> dict[str, Summary]:
        with self._open():
            return dict(sorted(self._run(run_id).summaries.items()))

    def read_series(self, run_id: str, key: str, *, from_step: int | None = None, to_step: int | None = None) -> Points:
        with self._open():
            points = self._run(run_id).series.get(key, Points.empty())
        return points.between(from_step, to_step)

    def read_curves(self, query: CurveQuery) -> list[Curve]:
        with self._open():
            runs = [self._run(run_id) for run_id in dict.fromkeys(query.run_ids)]
            return curves_of_points(query, [(run.new.run_id, run.new.start_time, run.series) for run in runs])

    def fold(self, run_id: str) -> None:
        self._run(run_id)
