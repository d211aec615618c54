"""`runstone doctor`: what Runstone runs on, where it records and why, and what is wrong."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import click
import msgspec

from runstone import settings
from runstone.cli.findings import Finding, print_findings
from runstone.cli.output import json_option, print_json
from runstone.cli.security import look_at_security
from runstone.cli.session import Session
from runstone.cli.text import counted, size
from runstone.errors import RunstoneError
from runstone.home import find_home, start_folder
from runstone.naming import now_ms
from runstone.version import __version__

__all__ = ["doctor"]

_LITTLE_SPACE_BYTES = 1 << 30
_NO_SPACE_BYTES = 50 << 20
_OPTIONAL_PACKAGES = {"pandas": "search_runs", "pyarrow": "output_format='arrow'", "scikit-learn": "runstone demo"}


@click.command
@click.option("--security", is_flag=True, help="Say instead what of the store or server is open to others.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, security: bool, as_json: bool) -> None:
    """Say where runs are recorded and why, and what is wrong. Exit code 1 where something is.

    \b
    Examples:
      runstone doctor
      runstone -u http://127.0.0.1:5000 doctor --security
    """
    found = list(look_at_security(ctx.obj) if security else _look(ctx.obj))
    problems = sum(finding.status == "error" for finding in found)
    if as_json:
        print_json({"is_well": not problems, "findings": msgspec.to_builtins(found)})
    else:
        print_findings(found, problems)
    if problems:
        ctx.exit(1)


def _look(session: Session) -> Iterator[Finding]:
    yield Finding(name="runstone", text=__version__)
    yield Finding(name="Python", text=f"{platform.python_version()} ({platform.platform()})")
    yield Finding(name="SQLite", text=sqlite3.sqlite_version)
    yield from _look_at_place(session)
    yield from _look_at_settings()
    yield from map(_look_at_package, _OPTIONAL_PACKAGES)


def _look_at_place(session: Session) -> Iterator[Finding]:
    try:
        path = None if session.is_on_server else session.database_path
    except RunstoneError as error:
        yield Finding(name="records in", status="error", text=str(error))
        return
    yield Finding(name="records in", text=f"{session.shown_uri}, {_why(session)}")
    yield _look_at_journal(session)
    if path is None:
        yield _look_at_server(session)
        return
    folder = _nearest_folder(path.parent)
    yield _look_at_rights(folder)
    yield _look_at_space(folder)
    yield _look_at_file_system(folder)
    yield _look_at_database(path)


def _look_at_journal(session: Session) -> Finding:
    from runstone.connect import journal_of, network_file_system
    from runstone.journal.inspection import find_set_aside, inspect

    folder = journal_of(session.uri)
    spools, aside = inspect(folder), find_set_aside(folder)
    total = sum(spool.size_bytes for spool in spools) + sum(one.size_bytes for one in aside)
    text = f"{folder}, {size(total)}, {counted(sum(spool.waiting for spool in spools), 'record')} waiting"
    kind = network_file_system(folder)
    if kind is not None:
        text += (
            f"; on a network file system ({kind}), where it is slow and not safe: choose another by RUNSTONE_JOURNAL"
        )
    if aside:
        text += f"; {counted(len(aside), 'folder')} set aside, see `{session.words()} journal`"
    return Finding(name="journal", status="warning" if kind or aside else "ok", text=text)


def _look_at_server(session: Session) -> Finding:
    begin = now_ms()
    try:
        session.tracking.search_experiments(max_results=1)
    except RunstoneError as error:
        return Finding(name="server", status="error", text=str(error))
    return Finding(name="server", status="ok", text=f"answers in {now_ms() - begin} ms")


def _why(session: Session) -> str:
    if session.is_from_command_line:
        return "as given by --tracking-uri"
    source = settings.TRACKING_URI.source()
    if source:
        return f"as the environment variable {source} says"
    home = find_home(start_folder())
    if home is None:
        return "a new home, for there is none from the working directory upwards"
    return "the home in the working directory" if home.parent == Path.cwd() else "the nearest home upwards"


def _nearest_folder(folder: Path) -> Path:
    """The folder, or where it would be made."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _look_at_rights(folder: Path) -> Finding:
    if os.access(folder, os.W_OK | os.X_OK):
        return Finding(name="folder", status="ok", text=f"{folder} can be written")
    return Finding(name="folder", status="error", text=f"{folder} cannot be written: change its rights, or record with "
                   "RUNSTONE_TRACKING_URI elsewhere")  # fmt: skip


def _look_at_space(folder: Path) -> Finding:
    free_bytes = shutil.disk_usage(folder).free
    status: Literal["ok", "warning", "error"] = "ok"
    if free_bytes < _LITTLE_SPACE_BYTES:
        status = "error" if free_bytes < _NO_SPACE_BYTES else "warning"
    return Finding(name="disk", status=status, text=f"{size(free_bytes)} free in {folder}")


def _look_at_file_system(folder: Path) -> Finding:
    from runstone.connect import network_file_system

    kind = network_file_system(folder)
    if kind is None:
        return Finding(name="file system", status="ok", text="local")
    text = f"a network file system ({kind}), where SQLite's locks do not hold: let only one machine write there"
    return Finding(name="file system", status="warning", text=text)


def _look_at_database(path: Path) -> Finding:
    from runstone.connect import check_database, has_database

    if not has_database(path):
        return Finding(name="database", text=f"{path} is not there yet: the first run makes it")
    try:
        found = check_database(path, looks_at_rows=False)
    except RunstoneError as error:
        return Finding(name="database", status="error", text=str(error))
    if found.problems:
        text = f"{path} has {counted(len(found.problems), 'problem')}; see `runstone db check`"
        return Finding(name="database", status="error", text=text)
    if found.revision != found.needed_revision:
        text = f"{path} has the revision {found.revision}, not {found.needed_revision}: run `runstone db upgrade`"
        return Finding(name="database", status="error", text=text)
    return Finding(name="database", status="ok", text=f"revision {found.revision}, quick check sound")


def _look_at_settings() -> Iterator[Finding]:
    from runstone.connect import without_credentials

    for setting in settings.SETTINGS:
        source = setting.source()
        if source is None:
            continue
        try:
            value = "***" if setting.secret and setting.get() else without_credentials(str(setting.get()))
        except RunstoneError as error:
            yield Finding(name=source, status="error", text=str(error))
        else:
            yield Finding(name=source, text=value if source == setting.name else f"{value} (read as {setting.name})")


def _look_at_package(name: str) -> Finding:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name=name, text=f"not installed; needed for {_OPTIONAL_PACKAGES[name]}")
    return Finding(name=name, text=version)
