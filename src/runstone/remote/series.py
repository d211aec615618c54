"""Series as they come from a server: as columns by Runstone's own route, or page by page by MLflow's."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from runstone.errors import StoreUnavailable
from runstone.remote.calls import call_route
from runstone.remote.transport import HttpSession
from runstone.series.points import Points
from runstone.validation import INT64_MAX, INT64_MIN
from runstone.wire.schemas import native, runs

__all__ = ["HISTORY_PAGE", "read_columns", "read_history"]

HISTORY_PAGE = 25_000
"""The most points that a server of MLflow gives in one answer."""


def read_columns(
    session: HttpSession, run_id: str, keys: Sequence[str], from_step: int | None = None, to_step: int | None = None
) -> list[Points]:
    """The points of each key within the range, both ends included, in one request. Raises NotFound: no such run."""
    request = native.ReadSeries(
        series=[native.SeriesName(run_id, key) for key in keys],
        from_step=_within_64_bits(from_step),
        to_step=_within_64_bits(to_step),
    )
    answer: native.SeriesAnswer = call_route(session, "read_series", request)
    try:
        if len(answer.columns) != len(keys):
            raise ValueError(f"{len(answer.columns)} series for {len(keys)}")
        return list(map(_points_of_columns, answer.columns))
    except ValueError as error:
        raise StoreUnavailable(
            f"{session.address.url} answered with series that cannot be read ({error}); check what stands between here "
            "and there"
        ) from error


def read_history(session: HttpSession, run_id: str, key: str) -> Points:
    """All points of a series. MLflow's server gives an unknown run an empty one."""
    request = runs.GetHistory(run_id=run_id, metric_key=key, max_results=HISTORY_PAGE)
    parts = []
    while True:
        answer: runs.History = call_route(session, "get_history", request)
        parts.append(_points_of_bodies(answer.metrics))
        if not answer.next_page_token:
            return Points.join(parts)
        request.page_token = answer.next_page_token


def _within_64_bits(step: int | None) -> int | None:
    return None if step is None else max(INT64_MIN, min(operator.index(step), INT64_MAX))


def _points_of_columns(columns: native.SeriesColumns) -> Points:
    step, timestamp = (np.frombuffer(column, "<i8") for column in (columns.step, columns.timestamp))
    value = np.frombuffer(columns.value, "<f8")
    if not len(step) == len(timestamp) == len(value):
        raise ValueError(f"columns of {len(step)}, {len(timestamp)} and {len(value)} rows")
    # Copies, so that they can be written to, and the rest of the answer can go.
    return Points(step.astype(np.int64), timestamp.astype(np.int64), value.astype(np.float64))


def _points_of_bodies(bodies: Sequence[runs.MetricAnswer]) -> Points:
    return Points(
        np.array([body.step for body in bodies], np.int64),
        np.array([body.timestamp for body in bodies], np.int64),
        np.array([float(body.value) for body in bodies], np.float64),
    )
