"""The same requests about models to a Runstone server and to a server of MLflow 3.17 get the same answers.

Left out of the comparison: times, empty texts, the order of the latest versions, two fields of a version that MLflow
keeps to itself, and the tag that its server, like its client, sets on a model that is registered.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.server.serving import API, RunningServer

STARTING_TIME_S = 120
REGISTERED = "mlflow.modelVersions"
UNTOLD = ("aliases", "model_id")
RANDOM = re.compile(r"m-[0-9a-f]{32}|[0-9a-f]{32}")

# (verb, route, arguments). In texts $RUN, $MODEL and $EXPERIMENT stand for the ids that the server has given.
REGISTRY: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "registered-models/create", {"name": "net"}),
    ("POST", "registered-models/create", {"name": "net"}),
    ("POST", "registered-models/create", {"name": "web", "tags": [{"key": "a", "value": "b"}], "description": "d"}),
    ("POST", "registered-models/create", {}),
    ("POST", "registered-models/create", {"name": "a/b"}),
    ("POST", "registered-models/rename", {"name": "net", "new_name": "web"}),
    ("POST", "registered-models/rename", {"name": "net", "new_name": "net2"}),
    ("POST", "registered-models/rename", {"name": "nope", "new_name": "x"}),
    ("POST", "registered-models/rename", {"name": "net2", "new_name": "net"}),
    ("PATCH", "registered-models/update", {"name": "net", "description": "new"}),
    ("POST", "registered-models/set-tag", {"name": "net", "key": "k", "value": "v"}),
    ("POST", "registered-models/set-tag", {"name": "net", "value": "v"}),
    ("GET", "registered-models/get", {"name": "net"}),
    ("DELETE", "registered-models/delete-tag", {"name": "net", "key": "k"}),
    ("DELETE", "registered-models/delete-tag", {"name": "net", "key": "k"}),
    ("GET", "registered-models/get", {"name": "nope"}),
    ("POST", "model-versions/create", {"name": "net", "source": "s3://b/x", "tags": [{"key": "a", "value": "1"}]}),
    ("POST", "model-versions/create", {"name": "net", "source": "mlflow-artifacts:/$EXPERIMENT/$RUN/artifacts/m",
                                       "run_id": "$RUN", "description": "d", "run_link": "l"}),
    ("POST", "model-versions/create", {"name": "net", "source": "models:/net/2"}),
    ("POST", "model-versions/create", {"name": "net", "source": "models:/$MODEL", "model_id": "$MODEL"}),
    ("POST", "model-versions/create", {"name": "net", "source": "models:/$MODEL"}),
    ("POST", "model-versions/create", {"name": "net", "source": "mlflow-artifacts:/9/x/artifacts", "run_id": "$RUN"}),
    ("POST", "model-versions/create", {"name": "net", "source": "mlflow-artifacts:/../x"}),
    ("POST", "model-versions/create", {"name": "net", "source": "s3://b/%2e%2e/x"}),
    ("POST", "model-versions/create", {"name": "net", "source": "/etc/passwd"}),
    ("POST", "model-versions/create", {"name": "net", "source": "http://x/y"}),
    ("POST", "model-versions/create", {"name": "net", "source": "runs:/other/m", "run_id": "$RUN"}),
    ("POST", "model-versions/create", {"name": "net"}),
    ("POST", "model-versions/create", {"name": "nope", "source": "s3://b/x"}),
    *(("GET", route, {"name": "net", "version": version})
      for route in ("model-versions/get", "model-versions/get-download-uri")
      for version in ("1", "2", "3", "4", "99", "x")),
    ("GET", "registered-models/get", {"name": "net"}),
    ("POST", "model-versions/transition-stage", {"name": "net", "version": "1", "stage": "production"}),
    ("POST", "model-versions/transition-stage", {"name": "net", "version": "1", "stage": "nowhere"}),
    ("POST", "model-versions/transition-stage", {"name": "net", "version": "1"}),
    ("POST", "model-versions/transition-stage", {"name": "net", "version": "2", "stage": "Production",
                                                 "archive_existing_versions": True}),
    ("GET", "registered-models/get-latest-versions", {"name": "net"}),
    ("POST", "registered-models/get-latest-versions", {"name": "net", "stages": ["archived"]}),
    ("GET", "registered-models/get-latest-versions", {"name": "net", "stages": ["None", "Archived"]}),
    ("POST", "registered-models/get-latest-versions", {"name": "net", "stages": ["nowhere"]}),
    ("PATCH", "model-versions/update", {"name": "net", "version": "1", "description": "hello"}),
    ("PATCH", "model-versions/update", {"name": "net", "version": "99", "description": "hello"}),
    ("POST", "model-versions/set-tag", {"name": "net", "version": "2", "key": "ok", "value": "yes"}),
    ("DELETE", "model-versions/delete-tag", {"name": "net", "version": "2", "key": "nope"}),
    *(("POST", "registered-models/alias", {"name": "net", "alias": alias, "version": "1"})
      for alias in ("best", "base", "latest", "v1", "a b", "a.b", "a" * 256, "12")),
    ("POST", "registered-models/alias", {"name": "net", "alias": "best", "version": "99"}),
    ("GET", "registered-models/alias", {"name": "net", "alias": "best"}),
    ("GET", "registered-models/alias", {"name": "net", "alias": "nope"}),
    ("GET", "registered-models/alias", {"name": "nope", "alias": "best"}),
    ("DELETE", "registered-models/alias", {"name": "net", "alias": "base"}),
    ("DELETE", "registered-models/alias", {"name": "net", "alias": "base"}),
    *(("GET", "registered-models/search", {"filter": text}) for text in (
        "", "name = 'net'", "name LIKE 'n%'", "name ILIKE 'W%'", "name != 'web'", "tags.a = 'b'", "tags.a != 'b'",
        "tags.`mlflow.prompt.is_prompt` != 'true'", "nothing = 'x'", "name")),
    ("GET", "registered-models/search", {"order_by": ["name DESC"]}),
    ("GET", "registered-models/search", {"order_by": ["nothing"]}),
    ("GET", "registered-models/search", {"page_token": "rubbish"}),
    *(("GET", "model-versions/search", {"filter": text, "order_by": ["version_number ASC"]}) for text in (
        "", "name = 'net'", "run_id = '$RUN'", "run_id IN ('$RUN', 'x')", "source_path = 's3://b/x'",
        "version_number > 2", "tags.a = '1'", "nothing = 'x'")),
    ("DELETE", "model-versions/delete", {"name": "net", "version": "1"}),
    ("DELETE", "model-versions/delete", {"name": "net", "version": "1"}),
    ("GET", "registered-models/get", {"name": "net"}),
    ("DELETE", "registered-models/delete", {"name": "net"}),
    ("DELETE", "registered-models/delete", {"name": "net"}),
    ("GET", "model-versions/get", {"name": "net", "version": "2"}),
]  # fmt: skip

POINT = {"run_id": "$RUN", "key": "acc", "timestamp": 1, "step": 1, "model_id": "$MODEL"}
LOGGED: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "logged-models", {"experiment_id": "$EXPERIMENT", "name": "two", "params": [{"key": "p", "value": "1"}]}),
    *(("POST", "logged-models", {"experiment_id": "$EXPERIMENT", "name": name}) for name in ("a/b", "a.b", 'a"b')),
    ("POST", "logged-models", {"name": "x"}),
    ("POST", "logged-models", {"experiment_id": "999999", "name": "x"}),
    ("GET", "logged-models/$MODEL", {}),
    ("GET", "logged-models/nope", {}),
    ("PATCH", "logged-models/$MODEL", {"model_id": "$MODEL", "status": "LOGGED_MODEL_READY"}),
    ("PATCH", "logged-models/$MODEL", {"model_id": "$MODEL", "status": 3}),
    ("PATCH", "logged-models/$MODEL", {"model_id": "$MODEL"}),
    ("PATCH", "logged-models/$MODEL/tags", {"model_id": "$MODEL", "tags": [{"key": "a", "value": "b"}]}),
    ("PATCH", "logged-models/nope/tags", {"model_id": "nope", "tags": [{"key": "a", "value": "b"}]}),
    ("POST", "logged-models/$MODEL/params", {"model_id": "$MODEL", "params": [{"key": "q", "value": "2"}]}),
    ("POST", "runs/log-metric", {**POINT, "value": 0.5}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "metrics": [
        {**POINT, "value": 0.75, "step": 2, "dataset_name": "ds", "dataset_digest": "d"}]}),
    ("GET", "logged-models/$MODEL", {}),
    ("DELETE", "logged-models/$MODEL/tags/a", {}),
    ("DELETE", "logged-models/$MODEL/tags/a", {}),
    ("POST", "runs/outputs", {"run_id": "$RUN", "models": [{"model_id": "$MODEL", "step": 3}]}),
    ("POST", "runs/log-inputs", {"run_id": "$RUN", "models": [{"model_id": "$MODEL"}]}),
    ("POST", "runs/outputs", {"run_id": "f" * 32, "models": []}),
    *(("POST", "logged-models/search", {"experiment_ids": ["$EXPERIMENT"], **search}) for search in (
        {}, {"filter": "name = 'two'"}, {"filter": "name LIKE 't%'"}, {"filter": "params.p = '1'"},
        {"filter": "model_type = 'agent'"}, {"filter": "metrics.acc > 0.6"}, {"filter": "metrics.acc > 0.9"},
        {"filter": "source_run_id = '$RUN'"}, {"order_by": [{"field_name": "name", "ascending": True}]},
        {"order_by": [{"field_name": "metrics.acc", "ascending": False, "dataset_name": "ds"}]},
        {"order_by": [{"field_name": "nothing"}]}, {"datasets": [{"dataset_digest": "d"}]},
        {"datasets": [{"dataset_name": "ds", "dataset_digest": "d"}], "filter": "metrics.acc > 0.6"})),
    ("POST", "logged-models/search", {}),
    ("GET", "logged-models/$MODEL/artifacts/directories", {}),
    ("GET", "logged-models/$MODEL/artifacts/directories", {"artifact_directory_path": "../x"}),
    ("DELETE", "logged-models/$MODEL", {}),
    ("DELETE", "logged-models/$MODEL", {}),
    ("GET", "logged-models/$MODEL", {}),
]  # fmt: skip


def request(port: int, verb: str, route: str, arguments: dict[str, Any]) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    path, body = f"{API}/{route}", json.dumps(arguments)
    if verb == "GET":
        path, body = f"{path}?{urlencode(arguments, doseq=True)}", ""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(verb, path, body or None, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def session(port: int) -> list[tuple[str, Any]]:
    """What a server answers to all of it."""
    _, experiment = request(port, "POST", "experiments/create", {"name": "models"})
    ids = {"$EXPERIMENT": experiment["experiment_id"]}
    _, run = request(port, "POST", "runs/create", ids_in({"experiment_id": "$EXPERIMENT"}, ids))
    ids["$RUN"] = run["run"]["info"]["run_id"]
    new = {"experiment_id": "$EXPERIMENT", "name": "one", "model_type": "agent", "source_run_id": "$RUN"}
    _, model = request(port, "POST", "logged-models", ids_in(new, ids))
    ids["$MODEL"] = model["model"]["info"]["model_id"]
    answers = []
    for number, (verb, route, arguments) in enumerate((*REGISTRY, *LOGGED)):
        status, answer = request(port, verb, ids_in(route, ids), ids_in(arguments, ids))
        said = answer["error_code"] if status >= 400 else comparable(names_of(answer, ids))
        answers.append((f"{number}: {verb} {route} {json.dumps(arguments)}", (status, said)))
    return answers


def ids_in(value: Any, ids: dict[str, str]) -> Any:
    """The value with ids in place of their names."""
    text = json.dumps(value)
    for name, found in ids.items():
        text = text.replace(name, found)
    return json.loads(text)


def names_of(value: Any, ids: dict[str, str]) -> Any:
    """The value with names in place of ids."""
    text = json.dumps(value)
    for name in ("$RUN", "$MODEL"):
        text = text.replace(ids[name], name)
    return json.loads(RANDOM.sub("ID", text))


def comparable(value: Any, *, of_version: bool = False) -> Any:
    """The value without what is not compared."""
    if isinstance(value, list):
        told = [item for item in value if not (isinstance(item, dict) and item.get("key") == REGISTERED)]
        return [comparable(item, of_version=of_version) for item in told]
    if not isinstance(value, dict):
        return value
    of_version = of_version or "current_stage" in value
    told = {
        name: comparable(item, of_version=of_version)
        for name, item in value.items()
        if "timestamp" not in name and not (of_version and name in UNTOLD)
    }
    if "latest_versions" in told:
        told["latest_versions"].sort(key=json.dumps)
    return {name: item for name, item in told.items() if item not in ("", [])}


@contextmanager
def mlflow_server(python: Path, folder: Path) -> Iterator[int]:
    """The port of a server of MLflow."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/files"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLFLOW"))}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(port, process)
        yield port
    finally:
        # Its workers are processes of its own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + STARTING_TIME_S
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError, ValueError, http.client.HTTPException):
            request(port, "POST", "experiments/search", {"max_results": 1})
            return
        time.sleep(0.2)
    raise AssertionError("The server of MLflow did not start")


@pytest.mark.slow
def test_servers_answer_requests_about_models_alike(mlflow_python: Path, tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "store")
    try:
        ours = session(server.port)
    finally:
        server.close()
    with mlflow_server(mlflow_python, tmp_path) as port:
        theirs = dict(session(port))
    differing = {name: (answer, theirs[name]) for name, answer in ours if answer != theirs[name]}
    assert differing == {}
