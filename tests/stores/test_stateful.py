"""Whatever happens in whatever order, SQLite and MemoryStore give the same answers and the same refusals."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from runstone import tag_names
from runstone.entities import Dataset, DatasetInput, InputTag, LifecycleStage, Metric, RunStatus, ViewType
from runstone.errors import RunstoneError
from runstone.filters import parse_run_filter, parse_run_order
from runstone.series import codec
from runstone.series.points import MetricBatch
from runstone.stores.base import ExperimentQuery, NewRun, RunQuery, Sequenced, Store, Write
from runstone.stores.memory import MemoryStore
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore

ROOT = "file:///root"
NOW = 1 << 50  # later than the experiment Default, whenever the test runs
KEYS = ("a", "loss")
EXPERIMENTS = ("0", "1", "2")
RUNS = ("r1", "r2", "r3")
WRITERS = ("v", "w")

experiments = st.sampled_from(EXPERIMENTS)
runs = st.sampled_from(RUNS)
keys = st.sampled_from(KEYS)
texts = st.sampled_from(("", "1", "2", "[]"))
stages = st.sampled_from(LifecycleStage)
texts_by_key = st.dictionaries(keys, texts, max_size=2)


def line(key: str, start: int, length: int) -> list[Metric]:
    """The points of a key at these steps, always the same at the same step."""
    return [Metric(key, step / 4, step, step) for step in range(start, start + length)]


# Steps that rise now and then, so that chunks are appended to, and overlap, and repeat.
points = st.builds(Metric, keys, st.sampled_from((0.5, 1.0, math.nan, math.inf)), st.integers(0, 1), st.integers(0, 15))
lines = st.builds(line, keys, st.integers(0, 15), st.integers(1, 9))
metrics = (st.lists(points, max_size=4) | lines).map(MetricBatch.of_metrics)
sequences = st.none() | st.builds(
    lambda writer, first, length, ends: Sequenced(writer, first, first + length, ends),
    st.sampled_from(WRITERS),
    st.integers(0, 4),
    st.integers(0, 2),
    st.booleans(),
)
statuses = st.sampled_from(RunStatus)
end_times = st.none() | st.integers(0, 2)
writes = st.builds(
    Write,
    run_id=runs,
    metrics=metrics,
    params=texts_by_key,
    tags=texts_by_key | st.builds(lambda name: {tag_names.RUN_NAME: name}, texts),
    deleted_tags=st.lists(keys, max_size=2),
    status=st.none() | statuses,
    end_time=end_times,
    sequenced=sequences,
)
links = st.builds(
    lambda name, place, tags: DatasetInput(
        Dataset(name, "d", "local", place), tuple(InputTag(key, value) for key, value in sorted(tags.items()))
    ),
    keys,
    texts,
    texts_by_key,
)


class Stores(RuleBasedStateMachine):
    """The same is asked of both stores; `empty_file` is a database to begin with."""

    empty_file: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(shutil.copy(self.empty_file, self.folder.name))
        self.stores: tuple[Store, Store] = MemoryStore(ROOT), SqlStore(SqliteDatabase(path), ROOT)
        self.now = NOW
        for number in (1, 2):
            self.create_experiment(f"e{number}")
        for number in (1, 2):
            self.create_run(f"r{number}", str(number), 5)

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.folder.cleanup()

    @property
    def time(self) -> int:
        """The stores' clock, where it is written out."""
        return self.now - NOW

    def ask(self, what: Callable[[Store], object]) -> None:
        self.now += 1
        expected, answer = (outcome(store, what) for store in self.stores)
        assert answer == expected

    # -- experiments

    @rule(name=st.sampled_from(("e1", "e2", "e3")))
    def create_experiment(self, name: str) -> None:
        self.ask(lambda store: store.create_experiment(name, artifact_location=None, tags={"a": "1"}, now=self.now))

    @rule(experiment_id=experiments, name=st.sampled_from(("e1", "e2", "e3")))
    def rename_experiment(self, experiment_id: str, name: str) -> None:
        self.ask(lambda store: store.rename_experiment(experiment_id, name, now=self.now))

    @rule(experiment_id=experiments, stage=stages)
    def set_experiment_stage(self, experiment_id: str, stage: LifecycleStage) -> None:
        self.ask(lambda store: store.set_experiment_stage(experiment_id, stage, now=self.now))

    @rule(experiment_id=experiments, tags=texts_by_key, deleted=keys)
    def change_experiment_tags(self, experiment_id: str, tags: dict[str, str], deleted: str) -> None:
        self.ask(lambda store: store.set_experiment_tags(experiment_id, tags, now=self.now))
        self.ask(lambda store: store.delete_experiment_tag(experiment_id, deleted, now=self.now))

    # -- runs

    @rule(run_id=runs, experiment_id=experiments, start_time=st.none() | st.integers(0, 2))
    def create_run(self, run_id: str, experiment_id: str, start_time: int | None) -> None:
        new = NewRun(
            run_id=run_id,
            experiment_id=experiment_id,
            run_name=f"name of {run_id}",
            user_id="ada",
            status=RunStatus.RUNNING,
            start_time=start_time,
            tags={tag_names.RUN_NAME: f"name of {run_id}"},
        )
        self.ask(lambda store: store.create_run(new))

    @rule(run_id=runs, stage=stages)
    def set_run_stage(self, run_id: str, stage: LifecycleStage) -> None:
        self.ask(lambda store: store.set_run_stage(run_id, stage, now=self.now))

    @rule(run_id=runs, status=statuses, end_time=end_times)
    def set_run_status(self, run_id: str, status: RunStatus, end_time: int | None) -> None:
        self.ask(lambda store: store.set_run_status(run_id, status, end_time=end_time))

    # -- what a run records

    @rule(write=writes, folds=st.booleans())
    def log_batch(self, write: Write, folds: bool) -> None:
        self.ask(
            lambda store: store.log_batch(
                write.run_id,
                metrics=write.metrics,
                params=write.params,
                tags=write.tags,
                sequenced=write.sequenced,
            )
        )
        if folds:
            self.fold(write.run_id)

    @rule(run_id=runs, key=keys, overlap=st.integers(0, 3), length=st.integers(1, 9), folds=st.booleans())
    def log_on(self, run_id: str, key: str, overlap: int, length: int, folds: bool) -> None:
        def log_from_the_end(store: Store) -> None:
            points = store.read_series(run_id, key)
            start = int(points.step[-1]) + 1 - overlap if len(points) else 0
            store.log_batch(run_id, metrics=MetricBatch.of_metrics(line(key, start, length)))

        self.ask(log_from_the_end)
        if folds:
            self.fold(run_id)

    @rule(several=st.lists(writes, max_size=4))
    def log_batches(self, several: list[Write]) -> None:
        self.ask(
            lambda store: [
                (type(error), str(error))
                for error in store.log_batches([msgspec.structs.replace(one, heard_at=self.time) for one in several])
            ]
        )

    @rule(run_id=runs, writer=st.sampled_from(WRITERS), batch=metrics)
    def log_what_comes_next(self, run_id: str, writer: str, batch: MetricBatch) -> None:
        def log_next(store: Store) -> int:
            last = store.last_sequence(run_id, writer)
            store.log_batch(run_id, metrics=batch, sequenced=Sequenced(writer, last + 1, last + 2))
            return last

        self.ask(log_next)

    @rule(run_id=runs, writer=st.sampled_from(WRITERS))
    def say_that_a_writer_lives(self, run_id: str, writer: str) -> None:
        def repeat_last(store: Store) -> None:
            last = store.last_sequence(run_id, writer)
            word = Write(run_id=run_id, sequenced=Sequenced(writer, last, last), heard_at=self.time)
            store.log_batches([word])

        self.ask(repeat_last)

    @rule(silent=st.integers(0, 60))
    def fail_silent_runs(self, silent: int) -> None:
        self.ask(lambda store: store.fail_silent_runs(heard_before=self.time - silent))

    @rule(run_id=runs, key=keys)
    def delete_tag(self, run_id: str, key: str) -> None:
        self.ask(lambda store: store.delete_tag(run_id, key))

    @rule(run_id=runs, key=keys)
    def append_to_list_tag(self, run_id: str, key: str) -> None:
        self.ask(lambda store: store.append_to_list_tag(run_id, key, {"n": 1}))

    @rule(run_id=runs, inputs=st.lists(links, max_size=2))
    def log_inputs(self, run_id: str, inputs: list[DatasetInput]) -> None:
        self.ask(lambda store: store.log_inputs(run_id, inputs))

    @rule(run_id=runs)
    def fold(self, run_id: str) -> None:
        self.ask(lambda store: store.fold(run_id))
        self.ask(lambda store: store.list_series(run_id))

    # -- what must be the same

    @invariant()
    def experiments_are_the_same(self) -> None:
        self.ask(lambda store: [_without_times(one) for one in store.search_experiments(_ALL_EXPERIMENTS)])

    @invariant()
    def runs_are_the_same(self) -> None:
        self.ask(lambda store: store.search_runs(_ALL_RUNS))
        self.ask(lambda store: store.search_run_table(_ALL_RUNS))
        self.ask(lambda store: [store.last_sequence("r1", writer) for writer in WRITERS])

    @rule()
    def series_are_the_same(self) -> None:
        for run_id in RUNS:
            self.ask(lambda store, run_id=run_id: store.list_series(run_id))
        self.points_are_the_same()

    @invariant()
    def points_are_the_same(self) -> None:
        for run_id in RUNS:
            for key in KEYS:
                self.ask(lambda store, of=(run_id, key): list(store.read_series(*of).rows()))
                self.ask(lambda store, of=(run_id, key): list(store.read_series(*of, from_step=4, to_step=11).rows()))

    @rule(count=st.integers(0, 12))
    def counts_are_the_same(self, count: int) -> None:
        query = msgspec.structs.replace(_ALL_RUNS, filter=parse_run_filter(f"count(metrics.loss) <= {count}"))
        self.ask(lambda store: store.search_runs(query))


_ALL_EXPERIMENTS = ExperimentQuery(view=ViewType.ALL)
_ALL_RUNS = RunQuery(
    experiment_ids=EXPERIMENTS, view=ViewType.ALL, order=parse_run_order(["metrics.loss", "params.a DESC"])
)


def outcome(store: Store, what: Callable[[Store], object]) -> str:
    """The answer or the refusal, as text, so that NaN equals NaN."""
    try:
        return repr(what(store))
    except RunstoneError as error:
        return f"{type(error).__name__}: {error}"


def _without_times(experiment: Any) -> Any:
    """The experiment Default is as old as its store."""
    if experiment.experiment_id != "0":
        return experiment
    return msgspec.structs.replace(experiment, creation_time=None, last_update_time=None)


@pytest.fixture
def _chunks_of_four_points() -> Iterator[None]:
    """So that a handful of points fills several chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "MAX_CHUNK_POINTS", 4)
        yield


@pytest.mark.usefixtures("_chunks_of_four_points")
def test_both_stores_answer_and_refuse_the_same(empty_file: Path) -> None:
    Stores.empty_file = empty_file
    run_state_machine_as_test(Stores, settings=settings(max_examples=80, stateful_step_count=30, deadline=None))
