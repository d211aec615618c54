"""Damaged, foreign and unusable files: each a clear error, nothing half written, nothing lost."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from runstone.entities import LifecycleStage, RunStatus
from runstone.errors import StoreCorrupt, StoreError, StoreUnavailable, StoreVersion
from runstone.stores.base import RunQuery, Sequenced, Write
from runstone.stores.sql import maintenance, migrations
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.store_records import RUN_ID, add_run, batch, line, log, rows

ROOT = "file:///root"


@pytest.fixture
def path(tmp_path: Path, empty_file: Path) -> Path:
    """An empty database."""
    return Path(shutil.copy(empty_file, tmp_path / "runs.db"))


def open_store(path: Path, **options: float) -> SqlStore:
    return SqlStore(SqliteDatabase(path, **options), ROOT)


def change(path: Path, sql: str, *arguments: object) -> None:
    """What some other program does to the file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, arguments)


def is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# -- files that are not ours, or damaged


@pytest.mark.parametrize(
    "content",
    [
        b"hi",
        b"# Notes\n\nNot a database.\n" * 100,
        random.Random(1).randbytes(20_000),
        b"SQLite format 3\0" + random.Random(2).randbytes(20_000),
    ],
    ids=["two bytes", "a text", "random bytes", "a header and random bytes"],
)
def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=str(path)):
        SqliteDatabase(path)
    assert path.read_bytes() == content


def test_a_truncated_database_is_an_error_of_its_own(path: Path) -> None:
    with closing(open_store(path)) as store:
        add_run(store)
        for step in range(200):
            log(store, **{f"key{step}": line([step])})
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreCorrupt, match=str(path)):
        read_everything(path)


def test_an_overwritten_database_is_an_error_of_its_own(path: Path) -> None:
    with closing(open_store(path)) as store:
        add_run(store)
        for step in range(200):
            log(store, **{f"key{step}": line([step])})
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(3).randbytes(size - 4096))
    with pytest.raises(StoreCorrupt, match=str(path)):
        read_everything(path)


def read_everything(path: Path) -> None:
    with closing(open_store(path)) as store:
        store.search_runs(RunQuery(experiment_ids=("0",)))
        for key in store.list_series(RUN_ID):
            rows(store, key=key)


def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    change(path, "CREATE TABLE notes (text TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match=r"notes\.db is an SQLite database, but it is not ours"):
        SqliteDatabase(path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["notes.db"]


def test_a_database_of_mlflow_is_known_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    for table in ("alembic_version", "experiments", "runs", "metrics", "latest_metrics", "params", "tags"):
        change(path, f"CREATE TABLE {table} (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="MLflow made it, and nothing in it was changed"):
        SqliteDatabase(path)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    change(path, "UPDATE runstone_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(StoreVersion, match=r"newer Runstone \(revision 9999.*pip install --upgrade"):
        SqliteDatabase(path)
    assert path.read_bytes() == before


def test_a_database_of_an_older_version_is_refused_and_told_how_to_upgrade(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "HEAD", "9999")  # what the next version will have
    with pytest.raises(StoreVersion, match=f"older Runstone.*`runstone db upgrade {path}`"):
        SqliteDatabase(path)
    SqliteDatabase(path, any_version=True).close()


# -- damage within a sound file


@pytest.fixture
def damaged(path: Path) -> Iterator[SqlStore]:
    """A store of two runs with two series each; the chunk of `loss` of one of them is damaged."""
    with closing(open_store(path)) as store:
        for run_id in (RUN_ID, "other"):
            add_run(store, run_id)
            log(store, run_id, loss=line(range(100)), acc=line(range(100)))
            store.fold(run_id)
        change(
            path,
            "UPDATE chunks SET data = CAST(substr(data, 1, 20) || x'00' || substr(data, 22) AS BLOB) "
            "WHERE key = 'loss' AND run = (SELECT id FROM runs WHERE run_id = ?)",
            RUN_ID,
        )
        yield store


def test_a_damaged_chunk_is_named_by_run_and_key_and_other_series_stay_readable(damaged: SqlStore) -> None:
    with pytest.raises(StoreCorrupt, match=f"series 'loss' of run '{RUN_ID}'.*checksum"):
        rows(damaged)
    assert rows(damaged, key="acc") == rows(damaged, "other") == line(range(100))
    assert damaged.get_run(RUN_ID).data.metrics == {"acc": 49.5, "loss": 49.5}


def test_a_run_with_a_damaged_chunk_can_go_on_logging(damaged: SqlStore) -> None:
    for first in range(100, 1_000, 300):
        log(damaged, loss=line(range(first, first + 300)), acc=line(range(first, first + 300)))
    damaged.set_run_status(RUN_ID, RunStatus.FINISHED, end_time=1)  # would fold
    assert rows(damaged, key="acc") == line(range(1_000))
    assert damaged.list_series(RUN_ID)["loss"].count == 1_000
    with pytest.raises(StoreCorrupt, match=f"series 'loss' of run '{RUN_ID}'"):
        damaged.fold(RUN_ID)
    with pytest.raises(StoreCorrupt, match=f"series 'loss' of run '{RUN_ID}'"):
        rows(damaged)


def test_a_damaged_batch_is_named_by_its_run(path: Path) -> None:
    with closing(open_store(path)) as store:
        add_run(store)
        add_run(store, "other")
        log(store, loss=line(range(3)))
        log(store, "other", loss=line(range(3)))
        change(
            path,
            "UPDATE batches SET data = x'0102' WHERE run = (SELECT id FROM runs WHERE run_id = ?)",
            RUN_ID,
        )
        for ask in (rows, lambda store: store.fold(RUN_ID)):
            with pytest.raises(StoreCorrupt, match=f"run '{RUN_ID}'.*frame"):
                ask(store)
        assert rows(store, "other") == line(range(3))


# -- no permission, no folder, no space


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=f"the folder {tmp_path / 'missing'} does not exist"):
        SqliteDatabase(tmp_path / "missing" / "runs.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs.db").mkdir()
    with pytest.raises(StoreUnavailable, match=str(tmp_path / "runs.db")):
        SqliteDatabase(tmp_path / "runs.db")


WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
import sqlalchemy, alembic.command
from runstone.errors import StoreError
from runstone.testing.store_records import RUN_ID, log, rows
from tests.stores.test_sqlite_faults import open_store

if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    store = open_store(Path(sys.argv[1]))
    print("read", len(rows(store)))
    log(store, loss=[(9, 9, 9.0)])
    print("wrote")
except StoreError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def plain_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        Path(name).chmod(0o700)


def use_without_rights(path: Path) -> str:
    """What a user who is not the owner sees; where this is not root, the owner without the right."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_RIGHTS, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_a_store_cannot_be_made_in_a_read_only_folder(plain_folder: Path) -> None:
    plain_folder.chmod(0o555)
    said = use_without_rights(plain_folder / "runs.db")
    assert said.startswith("StoreUnavailable")
    assert str(plain_folder) in said
    assert "ermission" in said
    assert list(plain_folder.iterdir()) == []


def test_a_store_in_a_read_only_folder_is_left_as_it_is(plain_folder: Path, path: Path) -> None:
    with closing(open_store(path)) as store:
        add_run(store)
        log(store, loss=line(range(5)))
    before = Path(shutil.copy(path, plain_folder)).read_bytes()
    plain_folder.chmod(0o555)
    said = use_without_rights(plain_folder / "runs.db")
    assert "StoreUnavailable" in said
    assert str(plain_folder) in said
    assert "permission" in said
    assert (plain_folder / "runs.db").read_bytes() == before


def test_a_folder_that_may_not_be_entered_is_an_error(plain_folder: Path) -> None:
    (plain_folder / "closed").mkdir(mode=0)
    said = use_without_rights(plain_folder / "closed" / "inner" / "runs.db")
    assert said.startswith("StoreUnavailable")
    assert "Permission denied" in said
    (plain_folder / "closed").chmod(0o700)


class SmallDisk:
    """A folder whose space can run out and be freed."""

    def __init__(self, folder: Path, fill: Callable[[], None], free: Callable[[], None]) -> None:
        self.folder, self.fill, self.free = folder, fill, free


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A memory disk of its own where that may be mounted, otherwise a limit on the size of files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=4m", "runstone-test", str(folder)]
    if os.geteuid() == 0 and subprocess.run(options, capture_output=True, check=False).returncode == 0:
        ballast = folder / "ballast"
        try:
            yield SmallDisk(folder, lambda: _fill(ballast), ballast.unlink)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        largest = max((file.stat().st_size for file in folder.iterdir()), default=0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))

    def free() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    yield SmallDisk(folder, fill, free)
    free()


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 16, 1 << 10, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)


def test_a_full_disk_loses_nothing_that_was_stored_and_stores_nothing_by_halves(
    disk: SmallDisk, empty_file: Path
) -> None:
    path = Path(shutil.copy(empty_file, disk.folder / "runs.db"))
    with closing(open_store(path)) as store:
        add_run(store)
        stored = 0
        for step in range(5):
            log(store, loss=line([step]))
            stored += 1
        disk.fill()
        with pytest.raises(StoreUnavailable, match=rf"{path}.*nothing of this write was stored"):
            while True:
                store.log_batch(RUN_ID, tags={"stored": str(stored + 1)}, params={f"p{stored}": "x" * 4_000})
                stored += 1
        assert rows(store) == line(range(5))
        assert len(store.get_run(RUN_ID).data.params) == stored - 5
        assert store.get_run(RUN_ID).data.tags.get("stored", "5") == str(stored)
        with pytest.raises(StoreUnavailable, match=str(path)):
            for _ in range(100):
                log(store, loss=line(range(5, 2_000)))
        assert rows(store)[:5] == line(range(5))
        disk.free()
        log(store, loss=line(range(5, 5_000)))
        store.fold(RUN_ID)
        assert rows(store) == line(range(5_000))
    assert is_sound(path)
    with closing(open_store(path)) as store:
        assert rows(store) == line(range(5_000))


def test_a_full_disk_that_stops_folding_changes_no_answer(disk: SmallDisk, empty_file: Path) -> None:
    path = Path(shutil.copy(empty_file, disk.folder / "runs.db"))
    with closing(open_store(path)) as store:
        add_run(store)
        for first in range(0, 20_000, 400):
            log(store, loss=line(range(first, first + 400)))
        disk.fill()
        with pytest.raises(StoreUnavailable, match=str(path)):
            store.fold(RUN_ID)
        assert rows(store) == line(range(20_000))
        disk.free()
        store.fold(RUN_ID)
        assert rows(store) == line(range(20_000))
    assert is_sound(path)


def test_a_store_that_could_not_be_made_on_a_full_disk_is_made_once_there_is_space(disk: SmallDisk) -> None:
    path = disk.folder / "runs.db"
    disk.fill()
    with pytest.raises(StoreError, match=str(path)):
        SqliteDatabase(path)
    disk.free()
    with closing(open_store(path)) as store:
        add_run(store)
    assert is_sound(path)


# -- locked by others


def test_a_file_that_another_program_locks_is_readable_and_writable_again_afterwards(path: Path) -> None:
    with closing(open_store(path, busy_timeout_s=0.05)) as store, closing(sqlite3.connect(path)) as other:
        add_run(store)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match=f"{path} is locked by another program"):
            log(store, loss=line([1]))
        assert rows(store) == []
        other.execute("ROLLBACK")
        log(store, loss=line([1]))
        assert rows(store) == line([1])


def test_a_file_is_not_compacted_on_a_full_disk_and_stays_as_it_was(disk: SmallDisk, empty_file: Path) -> None:
    path = Path(shutil.copy(empty_file, disk.folder / "runs.db"))
    with closing(open_store(path)) as store:
        add_run(store)
        store.log_batch(RUN_ID, metrics=batch(loss=line(range(30_000))))
        disk.fill()
        with pytest.raises(StoreUnavailable, match=r"No space left|disk"):
            store.removal.compact()
        assert rows(store) == line(range(30_000))
        disk.free()
        store.removal.compact()
        assert rows(store) == line(range(30_000))


# -- migrations


def test_a_new_store_is_what_the_migrations_make_of_an_empty_one() -> None:
    def describe(connection: sqlite3.Connection) -> list[object]:
        tables = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
        rows = [
            connection.execute(f"SELECT {columns} FROM {table}").fetchall()
            for table, columns in [("clock", "*"), ("experiments", "id, name"), (migrations.VERSION_TABLE, "*")]
        ]
        return [(kind, name, " ".join((sql or "").split())) for kind, name, sql in tables] + rows

    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as written,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as migrated,
    ):
        written.executescript(migrations.NEW_SQLITE.read_text(encoding="utf-8"))
        with migrations.sqlalchemy_connection("sqlite", migrated, begin="BEGIN IMMEDIATE") as alchemy:
            migrations.upgrade(alchemy)
        assert describe(written) == describe(migrated), "run `python scripts/new_store.py`"
        (created,) = written.execute("SELECT creation_time FROM experiments").fetchone()
    assert abs(created - time.time() * 1000) < 60_000


def test_the_migrations_make_the_tables_of_the_schema(path: Path) -> None:
    with (
        closing(SqliteDatabase(path)) as database,
        database.driver_connection() as connection,
        migrations.sqlalchemy_connection("sqlite", connection) as alchemy,
    ):
        assert migrations.check(alchemy) == []


def test_the_newest_revision_is_the_one_that_opening_asks_for() -> None:
    assert migrations.revisions()[-1] == migrations.HEAD


def move_to(path: Path, revision: str) -> None:
    """Bring the tables to that revision, up or down."""
    known = migrations.revisions()
    with closing(SqliteDatabase(path, any_version=True)) as database:
        move = migrations.upgrade if known.index(revision) > known.index(database.version()) else migrations.downgrade
        with (
            database.driver_connection() as connection,
            migrations.sqlalchemy_connection("sqlite", connection, begin="BEGIN IMMEDIATE") as alchemy,
        ):
            move(alchemy, revision)


def test_a_database_without_times_of_writers_keeps_everything_when_it_is_upgraded(path: Path) -> None:
    with closing(open_store(path)) as store:
        for run_id in (RUN_ID, "other"):
            add_run(store, run_id, tags={"a": "1"})
            store.log_batch(run_id, metrics=batch(loss=line(range(9))), sequenced=Sequenced("w", 1, 9))
        before = store.search_runs(RunQuery(experiment_ids=("0",)))
    move_to(path, "0001")
    with pytest.raises(StoreVersion, match="runstone db upgrade"):
        open_store(path)
    with closing(SqliteDatabase(path, any_version=True)) as database:
        assert maintenance.upgrade(database).old_revision == "0001"
    with closing(open_store(path)) as store:
        assert store.search_runs(RunQuery(experiment_ids=("0",))) == before
        assert rows(store) == line(range(9))
        assert (store.last_sequence(RUN_ID, "w"), store.last_sequence("other", "w")) == (9, 9)
        # Who wrote before the upgrade may have ended, or not: nothing more is expected until it is heard.
        assert store.fail_silent_runs(heard_before=1 << 50) == []
        more = Write(run_id=RUN_ID, metrics=batch(loss=line([9])), sequenced=Sequenced("w", 10, 10), heard_at=5)
        assert store.log_batches([more]) == [None]
        assert rows(store) == line(range(10))
        assert store.fail_silent_runs(heard_before=6) == [RUN_ID]


def test_names_of_deleted_experiments_become_free_and_distinct_again(path: Path) -> None:
    with closing(open_store(path)) as store:
        old = store.create_experiment("a", artifact_location="s3://b/x", tags={"t": "1"}, now=1)
        store.create_experiment("b", artifact_location=None, tags={}, now=1)
        store.set_experiment_stage(old, LifecycleStage.DELETED, now=2)
        new = store.create_experiment("a", artifact_location=None, tags={}, now=3)
    move_to(path, "0002")
    with closing(sqlite3.connect(path)) as connection:
        names = dict(connection.execute("SELECT id, name FROM experiments"))
    assert (names[int(old)], names[int(new)]) == (f"a (deleted, id {old})", "a")
    move_to(path, migrations.HEAD)
    with closing(open_store(path)) as store:
        assert store.get_experiment(old).tags == {"t": "1"}
        assert store.get_experiment(old).artifact_location == "s3://b/x"
        assert store.create_experiment("c", artifact_location=None, tags={}, now=4) == str(int(new) + 1)


def test_an_upgrade_undoes_a_downgrade(path: Path) -> None:
    def tables() -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [(name, " ".join((sql or "").split())) for name, sql in rows]

    before = tables()
    for revision in [*migrations.revisions()[::-1][1:], "base", migrations.HEAD]:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with migrations.sqlalchemy_connection("sqlite", connection) as alchemy:
                move = migrations.upgrade if revision == migrations.HEAD else migrations.downgrade
                move(alchemy, revision)
        if revision == "base":
            assert {str(name) for name, _ in tables()} <= {migrations.VERSION_TABLE, "sqlite_sequence"} | {
                f"sqlite_autoindex_{migrations.VERSION_TABLE}_1"
            }
    assert tables() == before
    with closing(open_store(path)) as store:
        assert store.get_experiment("0").name == "Default"
