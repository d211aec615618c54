"""Upgrades without a pause: an older version's writers while the tables become today's, today's among tomorrow's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import psycopg
import pytest

from runstone.entities import RunStatus
from runstone.stores.base import RunQuery
from runstone.stores.sql import maintenance
from runstone.stores.sql.migrations import HEAD
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.store_records import add_run
from tests.postgres.places import batch, points_of
from tests.postgres.writer_0002 import EACH, Writer0002

pytestmark = pytest.mark.xdist_group("postgres")
HOT = ("runs", "params", "tags", "series", "chunks", "batches", "writers")
EXPANSION = [
    *(f"ALTER TABLE {table} ADD COLUMN novelty text" for table in HOT),
    *(f"ALTER TABLE {table} ADD COLUMN counted bigint NOT NULL DEFAULT 0" for table in HOT),
    "CREATE TABLE novelties (run bigint NOT NULL, key text NOT NULL, PRIMARY KEY (run, key))",
    *(f"CREATE INDEX CONCURRENTLY {table}_by_novelty ON {table} (novelty)" for table in HOT),
    "UPDATE runstone_version SET version_num = '9999'",
]


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    store = SqlStore(PostgresDatabase(url), "file:///root")
    yield store
    store.close()


def while_writing(write: dict[str, Callable[[threading.Event], int]], change: Callable[[], None]) -> dict[str, int]:
    """What each writer returns, all of them writing before, during and after a change, whose end they are told."""
    is_changed = threading.Event()
    with ThreadPoolExecutor(len(write)) as threads:
        written = {run_id: threads.submit(act, is_changed) for run_id, act in write.items()}
        try:
            change()
        finally:
            is_changed.set()
        return {run_id: one.result() for run_id, one in written.items()}


def test_a_writer_goes_on_while_tables_are_expanded_under_it(store: SqlStore, url: str) -> None:
    def write(run_id: str, is_expanded: threading.Event) -> int:
        add_run(store, run_id)
        at = rest = 0
        while not is_expanded.is_set() or rest < 5:
            rest += is_expanded.is_set()
            store.log_batch(run_id, metrics=batch("m", at * 10, 10), params={f"p{at}": "1"}, tags={"t": f"{at}"})
            if at % 3 == 0:
                store.fold(run_id)
                store.search_runs(RunQuery(experiment_ids=("0",)))
            at += 1
        store.set_run_status(run_id, RunStatus.FINISHED, end_time=1)
        return at

    def expand() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in EXPANSION:
                connection.execute(statement)

    counts = while_writing({run_id: partial(write, run_id) for run_id in ("one", "other")}, expand)
    for run_id, count in counts.items():
        assert points_of(store, run_id, "m").step.tolist() == [*range(count * 10)]
        assert len(store.get_run(run_id).data.params) == count


def test_writers_of_an_older_version_go_on_while_its_tables_become_todays(url: str) -> None:
    with closing(PostgresDatabase(url)) as database:
        maintenance.downgrade(database, "0002")
    have_begun = threading.Barrier(3, timeout=60)

    def write(run_id: str, is_upgraded: threading.Event) -> int:
        writer = Writer0002(url, run_id)
        writer.deliver()
        have_begun.wait()
        rest = 0
        while rest < 5:
            rest += is_upgraded.is_set()
            writer.deliver()
        writer.finish()
        return writer.delivered

    def upgrade() -> None:
        have_begun.wait()
        with closing(PostgresDatabase(url, any_version=True)) as database:
            done = maintenance.upgrade(database)
        assert (done.old_revision, done.revision) == ("0002", HEAD)

    counts = while_writing({run_id: partial(write, run_id) for run_id in ("one", "other")}, upgrade)
    with closing(SqlStore(PostgresDatabase(url), "file:///root")) as store:
        for run_id, count in counts.items():
            assert points_of(store, run_id, "m").step.tolist() == [*range(count * EACH)]
            run = store.get_run(run_id)
            assert (len(run.data.params), run.data.tags["t"]) == (count, str(count - 1))
            assert (run.info.status, store.last_sequence(run_id, "w")) == (RunStatus.FINISHED, count * EACH)


def test_what_the_first_revision_wrote_of_writers_is_understood(store: SqlStore, url: str) -> None:
    """Revision 0002 has added `heard_at`, of which the writers of 0001 know nothing."""
    run_id = add_run(store)
    with psycopg.connect(url, autocommit=True) as connection:
        for last in (3, 5):
            connection.execute(
                "INSERT INTO writers (run, writer, sequence) SELECT id, 'old', %s FROM runs WHERE run_id = %s "
                "ON CONFLICT (run, writer) DO UPDATE SET sequence = excluded.sequence",
                (last, run_id),
            )
    assert store.last_sequence(run_id, "old") == 5
    assert store.fail_silent_runs(heard_before=1 << 60) == []
