"""Runs as tables of other libraries: pandas and Arrow, which load on first use. Knows columns, not runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from runstone.errors import InvalidInput
from runstone.stores.base import RunTable

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["to_arrow", "to_pandas"]

_INFO = ("run_id", "experiment_id", "status", "artifact_uri")
_TIMES = ("start_time", "end_time")
_GROUPS = ("metrics", "params", "tags")


def to_pandas(pages: Sequence[RunTable]) -> pandas.DataFrame:
    """One row a run: `run_id, experiment_id, status, artifact_uri, start_time, end_time` (UTC timestamps, NaT where
    there is none), then `metrics.*`, `params.*` and `tags.*`, by name. A run without a metric has NaN, without a
    param or tag None (https://mlflow.org/docs/latest/python_api/mlflow.html#mlflow.search_runs).
    """
    import numpy as np
    import pandas as pd

    def texts(values: Sequence[Sequence[str | None]]) -> Any:
        # dtype object: pandas 3 would turn None into NaN in its own string type.
        return pd.Series([*chain.from_iterable(values)], dtype=object)

    def times(values: Sequence[Sequence[int | None]]) -> Any:
        flat = np.array([pd.NaT.value if value is None else value for part in values for value in part], np.int64)
        return pd.Series(flat.astype("datetime64[ms]")).dt.tz_localize("UTC").dt.as_unit("ns")

    columns = _columns(pages, texts, times, lambda parts: np.concatenate([np.asarray(part, float) for part in parts]))
    return pd.DataFrame(columns, copy=False)


def to_arrow(pages: Sequence[RunTable]) -> pyarrow.Table:
    """The same table for Arrow: times are `timestamp[ms, tz=UTC]`; a param or tag that a run lacks is null."""
    try:
        import pyarrow as pa
    except ImportError:
        raise InvalidInput(
            "output_format='arrow' needs the package pyarrow; install it with `pip install 'runstone[arrow]'`"
        ) from None

    def chunked(kind: Any) -> Callable[[Sequence[Sequence[Any]]], Any]:
        return lambda parts: pa.chunked_array([pa.array(part, kind) for part in parts], kind)

    return pa.table(_columns(pages, chunked(pa.string()), chunked(pa.timestamp("ms", tz="UTC")), chunked(pa.float64())))


def _columns(
    pages: Sequence[RunTable],
    texts: Callable[[Sequence[Sequence[str | None]]], Any],
    times: Callable[[Sequence[Sequence[int | None]]], Any],
    numbers: Callable[[Sequence[Sequence[float]]], Any],
) -> dict[str, Any]:
    """The table's columns by name, each made of its parts in the pages."""
    columns = {name: texts([getattr(page, name) for page in pages]) for name in _INFO}
    columns.update({name: times([getattr(page, name) for page in pages]) for name in _TIMES})
    for group in _GROUPS:
        parts: list[Mapping[str, Sequence[Any]]] = [getattr(page, group) for page in pages]
        absent = float("nan") if group == "metrics" else None
        make: Callable[[Sequence[Sequence[Any]]], Any] = numbers if group == "metrics" else texts
        for key in sorted({key for part in parts for key in part}):
            columns[f"{group}.{key}"] = make(
                [
                    part[key] if key in part else [absent] * len(page.run_id)
                    for part, page in zip(parts, pages, strict=True)
                ]
            )
    return columns
