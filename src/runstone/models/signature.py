"""What a model takes and gives: columns or tensors, in MLflow's words. Knows no file and no flavor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from runstone.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ColSpec", "ModelSignature", "Schema", "TensorSpec", "infer_signature"]

_TYPES = {
    "bool": "boolean", "int8": "integer", "int16": "integer", "int32": "integer", "uint8": "integer",
    "uint16": "integer", "int64": "long", "uint32": "long", "float16": "float", "float32": "float",
    "float64": "double",
}  # fmt: skip
"""From types of NumPy to MLflow's words for columns."""


class ColSpec(msgspec.Struct, frozen=True):
    """A column: MLflow's word for its type (`long`, `double`, `string` ...), its name, whether it must be there."""

    type: Any
    name: str | None = None
    required: bool = True

    def to_dict(self) -> dict[str, Any]:
        """As the file MLmodel says it."""
        named = {} if self.name is None else {"name": self.name}
        # A type that has parts (arrays, objects) is spread out beside the name.
        kind = self.type if isinstance(self.type, Mapping) else {"type": self.type}
        return {**kind, **named, "required": self.required}


class TensorSpec(msgspec.Struct, frozen=True):
    """An array: NumPy's word for its type, its shape (-1: any), its name."""

    dtype: str
    shape: tuple[int, ...]
    name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the file MLmodel says it."""
        named = {} if self.name is None else {"name": self.name}
        return {"type": "tensor", **named, "tensor-spec": {"dtype": self.dtype, "shape": list(self.shape)}}


class Schema(msgspec.Struct, frozen=True):
    """All columns, or all arrays, of an input or output."""

    inputs: tuple[ColSpec | TensorSpec, ...]

    def is_tensor(self) -> bool:
        """Whether it is one of arrays."""
        return bool(self.inputs) and isinstance(self.inputs[0], TensorSpec)

    def input_names(self) -> list[str]:
        """The names, of those that have one."""
        return [one.name for one in self.inputs if one.name is not None]

    def to_json(self) -> str:
        """As the file MLmodel says it."""
        return json.dumps([one.to_dict() for one in self.inputs])

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """What `to_json` wrote. Raises InvalidInput."""
        try:
            return cls(tuple(_spec(one) for one in json.loads(text)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(f"The model's schema cannot be read: {error!r} in {text!r}") from error


class ModelSignature(msgspec.Struct, frozen=True):
    """What a model takes and gives. `params` is kept as MLflow's list of parameters of `predict`."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: tuple[dict[str, Any], ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the file MLmodel says it."""
        return {
            "inputs": self.inputs.to_json() if self.inputs else None,
            "outputs": self.outputs.to_json() if self.outputs else None,
            "params": json.dumps(self.params) if self.params else None,
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> ModelSignature:
        """What `to_dict` made. Raises InvalidInput."""
        inputs, outputs, params = (facts.get(name) for name in ("inputs", "outputs", "params"))
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            tuple(json.loads(params)) if params else None,
        )


def infer_signature(model_input: Any = None, model_output: Any = None) -> ModelSignature:
    """The signature of what goes in and comes out: data frames, series, arrays, or dictionaries of arrays.

    A column with missing values need not be there. Raises InvalidInput for data of another kind.
    """
    return ModelSignature(
        None if model_input is None else infer_schema(model_input),
        None if model_output is None else infer_schema(model_output),
    )


def infer_schema(data: Any) -> Schema:
    """The schema of some data. Raises InvalidInput."""
    import numpy as np
    import pandas as pd

    if isinstance(data, pd.Series):
        data = data.to_frame(data.name)
        return Schema(tuple(_column(None if name is None else str(name), data[name]) for name in data))
    if isinstance(data, pd.DataFrame):
        return Schema(tuple(_column(str(name), data[name]) for name in data))
    if isinstance(data, np.ndarray):
        return Schema((_tensor(data),))
    if isinstance(data, Mapping) and data and all(isinstance(one, np.ndarray) for one in data.values()):
        return Schema(tuple(_tensor(array, str(name)) for name, array in data.items()))
    raise InvalidInput(
        f"No signature follows from {type(data).__name__}; give a data frame, a series, an array, a dictionary of "
        "arrays, or write the signature yourself"
    )


def _tensor(array: np.ndarray, name: str | None = None) -> TensorSpec:
    dtype = "str" if array.dtype.kind == "U" else array.dtype.name
    return TensorSpec(dtype, (-1, *array.shape[1:]), name)


def _column(name: str | None, values: Any) -> ColSpec:
    missing = bool(values.isna().any())
    dtype = str(values.dtype).lower()
    if dtype.startswith("datetime64"):
        return ColSpec("datetime", name, not missing)
    if dtype in ("object", "str", "category") or dtype.startswith("string"):
        return ColSpec(_type_of_objects(name, values.dropna()), name, not missing)
    if dtype == "boolean":
        dtype = "bool"
    try:
        return ColSpec(_TYPES[dtype], name, not missing)
    except KeyError:
        raise InvalidInput(f"The column {name!r} has the type {dtype}, which a signature has no word for") from None


def _type_of_objects(name: str | None, values: Any) -> str:
    words = {str: "string", bytes: "binary", bool: "boolean", int: "long", float: "double"}
    kinds = {type(value) for value in values}
    if not kinds:
        return "string"
    if len(kinds) == 1 and (kind := kinds.pop()) in words:
        return words[kind]
    raise InvalidInput(f"The column {name!r} holds values of other kinds than texts, bytes and numbers, or several")


def _spec(facts: Mapping[str, Any]) -> ColSpec | TensorSpec:
    name = facts.get("name")
    if facts["type"] == "tensor":
        tensor = facts["tensor-spec"]
        return TensorSpec(tensor["dtype"], tuple(tensor["shape"]), name)
    known = {"name", "required", "type"}
    parts = {key: value for key, value in facts.items() if key not in known}
    return ColSpec({"type": facts["type"], **parts} if parts else facts["type"], name, facts.get("required", True))
