"""`runstone export`: runs to a server, to Parquet, or into one file that another store imports."""

from __future__ import annotations

from pathlib import Path

import click

from runstone.cli.copying import artifacts_option, finish, progress, report_option, selection_of, selection_options
from runstone.cli.output import json_option
from runstone.cli.session import Session

__all__ = ["export"]


@click.group
def export() -> None:
    """Copy runs to a server, to Parquet, or into one file."""


@export.command
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@selection_options
@artifacts_option
@report_option
@json_option
@click.pass_context
def bundle(
    ctx: click.Context,
    file: Path,
    experiments: tuple[str, ...],
    filter_string: str | None,
    since: str | None,
    artifacts: str,
    report_file: str | None,
    as_json: bool,
) -> None:
    """Write runs, models and files into one FILE, which `runstone import FILE` merges into another store.

    It is a zip: unpacked in a folder, it is a store of its own. FILE must not be there yet.

    \b
    Examples:
      runstone export bundle runs.runstone
      runstone export bundle best.runstone --experiment digits --filter "metrics.val_accuracy > 0.9"
    """
    from runstone.transfers import export_bundle

    session: Session = ctx.obj
    selection = selection_of(experiments, filter_string, since, artifacts)
    _require_store(session)
    with progress("Exporting") as on_progress:
        report = export_bundle(session.uri, file, selection, on_progress=on_progress)
    ctx.exit(finish(report, as_json, report_file))


@export.command
@click.argument("url", metavar="URL")
@selection_options
@artifacts_option
@click.option("--dry-run", is_flag=True, help="Say what would be exported, and change nothing.")
@report_option
@json_option
@click.pass_context
def server(
    ctx: click.Context,
    url: str,
    experiments: tuple[str, ...],
    filter_string: str | None,
    since: str | None,
    artifacts: str,
    dry_run: bool,
    report_file: str | None,
    as_json: bool,
) -> None:
    """Copy runs to the server at URL, of MLflow or of Runstone.

    A server of MLflow makes up the ids of runs itself: the tag runstone.run_id says there which run it was here.
    What is there already is skipped. Models come along under ids of the server's
    own, which the tag runstone.model_id leads back to.

    \b
    Example:
      runstone export server http://127.0.0.1:5000 --experiment digits
    """
    from runstone.connect import is_server_uri
    from runstone.transfers import copy_runs, open_store_source

    if not is_server_uri(url):
        raise click.UsageError(f"{url} is no server's URL; write https://HOST:PORT")
    session: Session = ctx.obj
    selection = selection_of(experiments, filter_string, since, artifacts)
    _require_store(session)
    with open_store_source(session.uri) as source, progress("Exporting") as on_progress:
        report = copy_runs(source, url, selection, is_dry_run=dry_run, on_progress=on_progress)
    ctx.exit(finish(report, as_json, report_file))


@export.command
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
@selection_options
@click.option("--overwrite", is_flag=True, help="Replace the files that an earlier export has written.")
@report_option
@json_option
@click.pass_context
def parquet(
    ctx: click.Context,
    folder: Path,
    experiments: tuple[str, ...],
    filter_string: str | None,
    since: str | None,
    overwrite: bool,
    report_file: str | None,
    as_json: bool,
) -> None:
    """Write runs as tables into FOLDER: runs, params, tags, metrics and datasets, a file of Parquet each.

    \b
    Example:
      runstone export parquet tables/ --since 2026-01-01
    """
    from runstone.exchange.parquet import write_parquet
    from runstone.transfers import open_store_source

    session: Session = ctx.obj
    selection = selection_of(experiments, filter_string, since, "none")
    _require_store(session)
    with open_store_source(session.uri) as source, progress("Exporting") as on_progress:
        report = write_parquet(source, folder, selection, overwrite=overwrite, on_progress=on_progress)
    ctx.exit(finish(report, as_json, report_file))


def _require_store(session: Session) -> None:
    if not session.is_on_server:
        session.require_database(session.database_path)
