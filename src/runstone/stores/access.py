"""The AccessStore protocol: users, groups, tokens, sessions, grants and the audit log. Knows no password and no HTTP.

Secrets come here as hashes alone. `runstone.testing.AccessSuite` says the same in tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from runstone.entities.access import Grant, Level, Resource, Role, Scope

__all__ = ["AccessStore", "AuditEvent", "Granted", "SessionRecord", "TokenRecord", "UserRecord"]


class UserRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A user. `password_hash` is "" for those who log in by tokens alone."""

    name: str
    role: Role
    password_hash: str = ""
    creation_time: int = 0


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A token of a user, without its secret. `expiry_time` None: it never ends."""

    token_id: str
    user: str
    name: str
    scope: Scope
    creation_time: int
    expiry_time: int | None = None
    last_used_time: int | None = None


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A login that lasts until `expiry_time`."""

    user: str
    expiry_time: int


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides what one user may do: the largest level of their own grants and their groups', everyone's too.

    Experiments by id, registered models by the name that they have now.
    """

    role: Role
    groups: tuple[str, ...]
    experiments: Mapping[str, Level]
    models: Mapping[str, Level]


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to what, when and from where. `detail` holds no secret."""

    time: int
    user: str
    action: str
    target: str = ""
    allowed: bool = True
    address: str = ""
    detail: str = ""


class AccessStore(Protocol):
    """Who may come in, and what was granted. Every method is one transaction; safe to share between threads.

    What names a user, experiment or model that is not there raises NotFound. Every method may raise StoreError.
    Times are milliseconds since the Unix epoch.
    """

    # -- users and groups

    def create_user(self, user: UserRecord) -> None:
        """Raises AlreadyExists."""

    def find_user(self, name: str) -> UserRecord | None:
        """The user of that name."""

    def list_users(self) -> list[UserRecord]:
        """All users, by name."""

    def set_password_hash(self, name: str, password_hash: str) -> None:
        """Change it, and end all sessions of that user."""

    def set_role(self, name: str, role: Role) -> None:
        """Change it. Raises NotActive where no admin would be left."""

    def remove_user(self, name: str) -> None:
        """Remove a user with tokens, sessions, memberships and grants. Raises NotActive for the last admin."""

    def add_member(self, group: str, user: str) -> None:
        """Put a user into a group, which exists while it has members or grants."""

    def remove_member(self, group: str, user: str) -> None:
        """Take a user out of a group; one who is not in it is no error."""

    def list_groups(self) -> dict[str, tuple[str, ...]]:
        """The members of every group that has some."""

    # -- tokens and sessions

    def create_token(self, token: TokenRecord, token_hash: str) -> None:
        """Keep a token by the hash of its secret."""

    def find_token(self, token_hash: str) -> TokenRecord | None:
        """The token of that secret, expired or not."""

    def list_tokens(self, user: str | None = None) -> list[TokenRecord]:
        """The tokens of a user, or of all, the oldest first."""

    def touch_token(self, token_id: str, now: int) -> None:
        """Note that it was used; one that is gone is no error."""

    def revoke_token(self, token_id: str, user: str | None = None) -> None:
        """Remove a token; with `user`, only one of theirs. Raises NotFound."""

    def create_session(self, session: SessionRecord, session_hash: str, *, now: int) -> None:
        """Keep a session by the hash of its secret, and forget those that have expired by now."""

    def find_session(self, session_hash: str) -> SessionRecord | None:
        """The session of that secret, expired or not."""

    def remove_session(self, session_hash: str) -> None:
        """End a session; one that is gone is no error."""

    # -- grants

    def set_grant(self, grant: Grant) -> None:
        """Set the level; NONE removes the grant. A grant follows its model when that is renamed, and ends with it.

        Raises InvalidInput unless exactly one of user and group is given.
        """

    def list_grants(self, resource: Resource | None = None, name: str | None = None) -> list[Grant]:
        """All grants, those of one kind of thing, or those of one thing."""

    def read_granted(self, user: str) -> Granted:
        """What one user may do, before role and scope cap it."""

    # -- the audit log

    def add_event(self, event: AuditEvent) -> None:
        """Append; nothing is ever changed or removed."""

    def list_events(self, *, user: str | None = None, action: str | None = None, limit: int = 100) -> list[AuditEvent]:
        """The newest first."""
