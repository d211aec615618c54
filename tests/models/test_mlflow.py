"""Models that MLflow has saved, and ours in MLflow's hands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

import runstone
from tests.exchange.conftest import mlflow_environment
from tests.models.test_models import CODE, X, Y
from tests.peers.environments import find_mlflow
from tests.server.conftest import Start, start_server

__all__ = ["start_server"]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("models-mlflow")]
PEER = Path(__file__).with_name("peer.py")


def mlflow(major: str, *arguments: object) -> str:
    command = [str(find_mlflow(major)), str(PEER), *map(str, arguments)]
    done = subprocess.run(command, env=mlflow_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("major", ["3", "2"])
def test_what_mlflow_saved_loads_here(major: str, tmp_path: Path) -> None:
    mlflow(major, "save", tmp_path)
    pickled = runstone.pyfunc.load_model(tmp_path / "pickled", allow_code=True)
    assert pickled.predict(X).tolist() == [0, 0, 1, 1]
    example = pickled.metadata.load_input_example(tmp_path / "pickled")
    assert example.to_dict() == X.to_dict()
    code = runstone.pyfunc.load_model(tmp_path / "code", allow_code=True)
    assert code.predict(X).tolist() == [0, 2, 4, 6]
    if major == "3":
        model = runstone.pyfunc.load_model(tmp_path / "skops")
        assert model.predict(X).tolist() == [0, 0, 1, 1]
        assert model.metadata.signature.inputs.input_names() == ["a", "b"]
        assert isinstance(runstone.sklearn.load_model(tmp_path / "skops"), LogisticRegression)


def test_what_is_saved_here_loads_in_mlflow(tmp_path: Path) -> None:
    trained = LogisticRegression().fit(X, Y)
    runstone.sklearn.save_model(trained, tmp_path / "skops", input_example=X)
    runstone.sklearn.save_model(trained, tmp_path / "pickled", serialization_format="cloudpickle")
    (tmp_path / "adder.py").write_text(CODE)
    (tmp_path / "offset.txt").write_text("7")
    files = {"offset": str(tmp_path / "offset.txt")}
    runstone.pyfunc.save_model(tmp_path / "code", str(tmp_path / "adder.py"), artifacts=files)
    assert json.loads(mlflow("3", "load", tmp_path / "skops")) == [[0, 0, 1, 1], ["a", "b"]]
    assert json.loads(mlflow("3", "load", tmp_path / "pickled")) == [[0, 0, 1, 1], None]
    assert json.loads(mlflow("3", "load", tmp_path / "code")) == [[7, 8, 9, 10], None]
    assert json.loads(mlflow("2", "load", tmp_path / "code")) == [[7, 8, 9, 10], None]


def test_mlflow_loads_from_our_server_what_was_logged_here(start_server: Start) -> None:
    url = start_server().url
    before = runstone.get_tracking_uri()
    runstone.set_tracking_uri(url)
    try:
        with runstone.start_run() as run:
            runstone.sklearn.log_model(
                LogisticRegression().fit(X, Y), name="digits", input_example=X, registered_model_name="net"
            )
        runstone.Client().set_registered_model_alias("net", "champion", 1)
        assert runstone.pyfunc.load_model("models:/net@champion").predict(X).tolist() == [0, 0, 1, 1]
    finally:
        runstone.set_tracking_uri(before)
    said = json.loads(mlflow("3", "registry", url, f"runs:/{run.info.run_id}/digits"))
    assert said == [[0, 0, 1, 1], "LogisticRegression"]
