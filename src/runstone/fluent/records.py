"""What a run records besides files: params, metrics, tags. Each function starts a run where none is active."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstone.client import RunOperations, run_operations
from runstone.entities import Metric
from runstone.errors import InvalidInput
from runstone.fluent.runs import client_and_run_id
from runstone.naming import now_ms

__all__ = [
    "delete_tag",
    "flush_async_logging",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "record_logged_model",
    "set_tag",
    "set_tags",
]


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Record a param and return its value (RunOperations where `synchronous` is False).

    Raises ParamChanged where it has another value already.
    """
    client, run_id = client_and_run_id()
    return client.log_param(run_id, key, value, synchronous)


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Record params, all or none."""
    client, run_id = client_and_run_id(run_id)
    client.tracking.log_batch(run_id, params=params)
    return run_operations(synchronous)


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Record one point: at step 0 and now (`timestamp` is in ms), unless said otherwise. NaN and infinities are kept.

    `value` is anything that `float()` takes. `model_id` and `dataset` are taken for MLflow's sake; the link is not
    recorded.
    """
    return log_metrics({key: value}, step, synchronous, run_id, timestamp)


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Record one point of each metric, all with the same step and timestamp, all or none. See `log_metric`."""
    given: Any = metrics  # what a caller passes may be anything
    if not isinstance(given, Mapping):
        raise InvalidInput(f"The metrics must be a dictionary such as {{'name': 0.5}}, not {given!r}")
    client, run_id = client_and_run_id(run_id)
    at = now_ms() if timestamp is None else timestamp
    step = 0 if step is None else step
    client.tracking.log_batch(run_id, metrics=[Metric(key, value, at, step) for key, value in metrics.items()])
    return run_operations(synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag, whatever it was."""
    return set_tags({key: value}, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set tags, all or none."""
    client, run_id = client_and_run_id()
    client.tracking.log_batch(run_id, tags=tags)
    return run_operations(synchronous)


def delete_tag(key: str) -> None:
    """Delete a tag of the active run. Raises NotFound where there is no such tag."""
    client, run_id = client_and_run_id()
    client.delete_tag(run_id, key)


def flush_async_logging() -> None:
    """Return when all that was logged is recorded: at once, in this version."""


def record_logged_model(mlflow_model: Any, run_id: str | None = None) -> None:
    """Append a model to the tag `mlflow.log-model.history`, a JSON list; MLflow's flavors call this."""
    client, run_id = client_and_run_id(run_id)
    client._record_logged_model(run_id, mlflow_model)
