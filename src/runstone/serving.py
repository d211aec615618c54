"""From server options to the application: composes store, tracker and artifacts for `runstone.server`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from runstone import settings
from runstone.access.passwords import hash_password
from runstone.artifacts.uris import open_artifact_store
from runstone.connect import (
    BESIDE,
    artifact_root,
    database_path,
    end_silent_runs,
    is_in_file,
    journal_beside,
    open_store,
)
from runstone.entities.access import Grant, Level, Role
from runstone.errors import InvalidInput
from runstone.journal.recovery import recover
from runstone.naming import now_ms
from runstone.server.app import App
from runstone.server.artifacts import PROXIED_ROOT, ProxiedArtifacts
from runstone.server.auth.authenticator import Authenticator
from runstone.server.options import ServerOptions
from runstone.stores.access import AccessStore, UserRecord
from runstone.tracking.local import LocalTracking

__all__ = ["create_app", "prepare_store"]


def create_app(options: ServerOptions) -> App:
    """The application over the store at `options.tracking_uri`. Raises InvalidInput and StoreError."""
    destination = _destination(options)
    artifacts = ProxiedArtifacts(destination)
    root = PROXIED_ROOT if options.serve_artifacts else destination
    # Without a destination of its own, a database of PostgreSQL keeps files at home, as others may.
    shares_root = not options.artifacts_destination and not is_in_file(options.tracking_uri)
    store = open_store(options.tracking_uri, root, folds_aside=True, shares_root=shares_root)
    tracking = LocalTracking(store, artifacts)
    served = artifacts if options.serve_artifacts else None
    duties = _duties(options, tracking)
    if not options.auth:
        return App(options, tracking, served, duties)
    authenticator = Authenticator(store.access)

    def record_grant(grant: Grant) -> None:
        store.access.set_grant(grant)
        authenticator.expire()

    default_level = Level[settings.EVERYONES_LEVEL.get().upper()]
    return App(options, tracking, served, duties, authenticator, record_grant, default_level)


def _duties(options: ServerOptions, tracking: LocalTracking) -> list[Callable[[], object]]:
    """What a server does for a store besides answering: dead processes of this machine, and silent ones anywhere."""
    if options.read_only:
        return []
    started = time.monotonic()

    def end_silent() -> None:
        # Nobody could be heard while no server was there.
        if time.monotonic() - started >= settings.SILENT_AFTER_S.get():
            end_silent_runs(tracking)

    duties: list[Callable[[], object]] = [end_silent]
    if is_in_file(options.tracking_uri):
        journal = journal_beside(database_path(options.tracking_uri))
        duties.append(lambda: recover(journal, lambda about: tracking if about.destination == BESIDE else None))
    return duties


def prepare_store(options: ServerOptions) -> None:
    """Make the store where it is missing, and raise now what every worker process would raise later."""
    with closing(open_store(options.tracking_uri, _destination(options))) as store:
        if options.auth:
            _require_user(store.access)


def _require_user(access: AccessStore) -> None:
    """Make the first admin where the environment names a password. Raises InvalidInput where there is no user."""
    if access.list_users():
        return
    password = settings.ADMIN_PASSWORD.get()
    if password is None:
        raise InvalidInput(
            "Nobody could log in: make the first admin with `runstone users add NAME --role admin`, or set "
            "RUNSTONE_ADMIN_PASSWORD (and RUNSTONE_ADMIN_USERNAME, default: admin) for the first start"
        )
    name = settings.ADMIN_USERNAME.get()
    access.create_user(
        UserRecord(name=name, role=Role.ADMIN, password_hash=hash_password(password), creation_time=now_ms())
    )


def _destination(options: ServerOptions) -> str:
    return open_artifact_store(options.artifacts_destination or artifact_root(options.tracking_uri)).root_uri
