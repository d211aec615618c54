"""Names and arguments: where MLflow's users look for things, and code that imports mlflow itself.

`tests/data/mlflow_signatures.json` holds the facts of MLflow 3.17, written by

    MLFLOW_PYTHON tests/data/mlflow_signatures.py > tests/data/mlflow_signatures.json
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import runstone
import runstone as mlflow
from runstone import errors, fluent
from tests.fluent.conftest import Scripts

SIGNATURES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "mlflow_signatures.json").read_text())
PLACES: dict[str, Any] = {"mlflow": mlflow, "artifacts": mlflow.artifacts, "client": mlflow.MlflowClient}
FUNCTIONS = [(place, name) for place in PLACES for name in SIGNATURES[place]]

LEFT_OUT = {
    ("mlflow", "create_experiment"): {"trace_location"},  # traces in a cloud catalogue, which Runstone does not have
    ("mlflow", "set_experiment"): {"trace_location"},
    ("mlflow", "register_model"): {"env_pack"},  # Databricks' environments
    ("client", "create_registered_model"): {"deployment_job_id"},  # Databricks' jobs
    ("client", "update_registered_model"): {"deployment_job_id"},
    ("client", "__init__"): {"workspace_store_uri"},  # a server shared by tenants names its store so
    ("client", "log_inputs"): {"models"},  # links to logged models, which Runstone does not keep as entities
}
"""Arguments of MLflow that Runstone does not take, each with its reason."""

OURS_ALONE = {
    "mlflow": {"flush", "install_as_mlflow", "log_audio", "log_histogram", "log_video"},
    "client": {"flush", "log_audio", "log_histogram", "log_video", "tracking", "tracking_uri"},
}
"""Functions and methods that MLflow does not have, or has as an attribute."""


def arguments(place: str, name: str) -> list[inspect.Parameter]:
    parameters = inspect.signature(getattr(PLACES[place], name)).parameters
    return [one for one in parameters.values() if one.name != "self"]


# -- arguments


@pytest.mark.parametrize(("place", "name"), FUNCTIONS)
def test_arguments_have_mlflows_names_order_and_defaults(place: str, name: str) -> None:
    theirs = [one for one in SIGNATURES[place][name] if one["name"] not in LEFT_OUT.get((place, name), ())]
    ours = arguments(place, name)
    assert [one.name for one in ours[: len(theirs)]] == [one["name"] for one in theirs]
    for mine, fact in zip(ours, theirs, strict=False):
        assert mine.kind is mine.POSITIONAL_OR_KEYWORD or fact.get("keyword_only")
        if "default" in fact:
            assert json.loads(json.dumps(mine.default)) == fact["default"], mine.name
    for more in ours[len(theirs) :]:
        assert more.default is not more.empty, f"{more.name} is ours, so callers of MLflow do not give it"


def test_every_function_and_method_is_compared() -> None:
    functions = {name for name in runstone.__all__ if inspect.isfunction(getattr(runstone, name))}
    assert functions - OURS_ALONE["mlflow"] == set(SIGNATURES["mlflow"])
    methods = {name for name in dir(mlflow.MlflowClient) if not name.startswith("_")}
    assert methods - OURS_ALONE["client"] == set(SIGNATURES["client"]) - {"__init__"}
    assert set(runstone.artifacts.__all__) == set(SIGNATURES["artifacts"])


def test_every_argument_that_is_left_out_is_one_of_mlflows() -> None:
    for (place, name), left_out in LEFT_OUT.items():
        assert left_out <= {one["name"] for one in SIGNATURES[place][name]}


# -- places


def test_names_are_where_mlflows_users_import_them() -> None:

    from runstone.client import MlflowClient as ClientOfClient
    from runstone.entities import (
        Dataset,
        DatasetInput,
        Experiment,
        ExperimentTag,
        FileInfo,
        InputTag,
        LifecycleStage,
        Metric,
        Param,
        Run,
        RunData,
        RunInfo,
        RunInputs,
        RunStatus,
        RunTag,
        SourceType,
        ViewType,
    )
    from runstone.exceptions import MlflowException
    from runstone.tracking import MlflowClient, get_tracking_uri, is_tracking_uri_set, set_tracking_uri

    assert mlflow.tracking.MlflowClient is mlflow.MlflowClient is mlflow.Client is MlflowClient is ClientOfClient
    assert mlflow.MlflowException is mlflow.exceptions.MlflowException is MlflowException is errors.RunstoneError
    assert mlflow.entities.ViewType is mlflow.ViewType is ViewType
    assert (get_tracking_uri, is_tracking_uri_set, set_tracking_uri) == (
        mlflow.get_tracking_uri,
        mlflow.is_tracking_uri_set,
        mlflow.set_tracking_uri,
    )
    assert mlflow.tracking.fluent.start_run is mlflow.start_run
    assert mlflow.tracking.client.MlflowClient is mlflow.MlflowClient
    entities = (
        Dataset,
        DatasetInput,
        Experiment,
        ExperimentTag,
        FileInfo,
        InputTag,
        LifecycleStage,
        Metric,
        Param,
        Run,
    )
    assert all(entities) and all((RunData, RunInfo, RunInputs, RunStatus, RunTag, SourceType))


def test_an_error_is_caught_and_read_as_mlflows_users_do() -> None:
    with pytest.raises(mlflow.MlflowException) as caught:
        mlflow.get_run("0" * 32)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert "0" * 32 in caught.value.message


def test_every_name_of_the_root_is_there() -> None:
    for name in runstone.__all__:
        assert getattr(runstone, name) is not None
        assert name in dir(runstone)
    assert set(fluent.__all__) <= set(runstone.__all__)
    for module in (runstone, runstone.tracking, runstone.artifacts):
        with pytest.raises(AttributeError, match="nothing_of_this_name"):
            module.nothing_of_this_name


# -- code that imports mlflow itself

THIRD_PARTY = """
import mlflow
import mlflow.tracking
import mlflow.utils.validation
from mlflow import MlflowException
from mlflow.artifacts import download_artifacts
from mlflow.client import MlflowClient as ClientOfClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException as Raised
from mlflow.tracking import MlflowClient
from mlflow.tracking.client import MlflowClient as ClientOfTracking
from mlflow.tracking.fluent import active_run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

def train():
    client = MlflowClient()
    experiment_id = client.create_experiment("third party")
    run = client.create_run(experiment_id, tags={MLFLOW_RUN_NAME: "theirs"})
    length = mlflow.utils.validation.MAX_PARAM_VAL_LENGTH
    client.log_batch(run.info.run_id, [Metric("m", 1.0, 1, 0)], [Param("p", "v" * length)], [RunTag("t", "1")])
    client.set_terminated(run.info.run_id)
    (found,) = client.search_runs([experiment_id], run_view_type=ViewType.ACTIVE_ONLY)
    print(found.info.run_name, found.info.status, found.data.metrics, len(found.data.params["p"]))
    assert MlflowClient is ClientOfClient is ClientOfTracking is mlflow.tracking.MlflowClient
    try:
        client.get_run("0" * 32)
    except Raised as error:
        print(error.error_code)
    with mlflow.start_run(experiment_id=experiment_id):
        assert active_run() is mlflow.active_run()
        mlflow.log_text("x", "a.txt")
        print(open(download_artifacts(mlflow.get_artifact_uri("a.txt"))).read())
"""


def test_code_that_imports_mlflow_itself_gets_runstone(scripts: Scripts) -> None:
    (scripts.folder / "third_party.py").write_text(THIRD_PARTY)
    done = scripts.run("""
        mlflow.install_as_mlflow()
        mlflow.install_as_mlflow()
        import third_party
        third_party.train()
        import importlib.util
        assert importlib.util.find_spec("mlflow") is not None
        try:
            import mlflow.tracing
        except ImportError as error:
            print(type(error).__name__)
    """)
    assert done.stdout.splitlines() == [
        "theirs FINISHED {'m': 1.0} 6000",
        "RESOURCE_DOES_NOT_EXIST",
        "x",
        "ModuleNotFoundError",
    ]


def test_runstone_does_not_take_the_place_of_an_mlflow_that_is_loaded(scripts: Scripts) -> None:
    (scripts.folder / "mlflow.py").write_text("real = True")
    done = scripts.run("""
        import mlflow as theirs
        try:
            mlflow.install_as_mlflow()
        except mlflow.MlflowException as error:
            print(error)
        import mlflow as again
        print(again.real)
    """)
    assert done.stdout.splitlines()[0].startswith("mlflow itself is loaded in this process already")
    assert done.stdout.splitlines()[1] == "True"
