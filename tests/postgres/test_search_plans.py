"""How PostgreSQL finds a page of runs among many: how many rows it takes in hand, not how long that takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from benchmarks.programs.bulk_runs import POSTGRES_INDEXES, fill

from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from tests.postgres.conftest import Postgres, databases
from tests.stores.shapes import SCALE, SHAPES, query_of
from tests.stores.test_statements import Recorder

pytestmark = pytest.mark.xdist_group("postgres")

MOST_ROWS = 4_000
"""In one step of a plan, of 20,000 runs and three to six times as many rows of keys."""


@pytest.fixture(scope="module")
def filled(postgres: Postgres, made: str) -> Iterator[PostgresDatabase]:
    for url in databases(postgres, made):
        with closing(PostgresDatabase(url)) as database:
            with database.write() as tx:
                fill(tx.run, [(name, sql) for name, sql in tx.rows(POSTGRES_INDEXES)], SCALE, 0)
            yield database


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def check(database: PostgresDatabase, recorder: Recorder) -> None:
    """No table is read from end to end, and no step takes many rows, as the statements really run."""
    with database.read() as tx:
        for sql, arguments in recorder.statements:
            row = tx.row(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", arguments)
            assert row is not None
            found = row[0] if isinstance(row[0], list) else json.loads(row[0])
            for node in nodes(found[0]["Plan"]):
                rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
                is_table = node.get("Relation Name") in ("runs", "series", "params", "tags")
                is_run = node["Actual Loops"] > 0  # what comes behind a full page is not
                assert not (node["Node Type"] == "Seq Scan" and is_table and is_run), (sql, node)
                assert rows <= MOST_ROWS, (sql, node)


@pytest.mark.parametrize("shape", SHAPES, ids=" | ".join)
def test_a_page_and_the_next_look_at_a_small_part_of_the_runs(filled: PostgresDatabase, shape: tuple[str, str]) -> None:
    recorder = Recorder(filled)
    store = SqlStore(recorder, "file:///root")
    query = query_of(shape)
    token = store.search_runs(query).token
    store.search_runs(msgspec.structs.replace(query, page_token=token))
    check(filled, recorder)


def test_a_deep_page_looks_at_as_little_as_the_first(filled: PostgresDatabase) -> None:
    recorder = Recorder(filled)
    store = SqlStore(recorder, "file:///root")
    query = query_of(("metrics.m10 > 0.3", "metrics.m11"))
    far = store.search_runs(msgspec.structs.replace(query, max_results=5_000)).token
    recorder.statements.clear()
    store.search_runs(msgspec.structs.replace(query, page_token=far))
    check(filled, recorder)
