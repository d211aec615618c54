"""Run by MLflow's own interpreter, of whatever version: records what an import has to bring along.

`python written_by_mlflow.py TRACKING_URI`; prints what MLflow itself reads back, as JSON.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import mlflow  # noqa: E402
from mlflow.entities import Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

START = 1_700_000_000_000
LOSSES = [
    Metric("loss", value, START + step, step) for step, value in enumerate([1.0, math.nan, math.inf, -math.inf, 0.25])
]
EQUAL_STEPS = [Metric("val/acc", value, START + delay, 7) for delay, value in ((5, 0.5), (1, 0.75), (3, 0.625))]
MAJOR = int(mlflow.__version__.partition(".")[0])


def main(uri: str) -> None:
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    digits = client.create_experiment("digits", tags={"team": "vision"})
    gone = client.create_experiment("gone")
    parent = record_parent(client, digits)
    child = client.create_run(digits, start_time=START + 10, tags={"mlflow.parentRunId": parent}).info.run_id
    client.set_terminated(child, status="FAILED", end_time=START + 20)
    deleted = client.create_run(digits, start_time=START + 30).info.run_id
    client.log_metric(deleted, "loss", 3.5, START + 31, 2)
    client.delete_run(deleted)
    client.create_run("0", start_time=START + 40)  # still RUNNING
    client.create_run(gone, start_time=START + 50)
    client.delete_experiment(gone)
    record_inputs(client, parent)
    record_registry(client, parent)
    record_models(digits, parent)
    print(json.dumps(read_back(client)))


def record_parent(client: MlflowClient, experiment: str) -> str:
    run_id = client.create_run(
        experiment, start_time=START, tags={"mlflow.user": "ada", "mlflow.runName": "the parent", "Grüße": "ünï\ncode"}
    ).info.run_id
    client.log_batch(run_id, metrics=LOSSES + EQUAL_STEPS, params=[Param("lr", "0.1"), Param("text", "two\nlines ")])
    client.log_batch(run_id, tags=[RunTag("kind", "test"), RunTag("empty", "")])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "notes").mkdir()
        Path(folder, "notes", "report.txt").write_text("all is well\n")
        client.log_artifacts(run_id, folder)
    client.set_terminated(run_id, end_time=START + 1000)
    return run_id


def record_inputs(client: MlflowClient, run_id: str) -> None:
    if MAJOR < 2:
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset("iris", "abc123", "local", '{"uri": "iris.csv"}', '{"columns": 4}', '{"rows": 150}')
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def record_registry(client: MlflowClient, run_id: str) -> None:
    if MAJOR < 2 and client.tracking_uri.startswith(("/", "file:")):
        return  # 1.x has no registry in files
    client.create_registered_model("net", {"kind": "cnn"}, "a net")
    source = client.get_run(run_id).info.artifact_uri + "/notes"
    for description in ("first", "second", "third"):
        client.create_model_version("net", source, run_id, tags={"size": "small"}, description=description)
    client.delete_model_version("net", "2")
    client.transition_model_version_stage("net", "1", "Production")
    if MAJOR >= 2:
        client.set_registered_model_alias("net", "best", "3")


def record_models(experiment: str, run_id: str) -> None:
    if MAJOR < 3:
        return
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    client = MlflowClient()
    model = client.create_logged_model(
        experiment, name="cnn", source_run_id=run_id, tags={"a": "b"}, params={"depth": "3"}, model_type="net"
    )
    client.log_metric(
        run_id, "f1", 0.5, timestamp=START + 60, step=3, model_id=model.model_id,
        dataset_name="iris", dataset_digest="abc123",
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp())
    (folder / "MLmodel").write_text("flavors: {}\n")
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_inputs(run_id, models=[LoggedModelInput(model.model_id)])
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=3)])
    client.create_model_version("net", f"models:/{model.model_id}", run_id, model_id=model.model_id)


def read_back(client: MlflowClient) -> dict:
    experiments = client.search_experiments(view_type=ViewType.ALL)
    return {
        "experiments": [
            {"name": one.name, "id": one.experiment_id, "stage": one.lifecycle_stage, "tags": dict(one.tags)}
            for one in experiments
        ],
        "runs": [
            read_run(client, run, one.name)
            for one in experiments
            for run in client.search_runs([one.experiment_id], run_view_type=ViewType.ALL)
        ],
    }


def read_run(client: MlflowClient, run, experiment: str) -> dict:
    info = run.info
    return {
        "run_id": info.run_id,
        "experiment": experiment,
        "run_name": info.run_name or "",
        "status": info.status,
        "user_id": info.user_id,
        "start_time": info.start_time,
        "end_time": info.end_time,
        "stage": info.lifecycle_stage,
        "params": run.data.params,
        "tags": run.data.tags,
        "history": {
            key: [
                [point.step, point.timestamp, repr(point.value)]
                for point in client.get_metric_history(info.run_id, key)
            ]
            for key in run.data.metrics
        },
    }


main(sys.argv[1])
