"""Finding runs, as entities or as a table."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from runstone.entities import PagedList, Run, ViewType
from runstone.errors import InvalidInput
from runstone.fluent.choices import choices
from runstone.fluent.experiments import experiment_of_new_runs, search_experiments
from runstone.stores.base import RunTable
from runstone.tracking.base import MAX_PAGE, MAX_TABLE
from runstone.tracking.frames import to_arrow, to_pandas
from runstone.tracking.pages import all_pages

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["delete_run", "get_parent_run", "get_run", "restore_run", "search_runs"]

P = TypeVar("P", PagedList[Run], RunTable)

SEARCH_MAX_RESULTS = 100_000


def get_run(run_id: str) -> Run:
    """The run with its params, tags and the latest value of each metric. Raises NotFound."""
    return choices.client().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The run in which this one is nested, or None."""
    return choices.client().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Mark a run as deleted."""
    choices.client().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Undo a deletion."""
    choices.client().restore_run(run_id)


@overload
def search_runs(
    experiment_ids: Sequence[str | int] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType | int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    output_format: Literal["pandas"] = ...,
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pandas.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str | int] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType | int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> list[Run]: ...
@overload
def search_runs(
    experiment_ids: Sequence[str | int] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType | int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["arrow"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pyarrow.Table: ...
def search_runs(
    experiment_ids: Sequence[str | int] | None = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = SEARCH_MAX_RESULTS,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list", "arrow"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pandas.DataFrame | list[Run] | pyarrow.Table:
    """The runs that match a filter, as a DataFrame, a list of Run, or an Arrow table.

    Looks at the experiments given by ids or by names, else at all with `search_all_experiments`, else at the active
    one. Order: `order_by`, else start_time descending; ties by start_time descending, then run_id. Columns:
    `run_id, experiment_id, status, artifact_uri, start_time, end_time` (UTC), then `metrics.*`, `params.*`, `tags.*`;
    NaN, None and None where a run lacks one. Raises FilterError, with the column of the fault.
    """
    if output_format not in ("pandas", "list", "arrow"):
        raise InvalidInput(f"Unknown output format {output_format!r}; it is one of 'pandas', 'list', 'arrow'")
    if type(max_results) is not int or max_results < 0:
        raise InvalidInput(f"Invalid value {max_results!r} for max_results: expected a whole number from 0 on")
    tracking = choices.client().tracking
    ids = _experiments_to_search(experiment_ids, experiment_names, search_all_experiments)

    def pages(search: Callable[..., P], largest: int) -> Iterator[P]:
        def ask(size: int, token: str | None) -> P:
            return search(
                ids,
                filter_string=filter_string,
                view=run_view_type,
                order_by=order_by,
                max_results=size,
                page_token=token,
            )

        return all_pages(ask, max_results, largest=largest)

    if output_format == "list":
        return [run for page in pages(tracking.search_runs, MAX_PAGE) for run in page]
    tables = list(pages(tracking.search_run_table, MAX_TABLE))
    return to_arrow(tables) if output_format == "arrow" else to_pandas(tables)


def _experiments_to_search(
    experiment_ids: Iterable[str | int] | None, experiment_names: Iterable[str] | None, search_all: bool
) -> Sequence[str | int]:
    ids = _as_list("experiment_ids", "ids", experiment_ids)
    names = _as_list("experiment_names", "names", experiment_names)
    if ids and names:
        raise InvalidInput("Give experiment_ids or experiment_names, not both")
    if ids:
        return ids
    if names:
        return _ids_of_names(names)
    if search_all:
        return [experiment.experiment_id for experiment in search_experiments()]
    return [experiment_of_new_runs(choices.client())]


def _as_list(argument: str, what: str, given: Any) -> list[Any]:
    if isinstance(given, str | int):
        raise InvalidInput(f"{argument} must be a list of {what}, not {given!r}; try [{given!r}]")
    return [] if given is None else list(given)


def _ids_of_names(names: Sequence[str]) -> list[str]:
    client = choices.client()
    found = [(name, client.get_experiment_by_name(name)) for name in names]
    missing = [name for name, experiment in found if experiment is None]
    if missing:
        warnings.warn(f"No experiments are named {', '.join(map(repr, missing))}", UserWarning, stacklevel=4)
    return [experiment.experiment_id for _, experiment in found if experiment is not None]
