"""What a run records besides files: params, metrics, tags. Each function starts a run where none is active."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstone.client import RunOperations, finish
from runstone.errors import InvalidInput
from runstone.fluent.choices import choices
from runstone.fluent.runs import client_and_run_id, entry_here, writer_here

__all__ = [
    "delete_tag",
    "flush",
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
    client.tracking.log_batch(run_id, params=params, waits=synchronous is not False)
    return finish(client.tracking, run_id, synchronous)


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

    `value` is anything that `float()` takes. The point is in the journal when this returns, and is delivered within
    a second or so; with `synchronous` the call waits for that. `model_id` and `dataset` are taken for MLflow's
    sake; the link is not recorded.
    """
    here = entry_here()
    writer = here.run.writer if here is not None and here.is_active and run_id is None else writer_here(run_id)
    writer.log(key, value, timestamp, 0 if step is None else step)
    if synchronous is None and not writer.is_synchronous:
        return None
    return _finish(synchronous, run_id)


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
    if type(given) is not dict and not isinstance(given, Mapping):
        raise InvalidInput(f"The metrics must be a dictionary such as {{'name': 0.5}}, not {given!r}")
    here = entry_here()
    writer = here.run.writer if here is not None and here.is_active and run_id is None else writer_here(run_id)
    writer.log_row(metrics, timestamp, 0 if step is None else step)
    if synchronous is None and not writer.is_synchronous:
        return None
    return _finish(synchronous, run_id)


def _finish(synchronous: bool | None, run_id: str | None) -> RunOperations | None:
    """Wait for what was logged, or return what can wait for it."""
    client, run_id = client_and_run_id(run_id)
    return finish(client.tracking, run_id, synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag, whatever it was."""
    return set_tags({key: value}, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set tags, all or none."""
    client, run_id = client_and_run_id()
    client.tracking.log_batch(run_id, tags=tags, waits=synchronous is not False)
    return finish(client.tracking, run_id, synchronous)


def delete_tag(key: str) -> None:
    """Delete a tag of the active run. Raises NotFound where there is no such tag."""
    client, run_id = client_and_run_id()
    client.delete_tag(run_id, key)


def flush_async_logging() -> None:
    """Return when all that this process has logged is delivered, or cannot be just now. See `flush`."""
    flush()


def flush(timeout: float | None = None) -> bool:
    """Deliver what this process has logged; whether all of it was, within `timeout` seconds (by default 60).

    Gives up where the store cannot be reached: what was logged stays in the journal, and is delivered later.
    """
    return choices.client().tracking.flush(timeout)


def record_logged_model(mlflow_model: Any, run_id: str | None = None) -> None:
    """Append a model to the tag `mlflow.log-model.history`, a JSON list; MLflow's flavors call this."""
    client, run_id = client_and_run_id(run_id)
    client._record_logged_model(run_id, mlflow_model)
