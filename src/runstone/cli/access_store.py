"""The access store of the local database that a command means. Servers are administered on their own machine."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from runstone.cli.session import Session
from runstone.errors import InvalidInput
from runstone.naming import now_ms

if TYPE_CHECKING:
    from runstone.stores.access import AccessStore

__all__ = ["note_act", "open_access"]


@contextmanager
def open_access(session: Session) -> Iterator[AccessStore]:
    """Raises InvalidInput where a server records."""
    from runstone.connect import open_store

    if session.uri.startswith(("http://", "https://")):
        raise InvalidInput("Users and tokens are kept by the store itself: name it with -u, on the server's machine")
    with closing(open_store(session.uri)) as store:
        yield store.access


def note_act(access: AccessStore, action: str, target: str) -> None:
    """Append what a person on the store's machine did to the audit log."""
    from runstone.stores.access import AuditEvent

    access.add_event(
        AuditEvent(time=now_ms(), user=f"{getpass.getuser()} (local)", action=action, target=target, address="local")
    )
