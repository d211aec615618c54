"""`runstone journal`: what is kept on this machine until it is delivered. Also where `sync` looks by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runstone.cli.output import json_option, note, print_json
from runstone.cli.session import Session
from runstone.cli.tables import Column, is_terminal, print_heading, print_table
from runstone.cli.text import counted, duration, iso_time, relative_time, short_ids, size
from runstone.naming import now_ms

if TYPE_CHECKING:
    from runstone.journal.inspection import SetAside, SpoolState

__all__ = ["destination_text", "find_in", "folders_argument", "host_text", "journal", "places", "run_ids"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def folders_argument(command: F) -> F:
    """Folders in which spools are looked for."""
    return click.argument(
        "folders", metavar="[DIR]...", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
    )(command)


def places(session: Session, folders: Sequence[Path]) -> list[Path]:
    """The folders, else the journal of the tracking URI in force and that of servers."""
    from runstone.connect import journal_for_servers, journal_of

    return list(folders) or list(dict.fromkeys((journal_of(session.uri), journal_for_servers())))


def find_in(folders: Iterable[Path], find: Callable[[Path], Iterable[T]], place_of: Callable[[T], Path]) -> list[T]:
    """What is found in all of the folders, each once, though one may lie in another."""
    found = (one for folder in folders for one in find(folder))
    return list({place_of(one).resolve(): one for one in found}.values())


def host_text(host: str) -> str:
    """The name of a machine without its id."""
    return host.partition(" ")[0] or "-"


def run_ids(ids: Iterable[str]) -> list[str]:
    """The ids as they are shown: short on a terminal."""
    ids = list(ids)
    short = short_ids(ids) if is_terminal() else {}
    return [short.get(one, one) for one in ids]


def destination_text(destination: str, folder: Path) -> str:
    """Where a spool goes, for people."""
    from runstone.connect import BESIDE, database_beside

    return destination if destination != BESIDE else str(database_beside(folder.parent.parent) or "no database beside")


@click.command
@folders_argument
@json_option
@click.pass_obj
def journal(session: Session, folders: tuple[Path, ...], as_json: bool) -> None:
    """List what is kept in the journal until it is delivered.

    Without DIR: the journals of the tracking URI in force and of servers. A DIR is a journal, or what holds one.

    \b
    Examples:
      runstone journal
      runstone journal copied-from-the-cluster/ --json
    """
    from runstone.journal.inspection import find_set_aside, inspect

    where = places(session, folders)
    spools = find_in(where, inspect, lambda spool: spool.folder)
    aside = find_in(where, find_set_aside, lambda one: one.folder)
    if as_json:
        print_json({"spools": list(map(_spool_record, spools)), "set_aside": list(map(_aside_record, aside))})
    elif not spools and not aside:
        note(f"Nothing is kept in {' or '.join(map(str, where))}: everything is delivered")
    else:
        _print(spools, aside)


def _print(spools: Sequence[SpoolState], aside: Sequence[SetAside]) -> None:
    if spools:
        _print_spools(spools)
    if aside:
        print_heading("Not delivered any more")
        print_table(
            [
                Column(heading="RUN", cells=run_ids(one.run_id for one in aside)),
                Column(heading="WHAT", cells=[one.kind for one in aside]),
                Column(heading="REFUSED", cells=[f"{one.lines:,}" for one in aside], is_number=True),
                Column(heading="SIZE", cells=[size(one.size_bytes) for one in aside], is_number=True),
                Column(heading="FOLDER", cells=[str(one.folder) for one in aside]),
                Column(heading="WHY", cells=[one.why or "see refused.jsonl in it" for one in aside], is_optional=True),
            ]
        )
    click.echo()
    waiting = counted(sum(one.waiting for one in spools), "record")
    total = size(sum(spool.size_bytes for spool in spools) + sum(one.size_bytes for one in aside))
    click.echo(
        f"{counted(len(spools), 'writer')}, {waiting} waiting, {counted(len(aside), 'folder')} set aside, {total}"
    )


def _print_spools(spools: Sequence[SpoolState]) -> None:
    now = now_ms()
    sizes = [size(spool.size_bytes) for spool in spools]
    goes_to = [destination_text(spool.about.destination, spool.folder) for spool in spools]
    print_table(
        [
            Column(heading="RUN", cells=run_ids(spool.about.run_id for spool in spools)),
            Column(heading="HOST", cells=[host_text(spool.about.host) for spool in spools]),
            Column(heading="PROCESS", cells=[str(spool.about.pid) for spool in spools], is_number=True),
            Column(heading="ALIVE", cells=[_alive_text(spool) for spool in spools]),
            Column(heading="WAITING", cells=[f"{spool.waiting:,}" for spool in spools], is_number=True),
            Column(heading="AGE", cells=[duration(now - spool.about.created) for spool in spools], is_optional=True),
            Column(heading="LAST HEARD", cells=[relative_time(spool.heartbeat or None, now) for spool in spools]),
            Column(heading="SIZE", cells=sizes, is_number=True, is_optional=True),
            Column(heading="DESTINATION", cells=goes_to, is_optional=True),
        ]
    )


def _alive_text(spool: SpoolState) -> str:
    return "perhaps, elsewhere" if spool.is_alive is None else "yes" if spool.is_alive else "no"


def _spool_record(spool: SpoolState) -> dict[str, Any]:
    about = spool.about
    return {
        "run_id": about.run_id,
        "writer": about.writer,
        "host": about.host,
        "pid": about.pid,
        "is_alive": spool.is_alive,
        "waiting": spool.waiting,
        "created": iso_time(about.created),
        "last_heard": iso_time(spool.heartbeat or None),
        "size_bytes": spool.size_bytes,
        "destination": destination_text(about.destination, spool.folder),
        "folder": str(spool.folder),
    }


def _aside_record(one: SetAside) -> dict[str, Any]:
    return {
        "run_id": one.run_id,
        "kind": one.kind,
        "why": one.why or None,
        "refused_lines": one.lines,
        "size_bytes": one.size_bytes,
        "folder": str(one.folder),
    }
