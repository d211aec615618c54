"""Digests of datasets: eight hexadecimal digits of what they hold. Equal data, equal digest; nothing else is meant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["digest_of_arrays", "digest_of_frame"]

MAX_ROWS = 10_000
"""Of more rows, so many are looked at, spread evenly, and their number."""


def digest_of_frame(df: Any) -> str:
    """Of a data frame of pandas: its columns' names, kinds and values, not its index."""
    import pandas as pd

    parts = [repr([(str(name), str(kind)) for name, kind in df.dtypes.items()]).encode(), str(len(df)).encode()]
    rows = df.iloc[_chosen(len(df))]
    for number in range(rows.shape[1]):
        column = rows.iloc[:, number]
        try:
            hashes = pd.util.hash_pandas_object(column, index=False)
        except TypeError:  # lists, dictionaries
            hashes = pd.util.hash_pandas_object(column.map(repr), index=False)
        parts.append(hashes.to_numpy().tobytes())
    return _digest(parts)


def digest_of_arrays(*given: Any) -> str:
    """Of arrays, or dictionaries of arrays: names, shapes, kinds and values."""
    return _digest(part for arrays in given for part in _parts(arrays))


def _parts(arrays: Any) -> Iterator[bytes]:
    if isinstance(arrays, Mapping):
        for name, array in arrays.items():
            yield str(name).encode()
            yield from _parts(array)
        return
    array = np.asarray(arrays)
    yield f"{array.shape}{array.dtype}".encode()
    rows = array[_chosen(len(array))] if array.ndim else array
    yield repr(rows.tolist()).encode() if rows.dtype.hasobject else np.ascontiguousarray(rows).tobytes()


def _chosen(rows: int) -> Any:
    return slice(None) if rows <= MAX_ROWS else np.linspace(0, rows - 1, MAX_ROWS).astype(np.int64)


def _digest(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:8]
