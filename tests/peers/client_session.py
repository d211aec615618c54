"""A real MLflow client's session against a server, as one training project would have it: client_session.py URL FOLDER

Runs in MLflow 1.30, 2.22 and 3.17; steps that a version does not have are left out. Prints one JSON object: what the
client saw. Any error ends it.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

import matplotlib  # noqa: E402

matplotlib.use("Agg")

import mlflow  # noqa: E402
import mlflow.sklearn  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import sklearn.metrics  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

URL, FOLDER = sys.argv[1], Path(sys.argv[2])
VERSION = mlflow.__version__
MAJOR = int(VERSION.split(".")[0])
EXPERIMENT = f"session {VERSION}"
MODEL = f"iris-{VERSION}"

mlflow.set_tracking_uri(URL)
client = MlflowClient()
saw: dict[str, Any] = {"version": VERSION}


def refusal(act: Any) -> list[str]:
    try:
        act()
    except MlflowException as error:
        return [str(error.error_code), str(error)]
    raise AssertionError("this should have been refused")


def record_a_run() -> str:
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name="parent", tags={"team": "blue"}) as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"depth": 3, "name": "ünïcode"})
        for step in range(20):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        mlflow.log_metrics({"accuracy": 0.5, "nothing": math.nan, "far": math.inf, "low": -math.inf}, step=7)
        mlflow.set_tag("stage", "first")
        mlflow.set_tags({"a": "1", "b": "2"})
        mlflow.delete_tag("b")
        mlflow.log_text("hello", "texts/hello.txt")
        mlflow.log_dict({"k": [1, 2]}, "config.json")
        mlflow.log_dict({"k": [1, 2]}, "config.yaml")
        figure = plt.figure()
        figure.add_subplot().plot([1, 2, 3])
        mlflow.log_figure(figure, "figures/curve.png")
        mlflow.log_image(np.zeros((4, 4, 3), np.uint8), "black.png")
        if hasattr(mlflow, "log_table"):
            mlflow.log_table({"question": ["q"], "answer": ["a"]}, "table.json")
        if hasattr(mlflow, "log_input"):
            frame = pd.DataFrame({"x": [1.0, 2.0]})
            mlflow.log_input(mlflow.data.from_pandas(frame, name="two rows"), context="training")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "deep" / "er").mkdir(parents=True)
            (Path(folder) / "deep" / "er" / "data.bin").write_bytes(bytes(range(256)) * 1000)
            mlflow.log_artifacts(folder, "tree")
        with mlflow.start_run(nested=True, run_name="child"):
            mlflow.log_metric("loss", 3)
    return str(run.info.run_id)


def look_at(run_id: str) -> None:
    run = client.get_run(run_id)
    saw["status"] = run.info.status
    saw["name"] = run.data.tags["mlflow.runName"]
    saw["params"] = run.data.params
    saw["metrics"] = {key: str(value) for key, value in sorted(run.data.metrics.items())}
    saw["tags"] = {key: run.data.tags.get(key) for key in ("team", "stage", "a", "b")}
    saw["history"] = [[point.step, point.value] for point in client.get_metric_history(run_id, "loss")]
    saw["artifacts"] = sorted(file.path for file in client.list_artifacts(run_id))
    saw["figures"] = [file.path for file in client.list_artifacts(run_id, "figures")]
    saw["proxied"] = run.info.artifact_uri.split(":")[0]
    local = client.download_artifacts(run_id, "tree", str(FOLDER))
    saw["downloaded"] = (Path(local) / "deep" / "er" / "data.bin").read_bytes() == bytes(range(256)) * 1000
    saw["text"] = Path(client.download_artifacts(run_id, "texts/hello.txt", str(FOLDER))).read_text()
    if MAJOR > 1:
        saw["dataset"] = [link.dataset.name for link in run.inputs.dataset_inputs]


def search(run_id: str) -> None:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    ids = [experiment.experiment_id]
    for number in range(7):
        made = client.create_run(ids[0], tags={"number": str(number)})
        client.log_metric(made.info.run_id, "rank", number)
        client.set_terminated(made.info.run_id)
    found, token = [], None
    while True:
        page = client.search_runs(
            ids, "metrics.rank >= 2", order_by=["metrics.rank DESC"], max_results=2, page_token=token
        )
        found.extend(run.data.metrics["rank"] for run in page)
        token = page.token
        if not token:
            break
    saw["pages"] = found
    saw["filtered"] = len(
        client.search_runs(ids, "params.lr = '0.1' and tags.team = 'blue' and attributes.status = 'FINISHED'")
    )
    frame = mlflow.search_runs(ids, order_by=["metrics.rank ASC"])
    saw["frame"] = [len(frame), "params.lr" in frame.columns, "metrics.rank" in frame.columns]
    children = client.search_runs(ids, f"tags.mlflow.parentRunId = '{run_id}'")
    saw["children"] = [run.data.tags["mlflow.runName"] for run in children]


def delete_and_restore(run_id: str) -> None:
    client.delete_run(run_id)
    saw["deleted"] = client.get_run(run_id).info.lifecycle_stage
    saw["write to a deleted run"] = refusal(lambda: client.log_metric(run_id, "x", 1))
    client.restore_run(run_id)
    saw["restored"] = client.get_run(run_id).info.lifecycle_stage
    made = client.create_experiment(f"{EXPERIMENT} to delete", tags={"k": "v"})
    client.rename_experiment(made, f"{EXPERIMENT} renamed")
    client.set_experiment_tag(made, "note", "n")
    saw["experiment tags"] = client.get_experiment(made).tags.get("note")
    client.delete_experiment(made)
    saw["run in a deleted experiment"] = refusal(lambda: client.create_run(made))
    client.restore_experiment(made)
    saw["experiment"] = client.get_experiment(made).lifecycle_stage


def refused(run_id: str) -> None:
    saw["changed param"] = refusal(lambda: client.log_param(run_id, "lr", "0.2"))
    saw["unknown run"] = refusal(lambda: client.get_run("0f" * 16))
    saw["taken name"] = refusal(lambda: client.create_experiment(EXPERIMENT))
    saw["bad filter"] = refusal(lambda: client.search_runs(["0"], "metrics.loss ~ 3"))
    saw["bad token"] = refusal(lambda: client.search_runs(["0"], page_token="rubbish"))


def models() -> None:
    features, target = load_iris(return_X_y=True)
    if MAJOR > 1 or hasattr(sklearn.metrics, "SCORERS"):  # 1.30 knows no newer scikit-learn
        mlflow.sklearn.autolog(silent=True)
        with mlflow.start_run(run_name="autologged") as run:
            LogisticRegression(max_iter=200).fit(features, target)
        mlflow.sklearn.autolog(disable=True)
        run = client.get_run(run.info.run_id)
        saw["autologged"] = [run.data.params.get("max_iter"), len(client.list_artifacts(run.info.run_id)) > 0]

    model = LogisticRegression(max_iter=100).fit(features, target)
    with mlflow.start_run(run_name="registered"):
        if MAJOR < 3:
            mlflow.sklearn.log_model(model, "model", registered_model_name=MODEL)
        else:
            mlflow.sklearn.log_model(model, name="model", registered_model_name=MODEL)
    loaded = mlflow.sklearn.load_model(f"models:/{MODEL}/1")
    saw["model"] = bool((loaded.predict(features) == model.predict(features)).all())
    client.set_registered_model_tag(MODEL, "owner", "me")
    client.update_model_version(MODEL, "1", description="the first")
    if MAJOR < 3:
        client.transition_model_version_stage(MODEL, "1", "Production")
        mlflow.sklearn.load_model(f"models:/{MODEL}/Production")
    if MAJOR > 1:
        client.set_registered_model_alias(MODEL, "best", "1")
        saw["alias"] = client.get_model_version_by_alias(MODEL, "best").version
        mlflow.sklearn.load_model(f"models:/{MODEL}@best")
    saw["registered"] = client.get_registered_model(MODEL).tags.get("owner")
    saw["description"] = client.get_model_version(MODEL, "1").description
    saw["found models"] = [found.name for found in client.search_registered_models(f"name = '{MODEL}'")]


run_id = record_a_run()
look_at(run_id)
search(run_id)
delete_and_restore(run_id)
refused(run_id)
models()
saw["run_id"] = run_id
# What the sessions before this one have recorded, whatever their version.
saw["others"] = sorted(
    experiment.name
    for experiment in client.search_experiments(max_results=1000)
    if experiment.name.startswith("session")
)
print(json.dumps(saw))
