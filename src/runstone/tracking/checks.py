"""What every tracker asks of the values that it is given: users' values in, checked plain values out.

Knows no store and no server; the limits themselves stand in `runstone.validation`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from runstone import tag_names
from runstone.entities import DatasetInput, Metric, ViewType
from runstone.errors import InvalidInput, RunstoneError
from runstone.series.curves import CurveQuery
from runstone.series.points import MetricBatch
from runstone.stores.base import Write
from runstone.tracking.base import MAX_PAGE
from runstone.validation import (
    INT64_MAX,
    INT64_MIN,
    check_experiment_id,
    check_key,
    check_param_value,
    check_run_id,
    check_tag_value,
    metric_value,
    metric_whole_number,
)

__all__ = [
    "check_curves",
    "check_experiment_ids",
    "check_inputs",
    "check_page_size",
    "check_run_name",
    "check_time",
    "check_view",
    "find_fault",
    "metric_batch",
    "param_texts",
    "tag_texts",
]


def check_run_name(run_name: str | None, tags: Mapping[str, str]) -> str | None:
    """The name that a new run is given, by itself or by its tag; None for none. Raises InvalidInput for two."""
    name_in_tag = tags.get(tag_names.RUN_NAME)
    if run_name and name_in_tag and run_name != name_in_tag:
        raise InvalidInput(
            f"Two names for one run: run_name is {run_name!r}, the tag '{tag_names.RUN_NAME}' is {name_in_tag!r}; "
            "give one of them"
        )
    name = run_name or name_in_tag
    return check_tag_value(tag_names.RUN_NAME, name) if name else None


def check_inputs(inputs: Sequence[DatasetInput]) -> Sequence[DatasetInput]:
    """The datasets, if each has a name and a digest. Raises InvalidInput."""
    for link in inputs:
        for name, value in (("name", link.dataset.name), ("digest", link.dataset.digest)):
            if not isinstance(value, str) or not value:
                raise InvalidInput(f"A dataset's {name} must be a non-empty text, not {value!r}")
    return inputs


def check_experiment_ids(experiment_ids: Sequence[str | int]) -> tuple[str, ...]:
    """The ids as texts. Raises InvalidInput."""
    if isinstance(experiment_ids, str | int):
        raise InvalidInput(f"experiment_ids must be a list of ids, not {experiment_ids!r}; try [{experiment_ids!r}]")
    return tuple(check_experiment_id(one) for one in experiment_ids)


def param_texts(params: Mapping[str, Any] | None) -> dict[str, str]:
    """The params as texts. Raises InvalidInput."""
    return {check_key(key, kind="param"): check_param_value(key, value) for key, value in _items("params", params)}


def metric_batch(metrics: Iterable[Metric]) -> MetricBatch | None:
    """The metrics, checked, as columns; None for none. Raises InvalidInput.

    Looking at metric by metric would take ten times as long.
    """
    metrics = list(metrics)
    if not metrics:
        return None
    keys = [metric.key for metric in metrics]
    for key in set(keys):
        check_key(key, kind="metric")
    steps = [metric.step for metric in metrics]
    timestamps = [metric.timestamp for metric in metrics]
    values = [metric.value for metric in metrics]
    if set(map(type, values)) == {float} and set(map(type, steps)) == set(map(type, timestamps)) == {int}:
        # Numbers beyond 64 bits are left to the way below, which says where they are.
        with suppress(OverflowError):
            return MetricBatch.of_lists(keys, steps, timestamps, values)
    return MetricBatch.of_metrics(map(_converted, metrics))


def _converted(metric: Metric) -> Metric:
    key = metric.key
    return Metric(
        key,
        metric_value(key, metric.value),
        metric_whole_number(key, "timestamp", metric.timestamp),
        metric_whole_number(key, "step", metric.step),
    )


def find_fault(write: Write) -> RunstoneError | None:
    """What is wrong with a write, if anything. Its numbers are columns, so they are sound."""
    try:
        check_run_id(write.run_id)
        for key in write.metrics.keys if write.metrics else ():
            check_key(key, kind="metric")
        for key, value in write.params.items():
            check_param_value(check_key(key, kind="param"), value)
        tag_texts(write.tags)
        for key in write.deleted_tags:
            check_key(key, kind="tag")
        _check_end_time(write)
    except RunstoneError as error:
        return error
    return None


def _check_end_time(write: Write) -> None:
    if write.end_time is None:
        return
    check_time("end time", write.end_time)
    if write.status is None:
        raise InvalidInput(f"A write to run '{write.run_id}' has an end time, but no status; give both, or neither")


def tag_texts(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """The tags as texts. Raises InvalidInput."""
    return {check_key(key, kind="tag"): check_tag_value(key, value) for key, value in _items("tags", tags)}


def _items(name: str, mapping: Any) -> Iterable[tuple[str, Any]]:
    if mapping is None:
        return ()
    if not isinstance(mapping, Mapping):
        raise InvalidInput(f"The {name} must be a dictionary such as {{'name': 'value'}}, not {mapping!r}")
    return mapping.items()


def check_curves(query: CurveQuery) -> CurveQuery:
    """Curves that can be asked for. Raises InvalidInput."""
    for run_id in query.run_ids:
        check_run_id(run_id)
    for key in query.keys:
        check_key(key, kind="metric")
    for name, value in (("from_x", query.from_x), ("to_x", query.to_x)):
        if value is not None and not INT64_MIN <= value <= INT64_MAX:
            raise InvalidInput(f"Invalid value {value} for parameter '{name}' supplied: it does not fit into 64 bits")
    if query.buckets < 1:
        raise InvalidInput(f"A series cannot be put into {query.buckets} buckets: ask for 1 or more")
    return query


def check_time(name: str, value: Any) -> int:
    """Milliseconds since the Unix epoch (`name` says of what, for the message). Raises InvalidInput."""
    try:
        whole = operator.index(value)  # NumPy's whole numbers, too
    except TypeError:
        whole = -1
    if not 0 <= whole < 1 << 62:
        raise InvalidInput(f"Invalid {name} {value!r}: expected milliseconds since the Unix epoch, a whole number")
    return whole


def check_view(view: ViewType | int) -> ViewType:
    """The view, also by its number. Raises InvalidInput."""
    try:
        return ViewType(view)
    except ValueError:
        raise InvalidInput(
            f"Unknown view type {view!r}; it is one of ViewType.ACTIVE_ONLY, DELETED_ONLY, ALL"
        ) from None


def check_page_size(max_results: Any, largest: int = MAX_PAGE) -> int:
    """A size that a page of a search may have. Raises InvalidInput."""
    if type(max_results) is not int or not 1 <= max_results <= largest:
        raise InvalidInput(
            f"Invalid value {max_results!r} for max_results: a page has 1 to {largest} results; "
            "ask for the next page with page_token"
        )
    return max_results
