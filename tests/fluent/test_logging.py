"""What is recorded by the fluent functions, and where it goes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import runstone as mlflow
from runstone import fluent
from runstone.client import RunOperations
from runstone.entities import Metric
from runstone.errors import InvalidInput, NotFound, ParamChanged
from runstone.naming import now_ms


def data(run_id: str) -> tuple[dict[str, float], dict[str, str]]:
    run = mlflow.get_run(run_id)
    return run.data.metrics, run.data.params


def history(run_id: str, key: str) -> list[Metric]:
    return mlflow.MlflowClient().get_metric_history(run_id, key)


STARTING: dict[str, Callable[[], object]] = {
    "log_param": lambda: mlflow.log_param("p", 1),
    "log_params": lambda: mlflow.log_params({"p": 1}),
    "log_metric": lambda: mlflow.log_metric("m", 1.0),
    "log_metrics": lambda: mlflow.log_metrics({"m": 1.0}),
    "set_tag": lambda: mlflow.set_tag("t", 1),
    "set_tags": lambda: mlflow.set_tags({"t": 1}),
    "log_text": lambda: mlflow.log_text("text", "a.txt"),
    "log_dict": lambda: mlflow.log_dict({}, "a.json"),
    "get_artifact_uri": lambda: mlflow.get_artifact_uri(),
    "record_logged_model": lambda: fluent._record_logged_model({"artifact_path": "model"}),
}


@pytest.mark.parametrize("act", STARTING.values(), ids=STARTING.keys())
def test_recording_without_a_run_starts_one(act: Callable[[], object]) -> None:
    act()
    run = mlflow.active_run()
    assert run is not None
    act()
    assert mlflow.active_run() is run
    mlflow.end_run()
    assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"
    assert len(mlflow.search_runs()) == 1


def test_params_are_recorded_as_texts() -> None:
    with mlflow.start_run() as run:
        assert mlflow.log_param("lr", 0.1) == 0.1
        assert mlflow.log_params({"layers": [1, 2], "none": None, "name": "adam"}) is None
    assert data(run.info.run_id)[1] == {"lr": "0.1", "layers": "[1, 2]", "none": "None", "name": "adam"}


def test_a_param_cannot_change() -> None:
    with mlflow.start_run() as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_param("lr", 0.1)
        with pytest.raises(ParamChanged, match=r"Changing param values is not allowed.*'lr'"):
            mlflow.log_param("lr", 0.2)
        with pytest.raises(ParamChanged):
            mlflow.log_params({"new": 1, "lr": 0.2})
    assert data(run.info.run_id)[1] == {"lr": "0.1"}


def test_a_metric_is_recorded_at_step_0_and_now() -> None:
    before = now_ms()
    with mlflow.start_run() as run:
        assert mlflow.log_metric("m", 0.5) is None
    (point,) = history(run.info.run_id, "m")
    assert (point.value, point.step) == (0.5, 0)
    assert before <= point.timestamp <= now_ms()


def test_a_metric_may_say_its_step_and_time() -> None:
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1, step=3, timestamp=77)
        mlflow.log_metric("m", 2, 4, timestamp=np.int64(78))  # type: ignore[arg-type]
        mlflow.log_metrics({"a": 1, "b": np.float32(0.5)}, step=5, timestamp=79)
    assert history(run.info.run_id, "m") == [Metric("m", 1.0, 77, 3), Metric("m", 2.0, 78, 4)]
    assert history(run.info.run_id, "b") == [Metric("b", 0.5, 79, 5)]


def test_nan_and_infinities_are_kept() -> None:
    with mlflow.start_run() as run:
        mlflow.log_metrics({"nan": math.nan, "up": math.inf, "down": -math.inf})
    metrics = data(run.info.run_id)[0]
    assert math.isnan(metrics["nan"])
    assert (metrics["up"], metrics["down"]) == (math.inf, -math.inf)


def test_a_metric_set_again_reads_as_the_latest_value_at_the_largest_step() -> None:
    with mlflow.start_run() as run:
        for value, step, timestamp in ((1, 10, 5), (2, 20, 5), (3, 20, 6), (4, 15, 9)):
            mlflow.log_metric("m", value, step=step, timestamp=timestamp)
    assert data(run.info.run_id)[0] == {"m": 3.0}
    assert [point.value for point in history(run.info.run_id, "m")] == [1.0, 4.0, 2.0, 3.0]


@pytest.mark.parametrize("value", ["x", None, [1], 1j], ids=repr)
def test_a_metric_that_is_no_number_is_refused(value: Any) -> None:
    with mlflow.start_run() as run:
        with pytest.raises(InvalidInput, match="metric 'm'"):
            mlflow.log_metric("m", value)
        with pytest.raises(InvalidInput, match="metric 'm'"):
            mlflow.log_metrics({"a": 1.0, "m": value})
    assert data(run.info.run_id)[0] == {}


@pytest.mark.parametrize("given", [["a"], "a", 5], ids=repr)
def test_several_at_once_are_a_dictionary(given: Any) -> None:
    mlflow.start_run()
    for act in (mlflow.log_params, mlflow.log_metrics, mlflow.set_tags):
        with pytest.raises(InvalidInput, match="must be a dictionary"):
            act(given)


def test_tags_are_overwritten_and_deleted() -> None:
    with mlflow.start_run() as run:
        mlflow.set_tag("a", 1)
        mlflow.set_tags({"a": 2, "b": None})
        mlflow.delete_tag("b")
        with pytest.raises(NotFound, match="'b'"):
            mlflow.delete_tag("b")
        mlflow.set_tag("mlflow.runName", "renamed")
    found = mlflow.get_run(run.info.run_id)
    assert found.data.tags["a"] == "2"
    assert "b" not in found.data.tags
    assert found.info.run_name == "renamed"


def test_not_synchronous_calls_return_something_to_wait_for() -> None:
    with mlflow.start_run() as run:
        waiting = [
            mlflow.log_param("p", 1, synchronous=False),
            mlflow.log_params({"q": 1}, synchronous=False),
            mlflow.log_metric("m", 1.0, synchronous=False),
            mlflow.log_metrics({"n": 1.0}, synchronous=False),
            mlflow.set_tag("t", 1, synchronous=False),
            mlflow.set_tags({"u": 1}, synchronous=False),
        ]
        for one in waiting:
            assert isinstance(one, RunOperations)
            one.wait()
        mlflow.flush_async_logging()
        assert data(run.info.run_id) == ({"m": 1.0, "n": 1.0}, {"p": "1", "q": "1"})
        assert mlflow.log_metric("m", 2.0, synchronous=True) is None
        assert mlflow.log_param("r", 2, synchronous=True) == 2


def test_another_run_than_the_active_one_can_be_meant() -> None:
    with mlflow.start_run() as other:
        pass
    with mlflow.start_run() as run:
        mlflow.log_params({"p": 1}, run_id=other.info.run_id)
        mlflow.log_metric("m", 1.0, run_id=other.info.run_id)
        mlflow.log_metrics({"n": 1.0}, run_id=other.info.run_id)
        mlflow.log_text("text", "a.txt", run_id=other.info.run_id)
        mlflow.log_dict({}, "a.json", run_id=other.info.run_id)
        fluent._record_logged_model({"artifact_path": "model"}, run_id=other.info.run_id)
    assert data(other.info.run_id) == ({"m": 1.0, "n": 1.0}, {"p": "1"})
    assert [info.path for info in mlflow.artifacts.list_artifacts(run_id=other.info.run_id)] == ["a.json", "a.txt"]
    assert data(run.info.run_id) == ({}, {})
    assert mlflow.get_run(other.info.run_id).info.status == "FINISHED"


def test_recording_in_another_run_starts_none() -> None:
    with mlflow.start_run() as other:
        pass
    mlflow.log_metric("m", 1.0, run_id=other.info.run_id)
    assert mlflow.active_run() is None


def test_logged_models_make_a_list_that_grows() -> None:
    class Model:
        def __init__(self, path: str) -> None:
            self.path = path

        def get_tags_dict(self) -> dict[str, Any]:
            return {"artifact_path": self.path, "flavors": {"python_function": {}}}

    with mlflow.start_run() as run:
        for number in range(10):
            fluent._record_logged_model(Model(f"model-{number}" + "x" * 1_000))
    history = json.loads(mlflow.get_run(run.info.run_id).data.tags["mlflow.log-model.history"])
    assert [model["artifact_path"][:7] for model in history] == [f"model-{number}" for number in range(10)]


def test_a_model_that_cannot_say_what_it_is_is_refused() -> None:
    with mlflow.start_run(), pytest.raises(InvalidInput, match="described by a mapping"):
        fluent._record_logged_model(object())


def test_the_first_run_says_where_it_is_recorded_and_later_ones_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    with mlflow.start_run(run_name="first"):
        mlflow.log_metric("m", 1.0)
    told = capsys.readouterr()
    assert told.err == f"runstone: recording run 'first' in {mlflow.get_tracking_uri()}\n"
    assert told.out == ""
    with mlflow.start_run():
        pass
    assert capsys.readouterr().err == ""
