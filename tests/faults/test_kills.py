"""Writers, deliverers and recoverers killed at random: what log_metric has acknowledged is stored, once.

Some 280 kills in all, with those of `test_server_kills`.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runstone.journal.spool import list_spools
from runstone.stores.sql import migrations
from tests.faults.place import Place, wait

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("round_", range(4))
def test_writers_killed_at_random_lose_nothing(place: Place, chance: random.Random, round_: int) -> None:
    for _ in range(16):
        place.kill_at_random(chance, 0.25, params_every=chance.choice((0, 0, 50)))
    place.deliver()
    assert place.check(status="FAILED") > 0


@pytest.mark.parametrize("round_", range(2))
def test_threads_of_killed_writers_lose_nothing(place: Place, chance: random.Random, round_: int) -> None:
    for _ in range(10):
        place.kill_at_random(chance, 0.3, threads=chance.randrange(2, 5), params_every=chance.choice((0, 30)))
    place.deliver()
    assert place.check(status="FAILED") > 0


def test_writers_that_resume_one_run_and_are_killed_lose_nothing(place: Place, chance: random.Random) -> None:
    program, ledger = place.start_logging()
    place.wait_until_it_logs(program, ledger)
    program.kill()
    for _ in range(14):
        place.kill_at_random(chance, 0.25, resume=ledger.run_id, params_every=40)
    place.deliver()
    assert place.check() > 0


@pytest.mark.parametrize("round_", range(2))
def test_writers_killed_while_points_are_delivered_lose_nothing_and_store_nothing_twice(
    place: Place, chance: random.Random, round_: int
) -> None:
    for _ in range(12):
        delay_s = chance.choice((0.005, 0.02, 0.08))
        place.kill_at_random(chance, 0.5, store_delay_s=delay_s, params_every=20, threads=chance.choice((1, 2)))
    place.deliver()
    assert place.check(status="FAILED") > 0


@pytest.mark.parametrize("round_", range(2))
def test_writers_killed_while_the_store_folds_lose_nothing(place: Place, chance: random.Random, round_: int) -> None:
    # At full speed: some 100,000 points a program, which makes it fold now and again, and fills segments.
    for _ in range(8):
        place.kill_at_random(chance, 0.6, pause_every=0)
    place.deliver()
    assert place.check(status="FAILED") > 0


def test_programs_killed_while_they_make_the_store_leave_one_that_others_complete(
    tmp_path: Path, place: Place, chance: random.Random
) -> None:
    for number in range(20):
        path = tmp_path / f"store{number}" / "runstone.db"
        program = place.start("make_database", {"path": str(path)})
        wait(chance.uniform(0, 0.04))
        program.kill()
        place.start("make_database", {"path": str(path)}).finish()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("SELECT count(*) FROM experiments").fetchone() == (1,)


def test_writers_killed_while_they_make_store_and_journal_lose_nothing(
    tmp_path: Path, place: Place, chance: random.Random
) -> None:
    for number in range(12):
        fresh = Place(tmp_path / f"fresh{number}", place._zygote)
        fresh.folder.mkdir()
        fresh.kill_at_random(chance, 0.06, is_logging=False)
        fresh.watch_arrivals()
        fresh.deliver()
        fresh.check(status="FAILED")
        fresh.close()


def test_upgrades_of_the_store_that_are_killed_lose_nothing_and_can_be_done_again(
    place: Place, chance: random.Random
) -> None:
    place.start_logging(rows=200, params_every=20)[0].finish()
    downgrade(place.database)
    old = place.database.read_bytes()
    for _ in range(12):
        place.database.write_bytes(old)
        program = place.start("upgrade", {"path": str(place.database)})
        wait(chance.uniform(0, 0.15))
        program.kill()
        place.start("upgrade", {"path": str(place.database)}).finish()
        assert place.check(status="FINISHED") == 1000
        for path in place.home.glob("runstone.db-*"):  # SQLite's files beside it
            path.unlink()


def downgrade(path: Path) -> None:
    """Make it the store of the version before this one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("BEGIN IMMEDIATE")
        with migrations.sqlalchemy_connection("sqlite", connection) as alchemy:
            migrations.downgrade(alchemy, migrations.revisions()[-2])


@pytest.mark.parametrize("round_", range(2))
def test_recoverers_killed_while_they_deliver_leave_the_rest_to_the_next(
    place: Place, chance: random.Random, round_: int
) -> None:
    for _ in range(6):
        program, _ = place.start_logging(
            "log_and_vanish", {"RUNSTONE_OFFLINE": "always"}, rows=chance.randrange(1, 3000)
        )
        assert program.wait() == 9
        for _ in range(3):
            recoverer = place.start(chance.choice(("deliver", "sync")))
            wait(chance.uniform(0, 0.12))
            recoverer.kill()
    place.deliver()
    assert place.check(status="FAILED") > 0


def test_scripts_started_afresh_and_killed_lose_nothing(place: Place, chance: random.Random) -> None:
    for _ in range(4):
        ledger = place.new_ledger()
        process = place.start_script(
            """
            import sys
            from tests.faults.programs import log_numbers
            log_numbers(sys.argv[1], params_every=25)
            """,
            ledger.path,
        )
        while not ledger.run_id:
            assert process.poll() is None
            wait(0.002)
        wait(chance.uniform(0, 0.3))
        process.kill()
        process.wait()
    place.deliver()
    assert place.check(status="FAILED") > 0


# -- several recoverers


@pytest.mark.parametrize("round_", range(3))
def test_recoverers_at_once_over_the_same_journal_deliver_everything_once(
    place: Place, chance: random.Random, round_: int
) -> None:
    for _ in range(4):
        place.start_logging("log_and_vanish", {"RUNSTONE_OFFLINE": "always"}, rows=chance.randrange(1, 4000))[0].wait()
    place.recover_at_once([{}] * 3)
    place.check(status="FAILED")


@pytest.mark.parametrize("round_", range(2))
def test_recoverers_at_once_over_copies_of_a_journal_deliver_everything_once(
    place: Place, chance: random.Random, round_: int
) -> None:
    places = [{"RUNSTONE_JOURNAL": str(place.folder / name)} for name in ("first", "second", "third")]
    for _ in range(4):
        always = {"RUNSTONE_OFFLINE": "always", **places[0]}
        place.start_logging("log_and_vanish", always, rows=chance.randrange(1, 4000))[0].wait()
    for other in places[1:]:
        shutil.copytree(places[0]["RUNSTONE_JOURNAL"], other["RUNSTONE_JOURNAL"])
    place.recover_at_once(places)
    for one in places:
        assert list_spools(Path(one["RUNSTONE_JOURNAL"])) == []
    place.check(status="FAILED")


def test_a_copy_of_a_journal_that_is_delivered_later_changes_nothing(place: Place) -> None:
    place.environment["RUNSTONE_JOURNAL"] = str(place.folder / "journal")
    program, ledger = place.start_logging("log_and_vanish", {"RUNSTONE_OFFLINE": "always"}, rows=500)
    assert program.wait() == 9
    copy = shutil.copytree(place.journal, place.folder / "copy")
    place.deliver()
    before = place.raw_numbers(ledger.run_id)
    place.start("deliver", RUNSTONE_JOURNAL=str(copy)).finish()
    assert list_spools(copy) == []
    assert sorted(place.raw_numbers(ledger.run_id)) == sorted(before)
    place.check(status="FAILED")
