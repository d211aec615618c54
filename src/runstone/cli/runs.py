"""`runstone runs`: list, show, compare and change runs."""

from __future__ import annotations

from typing import Any

import click

from runstone.cli.arguments import filter_option, run_argument, runs_argument
from runstone.cli.lookup import find_run, find_runs
from runstone.cli.output import json_option
from runstone.cli.run_difference import print_difference
from runstone.cli.run_listing import RunSearch, listing_options, print_runs
from runstone.cli.run_page import print_run
from runstone.cli.session import Session
from runstone.entities import LifecycleStage, Run

__all__ = ["runs"]


@click.group
def runs() -> None:
    """List, show, compare and change runs.

    A RUN is an id, a beginning of it that no other run has, or a name that only one run has.
    """


@runs.command("list")
@filter_option('"metrics.loss < 0.3 and params.lr > 0.001"')
@listing_options
@click.pass_obj
def list_command(session: Session, /, **options: Any) -> None:
    """List runs, the newest first, with the metrics and params that differ.

    \b
    Examples:
      runstone runs list -e "digits demo" --order-by "metrics.val_accuracy DESC"
      runstone runs list --columns run_name,status,metrics.val_loss,params.* --max 0
      runstone runs list --json | jq '.[].run_id'
    """
    print_runs(session, RunSearch(**options))


@runs.command
@run_argument
@json_option
@click.pass_obj
def show(session: Session, run: str, as_json: bool) -> None:
    """Show a run: params, metrics with a small curve each, tags and files.

    \b
    Examples:
      runstone runs show brisk-granite-417
      runstone runs show 0199f3c4d21a --json
    """
    print_run(session, find_run(session, run), as_json=as_json)


@runs.command
@run_argument
@click.argument("new_name")
@click.pass_obj
def rename(session: Session, run: str, new_name: str) -> None:
    """Give a run another name.

    \b
    Example:
      runstone runs rename brisk-granite-417 "the good one"
    """
    found = find_run(session, run)
    session.client.update_run(found.info.run_id, name=new_name)
    click.echo(f"Renamed the run {_described(found)} to {new_name!r}")


@runs.command
@runs_argument
@click.pass_obj
def delete(session: Session, runs: tuple[str, ...]) -> None:
    """Mark runs as deleted; `restore` brings them back.

    \b
    Example:
      runstone runs delete brisk-granite-417 0199f3c4d21a
    """
    for run in find_runs(session, runs):
        session.client.delete_run(run.info.run_id)
        restore = f"`{session.words()} runs restore {run.info.run_id}`"
        click.echo(f"Deleted the run {_described(run)}; {restore} brings it back")


@runs.command
@runs_argument
@click.pass_obj
def restore(session: Session, runs: tuple[str, ...]) -> None:
    """Bring deleted runs back.

    \b
    Example:
      runstone runs restore 0199f3c4d21a
    """
    for run in find_runs(session, runs):
        session.client.restore_run(run.info.run_id)
        was_deleted = run.info.lifecycle_stage is LifecycleStage.DELETED
        click.echo(
            f"Restored the run {_described(run)}"
            if was_deleted
            else f"Nothing to do: the run {_described(run)} is not deleted"
        )


@runs.command
@runs_argument
@click.option("--all", "with_equal", is_flag=True, help="Show also what is the same in all of them.")
@json_option
@click.pass_obj
def diff(session: Session, runs: tuple[str, ...], with_equal: bool, as_json: bool) -> None:
    """Show what differs between two runs or more.

    \b
    Example:
      runstone runs diff brisk-granite-417 quiet-otter-23
    """
    found = find_runs(session, runs)
    if len(found) < 2:
        raise click.UsageError("Name two different runs or more to compare.")
    print_difference(found, with_equal=with_equal, as_json=as_json)


def _described(run: Run) -> str:
    return f"{run.info.run_name!r} ({run.info.run_id})"
