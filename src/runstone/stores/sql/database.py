"""What every statement runs through: transactions over one database. Knows no table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

__all__ = ["Arguments", "Database", "Dialect", "Maintained", "Row", "Sizes", "Transaction", "insertion"]

Row = tuple[Any, ...]
Arguments = Sequence[Any]


class Dialect(Protocol):
    """What SQL dialects say differently. Conditions and tables are SQL text with one `?` for their argument."""

    has_row_locks: bool
    """Whether there is `SELECT ... FOR UPDATE`; without it, writers wait for one another anyway."""

    def is_member(self, expression: str) -> str:
        """The condition that `expression` is among a list, given as `list_argument`."""

    def beside(self, column: str) -> str:
        """A column as it stands in a condition beside a primary key, by which alone the rows are to be found."""

    def numbered_rows(self) -> str:
        """A table `page(position, id)` of a list of ids, given as `list_argument`; positions count from 0."""

    def list_argument(self, values: Sequence[int | str]) -> object:
        """A list as an argument of the two above."""

    def list_of(self, expression: str) -> str:
        """The aggregate of rows into one `list_argument` of whole numbers; NULL or an empty list for no rows."""

    def by_index(self, table: str, index: str) -> str:
        """The table, whose rows are to be found by that index alone."""

    fence: str
    """What ends a subquery that must be looked up row by row, and not be turned into a join."""

    def json_object(self, key: str, value: str) -> str:
        """The aggregate of rows into one JSON object of texts."""

    def ignoring_case(self, expression: str) -> str:
        """The condition that `expression` is ILIKE the argument."""

    def like(self, expression: str) -> str:
        """The condition that `expression` is LIKE the argument, minding case, without an escape character."""

    def regex(self, expression: str) -> str:
        """The condition that the regular expression given as argument is found in `expression`."""

    def is_settled(self, revision: str) -> str:
        """The condition, without an argument, that no transaction of this revision or an earlier one is under way."""


class Transaction(Protocol):
    """Statements that happen together. Arguments stand as `?` in the text."""

    dialect: Dialect

    def rows(self, sql: str, arguments: Arguments = ()) -> list[Row]:
        """All rows of a query."""

    def each(self, sql: str, arguments: Arguments = ()) -> Iterator[Row]:
        """The rows of a query one by one, each to be let go: a list of millions keeps Python's collector busy."""

    def row(self, sql: str, arguments: Arguments = ()) -> Row | None:
        """The first row of a query, if there is one."""

    def revision(self) -> int:
        """The number of this writing transaction: greater than that of every one that had ended when it began."""

    def run(self, sql: str, arguments: Arguments = ()) -> int:
        """Execute, and return how many rows it touched."""

    def run_many(self, sql: str, arguments: Iterable[Arguments]) -> None:
        """Execute once for each row of arguments."""

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows to a table, in the way that is quickest for many."""


def insertion(table: str, columns: Sequence[str]) -> str:
    """The statement that adds a row of these columns to a table."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """What a database takes on disk, and what of it is free for reuse; tables with their indexes, where it tells."""

    total_bytes: int
    free_bytes: int
    table_bytes: dict[str, int]


class Database(Protocol):
    """One database. Safe to share between threads and to use after a fork."""

    def read(self) -> AbstractContextManager[Transaction]:
        """A consistent view of the database; it waits for no writer."""

    def write(self, *, locks_runs: bool = False) -> AbstractContextManager[Transaction]:
        """A transaction that commits at the end of the block, or leaves no trace where the block raises.

        Writers wait for one another. Those that `locks_runs` need not: their blocks begin with the lock of a run (or of
        a logged model), or make a row that a unique key keeps apart; they wait for those of the same run, and for all
        that lock none. Never asked for inside another transaction of the same thread.
        """

    def compact(self) -> int:
        """Give free room back to the file system where that is ours to do; returns the bytes."""

    def close(self) -> None:
        """Release connections and files."""


class Maintained(Database, Protocol):
    """A database as its own keeper sees it, of whatever version. `driver_connection` takes no lock by itself."""

    alchemy_name: str
    """SQLAlchemy's name of the dialect and driver."""
    begin_sql: str
    """What begins a transaction that will write, where the driver does not."""

    @property
    def place(self) -> str:
        """Where it is, as it may be shown."""

    def version(self) -> str:
        """The revision of its tables. Raises StoreCorrupt for a database that is not ours."""

    def check_version(self) -> None:
        """Raises StoreVersion unless the tables are those of this Runstone."""

    def driver_connection(self) -> AbstractContextManager[Any]:
        """A connection of its own, for what no Transaction can do."""

    def lock_out_writers(self) -> AbstractContextManager[None]:
        """Nobody else writes during the block, in this or another process."""

    def find_damage(self) -> list[str]:
        """What the database itself finds wrong with its files; nothing where it cannot tell."""

    def sizes(self) -> Sizes:
        """How much it takes."""
