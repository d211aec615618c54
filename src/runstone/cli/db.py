"""`runstone db`: the database as a whole: where it is, whether it is sound, how large, and bringing it up to date."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from runstone.cli.output import json_option, note, print_json
from runstone.cli.session import Session
from runstone.cli.tables import print_fields, print_heading
from runstone.cli.text import counted, size
from runstone.errors import InvalidInput

if TYPE_CHECKING:
    from runstone.connect import Upgrade

__all__ = ["db"]


@click.group
def db() -> None:
    """Look after the database of runs."""


@db.command
@json_option
@click.pass_obj
def path(session: Session, as_json: bool) -> None:
    """Print where the database is, or would be made.

    \b
    Example:
      sqlite3 "$(runstone db path)" .tables
    """
    from runstone.connect import has_database

    place = session.database_path
    exists = has_database(place)
    if as_json:
        print_json({"path": str(place), "tracking_uri": session.shown_uri, "exists": exists})
        return
    click.echo(place)
    if not exists:
        note("It is not there yet: the first run makes it")


@db.command
@click.option(
    "--chunks",
    "max_chunks",
    metavar="N",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="Decode at most so many chunks of points, from all over the database; 0 for all.",
)
@json_option
@click.pass_context
def check(ctx: click.Context, max_chunks: int, as_json: bool) -> None:
    """Look for damage. Exit code 1 where something is wrong.

    Whose database it is and of which version; SQLite's own check of the file; tables and indexes; rows that belong to
    no run; whether points can be decoded, and (on a sample) whether summaries say what the points say.

    \b
    Examples:
      runstone db check
      runstone db check --chunks 0 --json
    """
    from runstone.connect import check_database, without_credentials

    session: Session = ctx.obj
    place = session.require_place()
    shown = without_credentials(str(place))
    with _progress("Decoding") as on_progress:
        found = check_database(place, max_chunks=max_chunks or None, on_progress=on_progress)
    is_current = found.revision == found.needed_revision
    is_sound = is_current and not found.problems
    if as_json:
        print_json({"path": shown, "is_sound": is_sound, **msgspec.to_builtins(found)})
    else:
        print_fields(
            [
                ("database", shown),
                ("revision", found.revision if is_current else f"{found.revision}, needed is {found.needed_revision}"),
                ("state", "sound" if not found.problems else counted(len(found.problems), "problem")),
                ("points", f"{found.checked_chunks:,} of {counted(found.chunks, 'chunk')} decoded"),
                ("summaries", f"{found.checked_series:,} compared with their points"),
            ]
        )
        for problem in found.problems:
            click.echo(problem)
        if not is_current:
            click.echo(f"Bring it up to date with `{session.words()} db upgrade`, or use a newer Runstone")
    if not is_sound:
        ctx.exit(1)


@db.command
@click.option("--artifacts", "with_artifacts", is_flag=True, help="Also weigh the files below the artifact root.")
@json_option
@click.pass_obj
def stats(session: Session, with_artifacts: bool, as_json: bool) -> None:
    """Count what is in the database, and how much room it takes.

    \b
    Examples:
      runstone db stats
      runstone db stats --artifacts --json
    """
    from runstone.connect import measure_artifacts, measure_database, without_credentials

    place = session.require_place()
    shown = without_credentials(str(place))
    found = measure_database(place)
    artifact_bytes = measure_artifacts(session.uri) if with_artifacts else None
    if as_json:
        record = {"path": shown, **msgspec.to_builtins(found)}
        print_json({**record, "artifact_bytes": artifact_bytes} if with_artifacts else record)
        return
    per_point = "-" if found.bytes_per_point is None else f"{found.bytes_per_point:.1f} B"
    deleted = f"{counted(found.deleted_runs, 'run')}, {counted(found.deleted_experiments, 'experiment')}"
    fields = [
        ("database", shown),
        ("size", f"{size(found.file_size_bytes)} ({size(found.free_bytes)} free for reuse)"),
        ("points", f"{found.points:,} in {size(found.points_size_bytes)}, of {counted(found.keys, 'key')}"),
        ("a point", per_point),
        ("not folded yet", f"{counted(found.pending_points, 'point')} in {found.pending_batches:,} batches"),
        ("deleted", f"{deleted}; see `{session.words()} gc`"),
    ]
    if with_artifacts:
        fields.append(("artifacts", "-" if artifact_bytes is None else size(artifact_bytes)))
    print_fields(fields)
    print_heading("Rows")
    print_fields([(table, _rows_text(count, found.table_bytes.get(table))) for table, count in found.rows.items()])


def _rows_text(count: int, size_bytes: int | None) -> str:
    return f"{count:,}" if size_bytes is None else f"{count:<12,} {size(size_bytes)}"


@db.command
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def backup(session: Session, target: Path, as_json: bool) -> None:
    """Copy the database to FILE as it is now, also while runs record; FILE must not be there. Of PostgreSQL: pg_dump.

    The copy is a whole database, which `-u sqlite:///FILE` opens. Files of runs are not in it.

    \b
    Example:
      runstone db backup runs-2026-11-24.db
    """
    from runstone.connect import back_up_database

    place = session.require_place()
    back_up_database(place, target)
    if as_json:
        print_json({"path": str(place), "backup": str(target.absolute()), "size_bytes": target.stat().st_size})
    else:
        click.echo(f"Copied {place} to {target} ({size(target.stat().st_size)})")


@db.command
@json_option
@click.pass_obj
def compact(session: Session, as_json: bool) -> None:
    """Shrink the database file by what is free in it.

    Writes the file anew: it needs as much free room on the disk as it takes, and who records waits meanwhile (a
    training does not: its journal takes what it logs).

    \b
    Example:
      runstone db compact
    """
    from runstone.connect import compact_database

    place = session.require_place()
    if isinstance(place, str):
        raise InvalidInput("PostgreSQL makes room by itself (autovacuum); only an SQLite file is compacted")
    freed = compact_database(place)
    if as_json:
        print_json({"path": str(place), "freed_bytes": freed})
    else:
        click.echo(f"{place} is {size(freed)} smaller")


@db.command
@click.argument("place", metavar="[PATH|URI]", required=False)
@json_option
@click.pass_obj
def upgrade(session: Session, place: str | None, as_json: bool) -> None:
    """Bring the database to this version's tables; of an SQLite file after a copy FILE.before-REVISION beside it.

    Stop whatever records there first. All or nothing: after an error the database is as it was.

    \b
    Examples:
      runstone db upgrade
      runstone db upgrade old-project/.runstone
      runstone db upgrade postgresql://ada@db.example.org/runs
    """
    from runstone.connect import upgrade_database

    found = session.require_place(place)
    _print_move(found, upgrade_database(found), "Upgraded", as_json)


@db.command
@click.argument("revision")
@click.argument("place", metavar="[PATH|URI]", required=False)
@json_option
@click.pass_obj
def downgrade(session: Session, revision: str, place: str | None, as_json: bool) -> None:
    """Take the database back to an older REVISION, for an older Runstone. What its tables cannot hold is lost.

    Stop whatever records there first. An SQLite file is copied to FILE.before-REVISION beside it; of PostgreSQL, make a
    dump before.

    \b
    Example:
      runstone db downgrade 0002
    """
    from runstone.connect import downgrade_database

    found = session.require_place(place)
    _print_move(found, downgrade_database(found, revision), "Downgraded", as_json)


def _print_move(place: Path | str, done: Upgrade, what: str, as_json: bool) -> None:
    from runstone.connect import without_credentials

    shown = without_credentials(str(place))
    if as_json:
        record: dict[str, Any] = {"path": shown, "old_revision": done.old_revision, "revision": done.revision}
        print_json({**record, "backup": str(done.backup) if done.backup else None})
        return
    if done.old_revision == done.revision:
        click.echo(f"{shown} is up to date (revision {done.revision})")
        return
    if done.backup is not None:
        click.echo(f"Copied {shown} to {done.backup}")
    click.echo(f"{what} it from revision {done.old_revision} to {done.revision}")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, on stderr; else nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("chunks"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
