"""A clock that jumps back and forth: nothing depends on it but the timestamps themselves."""

from __future__ import annotations

import random

from tests.faults.place import Place, wait

PROGRAM = """
import itertools, sys, time
hour = 3_600_000_000_000
jumps = itertools.cycle([0] * 50 + [-hour] * 50 + [2 * hour] * 50)
now = time.time_ns
time.time_ns = lambda: now() + next(jumps)
from tests.faults.programs import log_numbers
log_numbers(sys.argv[1], params_every=25, **eval(sys.argv[2]))
"""


def test_a_clock_that_is_set_back_changes_neither_order_nor_count(place: Place) -> None:
    place.run_script(PROGRAM, place.new_ledger().path, "{'rows': 2000}")
    assert place.check(status="FINISHED") == 10_000


def test_a_clock_that_is_set_back_costs_nothing_when_the_writer_is_killed(place: Place, chance: random.Random) -> None:
    for _ in range(3):
        ledger = place.new_ledger()
        process = place.start_script(PROGRAM, ledger.path, "{}")
        while not ledger.run_id:
            assert process.poll() is None
            wait(0.002)
        wait(chance.uniform(0, 0.4))
        process.kill()
        process.wait()
    place.deliver()
    assert place.check(status="FAILED") > 0


def test_a_clock_that_was_set_back_by_a_year_does_not_keep_recovery_from_a_dead_writer(place: Place) -> None:
    ledger = place.new_ledger()
    place.run_script(
        """
        import sys, time
        now = time.time_ns
        time.time_ns = lambda: now() + 31_536_000_000_000_000
        from tests.faults.programs import log_and_vanish
        log_and_vanish(sys.argv[1], rows=100)
        """,
        ledger.path,
        expect=9,
    )
    place.deliver()
    assert place.check(status="FAILED") == 500
