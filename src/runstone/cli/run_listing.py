"""Runs that a search found, as a table, JSON or CSV: what `runs list` and `search` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click
import msgspec

from runstone.cli.arguments import experiment_option, max_option, order_option, unlimited, view_of, view_option
from runstone.cli.lookup import find_experiment, list_experiments, list_runs
from runstone.cli.output import csv_option, json_option, note, print_csv, print_json
from runstone.cli.records import run_record
from runstone.cli.run_columns import all_names, named, table_columns, value_of
from runstone.cli.session import Session
from runstone.cli.tables import print_table
from runstone.cli.text import counted
from runstone.entities import Experiment, Run, ViewType
from runstone.naming import now_ms

__all__ = ["RunSearch", "listing_options", "print_runs"]

F = TypeVar("F", bound=Callable[..., Any])

MAX_SHOWN = 20


class RunSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, as the options of the command line give it."""

    experiments: tuple[str, ...]
    filter_string: str | None
    view: str
    order_by: tuple[str, ...]
    max_results: int
    columns: tuple[str, ...]
    as_json: bool
    as_csv: bool


def listing_options(command: F) -> F:
    """The options of a listing of runs."""
    columns = click.option(
        "-c",
        "--columns",
        metavar="NAMES",
        multiple=True,
        help='What to show, such as "run_name,metrics.loss,params.*"; again for more. '
        "Default: the metrics and params that differ.",
    )
    for option in (csv_option, json_option, columns, max_option(MAX_SHOWN, "runs"), order_option):
        command = option(command)
    return experiment_option(view_option("runs")(command))


def print_runs(session: Session, search: RunSearch) -> None:
    """Find the runs and print them."""
    if search.as_json and search.as_csv:
        raise click.UsageError("Give --json or --csv, not both.")
    experiments = _experiments(session, search)
    limit = unlimited(search.max_results)
    runs = list_runs(
        session,
        experiments,
        filter_string=search.filter_string,
        view=view_of(search.view),
        order_by=search.order_by,
        max_results=None if limit is None else limit + 1,  # one more tells whether there are more
    )
    has_more = limit is not None and len(runs) > limit
    _print(runs[:limit], search, {experiment.experiment_id: experiment.name for experiment in experiments})
    if not runs:
        note(_nothing(search))
    elif has_more:
        found = session.tracking.count_runs(
            [experiment.experiment_id for experiment in experiments],
            filter_string=search.filter_string,
            view=view_of(search.view),
        )
        about = "about " if found.is_estimate else ""
        note(f"These are {len(runs) - 1} of {about}{counted(found.runs, 'run')}: --max 0 shows all")


def _experiments(session: Session, search: RunSearch) -> list[Experiment]:
    if search.experiments:
        return [find_experiment(session, text) for text in search.experiments]
    return list_experiments(session, ViewType.ALL)


def _print(runs: Sequence[Run], search: RunSearch, experiment_names: Mapping[str, str]) -> None:
    names = named(search.columns, runs) if search.columns else None
    if search.as_json:
        print_json(
            [run_record(run, experiment_names.get(run.info.experiment_id)) for run in runs]
            if names is None
            else [{name: value_of(run, name, experiment_names) for name in names} for run in runs]
        )
    elif search.as_csv:
        names = all_names(runs) if names is None else names
        print_csv(names, ([value_of(run, name, experiment_names) for name in names] for run in runs))
    elif runs:
        asked = " ".join((search.filter_string or "", *search.order_by))
        print_table(
            table_columns(runs, names, asked, experiment_names, now_ms()), more="--columns chooses, --json has all"
        )


def _nothing(search: RunSearch) -> str:
    if search.filter_string:
        return "No run matches the filter"
    kind = "" if search.view == "all" else f"{search.view} "
    where = f" in {' and '.join(map(repr, search.experiments))}" if search.experiments else ""
    return f"There are no {kind}runs{where}; `runstone demo` records some"
