"""What `runstone import` and `runstone export` share: the selection, the progress bar, and the report."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from runstone.cli.arguments import filter_option
from runstone.cli.output import note, print_json
from runstone.cli.tables import print_fields
from runstone.cli.text import counted, one_line, size

if TYPE_CHECKING:
    from runstone.exchange.importer import Progress
    from runstone.exchange.report import Report
    from runstone.exchange.selection import ArtifactMode, Selection

__all__ = ["artifacts_option", "finish", "progress", "report_option", "selection_of", "selection_options"]

F = TypeVar("F", bound=Callable[..., Any])

_MAX_PROBLEMS = 20


def selection_options(command: F) -> F:
    """The options that say which runs come along."""
    since = click.option(
        "--since", metavar="TIME", help="Only runs that began at this date or time (ISO 8601, UTC) or later."
    )
    named = click.option(
        "-e",
        "--experiment",
        "experiments",
        metavar="NAME",
        multiple=True,
        help="Only this experiment; may be repeated.",
    )
    return named(filter_option("metrics.loss < 0.5")(since(command)))


def artifacts_option(command: F) -> F:
    """The option `--artifacts`."""
    return click.option(
        "--artifacts",
        type=click.Choice(["copy", "reference", "none"]),
        default="copy",
        show_default=True,
        help="Copy the runs' files, let the runs refer to where they are, or leave them.",
    )(command)


def report_option(command: F) -> F:
    """The option `--report`."""
    return click.option(
        "--report",
        "report_file",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help="Write the report to FILE (JSON).",
    )(command)


def selection_of(
    experiments: tuple[str, ...], filter_string: str | None, since: str | None, artifacts: str
) -> Selection:
    """What the options mean. Raises InvalidInput."""
    from runstone.exchange.selection import Selection, parse_since

    return Selection(
        experiments=frozenset(experiments),
        filter_string=filter_string,
        since=parse_since(since) if since else None,
        artifacts=cast("ArtifactMode", artifacts),
    )


@contextmanager
def progress(verb: str) -> Iterator[Progress]:
    """A progress bar on a terminal, on stderr; else nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(verb), BarColumn(), MofNCompleteColumn(), TextColumn("runs"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        # A server does not say how many runs there are.
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def finish(report: Report, as_json: bool, report_file: str | None) -> int:
    """Print the report, and write it to a file if one is given; the exit code."""
    record = report.to_dictionary()
    if report_file:
        Path(report_file).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if as_json:
        print_json(record)
    else:
        _print(report)
    for problem in report.problems[:_MAX_PROBLEMS]:
        note(one_line(f"Left out: {problem.what}: {problem.reason}"))
    more = len(report.problems) - _MAX_PROBLEMS
    if more > 0:
        where = f"{report_file} has them" if report_file else "--report FILE writes them all"
        note(f"... and {more:,} more; {where}")
    return 1 if report.problems else 0


def _print(report: Report) -> None:
    verb = "would be " if report.is_dry_run else ""
    rows = [
        ("from", report.source),
        ("to", report.target),
        ("experiments", f"{report.experiments:,} {verb}new"),
        ("runs", f"{report.runs:,} {verb}new, {report.completed:,} {verb}completed, {report.skipped:,} there already"),
        ("points", f"{report.points:,}"),
    ]
    if report.filtered:
        rows.append(("not selected", counted(report.filtered, "run")))
    if report.files:
        rows.append(("files", f"{report.files:,} ({size(report.file_bytes)})"))
    if report.logged_models or report.model_versions or report.registered_models:
        parts = (
            counted(report.logged_models, "logged model"),
            counted(report.registered_models, "registered model"),
            counted(report.model_versions, "version"),
        )
        rows.append(("models", ", ".join(parts)))
    print_fields(rows)
