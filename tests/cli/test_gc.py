"""`runstone gc`: says first what would go, removes with --yes, and survives being killed."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runstone.cli.gc import parse_age_ms
from runstone.client import Client
from runstone.entities import Metric
from tests.cli.conftest import Command, Runs, Shell

Json = Callable[..., Any]


def test_without_yes_it_says_what_would_go_and_changes_nothing(
    runs: Runs, client: Client, runstone_command: Command, read_json: Json
) -> None:
    assert "nothing to remove" in runstone_command("gc").stderr
    client.delete_experiment(runs.experiment)
    shown = runstone_command("gc")
    assert "Would remove 2 runs, 1 experiment" in shown.stdout
    assert "--yes" in shown.stderr
    plan = read_json("gc")
    assert {run["run_id"] for run in plan["runs"]} == {runs.good, runs.bad}
    assert plan["artifact_bytes"] == len("all is well\n")
    assert client.get_run(runs.good).info.lifecycle_stage == "deleted"


def test_with_yes_it_is_gone_and_the_rest_is_not(
    runs: Runs, client: Client, folder: Path, runstone_command: Command
) -> None:
    client.delete_experiment(runs.experiment)
    assert "Removed 2 runs, 1 experiment" in runstone_command("gc", "--yes").stdout
    assert client.get_run(runs.other).data.metrics == {"loss": 0.7}
    assert not (folder / ".runstone/artifacts" / runs.experiment).exists()
    assert "sound" in runstone_command("db", "check").stdout
    assert "nothing to remove" in runstone_command("gc").stderr


def test_runs_and_ages_are_chosen_as_in_mlflow(
    runs: Runs, client: Client, read_json: Json, runstone_command: Command
) -> None:
    for run_id in (runs.good, runs.bad, runs.other):
        client.delete_run(run_id)

    def planned(*options: str) -> set[str]:
        return {run["run_id"] for run in read_json("gc", *options)["runs"]}

    assert planned("--older-than", "1d") == set()
    assert planned("--run-ids", f"{runs.good},{runs.other}") == {runs.good, runs.other}
    assert planned("--experiment-ids", runs.experiment) == planned("-e", "digits") == {runs.good, runs.bad}
    assert "no age" in runstone_command("gc", "--older-than", "soon", code=2).stderr
    assert "not found" in runstone_command("gc", "--run-ids", "f" * 32, code=1).stderr


def test_rules_keep_the_best_and_drop_the_others(runs: Runs, client: Client, read_json: Json) -> None:
    rule = ("--keep", "best 1 by min(metrics.loss)", "--drop-after", "1d")
    assert [run["run_id"] for run in read_json("gc", *rule)["runs"]] == [runs.bad]
    done = read_json("gc", *rule, "--yes")
    assert done["removed"]["runs"] == 1
    assert {run.info.run_id for run in client.search_runs([runs.experiment])} == {runs.good}


def test_a_run_whose_files_cannot_be_removed_stays_and_that_is_said(
    runs: Runs, client: Client, folder: Path, runstone_command: Command
) -> None:
    for run_id in (runs.good, runs.other):
        client.delete_run(run_id)
    with closing(sqlite3.connect(folder / ".runstone/runstone.db")) as connection:
        connection.execute("UPDATE experiments SET artifact_location = 'nowhere://x' WHERE id = ?", (runs.experiment,))
        connection.commit()
    done = runstone_command("gc", "--yes", code=1)
    assert "Removed 1 run," in done.stdout
    assert f"The run {runs.good} stays: " in done.stderr
    assert "nowhere" in done.stderr
    assert client.get_run(runs.good).data.params["lr"] == "0.1"


def test_files_that_belong_to_no_run_go_when_they_are_old(runs: Runs, folder: Path, read_json: Json) -> None:
    root = folder / ".runstone/artifacts"
    old, young, foreign = (root / "7" / name for name in ("a" * 32, "b" * 32, "my notes"))
    for place in (old, young, foreign):
        (place / "artifacts").mkdir(parents=True)
        (place / "artifacts/file").write_text("12345")
    part = root / runs.experiment / runs.good / "artifacts" / ".runstone-part-0123"
    part.write_text("1")
    for place in (old, foreign, part):
        for one in (place, *place.rglob("*")):
            os.utime(one, (1_700_000_000, 1_700_000_000))
    found = read_json("gc", "--leftovers")["leftovers"]
    assert {one["path"]: one["size_bytes"] for one in found} == {
        f"7/{'a' * 32}": 5, f"{runs.experiment}/{runs.good}/artifacts/{part.name}": 1
    }  # fmt: skip
    assert read_json("gc", "--leftovers", "--yes")["removed"]["leftovers"] == 2
    assert [place.exists() for place in (old, young, foreign, part)] == [False, True, True, False]
    assert (root / runs.experiment / runs.good / "artifacts/notes/report.txt").exists()


def test_the_file_shrinks(client: Client, folder: Path, read_json: Json) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_batch(run_id, metrics=[Metric(f"m{at % 50}", random.random(), at, at) for at in range(60_000)])
    client.set_terminated(run_id)
    client.delete_run(run_id)
    client.tracking.close()
    before = (folder / ".runstone/runstone.db").stat().st_size
    assert read_json("gc", "--yes", "--no-compact")["compacted_bytes"] is None
    assert read_json("db", "stats")["free_bytes"] > before // 2
    assert read_json("db", "compact")["freed_bytes"] > before // 2
    assert (folder / ".runstone/runstone.db").stat().st_size < before // 2


def test_ages_are_read() -> None:
    assert parse_age_ms("30d") == 30 * 86_400_000
    assert parse_age_ms("1d2h3m4s") == 93_784_000
    for text in ("", "d", "5", "1h1d", "-1d"):
        with pytest.raises(ValueError, match="no age"):
            parse_age_ms(text)


@pytest.mark.slow
def test_killed_at_any_time_it_leaves_whole_runs_and_deleted_ones(
    client: Client, environment: dict[str, str], folder: Path, bash: Shell
) -> None:
    chance = random.Random(5)
    kept, gone = [], []
    for number in range(120):
        run_id = client.create_run("0").info.run_id
        client.log_batch(run_id, metrics=[Metric("loss", float(step), 1, step) for step in range(20)])
        client.log_text(run_id, "x", "a/file.txt")
        client.set_terminated(run_id)
        (gone if number % 3 else kept).append(run_id)
    for run_id in gone:
        client.delete_run(run_id)
    client.tracking.close()
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW_GC], cwd=folder, env=environment, stdout=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.8, 1.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert json.loads(bash("runstone db check --json").stdout)["is_sound"]
        plan = json.loads(bash("runstone gc --json").stdout)
        assert {run["run_id"] for run in plan["runs"]} <= set(gone)
    assert bash("runstone gc --yes").returncode == 0
    assert json.loads(bash("runstone gc --json --leftovers").stdout)["runs"] == []
    again = Client(folder / ".runstone")
    assert {run.info.run_id for run in again.search_runs(["0"], run_view_type=3)} == set(kept)
    for run_id in kept:
        assert len(again.get_metric_history(run_id, "loss")) == 20
        assert [file.path for file in again.list_artifacts(run_id)] == ["a"]
    assert {place.name for place in (folder / ".runstone/artifacts/0").iterdir()} == set(kept)
    again.tracking.close()


SLOW_GC = """
import time
from runstone.artifacts.local import LocalArtifactStore
from runstone.cli import gc, root

delete = LocalArtifactStore.delete

def delete_slowly(self, path):
    delete(self, path)
    time.sleep(0.02)

LocalArtifactStore.delete = delete_slowly
gc._AT_ONCE = 5
root.cli(["gc", "--yes"], prog_name="runstone")
"""
