"""`runstone import`: bring runs along from MLflow, from other tools' files, from a bundle or another store."""

from __future__ import annotations

import click

from runstone.cli.copying import artifacts_option, finish, progress, report_option, selection_of, selection_options
from runstone.cli.output import json_option
from runstone.cli.session import Session

__all__ = ["import_"]

KINDS = ("mlflow", "runstone", "bundle", "tensorboard", "trackio")


@click.command("import")
@click.argument("place", metavar="PLACE")
@click.option(
    "--from",
    "kind",
    type=click.Choice(KINDS),
    help="What PLACE is, where that cannot be told from it.",
)
@selection_options
@artifacts_option
@click.option("--dry-run", is_flag=True, help="Read everything, say what would be imported, and change nothing.")
@report_option
@json_option
@click.pass_context
def import_(
    ctx: click.Context,
    place: str,
    kind: str | None,
    experiments: tuple[str, ...],
    filter_string: str | None,
    since: str | None,
    artifacts: str,
    dry_run: bool,
    report_file: str | None,
    as_json: bool,
) -> None:
    """Bring runs along from MLflow and other tools.

    PLACE is a folder of MLflow (mlruns/), a database of MLflow (an SQLite file, or postgresql://...), a server of
    MLflow or of Runstone (https://...), a bundle, another store of Runstone, a folder of event files of TensorBoard,
    or a database of trackio.

    Ids, times, tags, deletions and models are kept; experiments are found by their names, or made. What is here already
    is skipped, so that an import that was interrupted goes on when it is run again.

    \b
    Examples:
      runstone import mlruns/ --dry-run
      runstone import mlflow.db --experiment digits --since 2026-01-01
      runstone import http://127.0.0.1:5000 --artifacts none
      runstone import runs.runstone --report report.json

    Exit code 1 where something could not come along; stderr says what, and why.
    """
    from runstone.transfers import copy_runs, open_source

    session: Session = ctx.obj
    selection = selection_of(experiments, filter_string, since, artifacts)
    with open_source(place, kind) as source, progress("Importing") as on_progress:
        report = copy_runs(source, session.uri, selection, is_dry_run=dry_run, on_progress=on_progress)
    ctx.exit(finish(report, as_json, report_file))
