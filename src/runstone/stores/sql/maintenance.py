"""What is done to a database file as a whole: check it, measure it, bring it up to date. Knows tables, not runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from runstone.stores.sql import migrations
from runstone.stores.sql.database import Database
from runstone.stores.sql.sqlite import SqliteDatabase

__all__ = ["Activity", "Check", "Statistics", "Upgrade", "check", "list_activity", "measure", "upgrade"]

_COUNTED = ("experiments", "runs", "params", "tags", "series", "chunks", "batches", "datasets")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A database's revision, the one this Runstone needs, and what is wrong with the file; nothing if it is sound."""

    revision: str
    needed_revision: str
    problems: tuple[str, ...]


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """How much is in a database. `file_size_bytes` includes what is not yet in the main file (SQLite's WAL).

    `points` may count a point twice that was sent twice, until it is folded; `bytes_per_point` is of the points'
    data alone, None where there is none.
    """

    rows: dict[str, int]
    file_size_bytes: int
    free_bytes: int
    points: int
    points_size_bytes: int
    pending_batches: int
    pending_points: int
    bytes_per_point: float | None


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """From which revision to which; `backup` is the copy from before, None where there was nothing to do."""

    old_revision: str
    revision: str
    backup: Path | None


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """How many active runs an experiment has, and when one of them last started or ended."""

    runs: int
    last_time: int | None


def check(database: SqliteDatabase) -> Check:
    """Look for damage, and for tables that are not those of the schema. Raises StoreCorrupt, StoreVersion."""
    revision = database.version()
    with database.read() as tx:
        problems = [text for (text,) in tx.rows("PRAGMA quick_check") if text != "ok"]
    if revision == migrations.HEAD:
        problems += [f"the tables differ from the schema: {difference}" for difference in _differences(database)]
    return Check(revision=revision, needed_revision=migrations.HEAD, problems=tuple(problems))


def _differences(database: SqliteDatabase) -> list[str]:
    with database.driver_connection() as connection, migrations.sqlalchemy_connection("sqlite", connection) as alchemy:
        return [_describe(one) for one in migrations.check(alchemy)]


def _describe(difference: object) -> str:
    """Alembic gives one difference as a tuple, those of one column as a list of tuples."""
    if isinstance(difference, list):
        return ", ".join(map(_describe, difference))
    parts = difference if isinstance(difference, tuple) else (difference,)
    return " ".join(str(getattr(part, "name", part)) for part in parts if part is not None)


def measure(database: SqliteDatabase) -> Statistics:
    """Count and weigh."""
    with database.read() as tx:
        rows = {table: tx.rows(f"SELECT count(*) FROM {table}")[0][0] for table in _COUNTED}
        (points,) = tx.rows("SELECT coalesce(sum(count), 0) FROM series")[0]
        ((chunk_bytes, batch_bytes, pending),) = tx.rows(
            "SELECT (SELECT coalesce(sum(length(data)), 0) FROM chunks), coalesce(sum(length(data)), 0), "
            "coalesce(sum(points), 0) FROM batches"
        )
        (((page_bytes,),), ((free_pages,),)) = tx.rows("PRAGMA page_size"), tx.rows("PRAGMA freelist_count")
    return Statistics(
        rows=rows,
        file_size_bytes=sum(file.stat().st_size for file in _files(database.path)),
        free_bytes=free_pages * page_bytes,
        points=points,
        points_size_bytes=chunk_bytes + batch_bytes,
        pending_batches=rows["batches"],
        pending_points=pending,
        bytes_per_point=(chunk_bytes + batch_bytes) / points if points else None,
    )


def _files(path: Path) -> list[Path]:
    return [file for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()]


def list_activity(database: Database) -> dict[str, Activity]:
    """The activity of each experiment that has active runs, by its id."""
    with database.read() as tx:
        rows = tx.rows(
            "SELECT experiment, count(*), max(coalesce(end_time, start_time)) FROM runs "
            "WHERE deleted_time IS NULL GROUP BY experiment"
        )
    return {str(number): Activity(runs=runs, last_time=time) for number, runs, time in rows}


def upgrade(database: SqliteDatabase) -> Upgrade:
    """Bring the tables to this version's, after a copy `FILE.before-REVISION` beside the file.

    Raises StoreVersion for a database of a newer Runstone. All or nothing: an error leaves the tables as they were.
    """
    with database.lock_out_writers(), database.driver_connection() as connection:
        old = database.version()
        if old == migrations.HEAD:
            return Upgrade(old_revision=old, revision=old, backup=None)
        if old not in migrations.revisions():
            database.check_version()  # raises, and says why
        backup = _new_backup_path(database.path)
        _copy(connection, backup)
        with migrations.sqlalchemy_connection("sqlite", connection, begin="BEGIN IMMEDIATE") as alchemy:
            migrations.upgrade(alchemy)
    return Upgrade(old_revision=old, revision=migrations.HEAD, backup=backup)


def _new_backup_path(path: Path) -> Path:
    plain = path.with_name(f"{path.name}.before-{migrations.HEAD}")
    number, free = 1, plain
    while free.exists():
        number += 1
        free = plain.with_name(f"{plain.name}.{number}")
    return free


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    # SQLite's own copying, because the newest commits may stand in the WAL.
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as copy:
        connection.backup(copy)
    part.rename(target)
