"""The rules of copying, over stores of our own: what is selected, what is told, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import runstone
from runstone.connect import open_store
from runstone.entities import Metric, RunStatus
from runstone.exchange.report import Report
from runstone.exchange.selection import Selection
from runstone.series.points import MetricBatch, Points
from runstone.stores.base import Write
from runstone.tracking.local import LocalTracking
from runstone.transfers import copy_runs, open_source, open_store_source
from tests.exchange.facts import all_facts


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A store with two experiments of two runs."""
    uri = f"sqlite:///{tmp_path / 'source.db'}"
    with closing(LocalTracking(open_store(uri))) as tracking:
        for name in ("digits", "texts"):
            experiment = tracking.create_experiment(name)
            for number in range(2):
                run = tracking.create_run(experiment, run_name=f"{name}-{number}", start_time=1000 * number)
                tracking.log_batch(run.info.run_id, metrics=[Metric("loss", float(number), 5, 0)])
                tracking.update_run(run.info.run_id, status="FINISHED", end_time=5000)
    return uri


def copy(source: str, target: str, *, is_dry_run: bool = False, **selection: object) -> Report:
    with open_store_source(source) as one:
        return copy_runs(one, target, Selection(**selection), is_dry_run=is_dry_run)  # type: ignore[arg-type]


def names_in(tracking: LocalTracking) -> set[str]:
    return {run["run_name"] for run in all_facts(tracking)["runs"].values()}


def test_only_what_is_selected_comes_along(source: str, target: str, tracking: LocalTracking) -> None:
    assert copy(source, target, experiments=frozenset({"digits"}), since=500).filtered == 1
    assert names_in(tracking) == {"digits-1"}
    assert tracking.find_experiment("texts") is None
    copy(source, target, filter_string="metrics.loss < 0.5")
    assert names_in(tracking) == {"digits-1", "digits-0", "texts-0"}
    report = copy(source, target, experiments=frozenset({"speech"}))
    assert [problem.what for problem in report.problems] == ["experiment 'speech'"]


def test_a_dry_run_counts_and_makes_nothing(source: str, target: str, tmp_path: Path) -> None:
    report = copy(source, target, is_dry_run=True)
    assert (report.runs, report.points, report.is_dry_run) == (4, 4, True)
    assert not (tmp_path / "target.db").exists()
    copy(source, target, experiments=frozenset({"digits"}))
    report = copy(source, target, is_dry_run=True)
    assert (report.experiments, report.runs, report.skipped) == (1, 2, 2)


def test_an_experiment_that_is_deleted_in_the_target_takes_no_runs(
    source: str, target: str, tracking: LocalTracking
) -> None:
    tracking.delete_experiment(tracking.create_experiment("digits"))
    report = copy(source, target)
    assert (report.runs, [problem.what for problem in report.problems]) == (2, ["experiment 'digits'"])
    assert names_in(tracking) == {"texts-0", "texts-1"}


def test_what_breaks_a_rule_here_is_left_out_and_told(tmp_path: Path, target: str, tracking: LocalTracking) -> None:
    uri = f"sqlite:///{tmp_path / 'source.db'}"
    with closing(LocalTracking(open_store(uri))) as other:
        run = other.create_run("0", run_name="one").info.run_id
        other.store.log_batches(
            [Write(run_id=run, tags={"long": "x" * 9000, "fine": "y"}, params={"a?": "b", "c": "d"})]
        )
        points = Points(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1))
        other.store.log_batches([Write(run_id=run, metrics=MetricBatch.of_points("m?", points))])
    report = copy(uri, target)
    owner = f"of run '{run}'"
    assert {problem.what for problem in report.problems} == {
        f"tag 'long' {owner}",
        f"param 'a?' {owner}",
        f"metric 'm?' {owner}",
    }
    facts = all_facts(tracking)["runs"][run]
    assert (facts["params"], facts["tags"], facts["history"]) == (
        {"c": "d"},
        {"fine": "y", "mlflow.runName": "one"},
        {},
    )


@pytest.mark.slow
def test_an_import_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    source, target, whole = (f"sqlite:///{tmp_path / name}.db" for name in ("source", "target", "whole"))
    fill(source, runs=1500)
    process = subprocess.Popen(
        [sys.executable, "-m", "runstone", "-u", target, "import", source],
        env={**os.environ, "PYTHONPATH": str(Path(runstone.__file__).parents[1])},
        stdout=subprocess.DEVNULL,
    )
    while not (tmp_path / "target.db").exists() or count(target) < 150:
        assert process.poll() is None, "the import ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with open_source(source) as one:
        report = copy_runs(one, target, Selection())
    assert report.problems == []
    assert report.skipped > 0
    assert report.runs > 0
    assert report.runs + report.completed + report.skipped == 1500
    with open_source(source) as one:
        copy_runs(one, whole, Selection())
    with (
        closing(LocalTracking(open_store(target))) as resumed,
        closing(LocalTracking(open_store(whole))) as uninterrupted,
    ):
        assert all_facts(resumed) == all_facts(uninterrupted)


def fill(uri: str, runs: int) -> None:
    with closing(LocalTracking(open_store(uri))) as tracking:
        ids = [tracking.create_run("0", run_name=str(number), start_time=number).info.run_id for number in range(runs)]
        steps = np.arange(20)
        batch = MetricBatch.of_points("loss", Points(steps, steps, steps.astype(np.float64)))
        tracking.log_batches(
            [Write(run_id=one, metrics=batch, status=RunStatus.FINISHED, end_time=9999) for one in ids]
        )


def count(uri: str) -> int:
    with closing(LocalTracking(open_store(uri))) as tracking:
        return len(tracking.list_changed_runs(0, max_results=200).runs)


def test_the_command_says_what_it_did_and_writes_its_report(source: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runstone", "-u", f"sqlite:///{tmp_path / 'target.db'}", "import", source]
    environment = {**os.environ, "PYTHONPATH": str(Path(runstone.__file__).parents[1])}
    done = subprocess.run(
        [*command, "-e", "digits", "-e", "speech", "--json", "--report", "report.json"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Left out: experiment 'speech'" in done.stderr
    printed = json.loads(done.stdout)
    assert (printed["runs"], printed["points"]) == (2, 2)
    assert json.loads((tmp_path / "report.json").read_text()) == printed
