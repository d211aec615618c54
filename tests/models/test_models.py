"""Models saved, logged, registered and loaded again, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import runstone
from runstone.errors import InvalidInput, NotFound
from runstone.models import Schema, infer_signature
from runstone.models.mlmodel import read_model

X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1, 2, 3, 4]})
Y = np.array([0, 0, 1, 1])

CODE = """
import mlflow

class Adder(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        with open(context.artifacts["offset"]) as file:
            self.offset = int(file.read())

    def predict(self, context, model_input, params=None):
        return model_input["a"] + self.offset

mlflow.models.set_model(Adder())
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[runstone.Client]:
    before = runstone.get_tracking_uri()
    runstone.set_tracking_uri(tmp_path / "home")
    yield runstone.Client()
    runstone.end_run()
    runstone.set_tracking_uri(before)


@pytest.fixture(scope="module")
def trained() -> LogisticRegression:
    return LogisticRegression().fit(X, Y)


def test_an_estimator_is_logged_registered_and_loaded_by_every_uri(
    client: runstone.Client, trained: LogisticRegression
) -> None:
    with runstone.start_run() as run:
        info = runstone.sklearn.log_model(
            trained, name="digits", input_example=X, registered_model_name="net", params={"c": 1}
        )
    client.set_registered_model_alias("net", "champion", 1)
    uris = [
        info.model_uri, f"runs:/{run.info.run_id}/digits", "models:/net/1", "models:/net/latest",
        "models:/net@champion",
    ]  # fmt: skip
    for uri in uris:
        assert (runstone.pyfunc.load_model(uri).predict(X) == trained.predict(X)).all()
    assert isinstance(runstone.sklearn.load_model(info.model_uri), LogisticRegression)
    logged = runstone.get_logged_model(info.model_id)
    assert (logged.status, logged.params, logged.source_run_id) == ("READY", {"c": "1"}, run.info.run_id)
    assert [one.model_id for one in client.get_run(run.info.run_id).outputs.model_outputs] == [info.model_id]
    version = client.get_model_version_by_alias("net", "champion")
    assert (version.model_id, version.run_id) == (info.model_id, run.info.run_id)
    again = runstone.register_model(f"runs:/{run.info.run_id}/digits", "net", tags={"by": "hand"})
    assert (again.version, again.model_id, again.tags) == ("2", info.model_id, {"by": "hand"})
    assert [one.version for one in runstone.search_model_versions(filter_string="name = 'net'")] == ["2", "1"]
    assert client.copy_model_version("models:/net@champion", "other").name == "other"
    assert [one.name for one in runstone.search_registered_models()] == ["net", "other"]


def test_a_model_that_cannot_be_saved_is_a_failed_one(client: runstone.Client) -> None:
    with runstone.start_run() as run, pytest.raises(InvalidInput, match="estimator"):
        runstone.sklearn.log_model("no model", name="broken")
    assert client.search_logged_models([run.info.experiment_id]) == []
    with runstone.start_run(), pytest.raises(InvalidInput, match="input example"):
        runstone.sklearn.log_model(LogisticRegression(), name="broken", input_example=object())
    (failed,) = client.search_logged_models([run.info.experiment_id])
    assert failed.status == "FAILED"


def test_a_pickle_is_loaded_on_the_users_word_alone(
    tmp_path: Path, trained: LogisticRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    runstone.sklearn.save_model(trained, tmp_path / "model", serialization_format="cloudpickle")
    for load in (runstone.sklearn.load_model, runstone.pyfunc.load_model):
        with pytest.raises(InvalidInput, match=r"model\.pkl would run .* allow_code=True\) or set"):
            load(tmp_path / "model")
        load(tmp_path / "model", allow_code=True)
    monkeypatch.setenv("RUNSTONE_ALLOW_MODEL_CODE", "true")
    assert isinstance(runstone.sklearn.load_model(tmp_path / "model"), LogisticRegression)


def test_what_skops_does_not_know_is_named_and_refused(tmp_path: Path) -> None:
    pipeline = make_pipeline(FunctionTransformer(pickle.dumps), StandardScaler())
    runstone.sklearn.save_model(pipeline, tmp_path / "model", skops_trusted_types=["_pickle.dumps"])
    with pytest.raises(InvalidInput, match=r"harmless: _pickle\.dumps"):
        runstone.sklearn.load_model(tmp_path / "model")
    runstone.sklearn.load_model(tmp_path / "model", skops_trusted_types=["_pickle.dumps"])


def test_a_description_leads_to_no_file_outside_its_folder(tmp_path: Path, trained: LogisticRegression) -> None:
    runstone.sklearn.save_model(trained, tmp_path / "model")
    (tmp_path / "model" / "model.skops").rename(tmp_path / "model.skops")
    model = read_model(tmp_path / "model")
    model.flavors["sklearn"]["pickled_model"] = "../model.skops"
    model.save(tmp_path / "model")
    with pytest.raises(InvalidInput, match="not in its folder"):
        runstone.sklearn.load_model(tmp_path / "model")
    with pytest.raises(NotFound, match="has no file MLmodel"):
        runstone.sklearn.load_model(tmp_path)


def test_code_runs_on_the_users_word_alone_and_finds_its_files(tmp_path: Path) -> None:
    (tmp_path / "adder.py").write_text(CODE)
    (tmp_path / "offset.txt").write_text("7")
    runstone.pyfunc.save_model(
        tmp_path / "model", str(tmp_path / "adder.py"), artifacts={"offset": str(tmp_path / "offset.txt")}
    )
    with pytest.raises(InvalidInput, match=r"adder\.py would run"):
        runstone.pyfunc.load_model(tmp_path / "model")
    model = runstone.pyfunc.load_model(tmp_path / "model", allow_code=True)
    assert model.predict(X).tolist() == [7, 8, 9, 10]


def test_what_predict_is_given_fits_the_signature_or_is_refused(tmp_path: Path, trained: LogisticRegression) -> None:
    runstone.sklearn.save_model(trained, tmp_path / "model", signature=infer_signature(X, Y))
    model = runstone.pyfunc.load_model(tmp_path / "model")
    expected = trained.predict(X).tolist()
    shuffled = X[["b", "a"]].assign(more="x")
    assert model.predict(shuffled).tolist() == expected
    assert model.predict(X.astype({"a": "int64", "b": "int32"})).tolist() == expected
    with pytest.raises(InvalidInput, match=r"missing inputs \['b'\]"):
        model.predict(X[["a"]])
    with pytest.raises(InvalidInput, match="column 'b': cannot turn float64 into int64"):
        model.predict(X.astype({"b": "float64"}))


def test_signatures_follow_from_data() -> None:
    frame = pd.DataFrame({"t": ["x"], "n": [np.nan], "f": np.float32([1]), "d": pd.to_datetime(["2026-01-01"])})
    signature = infer_signature(frame, np.zeros((3, 2), np.float32))
    columns = [
        (one["name"], one["type"], one["required"]) for one in (spec.to_dict() for spec in signature.inputs.inputs)
    ]
    assert columns == [("t", "string", True), ("n", "double", False), ("f", "float", True), ("d", "datetime", True)]
    assert signature.outputs.inputs[0].to_dict() == {
        "type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]},
    }  # fmt: skip
    for schema in (signature.inputs, signature.outputs):
        assert Schema.from_json(schema.to_json()) == schema
    with pytest.raises(InvalidInput, match="no word for"):
        infer_signature(pd.DataFrame({"c": [1j]}))
