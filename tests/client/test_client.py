"""The explicit client: every act names its run or experiment."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runstone import fluent
from runstone.client import Client, MlflowClient, RunOperations
from runstone.connect import connect
from runstone.entities import (
    Dataset,
    DatasetInput,
    FileInfo,
    InputTag,
    LifecycleStage,
    Metric,
    Param,
    RunStatus,
    RunTag,
    ViewType,
)
from runstone.errors import AlreadyExists, FilterError, InvalidInput, NotActive, NotFound, ParamChanged
from runstone.naming import now_ms
from runstone.settings import SETTINGS


@pytest.fixture(autouse=True)
def nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (name for setting in SETTINGS for name in setting.names):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    fluent._reset()
    yield
    fluent._reset()


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path / "home")


@pytest.fixture
def run_id(client: Client) -> str:
    return client.create_run("0").info.run_id


# -- where


def test_a_client_records_where_it_is_told(tmp_path: Path) -> None:
    a, b = Client(tmp_path / "a"), Client(f"sqlite:///{tmp_path}/b.db")
    run_id = a.create_run("0").info.run_id
    with pytest.raises(NotFound, match=run_id):
        b.get_run(run_id)
    assert (a.tracking_uri, b.tracking_uri) == (str(tmp_path / "a"), f"sqlite:///{tmp_path}/b.db")
    assert (tmp_path / "a" / "runstone.db").exists()
    assert (tmp_path / "b.db").exists()


def test_a_client_that_is_told_nothing_follows_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().tracking_uri == (tmp_path / ".runstone").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "environment"))
    assert Client().tracking_uri == str(tmp_path / "environment")
    fluent.set_tracking_uri(tmp_path / "chosen")
    assert MlflowClient().tracking_uri == str(tmp_path / "chosen")


def test_clients_of_one_place_share_one_tracker(tmp_path: Path) -> None:
    clients = [Client(uri) for uri in (tmp_path / "home", str(tmp_path / "home"), (tmp_path / "home").as_uri())]
    assert len({id(client.tracking) for client in clients}) == 1
    assert clients[0].tracking is connect(tmp_path / "home")


def test_a_client_starts_no_active_run(client: Client, run_id: str) -> None:
    client.log_metric(run_id, "m", 1.0)
    assert fluent.active_run() is None
    assert client.get_run(run_id).info.status == "RUNNING"


# -- experiments


def test_experiments_from_creation_to_restoration(client: Client) -> None:
    experiment_id = client.create_experiment("a", tags={"team": "blue"})
    client.set_experiment_tag(experiment_id, "size", 3)
    client.rename_experiment(experiment_id, "b")
    experiment = client.get_experiment(int(experiment_id))
    assert (experiment.name, experiment.tags) == ("b", {"team": "blue", "size": "3"})
    assert client.get_experiment_by_name("b") == experiment
    assert client.get_experiment_by_name("a") is None
    client.delete_experiment_tag(experiment_id, "size")
    with pytest.raises(NotFound, match="'size'"):
        client.delete_experiment_tag(experiment_id, "size")
    with pytest.raises(AlreadyExists, match="'Default'"):
        client.rename_experiment(experiment_id, "Default")
    client.delete_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage is LifecycleStage.DELETED
    with pytest.raises(NotActive, match="restore"):
        client.create_run(experiment_id)
    other = client.create_experiment("b")  # the name is free
    with pytest.raises(AlreadyExists, match="'b'"):
        client.restore_experiment(experiment_id)
    client.rename_experiment(other, "c")
    client.restore_experiment(experiment_id)
    assert client.create_run(experiment_id).info.experiment_id == experiment_id


def test_experiments_are_searched_page_by_page(client: Client) -> None:
    for number in range(5):
        client.create_experiment(f"e{number}")
    first = client.search_experiments(max_results=4)
    rest = client.search_experiments(max_results=4, page_token=first.token)
    assert [one.name for one in [*first, *rest]] == ["e4", "e3", "e2", "e1", "e0", "Default"]
    assert rest.token is None
    assert len(client.search_experiments(max_results=None)) == 6
    found = client.search_experiments(filter_string="name LIKE 'e%'", order_by=["name ASC"], max_results=2)
    assert [one.name for one in found] == ["e0", "e1"]
    assert client.search_experiments(view_type=ViewType.DELETED_ONLY) == []


# -- runs


def test_a_run_is_created_with_what_it_is_given(client: Client) -> None:
    run = client.create_run("0", start_time=5, tags={"a": 1}, run_name="first")
    assert (run.info.start_time, run.info.run_name, run.info.status) == (5, "first", "RUNNING")
    assert run.data.tags == {"a": "1", "mlflow.runName": "first"}
    assert client.get_run(run.info.run_id) == run


def test_a_run_ends_as_finished_and_now_unless_said_otherwise(client: Client, run_id: str) -> None:
    before = now_ms()
    client.set_terminated(run_id)
    info = client.get_run(run_id).info
    assert info.status is RunStatus.FINISHED
    assert before <= (info.end_time or 0) <= now_ms()
    client.set_terminated(run_id, "FAILED", 9)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == ("FAILED", 9)


def test_update_run_sets_status_or_name(client: Client, run_id: str) -> None:
    client.update_run(run_id, status="KILLED")
    client.update_run(run_id, name="second")
    info = client.get_run(run_id).info
    assert (info.status, info.run_name) == ("KILLED", "second")
    client.update_run(run_id, "RUNNING")
    assert client.get_run(run_id).info.end_time is None
    with pytest.raises(InvalidInput, match="DONE"):
        client.update_run(run_id, "DONE", "third")
    assert client.get_run(run_id).info.run_name == "second"


def test_the_parent_of_a_run(client: Client, run_id: str) -> None:
    child = client.create_run("0", tags={"mlflow.parentRunId": run_id}).info.run_id
    parent = client.get_parent_run(child)
    assert parent is not None and parent.info.run_id == run_id
    assert client.get_parent_run(run_id) is None


def test_runs_are_deleted_and_restored(client: Client, run_id: str) -> None:
    client.delete_run(run_id)
    assert client.search_runs(["0"]) == []
    assert len(client.search_runs(["0"], run_view_type=ViewType.DELETED_ONLY)) == 1
    with pytest.raises(NotActive, match=f"runs restore {run_id}"):
        client.log_metric(run_id, "m", 1.0)
    client.restore_run(run_id)
    assert len(client.search_runs(["0"])) == 1


def test_runs_are_searched_page_by_page(client: Client) -> None:
    ids = [client.create_run("0", start_time=start).info.run_id for start in range(5)]
    for number, run_id in enumerate(ids):
        client.log_metric(run_id, "m", number % 2)
    found, token = [], None
    while True:
        page = client.search_runs(["0"], "metrics.m < 2", max_results=2, order_by=["metrics.m DESC"], page_token=token)
        found += [run.info.run_id for run in page]
        token = page.token
        if token is None:
            break
    assert found == [ids[3], ids[1], ids[4], ids[2], ids[0]]
    with pytest.raises(InvalidInput, match="50000"):
        client.search_runs(["0"], max_results=50_001)
    with pytest.raises(FilterError, match="column"):
        client.search_runs(["0"], "metrics.m <")
    with pytest.raises(InvalidInput, match="list of ids"):
        client.search_runs("0")


# -- what a run records


def test_metrics_params_and_tags_one_by_one(client: Client, run_id: str) -> None:
    before = now_ms()
    assert client.log_metric(run_id, "m", 0.5) is None
    assert client.log_metric(run_id, "m", math.nan, timestamp=7, step=3) is None
    assert client.log_param(run_id, "p", [1]) == [1]
    assert client.set_tag(run_id, "t", 1) is None
    first, second = client.get_metric_history(run_id, "m")
    assert (first.value, first.step) == (0.5, 0)
    assert before <= first.timestamp <= now_ms()
    assert (second.timestamp, second.step) == (7, 3)
    assert math.isnan(second.value)
    data = client.get_run(run_id).data
    assert (data.params, data.tags["t"]) == ({"p": "[1]"}, "1")
    client.delete_tag(run_id, "t")
    with pytest.raises(NotFound, match="'t'"):
        client.delete_tag(run_id, "t")
    with pytest.raises(ParamChanged, match="'p'"):
        client.log_param(run_id, "p", 2)


def test_calls_that_are_not_synchronous_return_something_to_wait_for(client: Client, run_id: str) -> None:
    waiting: list[Any] = [
        client.log_metric(run_id, "m", 1.0, synchronous=False),
        client.log_param(run_id, "p", 1, synchronous=False),
        client.set_tag(run_id, "t", 1, synchronous=False),
        client.log_batch(run_id, [Metric("n", 1.0, 1, 0)], synchronous=False),
    ]
    for one in waiting:
        assert isinstance(one, RunOperations)
        one.wait()
    data = client.get_run(run_id).data
    assert (data.metrics, data.params, data.tags["t"]) == ({"m": 1.0, "n": 1.0}, {"p": "1"}, "1")


def test_a_history_is_in_order_and_empty_where_there_is_none(client: Client, run_id: str) -> None:
    points = [Metric("m", float(step), 100 - step, step) for step in (5, 3, 4)]
    client.log_batch(run_id, metrics=points)
    assert client.get_metric_history(run_id, "m") == sorted(points, key=lambda point: point.step)
    assert client.get_metric_history(run_id, "none") == []
    with pytest.raises(NotFound, match="0" * 32):
        client.get_metric_history("0" * 32, "m")


def test_a_batch_is_recorded_whole_or_not_at_all(client: Client, run_id: str) -> None:
    client.log_batch(
        run_id,
        metrics=[Metric("m", float(step), 1, step) for step in range(2_000)],
        params=[Param(f"p{number}", "v") for number in range(300)],
        tags=[RunTag(f"t{number}", "v") for number in range(300)],
    )
    data = client.get_run(run_id).data
    assert (len(data.params), len(data.tags), data.metrics) == (300, 301, {"m": 1999.0})
    assert len(client.get_metric_history(run_id, "m")) == 2_000
    with pytest.raises(ParamChanged, match="'p7'"):
        client.log_batch(run_id, [Metric("new", 1.0, 1, 0)], [Param("p7", "other")], [RunTag("new", "v")])
    assert client.get_run(run_id).data == data


def test_a_param_that_stands_twice_in_a_batch_must_be_the_same(client: Client, run_id: str) -> None:
    client.log_batch(run_id, params=[Param("p", "1"), Param("p", 1)])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="'q' stands twice"):
        client.log_batch(run_id, params=[Param("q", "1"), Param("q", "2"), Param("q", "1")])
    assert client.get_run(run_id).data.params == {"p": "1"}


def test_of_a_tag_that_stands_twice_in_a_batch_the_last_counts(client: Client, run_id: str) -> None:
    client.log_batch(run_id, tags=[RunTag("t", "1"), RunTag("t", "2")])
    assert client.get_run(run_id).data.tags["t"] == "2"


def test_entities_of_mlflow_itself_will_do(client: Client, run_id: str) -> None:
    """They have the same attributes, and some more."""

    class Theirs:
        def __init__(self, **attributes: object) -> None:
            vars(self).update(attributes)

    metrics: Any = [Theirs(key="m", value=1, timestamp=2, step=3, dataset_name=None, model_id=None)]
    params: Any = [Theirs(key="p", value="1")]
    tags: Any = [Theirs(key="t", value="1")]
    client.log_batch(run_id, metrics, params, tags)
    assert client.get_metric_history(run_id, "m") == [Metric("m", 1.0, 2, 3)]


def test_datasets_are_linked(client: Client, run_id: str) -> None:
    link = DatasetInput(Dataset("digits", "abc", "local", "{}"), (InputTag("mlflow.data.context", "train"),))
    client.log_inputs(run_id, [link])
    client.log_inputs(run_id)
    assert client.get_run(run_id).inputs.dataset_inputs == (link,)


def test_a_logged_model_is_appended_to_its_tag(client: Client, run_id: str) -> None:
    for number in range(2):
        client._record_logged_model(run_id, {"artifact_path": f"m{number}"})
    tag = client.get_run(run_id).data.tags["mlflow.log-model.history"]
    assert json.loads(tag) == [{"artifact_path": "m0"}, {"artifact_path": "m1"}]


# -- files


def test_files_go_in_and_come_out(client: Client, run_id: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    client.log_artifact(run_id, folder / "a.txt", "x")
    client.log_artifact(run_id, folder)
    client.log_artifacts(run_id, folder)
    client.log_text(run_id, "text", "notes.txt")
    client.log_dict(run_id, {"a": 1}, "d/e.json")
    assert client.list_artifacts(run_id) == [
        FileInfo("a.txt", False, 1),
        FileInfo("d", True),
        FileInfo("notes.txt", False, 4),
        FileInfo("out", True),
        FileInfo("x", True),
    ]
    assert client.list_artifacts(run_id, "x") == [FileInfo("x/a.txt", False, 1)]
    assert Path(client.download_artifacts(run_id, "notes.txt")).read_text() == "text"
    copy = client.download_artifacts(run_id, "d", tmp_path / "copies" / "here")
    assert copy == str(tmp_path / "copies" / "here" / "d")
    assert json.loads((Path(copy) / "e.json").read_text()) == {"a": 1}
    everything = Path(client.download_artifacts(run_id, dst_path=tmp_path / "all"))
    assert sorted(path.name for path in everything.iterdir()) == ["a.txt", "d", "notes.txt", "out", "x"]
    with pytest.raises(NotFound, match="none"):
        client.download_artifacts(run_id, "none")


def test_a_folder_is_stored_under_the_name_it_has_where_it_is(
    client: Client, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out" / "sub").mkdir(parents=True)
    (tmp_path / "out" / "sub" / "a.txt").write_text("a")
    monkeypatch.chdir(tmp_path / "out" / "sub")
    client.log_artifact(run_id, "..", "x")
    assert [info.path for info in client.list_artifacts(run_id, "x/out")] == ["x/out/sub"]


def test_files_of_an_unknown_run_are_not_found(client: Client) -> None:
    for act in (client.list_artifacts, client.download_artifacts):
        with pytest.raises(NotFound, match="0" * 32):
            act("0" * 32)
    with pytest.raises(NotFound, match="0" * 32):
        client.log_text("0" * 32, "x", "a.txt")
