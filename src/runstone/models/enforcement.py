"""What `predict` is given, made to fit a signature, or refused: nothing is cast that would lose something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstone.errors import InvalidInput
from runstone.models.signature import ColSpec, Schema, TensorSpec

__all__ = ["enforce"]

_DTYPES = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}


def enforce(data: Any, schema: Schema) -> Any:
    """The data in the columns and types of the schema. Raises InvalidInput, naming the column."""
    if schema.is_tensor():
        return _enforce_tensors(data, schema)
    import numpy as np
    import pandas as pd

    specs = [one for one in schema.inputs if isinstance(one, ColSpec)]
    names = schema.input_names()
    if isinstance(data, pd.Series):
        data = data.to_frame()
    if isinstance(data, Mapping):
        data = pd.DataFrame({key: np.atleast_1d(value) for key, value in data.items()})
    elif isinstance(data, list | np.ndarray):
        data = pd.DataFrame(data)
        if names and len(data.columns) == len(names):
            data.columns = pd.Index(names)
    if not isinstance(data, pd.DataFrame):
        raise InvalidInput(f"The model takes a data frame, not {type(data).__name__}")
    if not names:
        return _by_place(data, specs)
    missing = [one.name for one in specs if one.required and one.name not in data.columns]
    if missing:
        raise InvalidInput(f"Model is missing inputs {missing}; it takes {names}, and was given {list(data.columns)}")
    return pd.DataFrame({one.name: _cast(data[one.name], one) for one in specs if one.name in data.columns})


def _by_place(data: Any, specs: list[ColSpec]) -> Any:
    if len(data.columns) < len(specs):
        raise InvalidInput(f"The model takes {len(specs)} columns, and was given {len(data.columns)}")
    data = data.iloc[:, : len(specs)].copy()
    for name, spec in zip(list(data.columns), specs, strict=True):
        data[name] = _cast(data[name], spec)
    return data


def _cast(values: Any, spec: ColSpec) -> Any:
    import numpy as np

    wanted = _DTYPES.get(spec.type) if isinstance(spec.type, str) else None
    if wanted is None or str(values.dtype) == wanted or values.isna().any():
        return values
    kind = values.dtype
    # Whole numbers of 64 bits are taken as doubles, though large ones are rounded: people write 1 for 1.0.
    fits = isinstance(kind, np.dtype) and (np.can_cast(kind, wanted) or (kind.kind in "iu" and wanted == "float64"))
    if not fits:
        raise InvalidInput(
            f"Incompatible input types for column {spec.name!r}: cannot turn {values.dtype} into {wanted} without "
            "loss; cast it yourself before predict"
        )
    return values.astype(wanted)


def _enforce_tensors(data: Any, schema: Schema) -> Any:
    specs = [one for one in schema.inputs if isinstance(one, TensorSpec)]
    if specs[0].name is None:
        return _enforce_array(data, specs[0])
    try:
        return {str(one.name): _enforce_array(data[one.name], one) for one in specs}
    except (KeyError, IndexError, TypeError) as error:
        raise InvalidInput(f"Model is missing inputs {error}; it takes {schema.input_names()}") from error


def _enforce_array(data: Any, spec: TensorSpec) -> Any:
    import numpy as np

    array = np.asarray(data)
    if isinstance(data, list) and array.dtype.kind in "iuf":
        array = array.astype(spec.dtype)
    if spec.dtype != "str" and array.dtype != np.dtype(spec.dtype):
        raise InvalidInput(f"The model takes an array of {spec.dtype}, and was given one of {array.dtype}")
    shape = spec.shape
    if len(array.shape) != len(shape) or any(a != b for a, b in zip(array.shape, shape, strict=True) if b != -1):
        raise InvalidInput(f"The model takes an array of the shape {shape} (-1: any), and was given {array.shape}")
    return array
