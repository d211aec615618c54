"""The arguments and options that several commands take, with what a shell completes for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from runstone.cli.lookup import find_run, list_experiments, list_runs, quoted
from runstone.cli.session import Session
from runstone.cli.text import shell_word
from runstone.entities import ViewType
from runstone.errors import RunstoneError

__all__ = [
    "complete_experiments",
    "experiment_argument",
    "experiment_option",
    "experiments_argument",
    "filter_option",
    "max_option",
    "metric_argument",
    "order_option",
    "run_argument",
    "runs_argument",
    "unlimited",
    "view_of",
    "view_option",
]

F = TypeVar("F", bound=Callable[..., Any])

_MAX_COMPLETIONS = 50


def unlimited(count: int) -> int | None:
    """What `--max` means: 0 is all."""
    return count or None


def max_option(default: int, what: str) -> Callable[[F], F]:
    """The option `--max`."""
    return click.option(
        "--max",
        "max_results",
        metavar="N",
        type=click.IntRange(min=0),
        default=default,
        show_default=True,
        help=f"At most this many {what}; 0 for all.",
    )


def view_option(what: str) -> Callable[[F], F]:
    """The option `--view`."""
    return click.option(
        "--view",
        type=click.Choice(["active", "deleted", "all"]),
        default="active",
        show_default=True,
        help=f"Which {what}.",
    )


def view_of(word: str) -> ViewType:
    """The view that a word of `--view` means."""
    return {"active": ViewType.ACTIVE_ONLY, "deleted": ViewType.DELETED_ONLY, "all": ViewType.ALL}[word]


def filter_option(example: str) -> Callable[[F], F]:
    """The option `--filter`."""
    return click.option("-f", "--filter", "filter_string", metavar="FILTER", help=f"Only those that match: {example}.")


def order_option(command: F) -> F:
    """The option `--order-by`, as often as wanted."""
    return click.option(
        "-o",
        "--order-by",
        metavar="FIELD [ASC|DESC]",
        multiple=True,
        help='An order such as "metrics.loss ASC"; again for ties. Default: the latest start first.',
    )(command)


# -- completion


def _completing_session(ctx: click.Context) -> Session:
    # While a shell completes, no command has run that could have made the session.
    return Session(ctx.find_root().params.get("tracking_uri") or None)


def _items(names: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(_as_typed(name), help=text) for name, text in names if name.startswith(incomplete)]


def _as_typed(name: str) -> str:
    """Bash takes a completion as it is; zsh and fish quote it themselves."""
    if os.environ.get("_RUNSTONE_COMPLETE", "").startswith("bash"):
        return shell_word(name)  # in quotes: click's script for bash would lose a backslash
    return name


def complete_experiments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of all experiments, the deleted ones too, for they can be restored."""
    try:
        found = list_experiments(_completing_session(ctx), ViewType.ALL)
    except RunstoneError:
        return []
    return _items([(experiment.name, f"id {experiment.experiment_id}") for experiment in found], incomplete)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of the newest runs, with their names beside them."""
    session = _completing_session(ctx)
    beginning = f"attributes.run_id LIKE {quoted(incomplete + '%')}" if incomplete else None
    try:
        experiments = list_experiments(session, ViewType.ALL)
        runs = list_runs(session, experiments, filter_string=beginning, view=ViewType.ALL, max_results=_MAX_COMPLETIONS)
    except RunstoneError:
        return []
    return _items([(run.info.run_id, run.info.run_name) for run in runs], incomplete)


def complete_metrics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The metrics of the run that stands before on the line."""
    session = _completing_session(ctx)
    try:
        run = find_run(session, str(ctx.params.get("run")))
    except RunstoneError:
        return []
    return _items([(metric.key, "") for metric in run.data.latest_metrics], incomplete)


# -- arguments


def experiment_argument(command: F) -> F:
    """One experiment."""
    return click.argument("experiment", shell_complete=complete_experiments)(command)


def experiments_argument(command: F) -> F:
    """One experiment or more."""
    return click.argument(
        "experiments", metavar="EXPERIMENT...", nargs=-1, required=True, shell_complete=complete_experiments
    )(command)


def experiment_option(command: F) -> F:
    """The option `-e`, as often as wanted."""
    return click.option(
        "-e",
        "--experiment",
        "experiments",
        metavar="EXPERIMENT",
        multiple=True,
        shell_complete=complete_experiments,
        help="Only runs of this experiment (name or id); again for more. Default: all.",
    )(command)


def run_argument(command: F) -> F:
    """One run."""
    return click.argument("run", shell_complete=complete_runs)(command)


def runs_argument(command: F) -> F:
    """One run or more."""
    return click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_runs)(command)


def metric_argument(command: F) -> F:
    """One metric of the run."""
    return click.argument("key", shell_complete=complete_metrics)(command)
