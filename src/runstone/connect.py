"""From a tracking URI to a Tracking: the one module that knows every class.

A URI is a folder (`path`, `file:///path`: a home with database and artifacts) or a database file
(`sqlite:///file.db`, or a path that ends in `.db`). Without one, the default home is used.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from runstone import settings
from runstone.errors import InvalidInput
from runstone.home import DATABASE_NAME, HOME_NAME, default_home, make_home
from runstone.stores.sql import maintenance
from runstone.stores.sql.maintenance import Activity, Check, Statistics, Upgrade
from runstone.stores.sql.sqlite import SqliteDatabase, network_file_system
from runstone.stores.sql.store import SqlStore
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking

__all__ = [
    "artifact_root",
    "check_database",
    "connect",
    "database_path",
    "has_database",
    "list_activity",
    "measure_database",
    "network_file_system",
    "open_database",
    "resolve_uri",
    "upgrade_database",
]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_DATABASE_SUFFIXES = (".db", ".sqlite", ".sqlite3")

_lock = threading.Lock()
_open: weakref.WeakValueDictionary[tuple[Path, int], Tracking] = weakref.WeakValueDictionary()


def _renew_lock() -> None:
    # Another thread may have held it when this process was forked.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def resolve_uri(uri: str | os.PathLike[str] | None = None) -> str:
    """The URI itself, else that of the environment, else the default home as a `file:` URI."""
    chosen = os.fspath(uri) if uri else settings.TRACKING_URI.get()
    return chosen or default_home().as_uri()


def connect(uri: str | os.PathLike[str] | None = None) -> Tracking:
    """The tracker at a URI; one that is open already is shared. Raises InvalidInput and StoreError."""
    path = database_path(resolve_uri(uri))
    with _lock:
        tracking = _open.get((path, os.getpid()))
        if tracking is None:
            tracking = LocalTracking(SqlStore(open_database(path), artifact_root(path)))
            weakref.finalize(tracking, tracking.store.close)
            _open[path, os.getpid()] = tracking
        return tracking


def open_database(path: Path) -> SqliteDatabase:
    """The database file at `path`, made where it is missing, with its home where it lies in one."""
    if path.name == DATABASE_NAME:
        make_home(path.parent)
    return SqliteDatabase(path)


def has_database(path: Path) -> bool:
    """Whether something has been recorded at `path`; an empty file is what an interrupted start leaves."""
    return path.is_file() and path.stat().st_size > 0


def check_database(path: Path) -> Check:
    """What is wrong with the database at `path`, of whatever version. Raises StoreError where it cannot be read."""
    with closing(SqliteDatabase(path, any_version=True)) as database:
        return maintenance.check(database)


def measure_database(path: Path) -> Statistics:
    """How much is in the database at `path`. Raises StoreError."""
    with closing(SqliteDatabase(path)) as database:
        return maintenance.measure(database)


def upgrade_database(path: Path) -> Upgrade:
    """Bring the database at `path` to this version's tables, after a copy beside it. Raises StoreError."""
    with closing(SqliteDatabase(path, any_version=True)) as database:
        return maintenance.upgrade(database)


def list_activity(path: Path) -> dict[str, Activity]:
    """How many active runs each experiment of the database at `path` has, and when they last did something."""
    with closing(SqliteDatabase(path)) as database:
        return maintenance.list_activity(database)


def database_path(uri: str) -> Path:
    """The database file that a URI means, absolute. Raises InvalidInput for a URI of another kind."""
    match = _SCHEME.match(uri)
    scheme = match[1].lower() if match else ""
    if scheme == "sqlite":
        return _path_of_sqlite_uri(uri)
    if scheme == "file":
        return _path_of_folder(Path(_path_of_file_uri(uri)))
    if scheme:
        raise InvalidInput(
            f"Cannot record to the tracking URI '{_without_password(uri)}': this version of Runstone records in a "
            "folder or in an SQLite file; set the URI to a path, or to sqlite:///FILE.db"
        )
    path = Path(uri).expanduser()
    if path.is_file() or path.suffix in _DATABASE_SUFFIXES:
        return path.absolute()
    return _path_of_folder(path)


def _path_of_folder(folder: Path) -> Path:
    folder = folder.absolute()
    if folder.name != HOME_NAME and (folder / "0" / "meta.yaml").exists() and not (folder / DATABASE_NAME).exists():
        raise InvalidInput(
            f"The folder {folder} holds runs of MLflow's file store, which Runstone does not read; "
            "choose another folder as tracking URI"
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


def _without_password(uri: str) -> str:
    return re.sub(r"(//[^/:@]*):[^/@]*@", r"\1:***@", uri)


def artifact_root(database: Path) -> str:
    """Where the artifacts of a database file lie that have no place of their own: a URI of a folder beside it."""
    if database.name == DATABASE_NAME:
        return (database.parent / "artifacts").as_uri()
    return database.with_name(f"{database.stem}-artifacts").as_uri()
