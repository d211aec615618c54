"""What the benchmark of a server that goes away makes of times, and of what it finds in the store."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.server_gone import catch_up, phases
from benchmarks.trials import BenchmarkFailed, Side

import runstone

KEYS, STEPS = 2, 4
MARKS = [0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 8.0, 9.0]


def record(folder: Path, points: dict[int, float]) -> None:
    """A run in whose series `metric_n` a step has its value and n more."""
    client = runstone.Client(folder)
    run_id = client.create_run("0").info.run_id
    for step, value in points.items():
        for number in range(KEYS):
            client.log_metric(run_id, f"metric_{number}", value + number, step=step)
    client.set_terminated(run_id)


@pytest.mark.parametrize(
    ("points", "faults"),
    [
        ({0: 0, 1: 1, 2: 2, 3: 3, 4: 4}, 0),
        ({0: 0, 1: 1, 2: 2, 4: 4}, KEYS),
        ({0: 0, 1: 1, 2: 2, 3: 30, 4: 4}, KEYS),
        ({0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5}, KEYS),
    ],
    ids=["all there", "one missing", "one wrong", "one too many"],
)
def test_points_that_are_missing_or_wrong_are_counted(tmp_path: Path, points: dict[int, float], faults: int) -> None:
    record(tmp_path, points)
    side = Side(library="runstone", python=sys.executable)
    assert side.run("server_gone_check", folder=tmp_path, keys=KEYS, steps=STEPS) == {"faults": faults}


def test_iterations_belong_to_the_phase_in_which_they_began_and_ended() -> None:
    found = phases(MARKS, killed=2.5, returned=7.5)
    assert (found["there_s"], found["gone_s"], found["back_s"]) == (1, 2, 1)


def test_a_phase_without_iterations_is_no_result() -> None:
    with pytest.raises(BenchmarkFailed, match="without"):
        phases(MARKS, killed=3.5, returned=4.5)


def test_all_is_there_again_once_the_last_step_before_the_return_is_seen() -> None:
    seen = [(7.6, 2), (7.7, 4), (8.0, 5), (8.1, 7)]
    found = catch_up(MARKS, killed=2.5, returned=7.5, seen=seen, keys=KEYS)
    assert found["caught_up_s"] == pytest.approx(0.5)
    assert found["missed"] == 3 * KEYS


def test_what_never_arrives_is_no_result() -> None:
    with pytest.raises(BenchmarkFailed, match="step 5"):
        catch_up(MARKS, killed=2.5, returned=7.5, seen=[(8.0, 4)], keys=KEYS)
