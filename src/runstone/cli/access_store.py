"""The access store of the local database that a command means. Servers are administered on their own machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from runstone.cli.session import Session
from runstone.errors import InvalidInput

if TYPE_CHECKING:
    from runstone.stores.access import AccessStore

__all__ = ["open_access"]


@contextmanager
def open_access(session: Session) -> Iterator[AccessStore]:
    """Raises InvalidInput where a server records."""
    from runstone.connect import open_store

    if session.uri.startswith(("http://", "https://")):
        raise InvalidInput("Users and tokens are kept by the store itself: name it with -u, on the server's machine")
    with closing(open_store(session.uri)) as store:
        yield store.access
