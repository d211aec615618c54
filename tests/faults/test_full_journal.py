"""Journals without room: the loop goes on, what fits into memory is delivered, what does not is counted."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.faults.place import Place, wait
from tests.faults.server import Server
from tests.faults.zygote import Zygote

pytestmark = pytest.mark.slow

FILE_BYTES = 100_000
"""Room for the first segment, not for the second."""
POINTS, SLOTS = 30, 24
"""Of six rows in a ledger: three of them are records of one call, which take three slots each."""
Options = dict[str, Any]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Options]]:
    """A folder on a memory disk of its own; where that may not be mounted, a limit on the size of files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "runstone-test", str(folder)]
    may_mount = os.geteuid() == 0 and shutil.which("mount") is not None
    if may_mount and subprocess.run(command, capture_output=True, check=False).returncode == 0:
        try:
            yield folder, {}
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    yield folder, {"file_bytes": FILE_BYTES}


@pytest.fixture(params=["a small disk", "a limit on files", "RUNSTONE_JOURNAL_MAX_MB"])
def small(request: pytest.FixtureRequest, tmp_path: Path, zygote: Zygote) -> Iterator[tuple[Place, Options]]:
    """A place whose journal is small, and whose store is not; with what the program must be told for that."""
    folder, options = tmp_path / "journal", {}
    environment = {}
    if request.param == "a small disk":
        folder, options = request.getfixturevalue("small_disk")
    elif request.param == "a limit on files":
        options = {"file_bytes": FILE_BYTES}
    else:
        environment = {"RUNSTONE_JOURNAL_MAX_MB": "0.1"}
    place = Place(tmp_path, zygote, RUNSTONE_JOURNAL=str(folder / "inner"), **environment)
    place.watch_arrivals()
    server = Server(place)  # a store in another process, which the limit does not concern
    server.wait_until_it_listens()
    place.environment["RUNSTONE_TRACKING_URI"] = server.url
    yield place, options
    place.close()


def test_a_full_journal_is_told_once_and_every_point_arrives(small: tuple[Place, Options]) -> None:
    place, options = small
    program, _ = place.start_logging("log_into_a_small_journal", rows=6000, **options)
    told = program.finish()
    assert place.check(status="FINISHED") == 30_000
    warnings = [line for line in told.splitlines() if "memory" in line]
    assert len(warnings) == 1, told
    assert str(place.journal) in warnings[0]


def test_a_full_journal_is_an_error_where_that_is_wanted(small: tuple[Place, Options]) -> None:
    place, options = small
    program, ledger = place.start_logging("log_into_a_small_journal", {"RUNSTONE_STRICT": "1"}, rows=6000, **options)
    assert program.wait() == 1
    told = program.log.read_text()
    assert "StoreUnavailable" in told
    assert str(place.journal) in told
    place.deliver()
    assert 0 < place.check() < 30_000
    assert ledger.logged() < 30_000


def test_what_does_not_fit_into_memory_either_is_counted_and_the_rest_arrives(tmp_path: Path, zygote: Zygote) -> None:
    place = Place(tmp_path, zygote, RUNSTONE_JOURNAL=str(tmp_path / "journal"), RUNSTONE_JOURNAL_MAX_MB="0.1")
    place.watch_arrivals()
    server = Server(place)
    server.wait_until_it_listens()
    server.kill()
    place.environment["RUNSTONE_TRACKING_URI"] = server.url
    logged, kept = 200_000, ((1 << 10) + 2 * (1 << 16)) * POINTS // SLOTS
    program, ledger = place.start_logging("log_into_a_small_journal", rows=logged // 5, memory_segments=2, waits=True)
    while ledger.logged() < logged:
        assert not program.has_ended, program.log.read_text()
        wait(0.01)
    server.start()
    told = program.finish()
    stored = np.sort(place.raw_numbers(ledger.run_id))
    assert np.array_equal(stored, np.arange(len(stored)))  # what came first was kept
    assert kept - 100 < len(stored) < kept + POINTS
    assert f"{logged - len(stored):,} points were dropped" in told
    assert place.run(ledger.run_id).info.status.value == "FINISHED"
    place.close()


def test_points_of_a_memory_that_is_gone_do_not_take_later_ones_with_them(place: Place) -> None:
    place.environment["RUNSTONE_OFFLINE"] = "always"
    program, ledger = place.start_logging("log_past_a_full_journal", rows=30_000)
    assert program.wait() == 9
    assert "a crash would lose" in program.log.read_text() or "memory" in program.log.read_text()
    place.environment.pop("RUNSTONE_OFFLINE")
    place.deliver()
    stored = np.sort(place.raw_numbers(ledger.run_id))
    lost = np.setdiff1d(np.arange(150_000), stored)
    in_a_segment = (1 << 16) * POINTS // SLOTS
    assert in_a_segment - POINTS < len(lost) < in_a_segment + POINTS  # one segment in memory
    assert np.array_equal(lost, np.arange(lost[0], lost[0] + len(lost)))
    assert place.run(ledger.run_id).info.status.value == "FAILED"
