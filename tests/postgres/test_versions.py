"""The store's contract on an older PostgreSQL, the other one that comes with the package of the newest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runstone.stores.base import Store
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.stores import StoreSuite
from tests.postgres.conftest import Postgres, databases, start_postgres

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.slow]


@pytest.fixture(scope="module")
def older() -> Iterator[Postgres]:
    server = start_postgres(16)
    yield server
    server.cleanup()


@pytest.fixture(scope="module")
def filled(older: Postgres) -> Iterator[str]:
    """The name of a database with our tables."""
    for url in databases(older, "template0"):
        PostgresDatabase(url).close()
        yield url.partition("?")[0].rpartition("/")[2]


class TestOnPostgres16(StoreSuite):
    @pytest.fixture
    def store(self, older: Postgres, filled: str) -> Iterator[Store]:
        for url in databases(older, filled):
            store = SqlStore(PostgresDatabase(url), "file:///root")
            yield store
            store.close()
