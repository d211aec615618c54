"""A database of somebody else's, read only: SQLite by the standard library, PostgreSQL by psycopg.

Tells which columns there are, because the tables of a foreign program change with its versions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from runstone.errors import InvalidInput, StoreError, StoreUnavailable

__all__ = ["PostgresReader", "Reader", "SqliteReader"]

Row = tuple[Any, ...]


class Reader(Protocol):
    """Statements have `?` where an argument goes. Methods raise StoreError."""

    def columns(self, table: str) -> frozenset[str]:
        """The names of a table's columns; none where there is no such table."""

    def rows(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]:
        """All rows of an answer."""

    def pieces(self, statement: str, arguments: Sequence[object], size: int) -> Iterator[list[Row]]:
        """The rows of a large answer, at most `size` at a time."""

    def close(self) -> None:
        """Close the connection."""


class SqliteReader:
    """A file of SQLite. Raises StoreUnavailable where it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise StoreUnavailable(f"There is no database file {path}; check its path")
        try:
            self._connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def columns(self, table: str) -> frozenset[str]:
        """See Reader."""
        return frozenset(name for _, name, *_ in self.rows(f"PRAGMA table_info({table})"))

    def rows(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]:
        """See Reader."""
        try:
            return self._connection.execute(statement, arguments).fetchall()
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def pieces(self, statement: str, arguments: Sequence[object], size: int) -> Iterator[list[Row]]:
        """See Reader."""
        try:
            cursor = self._connection.execute(statement, arguments)
            while rows := cursor.fetchmany(size):
                yield rows
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error) -> StoreError:
        return StoreUnavailable(f"Cannot read the database {self._path}: {error}; check that it is whole, and yours")

    def close(self) -> None:
        """See Reader."""
        self._connection.close()


class PostgresReader:
    """A database of PostgreSQL. `url` is libpq's; `place` is the same to be shown."""

    def __init__(self, url: str, place: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise InvalidInput(
                "Reading a database of PostgreSQL needs the package psycopg; install it with "
                "`pip install 'runstone[postgres]'`"
            ) from None
        self._place = place
        self._error = psycopg.Error
        try:
            self._connection = psycopg.connect(url)
            # One snapshot for the whole import, and nothing that could be written by mistake.
            self._connection.read_only = True
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        except psycopg.Error as error:
            raise self._failure(error) from error

    def columns(self, table: str) -> frozenset[str]:
        """See Reader."""
        found = self.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND table_name = ?",
            (table,),
        )
        return frozenset(name for (name,) in found)

    def rows(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]:
        """See Reader."""
        try:
            return self._connection.execute(_numbered(statement), arguments).fetchall()
        except self._error as error:
            raise self._failure(error) from error

    def pieces(self, statement: str, arguments: Sequence[object], size: int) -> Iterator[list[Row]]:
        """See Reader."""
        try:
            with self._connection.cursor(name="points") as cursor:
                cursor.execute(_numbered(statement), arguments)
                while rows := cursor.fetchmany(size):
                    yield rows
        except self._error as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StoreError:
        return StoreUnavailable(f"Cannot read the database {self._place}: {error}; check its URL, and who may read it")

    def close(self) -> None:
        """See Reader."""
        self._connection.close()


def _numbered(statement: str) -> Any:
    return statement.replace("?", "%s")
