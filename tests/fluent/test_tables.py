"""Tables as files of a run, and what is read back from one or all runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import polars as pl
import pytest

import runstone as mlflow
from runstone.errors import InvalidInput, NotFound


def test_rows_are_appended_to_the_table_that_is_there() -> None:
    with mlflow.start_run() as run:
        mlflow.log_table({"a": [1, 2], "b": ["x", None]}, "t/t.json")
        mlflow.log_table(pd.DataFrame({"a": [3], "c": [1.5]}), "t/t.json")
    text = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="t/t.json")).read_text()
    assert json.loads(text) == {"columns": ["a", "b", "c"], "data": [[1, "x", None], [2, None, None], [3, None, 1.5]]}
    tags = mlflow.get_run(run.info.run_id).data.tags
    assert json.loads(tags["mlflow.loggedArtifacts"]) == [{"path": "t/t.json", "type": "table"}]


@pytest.mark.parametrize("name", ["t.json", "t.parquet"])
def test_a_table_comes_back_as_it_was(name: str) -> None:
    given = pd.DataFrame({"text": ["a", "ä\n"], "number": [0.1, 2.0], "whole": [1, 2], "truth": [True, False]})
    with mlflow.start_run() as run:
        mlflow.log_table(given, name)
    pd.testing.assert_frame_equal(mlflow.load_table(name, run_ids=[run.info.run_id]), given, check_dtype=False)


def test_a_dictionary_of_single_values_is_a_row() -> None:
    with mlflow.start_run() as run:
        mlflow.log_table({"a": 1, "b": "text"}, "t.json")
    assert mlflow.load_table("t.json", [run.info.run_id]).to_dict("records") == [{"a": 1, "b": "text"}]


@pytest.mark.parametrize("file", ["t.json", "sub/t.parquet"])
def test_images_in_a_table_are_files_that_it_names(file: str) -> None:
    pictures = [mlflow.Image(np.zeros((300, 4, 3), np.uint8)), PIL.Image.new("RGB", (2, 2))]
    with mlflow.start_run() as run:
        for number, picture in enumerate(pictures):
            mlflow.log_table({"number": [number], "picture": [picture]}, file)
    client = mlflow.MlflowClient()
    found = mlflow.load_table(file, [run.info.run_id])
    assert found["number"].tolist() == [0, 1]
    for cell, height in zip(found["picture"], (300, 2), strict=True):
        assert cell["type"] == "image"
        folder = f"table_images/{Path(file).with_suffix('')}"
        assert re.fullmatch(rf"{folder}/[0-9a-f-]{{36}}\.png", cell["filepath"])
        with PIL.Image.open(client.download_artifacts(run.info.run_id, cell["filepath"])) as image:
            assert (image.format, image.height) == ("PNG", height)
        with PIL.Image.open(client.download_artifacts(run.info.run_id, cell["compressed_filepath"])) as image:
            assert (image.format, image.height) == ("WEBP", min(height, 256))


def test_frames_of_polars_are_tables() -> None:
    with mlflow.start_run() as run:
        mlflow.log_table(pl.DataFrame({"a": [1, 2]}), "t.json")
    assert mlflow.load_table("t.json", [run.info.run_id])["a"].tolist() == [1, 2]


def test_all_runs_of_the_experiment_that_have_the_table_are_read() -> None:
    mlflow.set_experiment("tables")
    ids = []
    for number in range(3):
        with mlflow.start_run(run_name=f"run {number}") as run:
            mlflow.log_param("number", number)
            if number != 1:
                mlflow.log_table({"a": [number]}, "evaluation/50%.json")
                ids.append(run.info.run_id)
            mlflow.log_table({"a": [9]}, "other.json")
    found = mlflow.load_table("evaluation/50%.json", extra_columns=["run_id", "params.number"])
    rows = sorted(zip(found["a"], found["run_id"], found["params.number"], strict=True))
    assert rows == [(0, ids[0], "0"), (2, ids[1], "2")]


def test_what_is_not_there_is_told() -> None:
    with mlflow.start_run() as run:
        mlflow.log_table({"a": [1]}, "t.json")
        with pytest.raises(NotFound, match=r"no\.json"):
            mlflow.load_table("no.json")
        with pytest.raises(NotFound, match=r"no\.json"):
            mlflow.load_table("no.json", [run.info.run_id])
        with pytest.raises(InvalidInput, match=r"no 'params\.what'"):
            mlflow.load_table("t.json", extra_columns=["params.what"])


@pytest.mark.parametrize(
    ("data", "message"),
    [([1, 2], "not list"), ({"a": [1], "b": [1, 2]}, "do not fit together"), ({"a": [object]}, None)],
)
def test_what_is_no_table_is_refused(data: Any, message: str | None) -> None:
    with mlflow.start_run():
        if message is None:
            mlflow.log_table(data, "t.json")  # as its text
        else:
            with pytest.raises(InvalidInput, match=message):
                mlflow.log_table(data, "t.json")


def test_a_file_that_is_no_table_is_told() -> None:
    with mlflow.start_run():
        mlflow.log_text("[]", "t.json")
        with pytest.raises(InvalidInput, match=r"'t\.json' cannot be read as a table"):
            mlflow.log_table({"a": [1]}, "t.json")
