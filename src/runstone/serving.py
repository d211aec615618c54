"""From server options to the application: composes store, tracker and artifacts for `runstone.server`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from runstone import settings
from runstone.artifacts.uris import open_artifact_store
from runstone.connect import BESIDE, artifact_root, database_path, end_silent_runs, journal_beside, open_database
from runstone.journal.recovery import recover
from runstone.server.app import App
from runstone.server.artifacts import PROXIED_ROOT, ProxiedArtifacts
from runstone.server.options import ServerOptions
from runstone.stores.sql.store import SqlStore
from runstone.tracking.local import LocalTracking

__all__ = ["create_app", "prepare_store"]


def create_app(options: ServerOptions) -> App:
    """The application over the store at `options.tracking_uri`. Raises InvalidInput and StoreError."""
    path = database_path(options.tracking_uri)
    destination = _destination(options, path)
    artifacts = ProxiedArtifacts(destination)
    root = PROXIED_ROOT if options.serve_artifacts else destination
    tracking = LocalTracking(SqlStore(open_database(path), root, folds_aside=True), artifacts)
    return App(options, tracking, artifacts if options.serve_artifacts else None, _duties(options, tracking, path))


def _duties(options: ServerOptions, tracking: LocalTracking, database: Path) -> list[Callable[[], object]]:
    """What a server does for a store besides answering: dead processes of this machine, and silent ones anywhere."""
    if options.read_only:
        return []
    journal, started = journal_beside(database), time.monotonic()

    def end_silent() -> None:
        # Nobody could be heard while no server was there.
        if time.monotonic() - started >= settings.SILENT_AFTER_S.get():
            end_silent_runs(tracking)

    return [
        lambda: recover(journal, lambda about: tracking if about.destination == BESIDE else None),
        end_silent,
    ]


def prepare_store(options: ServerOptions) -> None:
    """Make the store where it is missing, and raise now what every worker process would raise later."""
    path = database_path(options.tracking_uri)
    _destination(options, path)
    open_database(path).close()


def _destination(options: ServerOptions, database: Path) -> str:
    return open_artifact_store(options.artifacts_destination or artifact_root(database)).root_uri
