"""Logged models over HTTP, as MLflow's clients from 3.0 on ask for them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.server.model_api import INVALID, MISSING, NO_MODEL, ModelApi
from tests.server.serving import FILES, RunningServer


@pytest.fixture
def api(server: RunningServer) -> ModelApi:
    return ModelApi(server)


# -- logged models


def test_a_logged_model_is_answered_as_mlflow_does(api: ModelApi, run_id: str) -> None:
    values = {
        "model_type": "agent",
        "source_run_id": run_id,
        "params": [{"key": "lr", "value": "0.1"}],
        "tags": [{"key": "a", "value": "1"}],
    }
    info = api.logged(**values)
    model_id = info["model_id"]
    assert len(model_id) == 34
    assert api.get(f"logged-models/{model_id}")["model"] == {
        "info": {
            "model_id": model_id,
            "experiment_id": "0",
            "name": "net",
            "creation_timestamp_ms": info["creation_timestamp_ms"],
            "last_updated_timestamp_ms": info["creation_timestamp_ms"],
            "artifact_uri": f"mlflow-artifacts:/0/models/{model_id}/artifacts",
            "status": "LOGGED_MODEL_PENDING",
            "model_type": "agent",
            "source_run_id": run_id,
            "tags": [{"key": "a", "value": "1"}],
        },
        "data": {"params": [{"key": "lr", "value": "0.1"}]},
    }


def test_a_logged_model_without_a_name_is_given_one(api: ModelApi) -> None:
    assert api.logged(name=None)["name"]


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", "a'b", 'a"b'])
def test_a_logged_models_name_that_breaks_a_rule_is_refused(api: ModelApi, name: str) -> None:
    assert api.fault("POST", "logged-models", {"experiment_id": "0", "name": name}) == (400, INVALID)


@pytest.mark.parametrize(
    ("status", "answered"),
    [
        ("LOGGED_MODEL_READY", "LOGGED_MODEL_READY"),
        (2, "LOGGED_MODEL_READY"),
        ("LOGGED_MODEL_UPLOAD_FAILED", "LOGGED_MODEL_UPLOAD_FAILED"),
        ("unheard of", "LOGGED_MODEL_STATUS_UNSPECIFIED"),
    ],
)
def test_a_logged_model_is_finalized(api: ModelApi, status: str | int, answered: str) -> None:
    model_id = api.logged()["model_id"]
    done = api.ask("PATCH", f"logged-models/{model_id}", {"model_id": model_id, "status": status})
    assert done["model"]["info"]["status"] == answered
    assert api.get(f"logged-models/{model_id}") == done


def test_tags_and_params_of_a_logged_model(api: ModelApi) -> None:
    model_id = api.logged()["model_id"]
    path = f"logged-models/{model_id}"
    assert api.ask("PATCH", f"{path}/tags", {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}) == {}
    assert api.ask("DELETE", f"{path}/tags/a") == {}
    assert api.fault("DELETE", f"{path}/tags/a") == (404, MISSING)
    for _ in range(2):
        assert api.post(f"{path}/params", {"params": [{"key": "lr", "value": "1"}]}) == {}
    assert api.fault("POST", f"{path}/params", {"params": [{"key": "lr", "value": "2"}]}) == (400, INVALID)
    model = api.get(path)["model"]
    assert (model["info"]["tags"], model["data"]["params"]) == (
        [{"key": "b", "value": "2"}],
        [{"key": "lr", "value": "1"}],
    )


def test_a_deleted_logged_model_is_gone(api: ModelApi) -> None:
    model_id = api.logged()["model_id"]
    for _ in range(2):
        assert api.ask("DELETE", f"logged-models/{model_id}") == {}
    assert api.fault("GET", f"logged-models/{model_id}") == (404, MISSING)
    assert api.fault("DELETE", f"logged-models/{NO_MODEL}") == (404, MISSING)


def test_files_of_a_logged_model_are_listed(server: RunningServer, api: ModelApi) -> None:
    info = api.logged()
    model_id = info["model_id"]
    server.ask("PUT", f"{FILES}/0/models/{model_id}/artifacts/data/weights.bin", b"12345")
    path = f"logged-models/{model_id}/artifacts/directories"
    assert api.get(path) == {"root_uri": info["artifact_uri"], "files": [{"path": "data", "is_dir": True}]}
    inside = api.get(path, artifact_directory_path="data")
    assert inside["files"] == [{"path": "data/weights.bin", "is_dir": False, "file_size": 5}]
    assert api.fault("GET", path, artifact_directory_path="../x") == (400, INVALID)


# -- figures of logged models


def test_points_of_a_run_are_figures_of_their_models(server: RunningServer, api: ModelApi, run_id: str) -> None:
    model_id = api.logged()["model_id"]
    point = {"run_id": run_id, "key": "acc", "value": 0.5, "timestamp": 10, "step": 1, "model_id": model_id}
    server.post("runs/log-metric", point)
    on = {"dataset_name": "test", "dataset_digest": "d"}
    metrics = [
        {"key": "acc", "value": 0.75, "timestamp": 11, "step": 0, "model_id": model_id, **on},
        {"key": "loss", "value": "NaN", "timestamp": 11, "model_id": model_id},
        {"key": "other", "value": 1, "timestamp": 11},
    ]
    assert server.post("runs/log-batch", {"run_id": run_id, "metrics": metrics}).status == 200
    both = {"model_id": model_id, "run_id": run_id}
    assert api.get(f"logged-models/{model_id}")["model"]["data"]["metrics"] == [
        {"key": "acc", "value": 0.5, "timestamp": 10, "step": 1, **both},
        {"key": "acc", "value": 0.75, "timestamp": 11, "step": 0, **both, **on},
        {"key": "loss", "value": "NaN", "timestamp": 11, "step": 0, **both},
    ]
    assert [point["value"] for point in server.history(run_id, "acc")] == [0.75, 0.5]
    assert len(server.history(run_id, "other")) == 1


@pytest.mark.parametrize("route", ["runs/log-metric", "runs/log-batch"])
def test_a_point_of_an_unknown_model_is_refused(server: RunningServer, run_id: str, route: str) -> None:
    point = {"key": "acc", "value": 0.5, "timestamp": 10, "model_id": NO_MODEL}
    body = {"run_id": run_id, **point, "metrics": [point]}
    answer = server.post(route, body)
    assert (answer.status, answer.code) == (404, MISSING)
    assert server.history(run_id, "acc") == []


def test_a_run_tells_what_models_it_read_and_made(server: RunningServer, api: ModelApi, run_id: str) -> None:
    read, made = api.logged()["model_id"], api.logged()["model_id"]
    assert server.post("runs/log-inputs", {"run_id": run_id, "models": [{"model_id": read}]}).json == {}
    body = {"run_id": run_id, "models": [{"model_id": made, "step": 3}]}
    assert server.post("runs/outputs", body).json == {}
    run = server.get(f"runs/get?run_id={run_id}").json["run"]
    assert run["inputs"] == {"model_inputs": [{"model_id": read}]}
    assert run["outputs"] == {"model_outputs": [{"model_id": made, "step": 3}]}
    answer = server.post("runs/outputs", {"run_id": "f" * 32, "models": []})
    assert (answer.status, answer.code) == (404, MISSING)


# -- searching logged models


def test_logged_models_are_searched_as_mlflows_client_does(server: RunningServer, api: ModelApi, run_id: str) -> None:
    experiment_id = api.experiment()
    ids = {}
    for name in ("one", "two", "three"):
        ids[name] = api.logged(experiment_id, name=name)["model_id"]
        time.sleep(0.002)  # the newest first: not two in one millisecond
    for name, value, dataset in (("one", 0.5, "a"), ("two", 0.9, "a"), ("two", 0.1, "b")):
        point = {"run_id": run_id, "key": "acc", "value": value, "timestamp": 1, "model_id": ids[name]}
        server.post("runs/log-metric", {**point, "dataset_name": dataset, "dataset_digest": "d"})
    of_model = {model_id: name for name, model_id in ids.items()}

    def found(**body: Any) -> list[str]:
        answer = api.post("logged-models/search", {"experiment_ids": [experiment_id], **body})
        return [of_model[model["info"]["model_id"]] for model in answer.get("models", [])]

    assert found() == ["three", "two", "one"]
    assert found(filter="name = 'two'") == ["two"]
    assert found(filter="metrics.acc > 0.4", order_by=[{"field_name": "name"}]) == ["one", "two"]
    assert found(filter="metrics.acc > 0.4", datasets=[{"dataset_name": "b"}]) == []
    assert found(datasets=[{"dataset_name": "a", "dataset_digest": "d"}]) == ["two", "one"]
    on = {"field_name": "metrics.acc", "ascending": False, "dataset_name": "a", "dataset_digest": "d"}
    assert found(order_by=[on]) == ["two", "one", "three"]
    assert found(order_by=[{**on, "dataset_name": "b"}]) == ["two", "three", "one"]
    assert found(order_by=[{"field_name": "creation_timestamp", "ascending": True}]) == ["one", "two", "three"]
    first = api.post("logged-models/search", {"experiment_ids": [experiment_id], "max_results": 2})
    assert found(max_results=2, page_token=first["next_page_token"]) == ["one"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"experiment_ids": ["x"]},
        {"experiment_ids": ["0"], "filter": "nothing = 'x'"},
        {"experiment_ids": ["0"], "filter": "min(metrics.acc) > 1"},
        {"experiment_ids": ["0"], "order_by": [{"field_name": "nothing"}]},
        {"experiment_ids": ["0"], "order_by": ["name"]},
        {"experiment_ids": ["0"], "order_by": [{}]},
        {"experiment_ids": ["0"], "datasets": [{"dataset_digest": "d"}]},
        {"experiment_ids": ["0"], "page_token": "rubbish"},
        {"experiment_ids": ["0"], "max_results": -1},
    ],
    ids=str,
)
def test_a_search_that_cannot_be_read_is_refused(api: ModelApi, body: dict[str, Any]) -> None:
    assert api.fault("POST", "logged-models/search", body) == (400, INVALID)
