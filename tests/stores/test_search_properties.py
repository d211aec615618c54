"""SQLite answers every filter and order as MemoryStore does, which asks `filters.match`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone import tag_names
from runstone.entities import Dataset, DatasetInput, InputTag, LifecycleStage, ViewType
from runstone.filters import Filter, OrderTerm
from runstone.series.points import MetricBatch
from runstone.stores.base import ExperimentQuery, NewRun, RunQuery, Store
from runstone.stores.memory import MemoryStore
from runstone.stores.sql import hydrate
from runstone.stores.sql.run_search import find_run_page
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from tests.filters.strategies import (
    KEYS,
    TEXTS,
    SampleRun,
    experiment_filters,
    experiment_orders,
    run_filters,
    run_orders,
    sample_runs,
)

Question = tuple[Filter | None, tuple[OrderTerm, ...], int]
"""A filter, an order, a page size."""

ROOT = "file:///root"
NOW = 1 << 50  # later than the experiment Default, whenever the test runs


class Pair(NamedTuple):
    """Two stores in which the same things happen."""

    memory: MemoryStore
    sql: SqlStore
    numbers: Iterator[int]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    sqlite = SqlStore(SqliteDatabase(tmp_path_factory.mktemp("properties") / "runs.db"), ROOT)
    yield Pair(MemoryStore(ROOT), sqlite, count())
    sqlite.close()


def questions(
    filters: st.SearchStrategy[Filter], orders: st.SearchStrategy[tuple[OrderTerm, ...]]
) -> st.SearchStrategy:
    """Several questions for the same data, because storing costs more than asking."""
    return st.lists(st.tuples(st.none() | filters, orders, st.integers(1, 4)), min_size=4, max_size=8)


def record(store: Store, sample: SampleRun, number: int, experiment_id: str) -> None:
    # The example's number before the sample's id: examples share a store, and samples repeat.
    run_id = f"{number:08x}{sample.run_id[8:]}"
    tags = {**sample.tags, tag_names.RUN_NAME: sample.run_name}
    new = NewRun(
        run_id=run_id,
        experiment_id=experiment_id,
        run_name=sample.run_name,
        user_id=sample.user_id,
        status=sample.status,
        start_time=sample.start_time,
        tags=tags,
    )
    store.create_run(new)
    store.set_run_status(run_id, sample.status, end_time=sample.end_time)
    for start in range(0, len(sample.metrics), 2):
        metrics = MetricBatch.of_metrics(sample.metrics[start : start + 2])
        store.log_batch(run_id, metrics=metrics, params=sample.params)
    store.log_batch(run_id, params=sample.params)
    store.log_inputs(run_id, [_link(dataset) for dataset in sample.datasets])
    if number % 3 == 0 and sample.run_id[0] > "c":
        store.set_run_stage(run_id, LifecycleStage.DELETED, now=NOW)


def _link(dataset: dict[str, str]) -> DatasetInput:
    tags = [InputTag(tag_names.DATASET_CONTEXT, dataset["context"])] if "context" in dataset else []
    return DatasetInput(Dataset(dataset["name"], dataset["digest"], "local", "/data"), (InputTag("a", "b"), *tags))


def ids(store: Store, query: RunQuery) -> list[str]:
    return [run.info.run_id for run in store.search_runs(query)]


def ids_by_page(store: Store, query: RunQuery) -> list[list[str]]:
    pages = []
    while True:
        page = store.search_runs(query)
        pages.append([run.info.run_id for run in page])
        if page.token is None:
            return pages
        query = msgspec.structs.replace(query, page_token=page.token)


def always_gather(limit: int, total: int) -> int:
    return 1 << 40


def always_walk(limit: int, total: int) -> int:
    return 0


def ids_by_plan(store: SqlStore, query: RunQuery, most: Callable[[int, int], int]) -> list[list[str]]:
    """The pages as one way of finding them makes them, whatever the other would cost."""
    pages = []
    while True:
        with store.database.read() as tx:
            numbers, token = find_run_page(tx, query, ROOT, most=most)
            pages.append(hydrate.table(tx, numbers, ROOT, None).run_id)
        if token is None:
            return pages
        query = msgspec.structs.replace(query, page_token=token)


of_runs = given(
    samples=st.lists(sample_runs(), max_size=7, unique_by=lambda sample: sample.run_id[8:]),
    asked=questions(run_filters(), run_orders()),
    view=st.sampled_from(ViewType),
)


@settings(max_examples=300, deadline=None)
@of_runs
def test_runs_are_found_as_in_memory_also_page_by_page(
    pair: Pair, samples: list[SampleRun], asked: list[Question], view: ViewType
) -> None:
    compare_runs(pair, samples, asked, view)


def compare_runs(pair: Pair, samples: list[SampleRun], asked: list[Question], view: ViewType) -> None:
    """Record the same in both stores, and ask both the same, in every way there is to find it."""
    number = next(pair.numbers)
    for store in (pair.memory, pair.sql):
        experiment_id = store.create_experiment(f"runs {number}", artifact_location=None, tags={}, now=NOW)
        for sample in samples:
            record(store, sample, number, experiment_id)
    for chosen, order, size in asked:
        query = RunQuery(experiment_ids=(experiment_id,), filter=chosen, order=order, view=view)
        expected = ids(pair.memory, query)
        assert ids(pair.sql, query) == expected
        assert pair.sql.search_run_table(query).run_id == expected
        assert pair.sql.count_runs(query) == (len(expected), False)
        paged = msgspec.structs.replace(query, max_results=size)
        pages = ids_by_page(pair.memory, paged)
        assert ids_by_page(pair.sql, paged) == pages
        for most in (always_gather, always_walk):
            assert ids_by_plan(pair.sql, paged, most) == pages
        both = msgspec.structs.replace(paged, experiment_ids=(experiment_id, "0", str(max(int(experiment_id) - 1, 0))))
        pages = ids_by_page(pair.memory, both)
        for most in (always_gather, always_walk):
            assert ids_by_plan(pair.sql, both, most) == pages
    whole = RunQuery(experiment_ids=(experiment_id,), view=ViewType.ALL)
    assert told(pair.sql.search_runs(whole)) == told(pair.memory.search_runs(whole))
    table = told(pair.memory.search_run_table(whole))
    assert told(pair.sql.search_run_table(whole)) == table
    with reading_tables_by_key():
        assert told(pair.sql.search_run_table(whole)) == table


@contextmanager
def reading_tables_by_key() -> Iterator[None]:
    """As tables of most of the runs are read, however few these are."""
    with patch.multiple(hydrate, _LARGE_PAGE=1, _LARGE_PART=1 << 40):
        yield


def told(answer: object) -> str:
    """The answer as text, so that NaN equals NaN. SQLite keeps no sign of a zero in a summary."""
    return repr(answer).replace("-0.0", "0.0")


Experiments = Sequence[tuple[str, int, dict[str, str], bool]]
"""Of each a name, a time, tags, and whether it is deleted."""


@settings(max_examples=60, deadline=None)
@given(
    samples=st.lists(
        st.tuples(
            st.sampled_from(TEXTS),
            st.integers(0, 2),
            st.dictionaries(st.sampled_from(KEYS), st.sampled_from(TEXTS), max_size=3),
            st.booleans(),
        ),
        max_size=5,
        unique_by=lambda sample: sample[0],
    ),
    asked=questions(experiment_filters(), experiment_orders()),
)
def test_experiments_are_found_as_in_memory_also_page_by_page(
    empty_file: Path, tmp_path_factory: pytest.TempPathFactory, samples: Experiments, asked: list[Question]
) -> None:
    path = shutil.copy(empty_file, tmp_path_factory.mktemp("experiments"))
    stores = MemoryStore(ROOT), SqlStore(SqliteDatabase(Path(path)), ROOT)
    for store in stores:
        store.set_experiment_stage("0", LifecycleStage.DELETED, now=NOW)
        for name, time, tags, is_deleted in samples:
            number = store.create_experiment(name, artifact_location=None, tags=tags, now=time)
            if is_deleted:
                store.set_experiment_stage(number, LifecycleStage.DELETED, now=time + 1)
    for chosen, order, size in asked:
        query = ExperimentQuery(filter=chosen, order=order, view=ViewType.ACTIVE_ONLY, max_results=size)
        assert names_by_page(stores[1], query) == names_by_page(stores[0], query)
    stores[1].close()


def names_by_page(store: Store, query: ExperimentQuery) -> list[list[str]]:
    pages = []
    while True:
        page = store.search_experiments(query)
        pages.append([one.name for one in page])
        if page.token is None:
            return pages
        query = msgspec.structs.replace(query, page_token=page.token)
