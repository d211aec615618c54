"""Runs as columns: a page of a search, and what has changed since."""

from __future__ import annotations

from typing import Any

from runstone.errors import InvalidInput
from runstone.filters import parse_run_filter
from runstone.server.browse.language import keys_answer
from runstone.stores.columns import ColumnChoice, RunColumns
from runstone.tracking.base import MAX_PAGE
from runstone.tracking.browsing import Browsing
from runstone.validation import param_number
from runstone.wire import convert
from runstone.wire.columns import ColumnWriter
from runstone.wire.schemas import browsing

__all__ = ["list_changed_columns", "search_run_columns"]


def search_run_columns(tracking: Browsing, request: browsing.SearchRunColumns) -> browsing.RunColumnsAnswer:
    found = _search(tracking, request, _choice(request), request.max_results, request.page_token)
    answer = browsing.RunColumnsAnswer(**_columns(found, request))
    if request.count:
        answer.count, answer.count_is_estimate = _count(tracking, request, found)
    if request.keys:
        answer.keys = keys_answer(tracking.count_keys(request.experiment_ids))
    return answer


def _choice(request: browsing.SearchRunColumns) -> ColumnChoice:
    def chosen(keys: list[str] | None) -> tuple[str, ...] | None:
        return None if keys is None else tuple(keys)

    return ColumnChoice(
        metrics=chosen(request.metrics),
        aggregates=tuple(dict.fromkeys(request.aggregates)),
        params=chosen(request.params),
        tags=chosen(request.tags),
    )


def _search(
    tracking: Browsing,
    request: browsing.SearchRunColumns,
    choice: ColumnChoice,
    max_results: int,
    page_token: str | None = None,
) -> RunColumns:
    return tracking.search_run_columns(
        request.experiment_ids,
        choice,
        filter_string=request.filter,
        view=convert.view_of(request.run_view_type),
        order_by=request.order_by,
        max_results=max_results,
        page_token=page_token,
    )


def _count(tracking: Browsing, request: browsing.SearchRunColumns, found: RunColumns) -> tuple[int, bool]:
    """How many runs the search has, and whether that is an estimate."""
    if found.token is None and request.page_token is None:
        return len(found), False
    return tracking.count_runs(
        request.experiment_ids, filter_string=request.filter, view=convert.view_of(request.run_view_type)
    )


def list_changed_columns(tracking: Browsing, request: browsing.ChangedColumns) -> browsing.ChangedColumnsAnswer:
    parse_run_filter(request.filter)  # by itself, so that an error speaks of what was sent
    if request.since < 0:
        raise InvalidInput(f"Invalid value {request.since} for parameter 'since' supplied: expected 0 or more")
    changes = tracking.list_changed_runs(request.since, max_results=request.max_results)
    experiments = set(request.experiment_ids)
    changed = [run_id for run_id, experiment_id in changes.runs if experiment_id in experiments]
    among = browsing.ChangedColumns(
        experiment_ids=request.experiment_ids if changed else [],
        filter=_restrict(request.filter, changed),
        run_view_type=request.run_view_type,
        since=request.since,
        precise=request.precise,
    )
    found = _search(tracking, among, _choice(request), min(len(changed), MAX_PAGE) or 1)
    answer = browsing.ChangedColumnsAnswer(**_columns(found, request))
    answer.revision = changes.revision
    answer.gone = sorted(set(changed).difference(found.run_ids))
    answer.more = len(changes.runs) >= request.max_results
    return answer


def _restrict(filter_string: str | None, run_ids: list[str]) -> str | None:
    if not run_ids:
        return filter_string
    listed = ", ".join(f"'{run_id}'" for run_id in run_ids)
    member = f"attributes.run_id IN ({listed})"
    return f"({filter_string}) AND {member}" if filter_string and filter_string.strip() else member


def _columns(found: RunColumns, request: browsing.SearchRunColumns) -> dict[str, Any]:
    """The fields of the head, and the body."""
    writer = ColumnWriter()
    value_type: browsing.ColumnType = "f8" if request.precise else "f4"
    fields = {
        "rows": len(found),
        "run_ids": found.run_ids,
        "names": found.names,
        "experiments": writer.add_texts(found.experiment_ids),
        "status": writer.add_texts(found.status),
        "stage": writer.add_texts(found.stages),
        "users": writer.add_texts(found.users),
        "parents": writer.add_texts(found.parents),
        "start_time": writer.add_times(found.start_time),
        "end_time": writer.add_times(found.end_time),
        "metrics": [
            browsing.MetricColumn(
                key=key,
                values={
                    name: writer.add(column, "f8" if name in _EXACT else value_type)
                    for name, column in aggregates.items()
                },
            )
            for key, aggregates in found.metrics.items()
        ],
        "params": [_param(writer, key, column) for key, column in found.params.items()],
        "tags": [_tag(writer, key, column) for key, column in found.tags.items()],
        "next_page_token": found.token,
        "revision": found.revision,
    }
    return {**fields, "body": writer.body()}


_EXACT = ("count", "last_step", "last_time")


def _param(writer: ColumnWriter, key: str, column: list[str | None]) -> browsing.ParamColumn:
    texts = writer.add_texts(column)
    numbers = [param_number(value) for value in texts.values]
    is_numeric = any(number is not None for number in numbers)
    return browsing.ParamColumn(
        key=key, values=texts.values, codes=texts.codes, numbers=numbers if is_numeric else None
    )


def _tag(writer: ColumnWriter, key: str, column: list[str | None]) -> browsing.TextColumn:
    texts = writer.add_texts(column)
    return browsing.TextColumn(key=key, values=texts.values, codes=texts.codes)
