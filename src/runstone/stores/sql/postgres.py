"""One PostgreSQL database (14 and later) as a Database, shared by any number of processes and machines.

Writers that lock the runs they write to go side by side; all others have the database to themselves, which is what the
functions of the nouns count on. A transaction's number comes from PostgreSQL's own, so that no row is written by all.

Connections are psycopg's, made when they are needed and bounded (`pool`); a forked child begins with none.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from runstone import settings
from runstone.errors import InvalidInput, RunstoneError, StoreCorrupt, StoreError, StoreUnavailable, StoreVersion
from runstone.stores.sql import migrations
from runstone.stores.sql.database import Arguments, Dialect, Row, Sizes, Transaction, insertion
from runstone.stores.sql.pool import NoRoom, Pool, PoolClosed, PoolTimeout
from runstone.stores.sql.postgres_url import plain_url, without_password
from runstone.stores.sql.undone import Undone

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise InvalidInput("A store in PostgreSQL needs psycopg: pip install 'runstone[postgres]'") from error

__all__ = ["PostgresDatabase"]

MIN_VERSION = 14
MIN_COPIED = 8
"""From how many rows on COPY is quicker than statements, which need fewer answers (64 rows: in half the time)."""
_CONNECTING = {
    "application_name": "runstone",
    # To compile a statement takes longer than to run any of ours, a page's parts must come one after another, and what
    # has a limit is to be read along its index, not gathered whole because few rows were expected.
    "options": "-c jit=off -c max_parallel_workers_per_gather=0 -c enable_bitmapscan=off",
    # A machine that has gone without a word is noticed after a minute, not after the two hours of the system.
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""Parameters of connections, where the URL does not say otherwise."""
_LOCK = 0x52554E45
"""The advisory lock of a store: writers of single runs share it, all others take it alone."""


class _PostgresDialect:
    has_row_locks = True
    fence = " OFFSET 0"

    def is_member(self, expression: str) -> str:
        return f"{expression} = ANY(?)"

    def beside(self, column: str) -> str:
        return column  # it may tell the partition

    def numbered_rows(self) -> str:
        return "(SELECT n - 1 AS position, id FROM unnest(CAST(? AS bigint[])) WITH ORDINALITY AS t(id, n)) AS page"

    def list_argument(self, values: Sequence[int | str]) -> object:
        return list(values)

    def list_of(self, expression: str) -> str:
        return f"CAST(array_agg({expression}) AS text)"

    def by_index(self, table: str, index: str) -> str:
        return table  # it chooses by itself; statements are written so that no other index gives their order

    def json_object(self, key: str, value: str) -> str:
        return f"CAST(json_object_agg({key}, {value}) AS text)"

    def ignoring_case(self, expression: str) -> str:
        # The texts' own collation, which sorts by bytes, knows no other letters than ASCII's.
        return f"{expression} COLLATE \"default\" ILIKE ? ESCAPE ''"

    def like(self, expression: str) -> str:
        return f"{expression} LIKE ? ESCAPE ''"

    def regex(self, expression: str) -> str:
        return f"{expression} ~ ?"

    def is_settled(self, revision: str) -> str:
        return (
            f"{revision} < (SELECT revision FROM clock) "
            "+ CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"
        )


@functools.lru_cache(maxsize=1024)
def _translated(sql: str) -> str:
    """Statements have `?` for arguments, psycopg has `%s`."""
    return sql.replace("%", "%%").replace("?", "%s")


class _PostgresTransaction:
    dialect: Dialect = _PostgresDialect()

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._revision: int | None = None

    def rows(self, sql: str, arguments: Arguments = ()) -> list[Row]:
        return self._connection.execute(_translated(sql), arguments).fetchall()

    def each(self, sql: str, arguments: Arguments = ()) -> Iterator[Row]:
        return iter(self._connection.execute(_translated(sql), arguments))

    def row(self, sql: str, arguments: Arguments = ()) -> Row | None:
        row: Row | None = self._connection.execute(_translated(sql), arguments).fetchone()
        return row

    def revision(self) -> int:
        if self._revision is None:
            row = self.row("SELECT revision + CAST(CAST(pg_current_xact_id() AS text) AS bigint) FROM clock")
            assert row is not None
            self._revision = int(row[0])
        return self._revision

    def run(self, sql: str, arguments: Arguments = ()) -> int:
        return self._connection.execute(_translated(sql), arguments).rowcount

    def run_many(self, sql: str, arguments: Iterable[Arguments]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated(sql), arguments)

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if len(rows) < MIN_COPIED:
            self.run_many(insertion(table, columns), rows)
            return
        names = ", ".join(columns)
        with self._connection.cursor() as cursor:
            # What a column holds is asked for, not guessed from the values: binary rows must have its very type.
            cursor.execute(f"SELECT {names} FROM {table} LIMIT 0")
            types = [column.type_code for column in cursor.description or ()]
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)


class PostgresDatabase:
    """The database at `url` (`postgresql://user:password@host:port/name`); its tables are made where there are none.

    Raises StoreUnavailable where it cannot be reached, StoreCorrupt for a database that is in use and not ours,
    StoreVersion for one of another version, unless it is opened for maintenance (`any_version`).
    """

    alchemy_name, begin_sql = "postgresql+psycopg", ""

    def __init__(self, url: str, *, any_version: bool = False) -> None:
        self.url = plain_url(url)
        self.name = without_password(self.url)
        """How errors name it: without the password."""
        self._closed = False
        self._reset()
        try:
            self._open()
            if not any_version:
                self.check_version()
            self._start_clock()
        except BaseException:
            self.close()
            raise
        _OPEN.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._pool: Pool[psycopg.Connection[Any]] | None = None

    # -- transactions

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as tx:
            yield tx

    @contextmanager
    def write(self, *, locks_runs: bool = False) -> Iterator[Transaction]:
        lock = "pg_advisory_xact_lock_shared" if locks_runs else "pg_advisory_xact_lock"
        # Whatever the database's default: what others have committed while this one waited for a lock is to be seen.
        with self._transaction(f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT {lock}({_LOCK})") as tx:
            yield tx

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        with self._meaningful_errors(), self._begun(begin) as connection:
            try:
                yield _PostgresTransaction(connection)
            except BaseException:
                _roll_back(connection)
                raise
            self._commit(connection)

    @contextmanager
    def _begun(self, begin: str) -> Iterator[psycopg.Connection[Any]]:
        """A connection in a transaction. Those that the server has closed since their last use are passed over."""
        pool = self._connections()
        for others in reversed(range(pool.size + 1)):
            with pool.connection() as connection:
                try:
                    connection.execute(begin)
                except BaseException as error:
                    _roll_back(connection)
                    if isinstance(error, psycopg.OperationalError) and connection.closed and others:
                        continue
                    raise
                yield connection
                return

    def _commit(self, connection: psycopg.Connection[Any]) -> None:
        try:
            connection.execute("COMMIT")
        except psycopg.OperationalError as error:
            if not connection.closed:
                raise
            raise StoreUnavailable(
                f"The store {self.name} broke off at the end of a transaction ({_first_line(error)}): what it wrote "
                "may be stored or not; look, or send it again"
            ) from error

    def _connections(self) -> Pool[psycopg.Connection[Any]]:
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"The store {self.name} is closed")
            if self._pool is None:
                size, wait_s = settings.POSTGRES_CONNECTIONS.get(), settings.POSTGRES_WAIT_S.get()
                self._pool = Pool(self._connect, size=size, wait_s=wait_s)
            return self._pool

    def _connect(self) -> psycopg.Connection[Any]:
        given = conninfo_to_dict(self.url)
        try:
            return psycopg.connect(**{**_CONNECTING, **given}, autocommit=True)  # type: ignore[arg-type]
        except psycopg.errors.TooManyConnections as error:
            raise NoRoom from error
        except psycopg.OperationalError as error:
            if _is_full(error):
                raise NoRoom from error
            raise StoreUnavailable(f"The store {self.name} cannot be reached: {_first_line(error)}") from error

    # -- opening and closing

    def _open(self) -> None:
        with self._meaningful_errors(), self._connections().connection() as connection:
            version = connection.info.server_version // 10_000
            if version < MIN_VERSION:
                raise StoreUnavailable(f"The store {self.name} is PostgreSQL {version}; Runstone needs {MIN_VERSION}")
            if _has_table(connection, migrations.VERSION_TABLE):
                return
            with self._alone(connection):
                if _has_table(connection, migrations.VERSION_TABLE):
                    return  # another process has just made them
                if _has_table(connection, "alembic_version") or _has_table(connection, "runs"):
                    raise StoreCorrupt(
                        f"{self.name} is in use, but it is not ours (MLflow's, it seems), and nothing in it was "
                        "changed; choose another database"
                    )
                self._upgrade()

    def _upgrade(self) -> None:
        with (
            psycopg.connect(self.url) as connection,
            migrations.sqlalchemy_connection("postgresql+psycopg", connection) as alchemy,
        ):
            migrations.upgrade(alchemy)

    # -- maintenance

    @property
    def place(self) -> str:
        """The URL without the password."""
        return self.name

    @contextmanager
    def driver_connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of its own, for what no Transaction can do (Alembic). Takes no lock by itself."""
        with self._meaningful_errors(), psycopg.connect(self.url) as connection:
            yield connection

    @contextmanager
    def lock_out_writers(self) -> Iterator[None]:
        """Nobody else writes during the block, on whatever machine."""
        with (
            self._meaningful_errors(),
            psycopg.connect(self.url, autocommit=True) as connection,
            self._alone(connection),
        ):
            yield

    def find_damage(self) -> list[str]:
        """Nothing: PostgreSQL looks at its files by `pg_amcheck`, for which one must own the server."""
        return []

    def sizes(self) -> Sizes:
        """The database, and its tables. PostgreSQL does not tell what is free in its files."""
        with self.read() as tx:
            total = tx.row("SELECT pg_database_size(current_database())")
            tables = tx.rows("SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables")
        return Sizes(total_bytes=int(total[0]) if total else 0, free_bytes=0, table_bytes=dict(tables))

    @contextmanager
    def _alone(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        try:
            yield
        finally:
            with suppress(psycopg.Error):
                connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")

    def version(self) -> str:
        """The revision of the database's tables."""
        with self.read() as tx:
            row = tx.row(f"SELECT version_num FROM {migrations.VERSION_TABLE}")
        return str(row[0]) if row else ""

    def check_version(self) -> None:
        """Raises StoreVersion unless the tables are those of this Runstone."""
        found = self.version()
        if found == migrations.HEAD:
            return
        is_older = found in migrations.revisions()
        age = "an older" if is_older else "a newer"
        remedy = f"run `runstone db upgrade {self.name}`" if is_older else "`pip install --upgrade runstone`"
        raise StoreVersion(
            f"The store {self.name} has tables of {age} Runstone (revision {found}, this one needs {migrations.HEAD}): "
            f"{remedy}"
        )

    def _start_clock(self) -> None:
        """PostgreSQL counts transactions from the start again where a dump is restored; ours must not fall behind."""
        with self.write() as tx:
            row = tx.row("SELECT coalesce(max(revision), 0) FROM runs")
            behind = int(row[0]) - tx.revision() + 1 if row else 0
            if behind > 0:
                tx.run("UPDATE clock SET revision = revision + ?", (behind,))

    @contextmanager
    def _meaningful_errors(self) -> Iterator[None]:
        try:
            yield
        except RunstoneError:
            raise
        except PoolTimeout as error:
            raise StoreUnavailable(
                f"The store {self.name} gave no connection within {settings.POSTGRES_WAIT_S.get():g} s "
                f"(RUNSTONE_POSTGRES_WAIT): too many ask at once for the {settings.POSTGRES_CONNECTIONS.get()} of this "
                "process (RUNSTONE_POSTGRES_CONNECTIONS), or for those that PostgreSQL has (max_connections); "
                "nothing of this write was stored"
            ) from error
        except PoolClosed as error:
            raise StoreUnavailable(f"The store {self.name} is closed") from error
        except psycopg.DataError as error:
            raise InvalidInput(f"The store {self.name} cannot hold this: {_first_line(error)}") from error
        except psycopg.Error as error:
            raise _meaning(self.name, error) from error

    def compact(self) -> int:
        """PostgreSQL's autovacuum makes room for new rows; only VACUUM FULL would shrink files, and lock the tables."""
        return 0

    def close(self) -> None:
        """Close every connection; those of transactions that are under way in other threads at the end of these."""
        with self._lock:
            self._closed, pool, self._pool = True, self._pool, None
        if pool is not None:
            pool.close()

    def _after_fork_in_child(self) -> None:
        if self._pool is not None:
            _PARENTS.append(self._pool)  # to close it would end the parent's sessions
        self._reset()


_PARENTS: list[Pool[psycopg.Connection[Any]]] = []
_OPEN: weakref.WeakSet[PostgresDatabase] = weakref.WeakSet()


def _renew_all() -> None:
    for database in list(_OPEN):
        database._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


def _roll_back(connection: psycopg.Connection[Any]) -> None:
    with suppress(psycopg.Error):
        connection.execute("ROLLBACK")


def _has_table(connection: psycopg.Connection[Any], name: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
    return row is not None and row[0] is not None


def _is_full(error: psycopg.OperationalError) -> bool:
    """Whether it says that PostgreSQL has no connection to give: an error at connecting has no code."""
    text = str(error)
    return "too many clients" in text or "remaining connection slots" in text or "too many connections" in text


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


_UNDOING = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
)


def _meaning(name: str, error: psycopg.Error) -> StoreError:
    text = _first_line(error)
    if isinstance(error, _UNDOING) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None):
        return Undone(f"The store {name} has undone a transaction: {text}; nothing of this write was stored")
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreUnavailable(f"No space left for the store {name} ({text}); nothing of this write was stored")
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return StoreCorrupt(f"The store {name} lacks a table or a column ({text}); restore it from a backup")
    return StoreUnavailable(f"The store {name} failed: {text}; nothing of this write was stored")
