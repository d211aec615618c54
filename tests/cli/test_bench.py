"""`runstone bench generate`: the same runs from the same numbers, whatever the store, and however often stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runstone.connect import open_tracking
from runstone.entities import Run, RunStatus, ViewType
from runstone.errors import InvalidInput
from runstone.stores.memory import MemoryStore
from runstone.synthetic.runs import make_batches, make_run
from runstone.synthetic.spec import Spec
from runstone.synthetic.writing import write_all
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking
from tests.cli.conftest import Command

Json = Callable[..., Any]
SPEC = Spec(experiments=2, runs=12, keys=12, points=30, params=10, tags=5, seed=7)
OPTIONS = ("--experiments", "2", "--runs", "12", "--keys", "12", "--points", "30", "--params", "10", "--tags", "5",
           "--seed", "7")  # fmt: skip


def contents(tracking: Tracking) -> list[object]:
    """Everything that is recorded, but for where files lie."""
    found: list[object] = []
    for experiment in sorted(tracking.search_experiments(), key=lambda one: one.name):
        runs = sorted(
            tracking.search_runs([experiment.experiment_id], view=ViewType.ALL), key=lambda one: one.info.run_id
        )
        found += [experiment.name, *(_content(tracking, run) for run in runs)]
    return found


def _content(tracking: Tracking, run: Run) -> object:
    series = {key: list(map(repr, tracking.read_series(run.info.run_id, key).rows())) for key in run.data.metrics}
    info = run.info
    return (
        info.run_id,
        info.run_name,
        info.status,
        info.start_time,
        info.end_time,
        run.data.params,
        run.data.tags,
        series,
    )


def test_a_file_and_a_store_in_memory_get_the_same_runs(folder: Path, read_json: Json) -> None:
    done = read_json("-u", "made.db", "bench", "generate", *OPTIONS)
    assert done["runs"] == 24
    memory = LocalTracking(MemoryStore("file:///root"))
    write_all(memory, SPEC)
    made = open_tracking("made.db")
    assert contents(made) == contents(memory)
    made.close()
    memory.close()


def test_another_seed_makes_other_runs() -> None:
    one, other = (make_run(Spec(seed=seed), 0, 0) for seed in (1, 2))
    assert one.run_id != other.run_id
    assert one.params != other.params


def test_it_refuses_a_second_time_and_other_numbers(runstone_command: Command) -> None:
    runstone_command("bench", "generate", *OPTIONS)
    assert "--resume" in runstone_command("bench", "generate", *OPTIONS, code=1).stderr
    other = runstone_command("bench", "generate", *OPTIONS, "--points", "31", "--resume", code=1).stderr
    assert '"points":30' in other
    again = runstone_command("bench", "generate", *OPTIONS, "--resume")
    assert "Wrote 0 runs" in again.stdout
    assert "24 runs were there already" in again.stderr


def test_what_was_interrupted_is_gone_on_with() -> None:
    whole, stopped = (LocalTracking(MemoryStore("file:///root")) for _ in range(2))
    write_all(whole, SPEC)

    class Stop(Exception):
        pass

    seen = 0

    def stop(points: int) -> None:
        nonlocal seen
        seen += 1
        if seen == 17:
            raise Stop

    with pytest.raises(Stop):
        write_all(stopped, SPEC, on_run=stop)
    done = write_all(stopped, SPEC, resumes=True)
    assert (done.runs, done.skipped) == (12, 12)
    assert contents(stopped) == contents(whole)


def test_runs_look_like_those_of_real_sweeps() -> None:
    spec = Spec(experiments=1, runs=400, keys=10, points=50)
    runs = [make_run(spec, 0, number) for number in range(spec.runs)]
    assert len({run.run_id for run in runs}) == 400
    assert {run.status for run in runs} == {RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED, RunStatus.RUNNING}
    assert all((run.end_time is None) == (run.status is RunStatus.RUNNING) for run in runs)
    assert sum("mlflow.parentRunId" in run.tags for run in runs) == 360
    losses = np.array([_last_value(spec, number, run) for number, run in enumerate(runs)])
    quality = np.array([run.quality for run in runs])
    assert np.isnan(losses).any()
    known = ~np.isnan(losses)
    assert np.corrcoef(losses[known], quality[known])[0, 1] < -0.5  # what the params say, the metric says


def _last_value(spec: Spec, number: int, run: Any) -> float:
    (batch,) = make_batches(spec, 0, number, run)
    (loss,) = (points for key, points in batch.series() if key == "train/loss")
    return float(loss.value[-1])


def test_long_series_come_in_parts_that_make_the_whole() -> None:
    spec = Spec(experiments=1, runs=1, keys=3, points=600_000)
    run = make_run(spec, 0, 0)
    batches = list(make_batches(spec, 0, 0, run))
    assert sum(len(batch.points) for batch in batches) == 3 * run.points
    assert [key for batch in batches for key in batch.keys] == ["train/loss", "val/loss", "train/accuracy"]


@pytest.mark.parametrize("wrong", [{"runs": 0}, {"experiments": 0}, {"points": 0}, {"tags": -1}], ids=repr)
def test_numbers_that_make_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        Spec(**wrong).check()


def test_runs_without_metrics_params_or_tags_can_be_had(runstone_command: Command, read_json: Json) -> None:
    runstone_command("bench", "generate", "--keys", "0", "--params", "0", "--tags", "0", "--runs", "3")
    assert len(read_json("runs", "list")) == 9
