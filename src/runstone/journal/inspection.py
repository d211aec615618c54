"""Inspection: which spools there are below a folder, and how each stands. Looks, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from runstone.journal.recovery import may_be_at_work
from runstone.journal.spool import DAMAGED, NEW, REFUSED, About, Spool, measure

__all__ = ["SetAside", "SpoolState", "find_set_aside", "find_spools", "inspect", "inspect_one"]

MAX_DEPTH = 4
"""A project's folder holds a home, that a journal, that a run, and that its writers' spools."""


class SpoolState(NamedTuple):
    """A spool as it is now. Times are in ms.

    `waiting` are points and events that its folder does not know to be delivered. `is_alive` is None where nobody here
    can tell: the writer is on another machine, or the folder is a copy.
    """

    folder: Path
    about: About
    is_alive: bool | None
    waiting: int
    heartbeat: int
    size_bytes: int


class SetAside(NamedTuple):
    """A folder that is not delivered (any more): why, and how many lines of `refused.jsonl` it holds.

    One that is unreadable was not set aside: it does not even tell whose it is.
    """

    folder: Path
    run_id: str
    kind: Literal["damaged", "refused", "unreadable"]
    why: str
    lines: int
    size_bytes: int


def find_spools(place: Path) -> list[Path]:
    """The spools in a folder, oldest run first: a journal, what holds one, a run's folder or a spool itself."""
    return [folder for folder in _find_writers(place.absolute(), MAX_DEPTH) if not _is_set_aside(folder)]


def find_set_aside(place: Path) -> list[SetAside]:
    """What recovery has set aside in a folder, or cannot deliver at all."""
    found = map(_describe, _find_writers(place.absolute(), MAX_DEPTH))
    return [one for one in found if one is not None]


def _find_writers(folder: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry.is_dir() for entry in entries}
    except OSError:
        return  # gone meanwhile, or not to be read
    if "about.json" in found and "state" in found:
        yield folder
    elif depth:
        for name in sorted(name for name, is_folder in found.items() if is_folder and not name.startswith(NEW)):
            yield from _find_writers(folder / name, depth - 1)


def _is_set_aside(folder: Path) -> bool:
    return folder.name.endswith((DAMAGED, REFUSED))


def inspect(place: Path) -> list[SpoolState]:
    """The spools in a folder as they are now; those that vanish meanwhile, or cannot be read, are left out."""
    return [state for state in map(inspect_one, find_spools(place)) if state is not None]


def inspect_one(folder: Path) -> SpoolState | None:
    """A spool as it is now; None where it has gone, or cannot be read."""
    try:
        spool = Spool.open(folder)
    except OSError:
        return None
    try:
        is_alive = True if not spool.lock() else None if may_be_at_work(spool) else False
        spool.load()
        waiting = spool.count(spool.delivered + 1)
        return SpoolState(folder, spool.about, is_alive, waiting, spool.heartbeat, measure(folder))
    except OSError:
        return None
    finally:
        spool.close()


def _describe(folder: Path) -> SetAside | None:
    run_id, why = folder.parent.name, _read(folder / "damage.txt").strip()
    kind: Literal["damaged", "refused", "unreadable"] = "damaged" if folder.name.endswith(DAMAGED) else "refused"
    try:
        run_id = msgspec.json.decode((folder / "about.json").read_bytes(), type=About).run_id
    except msgspec.DecodeError as error:
        if not _is_set_aside(folder):
            kind, why = "unreadable", f"about.json cannot be read: {error}"
    except OSError:
        return None  # gone meanwhile
    if kind != "unreadable" and not _is_set_aside(folder):
        return None
    lines = _read(folder / "refused.jsonl").count("\n")
    return SetAside(folder, run_id, kind, why, lines, measure(folder))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
