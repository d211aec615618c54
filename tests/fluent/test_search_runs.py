"""search_runs: the DataFrame exactly, the list, the Arrow table, and which experiments are looked at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import runstone as mlflow
from runstone.entities import Run, RunStatus
from runstone.errors import FilterError, InvalidInput, NotFound

INFO = ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
UTC_NS = "datetime64[ns, UTC]"


def create(start: int, experiment_id: str = "0", *, end: int | None = None, **tags: str) -> str:
    """A run with fixed times, whose only tags are its name and these."""
    client = mlflow.MlflowClient()
    run_id = client.create_run(experiment_id, start_time=start, run_name=f"r{start}", tags=tags).info.run_id
    if end is not None:
        client.set_terminated(run_id, end_time=end)
    return run_id


def starts(frame: pd.DataFrame) -> list[int]:
    """The runs found, by their start times."""
    return [int(one.timestamp() * 1000) for one in frame["start_time"]]


@pytest.fixture
def three_runs() -> list[str]:
    """One with everything, one with nothing, one with what is odd; the latest first."""
    full, bare, odd = create(1_000, end=2_500, team="blue"), create(2_000), create(3_000, end=3_000)
    mlflow.log_metrics({"loss": 0.5, "acc": 0.9}, run_id=full)
    mlflow.log_params({"lr": 0.1, "none": None}, run_id=full)
    mlflow.log_metrics({"loss": math.nan, "up": math.inf}, run_id=odd)
    mlflow.log_params({"lr": ""}, run_id=odd)
    return [odd, bare, full]


def test_the_frame_exactly(three_runs: list[str]) -> None:
    frame = mlflow.search_runs()
    odd, bare, full = three_runs
    uri = {run_id: mlflow.get_run(run_id).info.artifact_uri for run_id in three_runs}
    expected = pd.DataFrame(
        {
            "run_id": pd.Series(three_runs, dtype=object),
            "experiment_id": pd.Series(["0", "0", "0"], dtype=object),
            "status": pd.Series(["FINISHED", "RUNNING", "FINISHED"], dtype=object),
            "artifact_uri": pd.Series([uri[odd], uri[bare], uri[full]], dtype=object),
            "start_time": pd.to_datetime([3_000, 2_000, 1_000], unit="ms", utc=True).as_unit("ns"),
            "end_time": pd.to_datetime([3_000, None, 2_500], unit="ms", utc=True).as_unit("ns"),
            "metrics.acc": [np.nan, np.nan, 0.9],
            "metrics.loss": [np.nan, np.nan, 0.5],
            "metrics.up": [np.inf, np.nan, np.nan],
            "params.lr": pd.Series(["", None, "0.1"], dtype=object),
            "params.none": pd.Series([None, None, "None"], dtype=object),
            "tags.mlflow.runName": pd.Series(["r3000", "r2000", "r1000"], dtype=object),
            "tags.team": pd.Series([None, None, "blue"], dtype=object),
        }
    )
    pd.testing.assert_frame_equal(frame, expected, check_exact=True, check_freq=True)
    assert [str(frame[name].dtype) for name in ("start_time", "end_time")] == [UTC_NS, UTC_NS]
    assert frame["params.lr"][1] is None
    assert frame["tags.team"][0] is None
    assert frame["end_time"][1] is pd.NaT


def test_a_frame_of_no_runs_has_the_columns_of_every_run() -> None:
    nothing_matches = mlflow.search_runs(filter_string="params.none = 'x'")
    for frame in (mlflow.search_runs(), mlflow.search_runs(max_results=0), nothing_matches):
        assert list(frame.columns) == INFO
        assert len(frame) == 0
        assert str(frame["start_time"].dtype) == UTC_NS


def test_a_frame_can_be_changed_by_who_asked_for_it(three_runs: list[str]) -> None:
    frame = mlflow.search_runs()
    frame.loc[0, "metrics.loss"] = 7.0
    frame["new"] = 1
    frame = frame.sort_values("start_time")
    assert frame["metrics.loss"].iloc[-1] == 7.0
    assert math.isnan(mlflow.search_runs()["metrics.loss"][0])


def test_the_list_holds_runs(three_runs: list[str]) -> None:
    runs = mlflow.search_runs(output_format="list")
    assert [type(run) for run in runs] == [Run, Run, Run]
    assert [run.info.run_id for run in runs] == three_runs
    assert runs[2].data.params == {"lr": "0.1", "none": "None"}
    assert runs[0].info.status is RunStatus.FINISHED


def test_the_arrow_table_says_the_same(three_runs: list[str]) -> None:
    table = mlflow.search_runs(output_format="arrow")
    frame = mlflow.search_runs()
    assert table.column_names == list(frame.columns)
    assert table.schema.field("start_time").type == pa.timestamp("ms", tz="UTC")
    assert table.schema.field("metrics.loss").type == pa.float64()
    assert table.schema.field("params.lr").type == pa.string()
    assert table["run_id"].to_pylist() == three_runs
    assert table["params.lr"].to_pylist() == ["", None, "0.1"]
    assert table["end_time"].null_count == 1
    assert table["metrics.up"].to_pylist()[0] == math.inf
    assert math.isnan(table["metrics.loss"].to_pylist()[1])
    empty = mlflow.search_runs(output_format="arrow", max_results=0)
    assert (empty.column_names, empty.num_rows) == (INFO, 0)


def test_an_unknown_output_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"'polars'.*'pandas', 'list', 'arrow'"):
        mlflow.search_runs(output_format="polars")  # type: ignore[call-overload]


# -- which runs


def test_the_latest_run_comes_first_then_the_smaller_id() -> None:
    ids = [create(start) for start in (10, 30, 20, 20)]
    frame = mlflow.search_runs()
    assert list(frame["run_id"]) == [ids[1], *sorted(ids[2:]), ids[0]]


def test_order_by_sorts_and_ties_go_by_the_default_order() -> None:
    for start, loss in ((10, 0.2), (20, 0.1), (30, 0.2), (40, math.nan)):
        mlflow.log_metric("loss", loss, run_id=create(start))
    create(50)
    assert starts(mlflow.search_runs(order_by=["metrics.loss"]))[:3] == [20, 30, 10]
    assert starts(mlflow.search_runs(order_by=["metrics.loss DESC"]))[:3] == [30, 10, 20]
    assert starts(mlflow.search_runs(order_by=["attributes.start_time ASC"])) == [10, 20, 30, 40, 50]


def test_a_filter_chooses() -> None:
    for start in (10, 20, 30):
        mlflow.log_params({"lr": start / 100}, run_id=create(start, team="red" if start > 15 else "blue"))
    assert starts(mlflow.search_runs(filter_string="params.lr = '0.2'")) == [20]
    assert starts(mlflow.search_runs(filter_string="params.lr > 0.15 AND tags.team = 'red'")) == [30, 20]
    assert starts(mlflow.search_runs(filter_string="tags.team LIKE 'b%' OR attributes.run_name = 'r30'")) == [30, 10]
    with pytest.raises(FilterError, match="column 11"):
        mlflow.search_runs(filter_string="params.lr ~ 3")
    with pytest.raises(InvalidInput, match=r"metrics\.loss"):
        mlflow.search_runs(order_by="metrics.loss")  # type: ignore[call-overload]


def test_deleted_runs_are_found_where_they_are_asked_for() -> None:
    deleted, _ = create(10), create(20)
    mlflow.delete_run(deleted)
    assert starts(mlflow.search_runs()) == [20]
    assert starts(mlflow.search_runs(run_view_type=mlflow.ViewType.DELETED_ONLY)) == [10]
    assert starts(mlflow.search_runs(run_view_type=mlflow.ViewType.ALL)) == [20, 10]


# -- how many


@pytest.mark.parametrize("output_format", ["pandas", "list", "arrow"])
def test_more_runs_than_a_page_come_page_by_page(monkeypatch: pytest.MonkeyPatch, output_format: str) -> None:
    """Keys that only one page has must be there in all rows."""
    for start in range(1, 8):
        mlflow.log_metric(f"m{start}", start, run_id=create(start))
    whole = mlflow.search_runs()
    monkeypatch.setattr("runstone.tracking.pages.MAX_PAGE", 3)
    for size in (1, 2, 3, 4, 6, 7, 8, 100):
        found: Any = mlflow.search_runs(max_results=size, output_format=output_format)  # type: ignore[call-overload]
        if output_format == "list":
            assert [run.info.run_id for run in found] == list(whole["run_id"])[:size]
            continue
        frame = found if output_format == "pandas" else found.to_pandas(timestamp_as_object=False)
        expected = whole[:size].dropna(axis="columns", how="all").reset_index(drop=True)
        if output_format == "pandas":
            frame = frame.dropna(axis="columns", how="all")
            pd.testing.assert_frame_equal(frame, expected)
        else:
            assert frame["run_id"].tolist() == expected["run_id"].tolist()
            assert frame["metrics.m7"].tolist()[0] == 7.0


@pytest.mark.parametrize("size", [-1, 1.5, "10", None, True], ids=repr)
def test_max_results_is_a_whole_number(size: Any) -> None:
    with pytest.raises(InvalidInput, match="max_results"):
        mlflow.search_runs(max_results=size)


# -- in which experiments


@pytest.fixture
def experiments() -> dict[str, str]:
    """`a` with the runs 10 and 20, `b` with the run 30, `gone` (deleted) with the run 40."""
    ids = {name: mlflow.create_experiment(name) for name in ("a", "b", "gone")}
    for start, name in ((10, "a"), (20, "a"), (30, "b"), (40, "gone")):
        create(start, ids[name])
    mlflow.delete_experiment(ids["gone"])
    return ids


def test_the_active_experiment_is_searched_by_default(experiments: dict[str, str]) -> None:
    assert starts(mlflow.search_runs()) == []
    mlflow.set_experiment("a")
    assert starts(mlflow.search_runs()) == [20, 10]
    assert starts(mlflow.search_runs(experiment_ids=[], experiment_names=[])) == [20, 10]


def test_experiments_are_named_by_id_or_by_name(experiments: dict[str, str]) -> None:
    assert starts(mlflow.search_runs([experiments["a"]])) == [20, 10]
    assert starts(mlflow.search_runs([int(experiments["a"]), experiments["b"]])) == [30, 20, 10]
    assert starts(mlflow.search_runs(experiment_names=["b", "a"])) == [30, 20, 10]
    with pytest.raises(InvalidInput, match="not both"):
        mlflow.search_runs(["0"], experiment_names=["a"])


def test_a_name_that_no_experiment_has_is_told_in_a_warning(experiments: dict[str, str]) -> None:
    with pytest.warns(UserWarning, match="'none', 'nor this'") as told:
        assert starts(mlflow.search_runs(experiment_names=["none", "a", "nor this"])) == [20, 10]
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="'none'"):
        assert starts(mlflow.search_runs(experiment_names=["none"])) == []


def test_all_experiments_are_those_that_are_not_deleted(experiments: dict[str, str]) -> None:
    assert starts(mlflow.search_runs(search_all_experiments=True)) == [30, 20, 10]
    everything = mlflow.search_runs(search_all_experiments=True, run_view_type=mlflow.ViewType.ALL)
    assert starts(everything) == [30, 20, 10]
    gone = mlflow.search_runs([experiments["gone"]], run_view_type=mlflow.ViewType.DELETED_ONLY)
    assert starts(gone) == [40]


@pytest.mark.parametrize("ids", ["12", 3, 0], ids=repr)
def test_experiment_ids_are_a_list(ids: Any) -> None:
    with pytest.raises(InvalidInput, match="list of ids"):
        mlflow.search_runs(ids)
    with pytest.raises(InvalidInput, match="list of names"):
        mlflow.search_runs(experiment_names="a")  # type: ignore[call-overload]


# -- single runs


def test_a_run_is_found_by_its_id_and_deleted_and_restored() -> None:
    run_id = create(10)
    assert mlflow.get_run(run_id).info.run_name == "r10"
    mlflow.delete_run(run_id)
    assert mlflow.get_run(run_id).info.lifecycle_stage == "deleted"
    mlflow.restore_run(run_id)
    assert mlflow.get_run(run_id).info.lifecycle_stage == "active"
    for act in (mlflow.get_run, mlflow.get_parent_run, mlflow.delete_run, mlflow.restore_run):
        with pytest.raises(NotFound, match="0" * 32):
            act("0" * 32)
