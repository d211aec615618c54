"""What browsers ask to log in, and are told of who they are."""

from __future__ import annotations

import msgspec

__all__ = ["LogIn", "Me"]


class LogIn(msgspec.Struct, frozen=True, kw_only=True):
    """A user's name and password."""

    name: str
    password: str


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `csrf_token` is "" for whoever has not come by a session; without `auth` all the rest is empty."""

    auth: bool
    user: str = ""
    role: str = ""
    groups: tuple[str, ...] = ()
    csrf_token: str = ""
