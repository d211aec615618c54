"""Bringing spools to their stores: to which one, each opened once, and what came of every spool. Prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runstone.cli.session import Session
from runstone.cli.text import counted
from runstone.errors import AccessDenied, InvalidInput, NotFound, RunstoneError, StoreError

if TYPE_CHECKING:
    from runstone.journal.spool import About
    from runstone.tracking.base import Tracking

__all__ = ["Delivered", "deliver", "preview", "problems_of"]

_REFUSALS = (StoreError, AccessDenied, InvalidInput, NotFound)


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one spool. `outcome` is a word of `journal.recovery.Outcome`, `waiting` or `ready`.

    waiting: its store cannot take anything just now; ready: it would be delivered. `problem` says what a person
    should know; where it is the store's and not the spool's, `destination` is what it is about.
    """

    run_id: str
    host: str
    destination: str
    folder: Path
    records: int
    outcome: str
    problem: str | None = None


class _Destinations:
    """The trackers that spools go to, and why one of them cannot take anything in this round."""

    def __init__(self, session: Session, to: str | None) -> None:
        self._session = session
        self._to = to
        self._open: dict[str, Tracking] = {}
        self._failures: dict[str, RunstoneError] = {}

    def uri_of(self, about: About, folder: Path) -> str:
        """Raises NotFound where nothing says which store is meant, or it is not there."""
        from runstone.connect import BESIDE, database_beside, database_path, has_database, is_in_file

        if self._to:
            return self._to
        if about.destination == BESIDE:
            path = database_beside(folder.parent.parent)
            if path is None:
                raise NotFound(
                    f"{folder.parent.parent} belongs to a database beside it, and there is none: say where its runs "
                    "go with --to URI"
                )
            return str(path)
        if not is_in_file(about.destination):
            return self._with_credentials(about.destination)
        if not has_database(database_path(about.destination)):
            raise NotFound(f"There is no database {about.destination}: say where the runs go with --to URI")
        return about.destination

    def _with_credentials(self, url: str) -> str:
        """The URI in force, if it means that server: a user and password in it are not kept in the journal."""
        return self._session.uri if self._session.shown_uri == url else url

    def find(self, about: About, folder: Path) -> Tracking:
        """The tracker for a spool. Raises what opening it or an earlier delivery to it has raised."""
        from runstone.connect import open_tracking

        uri = self.uri_of(about, folder)
        if uri in self._failures:
            raise self._failures[uri]
        if uri not in self._open:
            self._open[uri] = open_tracking(uri)
        return self._open[uri]

    def give_up(self, uri: str, failure: RunstoneError) -> None:
        """Ask this one no more."""
        self._failures[uri] = failure

    def shown(self, about: About, folder: Path) -> str:
        """The destination, for people."""
        from runstone.connect import without_credentials

        try:
            return without_credentials(self.uri_of(about, folder))
        except RunstoneError:
            return ""

    def close(self) -> None:
        """Close all trackers."""
        for tracking in self._open.values():
            tracking.close()


def deliver(
    session: Session, spools: Iterable[Path], to: str | None, *, on_progress: Callable[[int], None]
) -> Iterator[Delivered]:
    """Deliver the spools in order, and tell what came of each; one that has gone meanwhile is left out."""
    with closing(_Destinations(session, to)) as destinations:
        for folder in spools:
            delivered = _deliver_one(folder, destinations, on_progress)
            if delivered is not None:
                yield delivered


def _deliver_one(folder: Path, destinations: _Destinations, on_progress: Callable[[int], None]) -> Delivered | None:
    from runstone.journal.recovery import recover_one

    known: list[About] = []
    records = 0

    def find(about: About) -> Tracking:
        known.append(about)
        return destinations.find(about, folder)

    def count(more: int) -> None:
        nonlocal records
        records += more
        on_progress(more)

    try:
        result = recover_one(folder, find, on_progress=count)
    except _REFUSALS as failure:
        if not known:
            raise
        return _waiting(known[0], folder, destinations, records, failure)
    if result is None:
        return None
    return Delivered(
        run_id=result.run_id,
        host=result.host,
        destination=destinations.shown(known[0], folder) if known else "",
        folder=result.folder,
        records=result.records,
        outcome=result.outcome,
        problem=result.error,
    )


def _waiting(
    about: About, folder: Path, destinations: _Destinations, records: int, failure: RunstoneError
) -> Delivered:
    shown = destinations.shown(about, folder)
    if shown:
        destinations.give_up(destinations.uri_of(about, folder), failure)
    return Delivered(
        run_id=about.run_id,
        host=about.host,
        destination=shown,
        folder=folder,
        records=records,
        outcome="waiting",
        problem=str(failure),
    )


def preview(session: Session, spools: Iterable[Path], to: str | None) -> Iterator[Delivered]:
    """What would be delivered, as far as the folders know: a store that has some of it already is not asked."""
    from runstone.journal.inspection import inspect_one

    destinations = _Destinations(session, to)
    for folder in spools:
        state = inspect_one(folder)
        if state is None:
            continue
        problem = None
        try:
            destinations.uri_of(state.about, folder)
        except _REFUSALS as failure:
            problem = str(failure)
        yield Delivered(
            run_id=state.about.run_id,
            host=state.about.host,
            destination=destinations.shown(state.about, folder),
            folder=folder,
            records=0 if state.is_alive else state.waiting,
            outcome="alive" if state.is_alive else "waiting" if problem else "ready",
            problem=None if state.is_alive else problem,
        )


def problems_of(delivered: Iterable[Delivered]) -> list[str]:
    """A line for each thing that has kept records from being delivered; a store's own trouble is told once."""
    lines: list[str] = []
    waiting: Counter[str] = Counter()
    for one in delivered:
        if one.problem and one.outcome == "waiting":
            waiting[one.problem] += 1
        elif one.problem:
            lines.append(f"run {one.run_id}: {one.problem}")
    return [*(f"{problem} ({counted(count, 'writer')} waiting)" for problem, count in waiting.items()), *lines]
