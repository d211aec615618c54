"""Descriptions of datasets, in the documents that MLflow's clients and UI read (seen in what its client writes)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from runstone.data.digests import digest_of_arrays, digest_of_frame
from runstone.data.schemas import schema_of_arrays, schema_of_frame
from runstone.entities import Dataset
from runstone.errors import InvalidInput

__all__ = ["Description", "from_arrow", "from_huggingface", "from_numpy", "from_pandas", "from_polars"]

_SCHEMES = {"": "local", "file": "local", "http": "http", "https": "http", "s3": "s3", "gs": "gs"}


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a dataset. `digest` is made of its content, so that equal data has an equal one.

    `source` and `schema` are what JSON can hold; `profile` has its size.
    """

    name: str
    digest: str
    source_type: str
    source: dict[str, Any]
    schema: dict[str, Any] | None
    profile: dict[str, Any]

    def to_entity(self) -> Dataset:
        """As a run keeps it: texts."""
        return Dataset(
            name=self.name,
            digest=self.digest,
            source_type=self.source_type,
            source=json.dumps(self.source),
            schema=None if self.schema is None else json.dumps(self.schema),
            profile=json.dumps(self.profile),
        )


def from_pandas(
    df: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Description:
    """A data frame of pandas. `source`: the path or URL it was read from; without one, the program that made it.

    `targets` and `predictions` name columns. Raises InvalidInput for a column that is not there.
    """
    for role, column in (("targets", targets), ("predictions", predictions)):
        if column is not None and column not in df.columns:
            raise InvalidInput(f"The {role} column '{column}' is not in the data frame: it has {list(df.columns)}")
    source_type, place = _source(source)
    return Description(
        name=name or "dataset",
        digest=digest or digest_of_frame(df),
        source_type=source_type,
        source=place,
        schema=schema_of_frame(df),
        profile={"num_rows": len(df), "num_elements": int(df.size)},
    )


def from_polars(
    df: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Description:
    """A data frame of polars. See `from_pandas`."""
    return from_pandas(df.to_pandas(), source, targets, name, digest, predictions)


def from_arrow(
    table: Any, source: Any = None, targets: str | None = None, name: str | None = None, digest: str | None = None
) -> Description:
    """A table of PyArrow. See `from_pandas`."""
    return from_pandas(table.to_pandas(), source, targets, name, digest)


def from_numpy(
    features: Any, source: Any = None, targets: Any = None, name: str | None = None, digest: str | None = None
) -> Description:
    """An array, or a dictionary of arrays; likewise its targets. `source` as for `from_pandas`."""
    source_type, place = _source(source)
    parts = {"features": features} if targets is None else {"features": features, "targets": targets}
    schemas = {part: schema_of_arrays(arrays) for part, arrays in parts.items()}
    return Description(
        name=name or "dataset",
        digest=digest or digest_of_arrays(*parts.values()),
        source_type=source_type,
        source=place,
        schema={"mlflow_tensorspec": {"targets": None, **schemas}},
        profile={
            f"{part}_{what}": _each(arrays, what)
            for part, arrays in parts.items()
            for what in ("shape", "size", "nbytes")
        },
    )


def _each(arrays: Any, what: str) -> Any:
    if isinstance(arrays, Mapping):
        return {name: _each(array, what) for name, array in arrays.items()}
    value = getattr(arrays, what)
    return list(value) if what == "shape" else int(value)


def from_huggingface(
    ds: Any,
    path: str | None = None,
    targets: str | None = None,
    revision: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    source: Any = None,
) -> Description:
    """A dataset of Hugging Face's `datasets`, whose own fingerprint is its digest.

    `path`: the dataset's name on the hub; else `source` as for `from_pandas`.
    """
    columns = dict(ds.features)
    if targets is not None and targets not in columns:
        raise InvalidInput(f"The targets column '{targets}' is not in the dataset: it has {list(columns)}")
    source_type, place = _source(source)
    if path is not None:
        source_type, place = "hugging_face", {"path": path, "split": str(ds.split), "revision": revision}
    return Description(
        name=name or ds.info.dataset_name or path or "dataset",
        digest=digest or str(ds._fingerprint)[:8],
        source_type=source_type,
        source=place,
        schema={"features": {column: str(kind) for column, kind in columns.items()}},
        profile={
            "num_rows": ds.num_rows,
            "dataset_size": ds.info.dataset_size,
            "size_in_bytes": ds.info.size_in_bytes,
        },
    )


def _source(source: Any) -> tuple[str, dict[str, Any]]:
    """The kind of source, and where it is."""
    if source is None:
        return "code", {"tags": {"mlflow.source.name": os.path.basename(sys.argv[0] or "python")}}  # noqa: PTH119
    if not isinstance(source, str | os.PathLike):
        raise InvalidInput(f"The source of a dataset is a path or a URL, not {type(source).__name__}")
    uri = os.fspath(source)
    kind = _SCHEMES.get(urlsplit(uri).scheme, "external")
    return kind, {"url": uri} if kind == "http" else {"uri": uri}
