"""Schemas of datasets, as MLflow writes them: columns with types, or tensors with shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["schema_of_arrays", "schema_of_frame"]

_KINDS = {"b": "boolean", "i": "long", "u": "long", "f": "double", "M": "datetime"}
_SMALL = {"int8": "integer", "int16": "integer", "int32": "integer", "uint8": "integer", "uint16": "integer",
          "float16": "float", "float32": "float"}  # fmt: skip


def schema_of_frame(df: Any) -> dict[str, Any]:
    """`{"mlflow_colspec": [{"type", "name", "required"}, ...]}`; a column with missing values is not required."""
    return {
        "mlflow_colspec": [
            {"type": _type_of(column), "name": str(name), "required": not bool(column.isna().any())}
            for name, column in df.items()
        ]
    }


def _type_of(column: Any) -> str:
    kind = getattr(column.dtype, "numpy_dtype", column.dtype)  # of pandas' own types
    found = _SMALL.get(str(kind).lower()) or _KINDS.get(getattr(kind, "kind", ""))
    if found is not None:
        return found
    if all(isinstance(value, bytes) for value in column.dropna().head(100)) and column.notna().any():
        return "binary"
    return "string"


def schema_of_arrays(arrays: Any) -> str:
    """A JSON text: a list of tensors, whose first dimension is free."""
    named = arrays.items() if isinstance(arrays, Mapping) else [(None, arrays)]
    return json.dumps([{**({} if name is None else {"name": str(name)}), **_tensor(array)} for name, array in named])


def _tensor(array: Any) -> dict[str, Any]:
    array = np.asarray(array)
    spec = {"dtype": array.dtype.name, "shape": [-1, *array.shape[1:]]}
    return {"type": "tensor", "tensor-spec": spec}
