"""Where this command looks: the tracking URI, the store behind it, and what to say where there is none.

The one module of the command that opens a store; it does so late, because that loads numpy.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runstone.cli.text import shell_word
from runstone.errors import NotFound
from runstone.home import DATABASE_NAME, HOME_NAME

if TYPE_CHECKING:
    from runstone.client import Client
    from runstone.tracking.base import Tracking

__all__ = ["Session"]

_MAX_HINTS = 5
_MAX_LOOKED_AT = 2_000


class Session:
    """What the commands of one call share. `given_uri` is None where the default home holds."""

    def __init__(self, given_uri: str | None = None, *, is_from_command_line: bool = False) -> None:
        self.given_uri = given_uri
        self.is_from_command_line = is_from_command_line

    @cached_property
    def uri(self) -> str:
        """The tracking URI in force."""
        from runstone.connect import resolve_uri

        return resolve_uri(self.given_uri)

    @property
    def shown_uri(self) -> str:
        """The tracking URI without a password."""
        from runstone.connect import without_credentials

        return without_credentials(self.uri)

    @property
    def is_on_server(self) -> bool:
        """Whether a server records, not a database that this machine can open."""
        from runstone.connect import is_in_file

        return not is_in_file(self.uri)

    @cached_property
    def database_path(self) -> Path:
        """The database file, be it there or not. Raises InvalidInput, also where a server records."""
        from runstone.connect import database_path

        return database_path(self.uri)

    def require_place(self, uri: str | None = None) -> Path | str:
        """The database at a URI (default: the one in force): a file that is there, or a URL of PostgreSQL.

        Raises InvalidInput where a server records, NotFound.
        """
        from runstone.connect import database_place

        place = database_place(uri or self.uri)
        if isinstance(place, Path):
            self.require_database(place)
        return place

    @cached_property
    def client(self) -> Client:
        """The client of a store that is there; looking makes none. Raises NotFound, with what may be meant."""
        if not self.is_on_server:
            self.require_database(self.database_path)
        return self.client_of_any_store()

    @property
    def tracking(self) -> Tracking:
        """The tracker behind `client`."""
        return self.client.tracking

    def client_of_any_store(self) -> Client:
        """The client of a store that is made where there is none: for commands that record."""
        from runstone.client import Client

        return Client(self.uri)

    def require_database(self, path: Path) -> None:
        """Raises NotFound where nothing has been recorded yet."""
        from runstone.connect import has_database

        if not has_database(path):
            raise NotFound(f"Nothing is recorded yet: there is no store {path}; {self._remedy(path)}")

    def _remedy(self, path: Path) -> str:
        homes = _homes_below(path.parent if self._is_chosen() else Path.cwd())
        if homes:
            command = f"runstone -u {shell_word(homes[0])} ..."
            others = f" (also there: {', '.join(homes[1:])})" if homes[1:] else ""
            return f"there is one in {homes[0]}: `{command}`{others}"
        if self._is_chosen():
            return "check the tracking URI, or record a run there first"
        return "go to your project's folder, name another place with -u, or record a first run with `runstone demo`"

    def _is_chosen(self) -> bool:
        from runstone import settings

        return self.given_uri is not None or settings.TRACKING_URI.source() is not None

    def words(self) -> str:
        """`runstone`, with the option that makes a suggested command look where this one did."""
        if self.is_from_command_line and self.given_uri:
            return f"runstone -u {shell_word(self.given_uri)}"
        return "runstone"


def _homes_below(folder: Path) -> list[str]:
    """The homes one or two levels down, as somebody in the working directory would name them."""
    found: list[str] = []
    looked_at = 0
    level = [folder]
    for _ in range(3):
        deeper: list[Path] = []
        for place in level:
            looked_at += 1
            if len(found) >= _MAX_HINTS or looked_at > _MAX_LOOKED_AT:
                return found
            home = place / HOME_NAME
            if (home / DATABASE_NAME).is_file():
                found.append(_from_here(home))
            deeper += _folders_in(place)
        level = deeper
    return found


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [folder / name for name in names if not name.startswith(".") and name != "node_modules"]


def _from_here(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
