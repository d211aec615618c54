"""What is done to a database as a whole: measure it, bring it to another revision. Knows tables, not runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from runstone.errors import InvalidInput
from runstone.stores.sql import migrations
from runstone.stores.sql.database import Database, Maintained

__all__ = ["Activity", "Statistics", "Upgrade", "back_up", "downgrade", "list_activity", "measure", "upgrade"]

_COUNTED = ("experiments", "runs", "params", "tags", "series", "chunks", "batches", "datasets")


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """How much is in a database. `file_size_bytes` includes what is not yet in the main file (SQLite's WAL).

    `table_bytes` are of the tables with their indexes, empty where that is not told. `keys` are distinct ones.

    `points` may count a point twice that was sent twice, until it is folded; `bytes_per_point` is of the points'
    data alone, None where there is none.
    """

    rows: dict[str, int]
    file_size_bytes: int
    free_bytes: int
    table_bytes: dict[str, int]
    keys: int
    deleted_runs: int
    deleted_experiments: int
    points: int
    points_size_bytes: int
    pending_batches: int
    pending_points: int
    bytes_per_point: float | None


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """From which revision to which; `backup` is the copy from before, None where none was made."""

    old_revision: str
    revision: str
    backup: Path | None


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """How many active runs an experiment has, and when one of them last started or ended."""

    runs: int
    last_time: int | None


def measure(database: Maintained) -> Statistics:
    """Count and weigh."""
    with database.read() as tx:
        rows = {table: tx.rows(f"SELECT count(*) FROM {table}")[0][0] for table in _COUNTED}
        (points,) = tx.rows("SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM series")[0]
        ((chunk_bytes, batch_bytes, pending),) = tx.rows(
            "SELECT (SELECT coalesce(sum(length(data)), 0) FROM chunks), coalesce(sum(length(data)), 0), "
            "CAST(coalesce(sum(points), 0) AS bigint) FROM batches"
        )
        ((keys,),) = tx.rows("SELECT count(*) FROM (SELECT DISTINCT key FROM series) AS keys")
        ((deleted_runs,),) = tx.rows("SELECT count(*) FROM runs WHERE deleted_time IS NOT NULL")
        ((deleted,),) = tx.rows("SELECT count(*) FROM experiments WHERE deleted_time IS NOT NULL")
    sizes = database.sizes()
    return Statistics(
        rows=rows,
        file_size_bytes=sizes.total_bytes,
        free_bytes=sizes.free_bytes,
        table_bytes=sizes.table_bytes,
        keys=keys,
        deleted_runs=deleted_runs,
        deleted_experiments=deleted,
        points=points,
        points_size_bytes=chunk_bytes + batch_bytes,
        pending_batches=rows["batches"],
        pending_points=pending,
        bytes_per_point=(chunk_bytes + batch_bytes) / points if points else None,
    )


def list_activity(database: Database) -> dict[str, Activity]:
    """The activity of each experiment that has active runs, by its id."""
    with database.read() as tx:
        rows = tx.rows(
            "SELECT experiment, count(*), max(coalesce(end_time, start_time)) FROM runs "
            "WHERE deleted_time IS NULL GROUP BY experiment"
        )
    return {str(number): Activity(runs=runs, last_time=time) for number, runs, time in rows}


def upgrade(database: Maintained) -> Upgrade:
    """Bring the tables to this version's; an SQLite file is copied to `FILE.before-REVISION` beside it first.

    Raises StoreVersion for a database of a newer Runstone. All or nothing: an error leaves the tables as they were.
    """
    return _move(database, migrations.HEAD)


def downgrade(database: Maintained, revision: str) -> Upgrade:
    """Take the tables back to an older revision, after the same copy; what those cannot hold is lost.

    Raises InvalidInput for a revision that is not older, StoreVersion for a database of a newer Runstone.
    """
    known, found = migrations.revisions(), database.version()
    if revision not in known or (found in known and known.index(revision) > known.index(found)):
        older = ", ".join(known[: known.index(found)]) if found in known else ", ".join(known)
        raise InvalidInput(
            f"Cannot take {database.place} from revision {found} back to '{revision}': older ones are {older or 'none'}"
        )
    return _move(database, revision)


def _move(database: Maintained, revision: str) -> Upgrade:
    with database.lock_out_writers(), database.driver_connection() as connection:
        old, known = database.version(), migrations.revisions()
        if old == revision:
            return Upgrade(old_revision=old, revision=old, backup=None)
        if old not in known:
            database.check_version()  # raises, and says why
        backup = None
        if isinstance(connection, sqlite3.Connection):
            backup = _new_backup_path(Path(database.place), revision)
            _copy(connection, backup)
        with migrations.sqlalchemy_connection(database.alchemy_name, connection, begin=database.begin_sql) as alchemy:
            if known.index(revision) > known.index(old):
                migrations.upgrade(alchemy, revision)
            else:
                migrations.downgrade(alchemy, revision)
    return Upgrade(old_revision=old, revision=revision, backup=backup)


def back_up(database: Maintained, target: Path) -> None:
    """Copy a database file as it is now, while others record, to a file that is not there yet.

    Raises InvalidInput for PostgreSQL, and where something is at `target`.
    """
    if target.exists():
        raise InvalidInput(f"Cannot back up {database.place} to {target}: that is there already; choose another name")
    with database.driver_connection() as connection:
        if not isinstance(connection, sqlite3.Connection):
            raise InvalidInput(f"{database.place} is backed up by PostgreSQL's own pg_dump")
        _copy(connection, target)


def _new_backup_path(path: Path, revision: str) -> Path:
    plain = path.with_name(f"{path.name}.before-{revision}")
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
