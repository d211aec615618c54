"""From a tracking URI to a Tracking: the one module that knows every class.

A URI is a folder (`path`, `file:///path`: a home with database and artifacts), a database file
(`sqlite:///file.db`, or a path that ends in `.db`), a database of PostgreSQL (`postgresql://user@host/name`) or a
server (`https://host:port`). Without one, the default home is used.
"""

from __future__ import annotations

import getpass
import os
import re
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote

from runstone import settings
from runstone.artifacts.leftovers import folder_size
from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.uris import open_artifact_store
from runstone.errors import InvalidInput
from runstone.home import DATABASE_NAME, HOME_NAME, default_home, make_home
from runstone.journal.tracking import JournaledTracking
from runstone.remote import address
from runstone.remote.address import is_server_uri
from runstone.stores.sql import checks, maintenance
from runstone.stores.sql.checks import Check
from runstone.stores.sql.database import Maintained
from runstone.stores.sql.maintenance import Activity, Statistics, Upgrade
from runstone.stores.sql.postgres_url import is_postgres_url, without_password
from runstone.stores.sql.sqlite import SqliteDatabase, network_file_system
from runstone.stores.sql.store import SqlStore
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking

__all__ = [
    "BESIDE",
    "Activity",
    "Upgrade",
    "artifact_root",
    "back_up_database",
    "check_database",
    "compact_database",
    "connect",
    "database_beside",
    "database_path",
    "database_place",
    "downgrade_database",
    "end_silent_runs",
    "has_database",
    "is_in_file",
    "is_server_uri",
    "is_worth_compacting",
    "journal_beside",
    "journal_for_servers",
    "journal_of",
    "list_activity",
    "measure_artifacts",
    "measure_database",
    "network_file_system",
    "open_database",
    "open_store",
    "open_tracking",
    "resolve_uri",
    "upgrade_database",
    "without_credentials",
]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_DATABASE_SUFFIXES = (".db", ".sqlite", ".sqlite3")

_lock = threading.Lock()
_open: weakref.WeakValueDictionary[tuple[Path | str, int], JournaledTracking] = weakref.WeakValueDictionary()


def _renew_lock() -> None:
    # Another thread may have held it when this process was forked.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def without_credentials(uri: str) -> str:
    """The URI as it may be shown."""
    return without_password(uri) if is_postgres_url(uri) else address.without_credentials(uri)


def resolve_uri(uri: str | os.PathLike[str] | None = None) -> str:
    """The URI itself, else that of the environment, else the default home as a `file:` URI."""
    chosen = os.fspath(uri) if uri else settings.TRACKING_URI.get()
    return chosen or default_home().as_uri()


def connect(uri: str | os.PathLike[str] | None = None) -> JournaledTracking:
    """The tracker at a URI; one that is open already is shared. Raises InvalidInput and StoreError."""
    uri = resolve_uri(uri)
    if is_server_uri(uri):
        return _shared(uri, lambda: _connect_to_server(uri))
    if is_postgres_url(uri):
        return _shared(uri, lambda: _connect_to_postgres(uri))
    path = database_path(uri)
    return _shared(path, lambda: _connect_to_database(uri, path))


def _shared(place: Path | str, make: Callable[[], JournaledTracking]) -> JournaledTracking:
    with _lock:
        tracking = _open.get((place, os.getpid()))
        if tracking is None or tracking.is_closed:
            tracking = _open[place, os.getpid()] = make()
        return tracking


def _connect_to_database(uri: str, path: Path) -> JournaledTracking:
    # What lies beside a database goes there, wherever the two of them are moved together.
    destination = f"sqlite:///{quote(str(path))}" if settings.JOURNAL.get() else BESIDE
    inner = LocalTracking(open_store(uri))
    return JournaledTracking(inner, _journal_of_database(path), destination, tend=lambda: end_silent_runs(inner))


def _connect_to_postgres(url: str) -> JournaledTracking:
    inner = LocalTracking(open_store(url))
    return JournaledTracking(inner, journal_for_servers(), without_password(url), tend=lambda: end_silent_runs(inner))


def end_silent_runs(tracking: LocalTracking) -> None:
    """End the runs whose processes have been silent for too long (RUNSTONE_SILENT_AFTER)."""
    silent_s = settings.SILENT_AFTER_S.get()
    if silent_s:
        tracking.fail_silent_runs(silent_s)


def _connect_to_server(url: str) -> JournaledTracking:
    # 50 ms that nobody pays who records locally.
    from runstone.remote.tracking import RemoteTracking

    destination = without_credentials(url)
    return JournaledTracking(RemoteTracking(url), journal_for_servers(), destination, deliver_to=_open_remote(url))


def open_tracking(uri: str) -> Tracking:
    """The tracker at a URI without its journal, opened anew, for those who deliver to it: a server is asked once."""
    return _open_remote(uri) if is_server_uri(uri) else LocalTracking(open_store(uri))


def open_store(
    uri: str, root: str | None = None, *, folds_aside: bool = False, shares_root: bool | None = None
) -> SqlStore:
    """The store in the database at a URI, made where it is missing. Artifacts lie under `root`; see `artifact_root`.

    `shares_root`: other stores may keep files there, as in a home that several databases of PostgreSQL use.
    """
    if shares_root is None:
        shares_root = root is None and is_postgres_url(uri)
    root = root or artifact_root(uri)
    if is_postgres_url(uri):
        # A tenth of a second that nobody pays who records in a file.
        from runstone.stores.sql.postgres import PostgresDatabase

        return SqlStore(PostgresDatabase(uri), root, folds_aside=folds_aside, shares_root=shares_root)
    return SqlStore(open_database(database_path(uri)), root, folds_aside=folds_aside, shares_root=shares_root)


def _open_remote(url: str) -> Tracking:
    from runstone.remote.address import parse_address
    from runstone.remote.tracking import RemoteTracking
    from runstone.remote.transport import HttpSession

    return RemoteTracking(url, session=HttpSession(parse_address(url), max_retries=0))


BESIDE = ""
"""The destination of a journal that lies beside its database."""
_HOME_JOURNAL, _JOURNAL_SUFFIX = "journal", ".journal"  # SQLite has files NAME-journal of its own


def journal_of(uri: str) -> Path:
    """The journal of what is recorded at a URI. Raises InvalidInput."""
    return _journal_of_database(database_path(uri)) if is_in_file(uri) else journal_for_servers()


def _journal_of_database(path: Path) -> Path:
    chosen = settings.JOURNAL.get()
    return Path(chosen).absolute() if chosen else journal_beside(path)


def journal_beside(database: Path) -> Path:
    """The journal of a database file."""
    if database.name == DATABASE_NAME:
        return database.with_name(_HOME_JOURNAL)
    return database.with_name(database.name + _JOURNAL_SUFFIX)


def database_beside(journal: Path) -> Path | None:
    """The database file whose journal that is; None where there is none (yet)."""
    if journal.name == _HOME_JOURNAL:
        path = journal.with_name(DATABASE_NAME)
    elif journal.name.endswith(_JOURNAL_SUFFIX):
        path = journal.with_name(journal.name.removesuffix(_JOURNAL_SUFFIX))
    else:
        return None
    return path if has_database(path) else None


def journal_for_servers() -> Path:
    """The journal for what goes to servers: on this machine's own disk."""
    chosen = settings.JOURNAL.get()
    if chosen:
        return Path(chosen).absolute()
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(state) / "runstone" / "journal"
    if network_file_system(_nearest_folder(folder)):
        # Mapped files on a network are neither fast nor safe.
        return Path(tempfile.gettempdir()) / f"runstone-{getpass.getuser()}" / "journal"
    return folder


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def open_database(path: Path) -> SqliteDatabase:
    """The database file at `path`, made where it is missing, with its home where it lies in one."""
    if path.name == DATABASE_NAME:
        make_home(path.parent)
    return SqliteDatabase(path)


def has_database(path: Path) -> bool:
    """Whether something has been recorded at `path`; an empty file is what an interrupted start leaves."""
    return path.is_file() and path.stat().st_size > 0


def _open_maintained(place: Path | str) -> Maintained:
    """The database file at a path, or in PostgreSQL at a URL, of whatever version."""
    if isinstance(place, Path):
        return SqliteDatabase(place, any_version=True)
    from runstone.stores.sql.postgres import PostgresDatabase

    return PostgresDatabase(place, any_version=True)


def check_database(
    place: Path | str,
    *,
    looks_at_rows: bool = True,
    max_chunks: int | None = 10_000,
    on_progress: Callable[[int, int], None] | None = None,
) -> Check:
    """What is wrong with the database at `place` (a file, or a URL of PostgreSQL), of whatever version; see `checks`.

    Raises StoreError where it cannot be read.
    """
    with closing(_open_maintained(place)) as database:
        return checks.check(database, looks_at_rows=looks_at_rows, max_chunks=max_chunks, on_progress=on_progress)


def measure_database(place: Path | str) -> Statistics:
    """How much is in the database at `place`. Raises StoreError."""
    with closing(_open_maintained(place)) as database:
        database.check_version()
        return maintenance.measure(database)


def upgrade_database(place: Path | str) -> Upgrade:
    """Bring the database at `place` to this version's tables; a file is copied first. Raises StoreError."""
    with closing(_open_maintained(place)) as database:
        return maintenance.upgrade(database)


def downgrade_database(place: Path | str, revision: str) -> Upgrade:
    """Take the database at `place` back to an older revision; a file is copied first.

    Raises InvalidInput, StoreError.
    """
    with closing(_open_maintained(place)) as database:
        return maintenance.downgrade(database, revision)


def is_worth_compacting(path: Path) -> bool:
    """Whether a quarter of the database file or more is free for reuse."""
    with closing(SqliteDatabase(path)) as database:
        return database.free_bytes() * 4 >= database.size_bytes()


def back_up_database(place: Path | str, target: Path) -> None:
    """Copy the database file at `place` to `target`, also while others record. Raises InvalidInput, StoreError."""
    with closing(_open_maintained(place)) as database:
        maintenance.back_up(database, target)


def compact_database(path: Path) -> int:
    """Shrink the database file at `path` by what is free in it; returns the bytes. Raises StoreError."""
    with closing(SqliteDatabase(path)) as database:
        return database.compact()


def measure_artifacts(uri: str) -> int | None:
    """The bytes of all files below the artifact root of a store."""
    store = open_artifact_store(artifact_root(uri))
    return folder_size(store.root) if isinstance(store, LocalArtifactStore) else None


def database_place(uri: str) -> Path | str:
    """What the functions above take: a database file's path, or the URL itself of PostgreSQL. Raises InvalidInput."""
    return uri if is_postgres_url(uri) else database_path(uri)


def list_activity(path: Path) -> dict[str, Activity]:
    """How many active runs each experiment of the database at `path` has, and when they last did something."""
    with closing(SqliteDatabase(path)) as database:
        return maintenance.list_activity(database)


def database_path(uri: str) -> Path:
    """The database file that a URI means, absolute. Raises InvalidInput for any other URI, a server's too."""
    match = _SCHEME.match(uri)
    scheme = match[1].lower() if match else ""
    if scheme == "sqlite":
        return _path_of_sqlite_uri(uri)
    if scheme == "file":
        return _path_of_folder(Path(_path_of_file_uri(uri)))
    if is_server_uri(uri):
        raise InvalidInput(
            f"'{without_credentials(uri)}' is a server, and this needs a database file: do it on the server's machine, "
            "with the URI of its store"
        )
    if scheme:
        raise InvalidInput(
            f"Cannot record to the tracking URI '{without_credentials(uri)}': this version of Runstone records in a "
            "folder, in an SQLite file, in PostgreSQL or on a server; set the URI to a path, sqlite:///FILE.db, "
            "postgresql://HOST/NAME or https://HOST:PORT"
        )
    path = Path(uri).expanduser()
    if path.is_file() or path.suffix in _DATABASE_SUFFIXES:
        return path.absolute()
    return _path_of_folder(path)


def _path_of_folder(folder: Path) -> Path:
    folder = folder.absolute()
    if folder.name != HOME_NAME and (folder / "0" / "meta.yaml").exists() and not (folder / DATABASE_NAME).exists():
        raise InvalidInput(
            f"The folder {folder} holds runs of MLflow's file store, into which Runstone does not record; choose "
            f"another folder as tracking URI, and bring the runs along with `runstone import {folder}`"
        )
    return folder / DATABASE_NAME


def _path_of_sqlite_uri(uri: str) -> Path:
    rest = uri.partition(":")[2]
    path = unquote(rest[3:]) if rest.startswith("///") else ""
    if not path or path == ":memory:":
        raise InvalidInput(
            f"The tracking URI '{uri}' names no file; write sqlite:///FILE.db, or sqlite:////ABSOLUTE/FILE.db"
        )
    return Path(path).absolute()


def _path_of_file_uri(uri: str) -> str:
    rest = uri.partition(":")[2]
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise InvalidInput(f"The tracking URI '{uri}' names the host '{host}'; write three slashes: file:///folder")
        rest = slash + rest
    return unquote(rest)


def is_in_file(uri: str) -> bool:
    """Whether a URI means a database file of this machine, not a server of ours or of PostgreSQL."""
    return not is_server_uri(uri) and not is_postgres_url(uri)


def artifact_root(uri: str) -> str:
    """Where artifacts lie that have no place of their own, a folder's URI: beside a database file, else at home."""
    if is_postgres_url(uri):
        return (default_home() / "artifacts").as_uri()
    database = database_path(uri)
    if database.name == DATABASE_NAME:
        return (database.parent / "artifacts").as_uri()
    return database.with_name(f"{database.stem}-artifacts").as_uri()
