"""One SQLite file as a Database, shared by threads and by processes. Knows no table but the version's.

Writers take a lock file first and then `BEGIN IMMEDIATE`: SQLite's own waiting polls, and starves a writer among
four for seconds, where a lock file hands over in order. Readers see the last commit and wait for nobody (WAL).

Before a fork all connections are closed, in a moment without transactions: SQLite remembers per process which locks
it holds, and a child that inherited that memory would write without a lock that others can see.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
import warnings
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from runstone.errors import RunstoneError, StoreCorrupt, StoreError, StoreUnavailable, StoreVersion
from runstone.filters.match import like, rlike
from runstone.stores.sql import migrations
from runstone.stores.sql.database import Arguments, Dialect, Row, Sizes, Transaction, insertion

if sys.platform != "win32":
    import fcntl

__all__ = ["APPLICATION_ID", "SqliteDatabase", "network_file_system"]

APPLICATION_ID = 0x52554E45
"""`PRAGMA application_id` of our files ("RUNE"), by which a foreign database is known."""

MIN_SQLITE = (3, 35, 0)  # RETURNING
_CLOSE_TIMEOUT_S = 60.0
_FORK_TIMEOUT_S = 10.0
_IDLE_READERS = 8
_NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "fuse.sshfs",
    "lustre",
    "beegfs",
    "gpfs",
}


class _SqliteDialect:
    has_row_locks = False
    fence = ""

    def is_member(self, expression: str) -> str:
        return f"{expression} IN (SELECT value FROM json_each(?))"

    def beside(self, column: str) -> str:
        return f"+{column}"  # of which no index makes use

    def numbered_rows(self) -> str:
        return "(SELECT key AS position, value AS id FROM json_each(?)) AS page"

    def list_argument(self, values: Sequence[int | str]) -> object:
        return json.dumps(list(values))

    def list_of(self, expression: str) -> str:
        return f"json_group_array({expression})"

    def by_index(self, table: str, index: str) -> str:
        return f"{table} INDEXED BY {index}"

    def json_object(self, key: str, value: str) -> str:
        return f"json_group_object({key}, {value})"

    def ignoring_case(self, expression: str) -> str:
        return f"ilike({expression}, ?)"

    def like(self, expression: str) -> str:
        return f"{expression} LIKE ?"

    def regex(self, expression: str) -> str:
        return f"rlike({expression}, ?)"

    def is_settled(self, revision: str) -> str:
        return f"{revision} IS NOT NULL"  # readers see whole transactions, and there is one writer at a time


class _SqliteTransaction:
    dialect: Dialect = _SqliteDialect()

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._revision: int | None = None

    def rows(self, sql: str, arguments: Arguments = ()) -> list[Row]:
        return self._connection.execute(sql, arguments).fetchall()

    def each(self, sql: str, arguments: Arguments = ()) -> Iterator[Row]:
        return self._connection.execute(sql, arguments)

    def row(self, sql: str, arguments: Arguments = ()) -> Row | None:
        row: Row | None = self._connection.execute(sql, arguments).fetchone()
        return row

    def revision(self) -> int:
        if self._revision is None:
            row = self.row("UPDATE clock SET revision = revision + 1 RETURNING revision")
            assert row is not None
            self._revision = int(row[0])
        return self._revision

    def run(self, sql: str, arguments: Arguments = ()) -> int:
        return self._connection.execute(sql, arguments).rowcount

    def run_many(self, sql: str, arguments: Iterable[Arguments]) -> None:
        self._connection.executemany(sql, arguments)

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._connection.executemany(insertion(table, columns), rows)


class SqliteDatabase:
    """The SQLite file at `path`; made, with its tables, where there is none.

    Raises StoreUnavailable where it cannot be opened or made, StoreCorrupt for a file that is no database or not
    ours, StoreVersion for one of another version, unless it is opened for maintenance (`any_version`).
    `busy_timeout_s` is how long to wait for a program that locks the file without asking for the lock file.
    """

    alchemy_name, begin_sql = "sqlite", "BEGIN IMMEDIATE"

    def __init__(self, path: Path, *, any_version: bool = False, busy_timeout_s: float = 60.0) -> None:
        if sqlite3.sqlite_version_info < MIN_SQLITE:
            raise StoreUnavailable(
                f"Python's SQLite is {sqlite3.sqlite_version}, Runstone needs 3.35 or later: use a newer Python"
            )
        self.path = path.absolute()
        self._busy_timeout_s = busy_timeout_s
        self._lock_path = self.path.with_name(self.path.name + ".lock")
        self._reset()
        try:
            self._open()
            if not any_version:
                self.check_version()
        except BaseException:
            self.close()
            raise
        _OPEN.add(self)

    def _reset(self) -> None:
        self._write_lock = threading.Lock()
        self._readers = threading.Condition()
        self._idle: list[sqlite3.Connection] = []
        self._busy = 0
        self._paused = False
        self._closed = False
        self._is_forking_locked = False
        self._writer: sqlite3.Connection | None = None
        self._lock_file: int | None = None

    # -- transactions

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        connection = self._take_reader()
        try:
            with self._meaningful_errors():
                connection.execute("BEGIN")
                try:
                    yield _SqliteTransaction(connection)
                finally:
                    _roll_back(connection)
        finally:
            self._give_back(connection)

    @contextmanager
    def write(self, *, locks_runs: bool = False) -> Iterator[Transaction]:
        with self._write_lock, self._meaningful_errors(), self._file_lock():
            connection = self._writer = self._writer or self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield _SqliteTransaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def _take_reader(self) -> sqlite3.Connection:
        with self._readers:
            self._readers.wait_for(lambda: not self._paused)
            self._check_open()
            self._busy += 1
            if self._idle:
                return self._idle.pop()
        try:
            with self._meaningful_errors():
                return self._connect()
        except BaseException:
            self._give_back(None)
            raise

    def _give_back(self, connection: sqlite3.Connection | None) -> None:
        with self._readers:
            self._busy -= 1
            if connection is not None:
                if self._closed or len(self._idle) >= _IDLE_READERS:
                    connection.close()
                else:
                    self._idle.append(connection)
            self._readers.notify_all()

    @contextmanager
    def _file_lock(self) -> Iterator[None]:
        self._check_open()
        if sys.platform == "win32":  # SQLite's own waiting must do.
            yield
            return
        if self._lock_file is None:
            self._lock_file = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"The store {self.path} is closed")

    # -- opening and closing

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> None:
        with self._meaningful_errors():
            if not self.path.parent.is_dir():
                raise StoreUnavailable(
                    f"Cannot open the store {self.path}: the folder {self.path.parent} does not exist; make it first"
                )
            if not self._is_made():
                _warn_of_network(self.path)
                self._make()

    def _is_made(self) -> bool:
        """Whether there is a database, ours or not. A file without tables is in the making, or its maker was killed."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return False
        with self.read() as tx:
            return tx.row("SELECT 1 FROM sqlite_master LIMIT 1") is not None

    def _make(self) -> None:
        with self._file_lock():
            if self._is_made():
                return  # another process has just done so
            connection = self._connect()
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                statements = migrations.NEW_SQLITE.read_text(encoding="utf-8")
                connection.executescript(
                    f"BEGIN IMMEDIATE; {statements} PRAGMA application_id={APPLICATION_ID}; COMMIT;"
                )
            finally:
                _roll_back(connection)
                connection.close()

    def version(self) -> str:
        """The revision of the database's tables. Raises StoreCorrupt for a database that is not ours."""
        with self.read() as tx:
            (application_id,) = tx.row("PRAGMA application_id") or (0,)
            if application_id != APPLICATION_ID:
                raise StoreCorrupt(self._foreign(tx))
            row = tx.row(f"SELECT version_num FROM {migrations.VERSION_TABLE}")
        return str(row[0]) if row else ""

    def _foreign(self, tx: Transaction) -> str:
        tables = {name for (name,) in tx.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        whose = "MLflow made it" if {"alembic_version", "experiments", "latest_metrics"} <= tables else "it is not ours"
        return (
            f"{self.path} is an SQLite database, but {whose}, and nothing in it was changed; "
            "choose another file as tracking URI"
        )

    def check_version(self) -> None:
        """Raises StoreVersion unless the tables are those of this Runstone."""
        found = self.version()
        if found == migrations.HEAD:
            return
        if found in migrations.revisions():
            raise StoreVersion(
                f"The store {self.path} has tables of an older Runstone (revision {found}, this one needs "
                f"{migrations.HEAD}): run `runstone db upgrade {self.path}`"
            )
        raise StoreVersion(
            f"The store {self.path} was made by a newer Runstone (revision {found}, this one knows up to "
            f"{migrations.HEAD}); upgrade with `pip install --upgrade runstone`"
        )

    # -- maintenance

    @property
    def place(self) -> str:
        """The path."""
        return str(self.path)

    @contextmanager
    def driver_connection(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own, for what no Transaction can do (copies, Alembic). Takes no lock by itself."""
        with self._meaningful_errors():
            self._check_open()
            connection = self._connect()
            try:
                yield connection
            finally:
                _roll_back(connection)
                connection.close()

    @contextmanager
    def lock_out_writers(self) -> Iterator[None]:
        """Nobody else writes during the block, in this or another process."""
        with self._write_lock, self._meaningful_errors(), self._file_lock():
            yield

    def compact(self) -> int:
        """Write the file anew without its free pages; writers of all processes wait, readers do not.

        Needs as much free room as the file has, on the disk of the file and on that of temporary files. Raises
        StoreUnavailable where there is too little; the file is then as it was.
        """
        before = self.size_bytes()
        with self.lock_out_writers(), self.driver_connection() as connection:
            connection.execute("PRAGMA temp_store=FILE")  # a file of many GB does not go through memory
            connection.execute("VACUUM")
            # The pages stand in the WAL now; the file shrinks when they move, unless a reader is in the way.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return max(0, before - self.size_bytes())

    def size_bytes(self) -> int:
        """What the file takes on disk, with what is not yet in the main file (the WAL)."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def free_bytes(self) -> int:
        """What of it is free for reuse."""
        with self.read() as tx:
            (((page_bytes,),), ((free_pages,),)) = tx.rows("PRAGMA page_size"), tx.rows("PRAGMA freelist_count")
        return int(page_bytes * free_pages)

    def find_damage(self) -> list[str]:
        """What SQLite's quick check says."""
        with self.read() as tx:
            return [text for (text,) in tx.rows("PRAGMA quick_check") if text != "ok"]

    def sizes(self) -> Sizes:
        """The file, and its tables where Python's SQLite has the module that tells (`dbstat`)."""
        tables: dict[str, int] = {}
        with self.driver_connection() as connection, suppress(sqlite3.OperationalError):
            tables = dict(
                connection.execute(
                    "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name "
                    "GROUP BY m.tbl_name"
                ).fetchall()
            )
        return Sizes(total_bytes=self.size_bytes(), free_bytes=self.free_bytes(), table_bytes=tables)

    @contextmanager
    def _meaningful_errors(self) -> Iterator[None]:
        try:
            yield
        except RunstoneError:
            raise
        except sqlite3.Error as error:
            raise _meaning(self.path, error) from error
        except OSError as error:
            raise StoreUnavailable(f"Cannot use the store {self.path}: {error.strerror} ({error.filename})") from error

    def close(self) -> None:
        """Close every connection. Transactions that are under way in other threads end first."""
        with self._write_lock, self._readers:
            self._closed = True
            self._readers.wait_for(lambda: self._busy == 0, timeout=_CLOSE_TIMEOUT_S)
            self._close_connections()

    def _close_connections(self) -> None:
        for connection in (*self._idle, *([self._writer] if self._writer else [])):
            connection.close()
        self._idle, self._writer = [], None
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    # -- fork

    def _before_fork(self) -> None:
        self._is_forking_locked = self._write_lock.acquire(timeout=_FORK_TIMEOUT_S)
        with self._readers:
            self._paused = True
            quiet = self._readers.wait_for(lambda: self._busy == 0, timeout=_FORK_TIMEOUT_S)
            if quiet and self._is_forking_locked:
                with suppress(sqlite3.Error):
                    self._close_connections()

    def _after_fork_in_parent(self) -> None:
        with self._readers:
            self._paused = False
            self._readers.notify_all()
        if self._is_forking_locked:
            self._write_lock.release()

    def _after_fork_in_child(self) -> None:
        closed = self._closed
        self._reset()
        self._closed = closed


_OPEN: weakref.WeakSet[SqliteDatabase] = weakref.WeakSet()


def _each_open(method: str) -> None:
    for database in list(_OPEN):
        getattr(database, method)()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _each_open("_before_fork"),
        after_in_parent=lambda: _each_open("_after_fork_in_parent"),
        after_in_child=lambda: _each_open("_after_fork_in_child"),
    )


def _prepare(connection: sqlite3.Connection) -> None:
    # NORMAL with WAL survives a killed process; a power cut may take the last commits, never the file.
    for pragma in (
        "synchronous=NORMAL",
        "case_sensitive_like=ON",
        "temp_store=MEMORY",
        "cache_size=-65536",
        # 16 MB: each checkpoint waits for the disk, and the default of 1,000 pages comes every 100 batches.
        "wal_autocheckpoint=4000",
        # Debian's SQLite writes zeros over all that is deleted: half of the time that folding takes.
        "secure_delete=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("ilike", 2, _ilike, deterministic=True)
    connection.create_function("rlike", 2, rlike, deterministic=True)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _ilike(text: str | None, pattern: str) -> bool:
    return text is not None and like(text, pattern, ignore_case=True)


def _meaning(path: Path, error: sqlite3.Error) -> StoreError:
    text = str(error)
    if "full" in text:
        return StoreUnavailable(
            f"No space left for the store {path} ({text}); nothing of this write was stored: free some space, "
            "or record elsewhere with RUNSTONE_TRACKING_URI"
        )
    if "disk I/O error" in text:
        return StoreUnavailable(
            f"Cannot read or write the store {path} ({text}); nothing of this write was stored: see that its disk "
            "has space and works, or record elsewhere with RUNSTONE_TRACKING_URI"
        )
    if "malformed" in text or "not a database" in text or "no such table" in text:
        return StoreCorrupt(
            f"The store {path} is damaged or is no SQLite database ({text}); move it away, or restore it from a copy"
        )
    if "locked" in text or "busy" in text:
        return StoreUnavailable(f"The store {path} is locked by another program ({text}); try again")
    if "readonly" in text or "unable to open" in text:
        return StoreUnavailable(
            f"Cannot open or write the store {path} ({text}); check the permissions of the folder {path.parent}, "
            "or record elsewhere with RUNSTONE_TRACKING_URI"
        )
    return StoreUnavailable(f"The store {path} failed: {text}")


def network_file_system(path: Path) -> str | None:
    """The type of the network file system that holds `path`, or None (also where that cannot be told)."""
    try:
        mounts = Path("/proc/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return None
    real = path.resolve()
    best, kind = Path("/"), ""
    for line in mounts:
        fields = line.split(" ")
        folder = Path(fields[1].replace("\\040", " "))
        # The deepest mount point above the path holds it; of equals the last mounted.
        if (folder == real or folder in real.parents) and len(folder.parts) >= len(best.parts):
            best, kind = folder, fields[2]
    return kind if kind in _NETWORK_FILE_SYSTEMS else None


def _warn_of_network(path: Path) -> None:
    kind = network_file_system(path.parent)
    if kind:
        warnings.warn(
            f"The store {path} lies on a network file system ({kind}), where SQLite's locks do not hold: let only one "
            "machine write to it, or record on a local disk",
            RuntimeWarning,
            stacklevel=2,
        )
