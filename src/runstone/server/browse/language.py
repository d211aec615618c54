"""What helps to write a filter: whether it can be read, and which keys and values there are."""

from __future__ import annotations

from runstone.errors import FilterError, InvalidInput
from runstone.filters import parse_run_filter, parse_run_order
from runstone.stores.columns import KeyCounts
from runstone.tracking.browsing import Browsing
from runstone.wire.schemas import browsing

__all__ = ["check_filter", "list_keys", "list_values"]

_MAX_VALUES = 10_000


def check_filter(tracking: Browsing, request: browsing.CheckFilter) -> browsing.FilterAnswer:
    try:
        parse_run_filter(request.filter)
        parse_run_order(request.order_by)
    except FilterError as error:
        return browsing.FilterAnswer(
            ok=False,
            message=error.problem,
            text=error.text,
            column=error.column,
            expected=error.expected or None,
        )
    return browsing.FilterAnswer(ok=True)


def list_keys(tracking: Browsing, request: browsing.Keys) -> browsing.KeysAnswer:
    return keys_answer(tracking.count_keys(request.experiment_ids))


def keys_answer(found: KeyCounts) -> browsing.KeysAnswer:
    """The keys as the wire has them."""
    metrics, params, tags = (
        [browsing.KeyCount(*pair) for pair in counts.items()] for counts in (found.metrics, found.params, found.tags)
    )
    return browsing.KeysAnswer(metrics=metrics, params=params, tags=tags)


def list_values(tracking: Browsing, request: browsing.Values) -> browsing.ValuesAnswer:
    if not 1 <= request.max_results <= _MAX_VALUES:
        raise InvalidInput(
            f"Invalid value {request.max_results} for parameter 'max_results' supplied: expected 1 to {_MAX_VALUES}"
        )
    found = tracking.count_values(
        request.experiment_ids, request.kind, request.key, prefix=request.prefix, max_results=request.max_results
    )
    return browsing.ValuesAnswer(values=[browsing.ValueCount(*pair) for pair in found])
