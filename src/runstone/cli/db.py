"""`runstone db`: the database as a file: where it is, whether it is sound, how large, and bringing it up to date."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from runstone.cli.output import json_option, note, print_json
from runstone.cli.session import Session
from runstone.cli.tables import print_fields, print_heading
from runstone.cli.text import counted, size

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
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Look for damage: SQLite's quick check, the tables and their version. Exit code 1 where something is wrong.

    \b
    Example:
      runstone db check --json
    """
    from runstone.connect import check_database

    session: Session = ctx.obj
    session.require_database(session.database_path)
    found = check_database(session.database_path)
    is_current = found.revision == found.needed_revision
    is_sound = is_current and not found.problems
    if as_json:
        print_json({"path": str(session.database_path), "is_sound": is_sound, **msgspec.to_builtins(found)})
    else:
        print_fields(
            [
                ("database", str(session.database_path)),
                ("revision", found.revision if is_current else f"{found.revision}, needed is {found.needed_revision}"),
                ("quick check", "sound" if not found.problems else counted(len(found.problems), "problem")),
            ]
        )
        for problem in found.problems:
            click.echo(problem)
        if not is_current:
            click.echo(f"Bring it up to date with `{session.words()} db upgrade`, or use a newer Runstone")
    if not is_sound:
        ctx.exit(1)


@db.command
@json_option
@click.pass_obj
def stats(session: Session, as_json: bool) -> None:
    """Count what is in the database, and how much room it takes.

    \b
    Example:
      runstone db stats
    """
    from runstone.connect import measure_database

    session.require_database(session.database_path)
    found = measure_database(session.database_path)
    if as_json:
        print_json({"path": str(session.database_path), **msgspec.to_builtins(found)})
        return
    per_point = "-" if found.bytes_per_point is None else f"{found.bytes_per_point:.1f} B"
    print_fields(
        [
            ("database", str(session.database_path)),
            ("size", f"{size(found.file_size_bytes)} ({size(found.free_bytes)} free for reuse)"),
            ("points", f"{found.points:,} in {size(found.points_size_bytes)}"),
            ("a point", per_point),
            ("not folded yet", f"{counted(found.pending_points, 'point')} in {found.pending_batches:,} batches"),
        ]
    )
    print_heading("Rows")
    print_fields([(table, f"{count:,}") for table, count in found.rows.items()])


@db.command
@click.argument("place", metavar="[PATH|URI]", required=False)
@json_option
@click.pass_obj
def upgrade(session: Session, place: str | None, as_json: bool) -> None:
    """Bring the database to this version's tables, after a copy FILE.before-REVISION beside it.

    Stop whatever records there first. All or nothing: after an error the database is as it was.

    \b
    Examples:
      runstone db upgrade
      runstone db upgrade old-project/.runstone
    """
    from runstone.connect import database_path, upgrade_database

    path = database_path(place) if place else session.database_path
    session.require_database(path)
    done = upgrade_database(path)
    if as_json:
        record: dict[str, Any] = {"path": str(path), "old_revision": done.old_revision, "revision": done.revision}
        print_json({**record, "backup": str(done.backup) if done.backup else None})
    elif done.backup is None:
        click.echo(f"{path} is up to date (revision {done.revision})")
    else:
        click.echo(f"Copied {path} to {done.backup}")
        click.echo(f"Upgraded it from revision {done.old_revision} to {done.revision}")
