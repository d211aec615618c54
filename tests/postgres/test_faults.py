"""What goes wrong around a store in PostgreSQL: writers at once, servers that go away, databases that are not ours."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psycopg
import pytest

from runstone.entities import ViewType
from runstone.errors import InvalidInput, RunstoneError, StoreCorrupt, StoreUnavailable, StoreVersion
from runstone.series.points import MetricBatch, Points
from runstone.stores.base import Sequenced, Write
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from runstone.tracking.local import LocalTracking

pytestmark = pytest.mark.xdist_group("postgres")
Open = Callable[[], LocalTracking]


@pytest.fixture
def open_tracking(url: str) -> Iterator[Open]:
    opened: list[LocalTracking] = []

    def open_one() -> LocalTracking:
        opened.append(LocalTracking(SqlStore(PostgresDatabase(url), "file:///root")))
        return opened[-1]

    yield open_one
    for tracking in opened:
        tracking.close()


def batch(key: str, first: int, count: int) -> MetricBatch:
    steps = np.arange(first, first + count)
    return MetricBatch.of_points(key, Points(steps, steps + 1_000, steps / 2))


def test_writers_of_one_run_and_folders_of_it_lose_and_double_nothing(open_tracking: Open) -> None:
    trackers = [open_tracking() for _ in range(4)]
    run_id = trackers[0].create_run(trackers[0].create_experiment("together")).info.run_id

    def write(number: int) -> None:
        for at in range(50):
            word = Sequenced(f"writer-{number}", at * 20 + 1, at * 20 + 20)
            writes = [Write(run_id=run_id, metrics=batch(f"key-{number}", at * 20, 20), sequenced=word)]
            # Each batch comes twice: its answer was lost.
            assert trackers[number].log_batches(writes * 2) == [None, None]
            if at % 10 == number:
                trackers[number].store.fold(run_id)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    for number in range(4):
        points = trackers[0].store.read_series(run_id, f"key-{number}")
        assert points.step.tolist() == list(range(1_000))
    assert {key: summary.count for key, summary in trackers[0].list_series(run_id).items()} == {
        f"key-{number}": 1_000 for number in range(4)
    }


def test_one_writer_sent_by_two_processes_at_once_is_stored_once(open_tracking: Open) -> None:
    trackers = [open_tracking(), open_tracking()]
    run_id = trackers[0].create_run(trackers[0].create_experiment("twice")).info.run_id
    start = threading.Barrier(2)

    def send(tracking: LocalTracking) -> None:
        for at in range(100):
            start.wait()
            word = Sequenced("writer", at + 1, at + 1)
            tracking.log_batches([Write(run_id=run_id, metrics=batch("loss", at, 1), sequenced=word)])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(send, trackers))
    assert trackers[0].list_series(run_id)["loss"].count == 100


def test_batches_over_the_same_runs_in_other_orders_wait_and_do_not_fail(open_tracking: Open) -> None:
    trackers = [open_tracking() for _ in range(3)]
    experiment = trackers[0].create_experiment("crossing")
    run_ids = [trackers[0].create_run(experiment).info.run_id for _ in range(8)]

    def send(number: int) -> list[RunstoneError | None]:
        ids = run_ids if number % 2 else run_ids[::-1]
        return [
            error
            for at in range(30)
            for error in trackers[number].log_batches(
                [Write(run_id=run_id, metrics=batch(f"k{number}", at, 1)) for run_id in ids]
            )
        ]

    with ThreadPoolExecutor(3) as threads:
        assert not any(error for errors in threads.map(send, range(3)) for error in errors)


def test_changes_are_told_once_even_where_an_earlier_transaction_ends_later(open_tracking: Open) -> None:
    tracking, other = open_tracking(), open_tracking()
    experiment = tracking.create_experiment("order")
    early, late = (tracking.create_run(experiment).info.run_id for _ in range(2))
    since = tracking.store.list_changed_runs(0, max_results=100).revision
    database = other.store.database
    with database.write(locks_runs=True) as tx:
        tx.run("UPDATE runs SET revision = ? WHERE run_id = ?", (tx.revision(), early))
        tracking.log_batches([Write(run_id=late, tags={"a": "b"})])
        seen = tracking.store.list_changed_runs(since, max_results=100)
        assert seen.runs == []  # the early one could still come before the late one
    assert {run_id for run_id, _ in tracking.store.list_changed_runs(seen.revision, max_results=100).runs} == {
        early,
        late,
    }


def test_connections_that_the_server_has_closed_are_replaced(open_tracking: Open, url: str) -> None:
    tracking = open_tracking()
    run_id = tracking.create_run(tracking.create_experiment("cut")).info.run_id
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'runstone'")
    tracking.log_batches([Write(run_id=run_id, metrics=batch("loss", 0, 10))])
    assert tracking.list_series(run_id)["loss"].count == 10


def test_more_threads_than_connections_wait(open_tracking: Open) -> None:
    tracking = open_tracking()
    experiment = tracking.create_experiment("burst")
    with ThreadPoolExecutor(100) as threads:
        ids = list(threads.map(lambda _: tracking.create_run(experiment).info.run_id, range(100)))
    assert len({*ids}) == 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_connections_of_its_own(open_tracking: Open) -> None:
    tracking = open_tracking()
    run_id = tracking.create_run(tracking.create_experiment("fork")).info.run_id
    child = os.fork()
    if child == 0:
        try:
            tracking.log_batches([Write(run_id=run_id, metrics=batch("child", 0, 10))])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    tracking.log_batches([Write(run_id=run_id, metrics=batch("parent", 0, 10))])
    assert tracking.list_series(run_id).keys() == {"child", "parent"}


def test_a_restored_dump_counts_on_from_where_it_was(url: str, open_tracking: Open) -> None:
    tracking = open_tracking()
    run_id = tracking.create_run(tracking.create_experiment("restored")).info.run_id
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE runs SET revision = revision + 1000000")
    since = 10**6
    again = open_tracking()
    again.log_batches([Write(run_id=run_id, tags={"a": "b"})])
    changes = again.store.list_changed_runs(since, max_results=10)
    assert [found for found, _ in changes.runs] == [run_id]
    assert again.store.list_changed_runs(changes.revision, max_results=10).runs == []


# -- bad places


def test_text_that_postgres_cannot_hold_is_refused_by_name(open_tracking: Open) -> None:
    tracking = open_tracking()
    run_id = tracking.create_run(tracking.create_experiment("nul")).info.run_id
    with pytest.raises(InvalidInput, match="NUL"):
        tracking.log_batch(run_id, params={"a": "b\0c"})
    assert tracking.get_run(run_id).data.params == {}


def test_a_database_of_somebody_else_is_refused_and_left_alone(empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
    with pytest.raises(StoreCorrupt, match="not ours"):
        PostgresDatabase(empty_url)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)


def test_a_newer_database_is_refused(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE runstone_version SET version_num = '9999'")
    with pytest.raises(StoreVersion, match="newer Runstone"):
        PostgresDatabase(url)


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StoreUnavailable, match=r"postgresql://me@127.0.0.1:1/db") as caught:
        PostgresDatabase("postgresql+psycopg2://me:hush@127.0.0.1:1/db")
    assert "hush" not in str(caught.value)


def test_several_openers_make_the_tables_once(empty_url: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        databases = list(threads.map(PostgresDatabase, [empty_url] * 6))
    for database in databases:
        with database.read() as tx:
            assert tx.row("SELECT count(*) FROM experiments") == (1,)
        database.close()


def test_deleted_experiments_are_seen_at_once_by_other_processes(open_tracking: Open) -> None:
    one, other = open_tracking(), open_tracking()
    experiment = one.create_experiment("gone")
    one.delete_experiment(experiment)
    assert [found.name for found in other.search_experiments(view=ViewType.DELETED_ONLY)] == ["gone"]
