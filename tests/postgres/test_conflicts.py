"""Writers that meet: who waits for whom, and transactions that PostgreSQL undoes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from runstone.entities import Dataset, DatasetInput, Metric, RunStatus
from runstone.errors import NotActive, StoreUnavailable
from runstone.stores.base import Write
from runstone.stores.models import NewLoggedModel
from runstone.stores.sql import runs
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from runstone.stores.sql.undone import ATTEMPTS
from runstone.tracking.local import LocalTracking
from tests.postgres.places import batch, points_of

pytestmark = pytest.mark.xdist_group("postgres")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tracking(url: str) -> Iterator[LocalTracking]:
    tracking = LocalTracking(SqlStore(PostgresDatabase(url), "file:///root"))
    yield tracking
    tracking.close()


# -- who waits


@pytest.fixture
def impatient(url: str) -> Iterator[LocalTracking]:
    """One for which waiting for a lock is an error."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE postgres IN DATABASE {connection.info.dbname} SET lock_timeout = '2s'")
    tracking = LocalTracking(SqlStore(PostgresDatabase(url), "file:///root"))
    yield tracking
    tracking.close()


def test_what_training_writes_waits_for_no_writer_of_another_run(
    tracking: LocalTracking, impatient: LocalTracking
) -> None:
    experiment = tracking.create_experiment("training")
    one, other = (tracking.create_run(experiment).info.run_id for _ in range(2))
    new = NewLoggedModel(
        model_id="m-1", experiment_id="0", name="m", model_type="", source_run_id="", params={}, tags={}
    )
    model = tracking.store.models.create_logged_model(new, now=1)
    with tracking.store.database.write(locks_runs=True) as tx:
        runs.lock(tx, [one])
        # All of this in the midst of another server's transaction.
        created = impatient.create_run(experiment, tags={"a": "b"}).info.run_id
        impatient.log_batch(other, tags={"a": "b"})
        impatient.delete_tag(other, "a")
        impatient.log_batch(other, metrics=[Metric("m", 1.0, 1, 1)], params={"p": "1"})
        impatient.log_inputs(other, [DatasetInput(Dataset("iris", "d", "local", "/data"))])
        impatient.store.append_to_list_tag(other, "list", 1)
        impatient.store.fold(other)
        impatient.store.models.log_model_inputs(other, [model.model_id])
        impatient.store.models.set_logged_model_tags(model.model_id, {"a": "b"})
        impatient.store.models.log_logged_model_params(model.model_id, {"a": "b"})
        impatient.update_run(other, status=RunStatus.FINISHED)
        impatient.delete_run(created)
        # What may change any run waits for every writer.
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            impatient.delete_experiment(experiment)
    impatient.delete_experiment(experiment)


def test_a_run_is_not_created_in_an_experiment_that_is_being_deleted(tracking: LocalTracking) -> None:
    experiments = [tracking.create_experiment(f"e{number}") for number in range(20)]

    def create(experiment: str) -> bool:
        try:
            tracking.create_run(experiment)
        except NotActive:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        for experiment in experiments:
            created = threads.submit(create, experiment)
            tracking.delete_experiment(experiment)
            created.result()
    with tracking.store.database.read() as tx:
        # A run that came first was deleted with its experiment; one that came later was refused.
        assert tx.row("SELECT count(*) FROM runs WHERE deleted_time IS NULL") == (0,)


# -- what PostgreSQL undoes


def test_a_deadlock_is_begun_again(tracking: LocalTracking, url: str) -> None:
    first, second = (tracking.create_run("0").info.run_id for _ in range(2))
    lock = "SELECT 1 FROM runs WHERE run_id = %s FOR UPDATE"
    with psycopg.connect(url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SET deadlock_timeout = '1h'")  # not this one is to give way
        other.execute(lock, (second,))
        writes = [Write(run_id=run_id, metrics=batch("m", 0, 10)) for run_id in (first, second)]
        written = thread.submit(tracking.log_batches, writes)
        while not other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
            pass
        other.execute(lock, (first,))
        # Given to this one, because the store's transaction was undone; begun again, it waits.
        other.commit()
        assert written.result() == [None, None]
    assert [len(points_of(tracking.store, run_id, "m")) for run_id in (first, second)] == [10, 10]


REFUSE = """
    CREATE SEQUENCE attempts;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('attempts') < {accepted} THEN
            RAISE EXCEPTION 'could not serialize access' USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_a_serialization_failure_is_begun_again(tracking: LocalTracking, url: str) -> None:
    run_id = tracking.create_run("0").info.run_id
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(REFUSE.format(accepted=4))
    tracking.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 1)], params={"p": "1"})
    assert points_of(tracking.store, run_id, "m").value.tolist() == [1.0]
    assert tracking.get_run(run_id).data.params == {"p": "1"}


def test_one_that_never_ends_is_an_error_after_some_tries(tracking: LocalTracking, url: str) -> None:
    run_id = tracking.create_run("0").info.run_id
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(REFUSE.format(accepted=1_000))
        with pytest.raises(StoreUnavailable, match=f"could not serialize.*tried {ATTEMPTS} times"):
            tracking.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 1)], params={"p": "1"})
        assert connection.execute("SELECT last_value FROM attempts").fetchone() == (ATTEMPTS,)
    assert tracking.get_run(run_id).data.params == {}


# -- several processes


@pytest.mark.slow
def test_processes_that_append_to_the_same_runs_and_fold_them_lose_and_double_nothing(
    tracking: LocalTracking, url: str
) -> None:
    run_ids = [tracking.create_run("0").info.run_id for _ in range(2)]
    command = [sys.executable, "-m", "tests.postgres.append_and_fold", url]
    processes = [subprocess.Popen([*command, str(number), *run_ids], cwd=ROOT) for number in range(4)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 4
    with closing(SqlStore(PostgresDatabase(url), "file:///root")) as store:
        for run_id in run_ids:
            store.fold(run_id)
            for key, size in (("shared", 10), ("long", 600)):
                # By value, which tells process, batch and place within it.
                numbers = [number * 10**6 + at * 1_000 for number in range(4) for at in range(30)]
                expected = [number + one for number in numbers for one in range(size)]
                assert sorted(points_of(store, run_id, key).value.tolist()) == expected
        with store.database.read() as tx:
            assert tx.row("SELECT count(*) FROM batches") == (0,)
            assert tx.row("SELECT sum(count) FROM chunks") == (2 * 4 * 30 * 610,)
