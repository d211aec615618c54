"""Who asks, and what they may do: users, groups, roles and grants, as words. Knows no password, token or store.

Everything is denied unless granted. What a principal may do with an experiment or a registered model is the largest
level of the grants to the user and to their groups, capped by the user's role and by the scope of the token used:

==========  ==========================================================================
role        what it allows
==========  ==========================================================================
viewer      at most READ, whatever was granted
editor      what was granted; creates experiments and registered models, and owns them
admin       everything, and the administration of users, groups and grants
==========  ==========================================================================
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from runstone.entities.words import Word

__all__ = ["EVERYONE", "Grant", "Level", "Principal", "Resource", "Role", "Scope"]

EVERYONE = "everyone"
"""The group of all users: a grant to it is what every user has."""


class Role(Word):
    """What a user is on this server."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class Scope(Word):
    """What a token may be used for; a login with a password has ADMIN."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Level(IntEnum):
    """How much of one experiment or registered model; each includes those before it.

    MANAGE adds what only an owner may: deleting, restoring, and granting it to others.
    """

    NONE = 0
    READ = 1
    EDIT = 2
    MANAGE = 3


class Resource(Word):
    """What grants are for. An experiment stands for its runs, logged models, series and files."""

    EXPERIMENT = "experiment"
    REGISTERED_MODEL = "registered_model"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A level on one thing for one user or one group (exactly one of the two is not ""). `name`: an id or a name."""

    resource: Resource
    name: str
    level: Level
    user: str = ""
    group: str = ""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: one user, by one way in, as of now (see `Rights` for what was granted to them)."""

    user: str
    role: Role
    scope: Scope = Scope.ADMIN
    groups: tuple[str, ...] = ()

    @property
    def ceiling(self) -> Level:
        """The most that this principal may do with any one thing."""
        if self.role is Role.VIEWER or self.scope is Scope.READ:
            return Level.READ
        return Level.MANAGE

    @property
    def is_admin(self) -> bool:
        """Whether users, groups and every grant may be administered: an admin whose token may do so.

        An admin with a lesser token still reaches every experiment and model, as far as its scope goes.
        """
        return self.role is Role.ADMIN and self.scope is Scope.ADMIN

    @property
    def may_create(self) -> bool:
        """Whether this principal may make experiments and registered models."""
        return self.ceiling >= Level.EDIT
