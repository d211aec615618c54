"""The journal over PostgreSQL: writers, servers and recoverers that are killed, and the database, lose nothing.

The tests are those of `tests.faults`, over another place.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from tests.faults import conftest as faults
from tests.faults import test_kills, test_server_kills
from tests.faults.place import Place, wait
from tests.faults.server import Server
from tests.faults.zygote import Zygote
from tests.postgres.conftest import Postgres, stop_postgres

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.slow]

chance = faults.chance
zygote = faults.zygote
server = test_server_kills.server


class PostgresPlace(Place):
    """A place whose store is a database of PostgreSQL."""

    def __init__(self, folder: Path, zygote: Zygote, url: str) -> None:
        super().__init__(
            folder, zygote, RUNSTONE_TRACKING_URI=url, RUNSTONE_JOURNAL=str(folder / "journal"), HOME=str(folder)
        )
        self._url = url

    @property
    def store_uri(self) -> str:
        return self._url

    def open_store(self) -> SqlStore:
        return SqlStore(PostgresDatabase(self._url), "file:///root")

    def watch_arrivals(self) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(
                "CREATE TABLE arrivals (id bigint GENERATED ALWAYS AS IDENTITY, run bigint, key text, data bytea)"
            )
            for table, key in [("batches", "NULL"), ("chunks", "NEW.key")]:
                connection.execute(
                    f"CREATE FUNCTION keep_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    f"INSERT INTO arrivals (run, key, data) VALUES (NEW.run, {key}, NEW.data); RETURN NEW; END $$"
                )
                connection.execute(
                    f"CREATE TRIGGER keep AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION keep_{table}()"
                )

    def arrivals(self, run_id: str) -> list[tuple[str | None, bytes]]:
        with psycopg.connect(self._url) as connection:
            select = "SELECT key, data FROM arrivals JOIN runs ON runs.id = run WHERE run_id = %s ORDER BY arrivals.id"
            return connection.execute(select, (run_id,)).fetchall()


@pytest.fixture
def place(url: str, tmp_path: Path, zygote: Zygote) -> Iterator[Place]:
    place = PostgresPlace(tmp_path, zygote, url)
    place.watch_arrivals()
    yield place
    place.close()


@pytest.fixture
def remote(place: Place) -> Place:
    """A place whose programs are to record at a server over PostgreSQL."""
    return place


def test_writers_killed_while_points_are_delivered(place: Place, chance: random.Random) -> None:
    test_kills.test_writers_killed_while_points_are_delivered_lose_nothing_and_store_nothing_twice(place, chance, 0)


def test_writers_killed_while_the_store_folds(place: Place, chance: random.Random) -> None:
    test_kills.test_writers_killed_while_the_store_folds_lose_nothing(place, chance, 0)


def test_recoverers_at_once(place: Place, chance: random.Random) -> None:
    test_kills.test_recoverers_at_once_over_the_same_journal_deliver_everything_once(place, chance, 0)


def test_recoverers_killed_while_they_deliver(place: Place, chance: random.Random) -> None:
    test_kills.test_recoverers_killed_while_they_deliver_leave_the_rest_to_the_next(place, chance, 0)


def test_a_server_killed_again_and_again(remote: Place, server: Server, chance: random.Random) -> None:
    test_server_kills.test_a_server_killed_again_and_again_costs_a_run_nothing(remote, server, chance, 0)


def test_writers_killed_with_their_server(remote: Place, server: Server, chance: random.Random) -> None:
    test_server_kills.test_writers_killed_with_their_server_lose_nothing(remote, server, chance, 0)


@pytest.mark.parametrize("is_remote", [False, True], ids=["embedded", "by a server"])
def test_a_database_that_goes_and_comes_costs_a_run_nothing(
    own_postgres: Postgres, tmp_path: Path, zygote: Zygote, chance: random.Random, is_remote: bool
) -> None:
    PostgresDatabase(own_postgres.get_uri()).close()
    place = PostgresPlace(tmp_path, zygote, own_postgres.get_uri())
    place.watch_arrivals()
    if is_remote:
        server = Server(place)
        server.wait_until_it_listens()
        place.environment["RUNSTONE_TRACKING_URI"] = server.url
    program, ledger = place.start_logging(params_every=0, pause_s=0.005)
    place.wait_until_it_logs(program, ledger)
    for mode in ("fast", "immediate", "immediate"):
        wait(chance.uniform(0.05, 0.5))
        stop_postgres(own_postgres, mode)
        wait(chance.choice((0, 0.3)))
        own_postgres.ensure_postgres_running()
    ledger.stop()
    program.finish()
    assert place.check(status="FINISHED") > 1000
    place.close()
