"""Runs from a real server of MLflow, and to it."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from runstone.entities import Metric, Run, ViewType
from runstone.exchange.selection import Selection
from runstone.remote.tracking import RemoteTracking
from runstone.tracking.local import LocalTracking
from runstone.transfers import copy_runs, open_source, open_store_source
from tests.exchange.conftest import Written, mlflow_environment
from tests.exchange.facts import all_facts
from tests.exchange.test_mlflow import of_mlflow
from tests.peers.environments import find_mlflow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("exchange-mlflow")]


@pytest.fixture
def server(written: Callable[[str, str], Written], tmp_path: Path) -> Iterator[str]:
    """MLflow's newest server over a copy of what it has written itself."""
    shutil.copy(written("3", "sqlite").place, tmp_path / "mlflow.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        find_mlflow("3"), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--artifacts-destination", tmp_path / "served",
    ]  # fmt: skip
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=mlflow_environment(), cwd=tmp_path, stdout=log, stderr=log)
    try:
        wait_until_it_answers(port, process, tmp_path / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert process.poll() is None, log.read_text()
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", port)) as one,
        ):
            one.request("GET", "/health")
            if one.getresponse().status == 200:
                return
        time.sleep(0.1)


def test_runs_come_from_a_server_of_mlflow_and_go_to_it_once(
    written: Callable[[str, str], Written], server: str, target: str, tracking: LocalTracking
) -> None:
    with open_source(server) as source:
        report = copy_runs(source, target, Selection(artifacts="none"))
    assert report.problems == []
    expected = {run["run_id"]: of_mlflow(run) for run in written("3", "sqlite").facts["runs"]}
    facts = all_facts(tracking)
    keys = next(iter(expected.values())).keys()
    assert {run_id: {key: run[key] for key in keys} for run_id, run in facts["runs"].items()} == expected
    assert facts["models"].keys() and facts["registry"]["net"]["versions"].keys() == {"1", "3", "4"}

    experiment = tracking.create_experiment("exported")
    record_family(tracking, experiment)
    for round_number in range(2):
        with open_store_source(target) as source:
            report = copy_runs(source, server, Selection(experiments=frozenset({"exported"})))
        assert report.problems == []
        assert (report.runs, report.skipped) == ((2, 0), (0, 2))[round_number]
    check_family(tracking, experiment, server)


def test_models_and_the_registry_go_to_a_server_of_mlflow_once(
    server: str, target: str, tracking: LocalTracking, tmp_path: Path
) -> None:
    experiment = tracking.create_experiment("modelled")
    run_id = tracking.create_run(experiment).info.run_id
    models = tracking.models
    logged = models.create_logged_model(
        experiment, name="digits", source_run_id=run_id, params={"c": 1}, tags={"a": "b"}
    )
    models.open_logged_model_artifacts(logged.model_id).put_file(Path(__file__), "MLmodel")
    models.finalize_logged_model(logged.model_id, "READY")
    tracking.open_artifacts(run_id).put_file(Path(__file__), "old/MLmodel")
    tracking.update_run(run_id, status="FINISHED", end_time=9000)
    models.create_registered_model("mine", tags={"team": "vision"}, description="reads digits")
    for source, model_id in ((f"runs:/{run_id}/old", None), (f"runs:/{run_id}/old", None), (None, logged.model_id)):
        models.create_model_version(
            "mine", source or f"models:/{model_id}", run_id=run_id, model_id=model_id, tags={"k": "v"}, description="it"
        )
    models.delete_model_version("mine", 1)
    models.set_model_version_stage("mine", 2, "Staging")
    models.set_alias("mine", "champion", 3)
    for round_number in range(2):
        with open_store_source(target) as source:
            report = copy_runs(source, server, Selection())
        counts = report.logged_models, report.registered_models, report.model_versions
        assert counts == ((1, 1, 2), (0, 0, 0))[round_number]
        assert [one.what for one in report.problems] == [["ids and times of models"], []][round_number]
    with closing(RemoteTracking(server)) as remote:
        there = remote.models.get_registered_model("mine")
        assert (there.tags, there.description, there.aliases) == ({"team": "vision"}, "reads digits", {"champion": "3"})
        third = remote.models.get_version_by_alias("mine", "champion")
        made = remote.models.get_logged_model(third.source.removeprefix("models:/"))
        assert (made.name, made.params, made.tags["a"], made.status) == ("digits", {"c": "1"}, "b", "READY")
        assert made.tags["runstone.model_id"] == logged.model_id
        assert remote.get_run(made.source_run_id).info.status == "FINISHED"
        second = remote.models.get_model_version("mine", 2)
        assert (second.current_stage, second.tags["k"], second.description) == ("Staging", "v", "it")
        for version in ("2", "3"):
            with remote.models.open_version_artifacts("mine", version).open("MLmodel") as file:
                assert file.read() == Path(__file__).read_bytes()


def record_family(tracking: LocalTracking, experiment: str) -> None:
    parent = tracking.create_run(experiment, run_name="parent", start_time=1000, user_id="ada").info.run_id
    child = tracking.create_run(experiment, run_name="child", start_time=2000, tags={"mlflow.parentRunId": parent})
    points = [Metric("loss", step / 2, 5000 + step, step) for step in range(2500)]
    tracking.log_batch(parent, metrics=points, params={"lr": 0.1}, tags={"kind": "test"})
    tracking.open_artifacts(parent).put_file(Path(__file__), "code/this.py")
    tracking.update_run(parent, status="FINISHED", end_time=9000)
    tracking.update_run(child.info.run_id, status="FAILED", end_time=9001)


def check_family(tracking: LocalTracking, experiment: str, url: str) -> None:
    """The same runs on both sides, but for the ids."""
    with closing(RemoteTracking(url)) as remote:
        place = remote.find_experiment("exported")
        assert place is not None
        there = {run.info.run_name: run for run in remote.search_runs([place.experiment_id], view=ViewType.ALL)}
        here = {run.info.run_name: run for run in tracking.search_runs([experiment])}
        assert there.keys() == here.keys() == {"parent", "child"}
        for name, run in here.items():
            assert plain(there[name]) == plain(run)
            assert there[name].data.tags["runstone.run_id"] == run.info.run_id
        parent = there["parent"].info.run_id
        assert there["child"].data.tags["mlflow.parentRunId"] == parent
        ours = tracking.read_series(here["parent"].info.run_id, "loss")
        assert list(remote.read_series(parent, "loss").rows()) == list(ours.rows())
        with remote.open_artifacts(parent).open("code/this.py") as file:
            assert file.read() == Path(__file__).read_bytes()


def plain(run: Run) -> tuple[object, ...]:
    info = run.info
    return info.status, info.start_time, info.end_time, info.user_id, run.data.params, run.data.metrics
