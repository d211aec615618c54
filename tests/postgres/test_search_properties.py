"""PostgreSQL answers every filter and order as MemoryStore does, which asks `filters.match`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import settings

from runstone.entities import ViewType
from runstone.stores.memory import MemoryStore
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from tests.filters.strategies import SampleRun
from tests.postgres.conftest import Postgres, databases
from tests.stores.test_search_properties import ROOT, Pair, Question, compare_runs, of_runs

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture(scope="module")
def pair(postgres: Postgres, made: str) -> Iterator[Pair]:
    for url in databases(postgres, made):
        store = SqlStore(PostgresDatabase(url), ROOT)
        yield Pair(MemoryStore(ROOT), store, count())
        store.close()


@settings(max_examples=60, deadline=None)
@of_runs
def test_runs_are_found_as_in_memory_also_page_by_page(
    pair: Pair, samples: list[SampleRun], asked: list[Question], view: ViewType
) -> None:
    compare_runs(pair, samples, asked, view)
