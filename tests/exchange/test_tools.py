"""Files of other tools in, tables of Parquet out."""

from __future__ import annotations

import math
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tensorboardX import SummaryWriter

from runstone.entities import Metric
from runstone.errors import InvalidInput, NotFound
from runstone.exchange.parquet import TABLES, write_parquet
from runstone.exchange.report import Report
from runstone.exchange.selection import Selection
from runstone.tracking.local import LocalTracking
from runstone.transfers import copy_runs, open_source, open_store_source
from tests.exchange.facts import all_facts


def bring(place: object, target: str) -> Report:
    with open_source(str(place)) as source:
        return copy_runs(source, target, Selection())


# -- TensorBoard


def write_events(folder: Path) -> None:
    with SummaryWriter(str(folder / "first")) as writer:
        for step, value in enumerate([1.0, math.nan, math.inf]):
            writer.add_scalar("loss/train (mean)", value, step, walltime=1_700_000_000 + step)
    with SummaryWriter(str(folder / "deep" / "second")) as writer:
        writer.add_scalar("acc", 0.5, 7, walltime=1_700_000_100.25)
        writer.add_histogram("weights", np.arange(4.0), 7, walltime=1_700_000_101)


def test_scalars_of_tensorboard_come_along_a_run_a_folder(tmp_path: Path, target: str, tracking: LocalTracking) -> None:
    write_events(tmp_path / "logs")
    report = bring(tmp_path / "logs", target)
    assert [problem.what for problem in report.problems] == ["1 histograms of run 'deep/second'"]
    runs = {run["run_name"]: run for run in all_facts(tracking)["runs"].values()}
    assert runs.keys() == {"first", "deep/second"}
    times = [1_700_000_000_000 + 1000 * step for step in range(3)]
    points = [[step, times[step], text] for step, text in enumerate(["1.0", "nan", "inf"])]
    assert runs["first"]["history"] == {"loss/train__mean_": points}
    second = runs["deep/second"]
    assert second["history"] == {"acc": [[7, 1_700_000_100_250, "0.5"]]}
    assert (second["experiment"], second["status"]) == ("logs", "FINISHED")
    again = bring(tmp_path / "logs", target)
    assert (again.runs, again.skipped) == (0, 2)


def test_params_of_tensorboard_come_along(tmp_path: Path, target: str, tracking: LocalTracking) -> None:
    with SummaryWriter(str(tmp_path / "logs")) as writer:
        writer.add_hparams({"lr": 0.5, "layers": 3, "opt": "adam", "fast": True}, {"score": 1.0}, name="trial")
    bring(tmp_path / "logs", target)
    (run,) = (run for run in all_facts(tracking)["runs"].values() if run["run_name"] == "trial")
    assert run["params"] == {"lr": "0.5", "layers": "3", "opt": "adam", "fast": "True"}
    assert [text for *_, text in run["history"]["score"]] == ["1.0"]


def test_an_event_file_that_breaks_off_comes_along_as_far_as_it_goes(
    tmp_path: Path, target: str, tracking: LocalTracking
) -> None:
    write_events(tmp_path / "logs")
    (file,) = (tmp_path / "logs" / "first").iterdir()
    data = file.read_bytes()
    file.write_bytes(data[:-5])
    report = bring(tmp_path / "logs", target)
    assert any(problem.what.startswith("the end of") for problem in report.problems)
    runs = {run["run_name"]: run for run in all_facts(tracking)["runs"].values()}
    assert [text for *_, text in runs["first"]["history"]["loss/train__mean_"]] == ["1.0", "nan"]
    (length,) = struct.unpack("<Q", data[:8])
    assert length < len(data)


# -- trackio


def write_trackio(path: Path) -> None:
    """A database as trackio 0.43 makes it; the tables that are read."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id TEXT, timestamp TEXT, run_name TEXT, step INTEGER, "
            "metrics TEXT); CREATE TABLE configs (id INTEGER PRIMARY KEY, run_id TEXT, run_name TEXT, config TEXT, "
            "created_at TEXT); CREATE TABLE system_metrics (id INTEGER PRIMARY KEY, run_id TEXT, timestamp TEXT, "
            "run_name TEXT, metrics TEXT)"
        )
        for step, text in enumerate(['{"loss":1.5,"note":"x"}', '{"loss":"NaN"}', '{"loss":"-Infinity"}']):
            row = ("4a11cf", f"2026-01-31T12:00:0{step}.5+00:00", "first", step, text.encode())
            database.execute("INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?,?,?,?,?)", row)
        config = '{"lr":0.1,"opt":{"name":"adam"},"_Username":"ada","_Group":"g"}'
        database.execute("INSERT INTO configs (run_id, run_name, config) VALUES ('4a11cf', 'first', ?)", (config,))
        database.execute(
            "INSERT INTO system_metrics (run_id, timestamp, metrics) VALUES ('4a11cf', '2026-01-31T12:00:00', ?)",
            ('{"gpu/0":50}',),
        )
        database.commit()


def test_runs_of_trackio_come_along(tmp_path: Path, target: str, tracking: LocalTracking) -> None:
    (tmp_path / "store").mkdir()
    write_trackio(tmp_path / "store" / "digits.db")
    report = bring(tmp_path / "store", target)
    assert [problem.what for problem in report.problems] == ["1 values of run 'first'"]
    (run,) = all_facts(tracking)["runs"].values()
    start = 1_769_860_800_500
    assert run["history"] == {
        "loss": [[0, start, "1.5"], [1, start + 1000, "nan"], [2, start + 2000, "-inf"]],
        "system/gpu/0": [[0, start - 500, "50.0"]],
    }
    assert (run["run_id"], run["experiment"], run["user_id"]) == ("4a11cf", "digits", "ada")
    assert run["params"] == {"lr": "0.1", "opt.name": "adam"}
    assert (run["start_time"], run["end_time"]) == (start, start + 2000)
    assert bring(tmp_path / "store" / "digits.db", target).skipped == 1


# -- what is nothing


def test_a_place_that_holds_no_runs_is_refused_with_what_would_do(tmp_path: Path, target: str) -> None:
    with pytest.raises(NotFound, match="nothing to import"):
        bring(tmp_path / "missing", target)
    with pytest.raises(InvalidInput, match="mlruns"):
        bring(tmp_path, target)
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE t (a)")
    with pytest.raises(InvalidInput, match="no database of MLflow"):
        bring(tmp_path / "other.db", target)


# -- Parquet


def test_parquet_holds_what_the_store_holds(tmp_path: Path, target: str, tracking: LocalTracking) -> None:
    experiment = tracking.create_experiment("digits")
    run = tracking.create_run(experiment, run_name="one", start_time=5, tags={"mlflow.parentRunId": "p"}).info.run_id
    tracking.log_batch(run, params={"lr": 0.1}, metrics=[Metric("loss", math.nan, 7, 0), Metric("loss", 2.0, 8, 1)])
    other = tracking.create_run(experiment, run_name="other").info.run_id
    tracking.log_batch(other, metrics=[Metric("loss", 9.0, 8, 1)])
    with open_store_source(target) as source:
        report = write_parquet(source, tmp_path / "tables", Selection(filter_string="metrics.loss < 5"))
        assert (report.runs, report.filtered, report.points) == (1, 1, 2)
        tables = {name: pq.read_table(tmp_path / "tables" / f"{name}.parquet").to_pylist() for name in TABLES}
        with pytest.raises(InvalidInput, match="--overwrite"):
            write_parquet(source, tmp_path / "tables", Selection())
        write_parquet(source, tmp_path / "tables", Selection(), overwrite=True)
    (row,) = tables["runs"]
    assert (row["run_id"], row["experiment"], row["parent_run_id"], row["status"]) == (run, "digits", "p", "RUNNING")
    assert row["start_time"].timestamp() == 0.005
    assert tables["params"] == [{"run_id": run, "key": "lr", "value": "0.1"}]
    points = [(one["key"], one["step"], repr(one["value"])) for one in tables["metrics"]]
    assert points == [("loss", 0, "nan"), ("loss", 1, "2.0")]
    assert tables["datasets"] == []
    assert pq.read_table(tmp_path / "tables" / "metrics.parquet").num_rows == 3
    assert len(list((tmp_path / "tables").iterdir())) == len(TABLES)
