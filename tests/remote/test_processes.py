"""Whole programs that record at a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from runstone.remote.tracking import RemoteTracking
from tests.remote.conftest import ROOT
from tests.remote.scripted import ScriptedServer


def run_program(folder: Path, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program's output; it must end well."""
    path = folder / "train.py"
    path.write_text("import runstone as mlflow\n" + textwrap.dedent(program))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", str(path)],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT / "src"), "LOGNAME": "ada", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


TRAINING = """
    import json, pathlib
    mlflow.set_experiment("vision")
    pathlib.Path("data").mkdir()
    pathlib.Path("data/weights.bin").write_bytes(b"w" * 100_000)
    with mlflow.start_run(run_name="outer", tags={"team": "blue"}) as run:
        mlflow.log_params({"lr": 0.1, "layers": [1, 2]})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"a": float("nan"), "b": float("inf")})
        mlflow.log_text("héllo", "notes/a.txt")
        mlflow.log_dict({"x": [1]}, "config.json")
        mlflow.log_artifacts("data", "data")
        with mlflow.start_run(nested=True, run_name="inner"):
            mlflow.set_tag("k", "v")
    frame = mlflow.search_runs(filter_string="metrics.loss < 0.3", order_by=["metrics.loss"])
    client = mlflow.MlflowClient()
    place = client.download_artifacts(run.info.run_id, "data")
    print(json.dumps({
        "run_id": run.info.run_id,
        "rows": frame["tags.mlflow.runName"].tolist(),
        "loss": frame["metrics.loss"].tolist(),
        "children": len(mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'")),
        "history": [metric.value for metric in client.get_metric_history(run.info.run_id, "loss")],
        "files": [file.path for file in client.list_artifacts(run.info.run_id)],
        "note": mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt"),
        "config": mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/config.json"),
        "weights": len(pathlib.Path(place, "weights.bin").read_bytes()),
        "status": mlflow.get_run(run.info.run_id).info.status,
    }))
"""


def test_a_training_script_records_at_a_server(tmp_path: Path, url: str, tracking: RemoteTracking) -> None:
    done = run_program(tmp_path, TRAINING, RUNSTONE_TRACKING_URI=url)
    found = json.loads(done.stdout)
    run_id = found.pop("run_id")
    assert found == {
        "rows": ["outer"],
        "loss": [0.2],
        "children": 1,
        "history": [1.0, 0.5, 1 / 3, 0.25, 0.2],
        "files": ["config.json", "data", "notes"],
        "note": "héllo",
        "config": {"x": [1]},
        "weights": 100_000,
        "status": "FINISHED",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "train.py"]  # nothing was recorded here
    assert tracking.get_run(run_id).data.params == {"lr": "0.1", "layers": "[1, 2]"}


def test_the_password_in_the_tracking_uri_is_not_printed(tmp_path: Path, url: str) -> None:
    with_password = url.replace("http://", "http://ada:s3cret@")
    done = run_program(tmp_path, "with mlflow.start_run():\n    pass", RUNSTONE_TRACKING_URI=with_password)
    assert url in done.stderr
    assert "s3cret" not in done.stderr + done.stdout


def test_a_forked_child_makes_a_connection_of_its_own(tmp_path: Path) -> None:
    server = ScriptedServer()
    program = """
        import os
        from runstone.connect import connect
        tracking = connect()
        tracking.delete_run("before")
        child = os.fork()
        for number in range(20):
            tracking.delete_run(f"{'child' if child == 0 else 'parent'}-{number}")
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    run_program(tmp_path, program, RUNSTONE_TRACKING_URI=server.url)
    assert len(server.arrived) == 41
    assert server.connections == 2
    server.close()


def test_recording_in_a_folder_loads_no_http(tmp_path: Path) -> None:
    program = """
        import sys
        with mlflow.start_run():
            mlflow.log_metric("a", 1)
        assert not {name for name in sys.modules if name.startswith(("urllib3", "http.client", "runstone.wire"))}
    """
    run_program(tmp_path, program)
