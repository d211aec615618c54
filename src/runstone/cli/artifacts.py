"""`runstone artifacts`: the files of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstone.cli.arguments import run_argument
from runstone.cli.files import print_tree, walk
from runstone.cli.lookup import find_run
from runstone.cli.output import json_option, note, print_json
from runstone.cli.records import file_record
from runstone.cli.session import Session
from runstone.entities import LifecycleStage, Run
from runstone.errors import ArtifactError, NotActive

if TYPE_CHECKING:
    from runstone.artifacts.base import ArtifactStore
    from runstone.artifacts.transfer import Progress

__all__ = ["artifacts"]


@click.group
def artifacts() -> None:
    """List, show, download and upload a run's files."""


@artifacts.command("list")
@run_argument
@click.argument("path", default="")
@json_option
@click.pass_obj
def list_command(session: Session, run: str, path: str, as_json: bool) -> None:
    """List a run's files as a tree, or those in one of its folders (PATH).

    \b
    Examples:
      runstone artifacts list brisk-granite-417
      runstone artifacts list brisk-granite-417 model --json
    """
    found = find_run(session, run)
    store = session.tracking.open_artifacts(found.info.run_id)
    if as_json:
        print_json([file_record(file) for file in walk(store, path)])
    elif not print_tree(store, path):
        where = f" in {path!r}" if path else ""
        note(f"The run {found.info.run_name!r} has no files{where}")


@artifacts.command
@run_argument
@click.argument("path")
@json_option
@click.pass_obj
def show(session: Session, run: str, path: str, as_json: bool) -> None:
    """Print a text file of a run.

    \b
    Example:
      runstone artifacts show brisk-granite-417 report.txt
    """
    found = find_run(session, run)
    with session.tracking.open_artifacts(found.info.run_id).open(path) as file:
        text = _decode(file.read(), path)
    if as_json:
        print_json({"path": path, "text": text})
    else:
        click.echo(text.encode(), nl=not text.endswith("\n"))


def _decode(content: bytes, path: str) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ArtifactError(f"{path!r} is no text in UTF-8; download it with `runstone artifacts download`")
    return text


@artifacts.command
@run_argument
@click.argument("path", default="")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="the working directory",
    help="The folder to copy into; made where it is missing.",
)
@click.pass_obj
def download(session: Session, run: str, path: str, folder: Path) -> None:
    """Copy a file, a folder (PATH) or all files of a run into a local folder. Prints the place.

    Files that are there already are overwritten.

    \b
    Examples:
      runstone artifacts download brisk-granite-417 report.txt
      runstone artifacts download brisk-granite-417 --to copies/
    """
    from runstone.artifacts.transfer import download as copy

    store = session.tracking.open_artifacts(find_run(session, run).info.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    with _progress("Downloading") as progress:
        place = copy(store, path, folder, progress=progress)
    click.echo(place)


@artifacts.command
@run_argument
@click.argument("sources", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--to", "path", metavar="PATH", default="", help="The folder among the run's files. Default: the top.")
@click.pass_obj
def upload(session: Session, run: str, sources: tuple[Path, ...], path: str) -> None:
    """Store local files, or folders under their own names, with a run. Files that are there already are overwritten.

    \b
    Examples:
      runstone artifacts upload brisk-granite-417 plots/ notes.md
      runstone artifacts upload brisk-granite-417 weights.pt --to model
    """
    found = find_run(session, run)
    _require_active(found)
    store = session.tracking.open_artifacts(found.info.run_id)
    for source in sources:
        _upload(store, source, f"{path}/{source.absolute().name}" if path else source.absolute().name)
        click.echo(f"Stored {source} with the run {found.info.run_name!r}")


def _require_active(run: Run) -> None:
    if run.info.lifecycle_stage is LifecycleStage.DELETED:
        run_id = run.info.run_id
        raise NotActive(f"The run {run_id} is deleted; restore it first with `runstone runs restore {run_id}`")


def _upload(store: ArtifactStore, source: Path, target: str) -> None:
    from runstone.artifacts.transfer import put_folder

    if source.is_dir():
        with _progress("Uploading") as progress:
            put_folder(store, source, target, progress=progress)
    else:
        store.put_file(source, target)


@contextmanager
def _progress(what: str) -> Iterator[Progress | None]:
    """A progress bar on a terminal, on stderr; else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def show(done_bytes: int, total_bytes: int) -> None:
            bar.update(task, completed=done_bytes, total=total_bytes)

        yield show
