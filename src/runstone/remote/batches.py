"""What is to be recorded in a run, cut into requests that a server of MLflow takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TypeVar, cast

import msgspec

from runstone.stores.base import Write
from runstone.wire.codec import float_text
from runstone.wire.convert import key_values, metric_requests
from runstone.wire.convert_models import figure_requests
from runstone.wire.limits import MAX_BATCH_ITEMS, MAX_BATCH_METRICS, MAX_BATCH_PARAMS, MAX_BATCH_TAGS
from runstone.wire.schemas.common import KeyValue
from runstone.wire.schemas.runs import LogBatch, Metric

__all__ = ["fits_request", "split_batch"]

T = TypeVar("T")


def fits_request(write: Write) -> bool:
    """Whether it is one request."""
    points = len(write.metrics or ()) + len(write.model_metrics)
    return (
        len(write.params) <= MAX_BATCH_PARAMS
        and len(write.tags) <= MAX_BATCH_TAGS
        and points + len(write.params) + len(write.tags) <= MAX_BATCH_ITEMS
    )


def split_batch(write: Write) -> Iterator[LogBatch]:
    """As few requests as it takes, one at least: params and tags first, then metrics, in the order given."""
    run_id, metrics = write.run_id, write.metrics
    texts: list[tuple[list[KeyValue], list[KeyValue]]] = list(
        zip_longest(
            _chunks(key_values(write.params), MAX_BATCH_PARAMS),
            _chunks(key_values(write.tags), MAX_BATCH_TAGS),
            fillvalue=[],
        )
    ) or [([], [])]
    for some_params, some_tags in texts[:-1]:
        yield LogBatch(run_id=run_id, params=some_params, tags=some_tags)
    last_params, last_tags = texts[-1]
    points = [*(metric_requests(metrics) if metrics else ()), *map(_json_figure, figure_requests(write.model_metrics))]
    room = MAX_BATCH_ITEMS - len(last_params) - len(last_tags)
    yield LogBatch(run_id=run_id, metrics=points[:room], params=last_params, tags=last_tags)
    for some_points in _chunks(points[room:], MAX_BATCH_METRICS):
        yield LogBatch(run_id=run_id, metrics=some_points)


def _json_figure(figure: Metric) -> Metric:
    return msgspec.structs.replace(figure, value=cast("float", float_text(figure.value)))


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
