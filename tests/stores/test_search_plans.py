"""How SQLite finds a page of runs among many: how much it looks at, not how long that takes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
from benchmarks.programs.bulk_runs import SQLITE_INDEXES, fill

from runstone.stores.sql import run_search
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from tests.stores.shapes import SCALE, SHAPES, query_of
from tests.stores.test_statements import Recorder

# Of SQLite's virtual machine. To look at one key of all runs takes some 200,000.
MOST_STEPS = 60_000


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, empty_file: Path) -> Iterator[SqliteDatabase]:
    path = tmp_path_factory.mktemp("plans") / "runs.db"
    with closing(SqliteDatabase(Path(shutil.copy(empty_file, path)))) as database:
        with database.write() as tx:
            fill(tx.run, [(name, sql) for name, sql in tx.rows(SQLITE_INDEXES)], SCALE, 0)
        yield database


def steps(database: SqliteDatabase, recorder: Recorder) -> int:
    """How many hundreds of steps the recorded statements take, in steps."""
    hundreds = 0

    def count() -> int:
        nonlocal hundreds
        hundreds += 1
        return 0

    with database.driver_connection() as connection:
        for sql, arguments in recorder.statements:
            connection.set_progress_handler(count, 100)
            connection.execute(sql, arguments).fetchall()
    return hundreds * 100


@pytest.mark.parametrize("shape", SHAPES, ids=" | ".join)
def test_a_page_and_the_next_look_at_a_small_part_of_the_runs(filled: SqliteDatabase, shape: tuple[str, str]) -> None:
    recorder = Recorder(filled)
    store = SqlStore(recorder, "file:///root")
    query = query_of(shape)
    token = store.search_runs(query).token
    first = steps(filled, recorder)
    recorder.statements.clear()
    store.search_runs(msgspec.structs.replace(query, page_token=token))
    assert (first < MOST_STEPS, steps(filled, recorder) < MOST_STEPS) == (True, True)


def test_a_deep_page_looks_at_as_little_as_the_first(filled: SqliteDatabase) -> None:
    recorder = Recorder(filled)
    store = SqlStore(recorder, "file:///root")
    query = query_of(("", "metrics.m10"))
    far = store.search_runs(msgspec.structs.replace(query, max_results=10_000)).token
    recorder.statements.clear()
    store.search_runs(query)
    first = steps(filled, recorder)
    recorder.statements.clear()
    store.search_runs(msgspec.structs.replace(query, page_token=far))
    assert steps(filled, recorder) < 2 * first


@pytest.mark.parametrize("text", ["", "metrics.m10 > 0.5", "tags.t10 ILIKE '%M 7%'", "params.rare = 'yes'"])
def test_many_runs_are_counted_by_a_sample_and_few_exactly(filled: SqliteDatabase, text: str) -> None:
    store = SqlStore(filled, "file:///root")
    query = query_of((text, ""))
    exact = store.count_runs(query)
    assert exact == (len(store.search_run_table(msgspec.structs.replace(query, max_results=SCALE.runs)).run_id), False)

    recorder = Recorder(filled)
    with patch.multiple(run_search, _MOST_TO_COUNT=100, _MOST_TO_COUNT_ALL=100):
        found = SqlStore(recorder, "file:///root").count_runs(query)
    assert found.is_estimate == (exact.runs > 100)
    assert abs(found.runs - exact.runs) < 5 * (exact.runs * SCALE.runs / run_search._COUNT_SAMPLE) ** 0.5
    assert steps(filled, recorder) < MOST_STEPS * (5 if "ILIKE" in text else 1)


@pytest.mark.parametrize("shape", [("", ""), ("metrics.m10 > 0.3", "metrics.m11"), ("params.rare = 'yes'", "tags.t10")])
def test_a_large_page_takes_as_many_statements_as_a_small_one(filled: SqliteDatabase, shape: tuple[str, str]) -> None:
    recorder = Recorder(filled)
    store = SqlStore(recorder, "file:///root")
    counts = set()
    for size in (10, 1_000):
        recorder.statements.clear()
        store.search_runs(query_of(shape, size))
        counts.add(len(recorder.statements))
    assert len(counts) == 1
