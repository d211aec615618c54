"""Datasets that a run reads: what is written down of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runstone as mlflow
from runstone.data.digests import MAX_ROWS
from runstone.entities import Dataset
from runstone.errors import InvalidInput

FRAME = pd.DataFrame(
    {
        "whole": [1, 2, 3],
        "real": [0.5, 1.5, float("nan")],
        "text": ["x", "y", "z"],
        "truth": [True, False, True],
        "day": pd.to_datetime(["2020-01-01"] * 3),
        "bytes": [b"a", b"b", b"c"],
        "small": np.array([1, 2, 3], np.int32),
    }
)
TYPES = {
    "whole": "long",
    "real": "double",
    "text": "string",
    "truth": "boolean",
    "day": "datetime",
    "bytes": "binary",
    "small": "integer",
}


def test_a_run_keeps_what_it_read() -> None:
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(FRAME, source="data.csv", name="mine"), "training", {"fold": "1"})
    [found] = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert {tag.key: tag.value for tag in found.tags} == {"mlflow.data.context": "training", "fold": "1"}
    assert (found.dataset.name, found.dataset.source_type) == ("mine", "local")
    assert json.loads(found.dataset.source) == {"uri": "data.csv"}
    assert json.loads(found.dataset.profile or "") == {"num_rows": 3, "num_elements": 21}
    columns = json.loads(found.dataset.schema or "")["mlflow_colspec"]
    assert {column["name"]: column["type"] for column in columns} == TYPES
    assert [column["name"] for column in columns if not column["required"]] == ["real"]


@pytest.mark.parametrize(
    ("source", "kind", "place"),
    [
        ("https://example.org/a.csv", "http", {"url": "https://example.org/a.csv"}),
        ("s3://bucket/a.csv", "s3", {"uri": "s3://bucket/a.csv"}),
        ("lakefs://a/b", "external", {"uri": "lakefs://a/b"}),
    ],
)
def test_where_data_comes_from_is_told_by_its_uri(source: str, kind: str, place: dict[str, str]) -> None:
    found = mlflow.data.from_pandas(FRAME, source=source)
    assert (found.source_type, found.source) == (kind, place)


def test_data_without_a_source_comes_from_the_program() -> None:
    found = mlflow.data.from_numpy(np.zeros(3))
    assert found.source_type == "code"
    assert "mlflow.source.name" in found.source["tags"]


def test_arrays_have_shapes() -> None:
    found = mlflow.data.from_numpy({"x": np.zeros((2, 3), np.float32)}, targets=np.array([1, 2]))
    assert found.schema is not None
    specs = {part: json.loads(spec) for part, spec in found.schema["mlflow_tensorspec"].items()}
    assert specs == {
        "features": [{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}],
        "targets": [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}],
    }
    assert found.profile["features_shape"] == {"x": [2, 3]}
    assert (found.profile["targets_size"], found.profile["targets_nbytes"]) == (2, 16)


def test_equal_data_has_an_equal_digest_whatever_holds_it() -> None:
    plain = FRAME[["whole", "real", "truth"]]
    digests = {
        mlflow.data.from_pandas(plain).digest,
        mlflow.data.from_pandas(plain.set_index(pd.Index([7, 8, 9]))).digest,
        mlflow.data.from_arrow(pa.Table.from_pandas(plain)).digest,
        mlflow.data.from_polars(pl.DataFrame(plain.to_dict("list"))).digest,
    }
    assert len(digests) == 1


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20), st.data())
def test_another_value_is_another_digest(values: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    others = [*values]
    others[place] = data.draw(st.floats(allow_nan=False).filter(lambda value: value != values[place]))
    one, other = pd.DataFrame({"a": values}), pd.DataFrame({"a": others})
    assert mlflow.data.from_pandas(one).digest != mlflow.data.from_pandas(other).digest
    assert mlflow.data.from_numpy(np.array(values)).digest != mlflow.data.from_numpy(np.array(others)).digest


def test_long_data_is_told_apart_by_its_length() -> None:
    one, other = np.zeros(MAX_ROWS + 1), np.zeros(MAX_ROWS + 2)
    assert mlflow.data.from_numpy(one).digest != mlflow.data.from_numpy(other).digest


class Theirs:
    """As a dataset of MLflow."""

    def to_dict(self) -> dict[str, Any]:
        return {"name": "n", "digest": "d", "source_type": "local", "source": "{}", "schema": None, "profile": None}


def test_datasets_of_mlflow_are_taken() -> None:
    with mlflow.start_run() as run:
        mlflow.log_inputs([Theirs(), Dataset("m", "d", "local", "{}")], ["a", None])
    found = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert sorted((one.dataset.name, len(one.tags)) for one in found) == [("m", 0), ("n", 1)]


def test_what_is_no_dataset_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is no dataset"):
        mlflow.log_input(3)
    with pytest.raises(InvalidInput, match="column 'no'"):
        mlflow.data.from_pandas(FRAME, targets="no")
    with pytest.raises(InvalidInput, match="a path or a URL"):
        mlflow.data.from_pandas(FRAME, source=3)
    with pytest.raises(InvalidInput, match="2 datasets and 1 contexts"):
        mlflow.log_inputs([Theirs(), Theirs()], ["a"])
