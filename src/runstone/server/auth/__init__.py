"""Who asks: what `App` has found out about the caller of a request. Knows nothing of what a route needs."""

from __future__ import annotations

from starlette.requests import Request

from runstone.access.rights import Rights

__all__ = ["principal_of", "remember_principal"]


def principal_of(request: Request) -> Rights | None:
    """The rights of whoever sent the request; None on a server without `--auth`, where everything is allowed."""
    found: Rights | None = request.scope.get("runstone.rights")
    return found


def remember_principal(request: Request, rights: Rights) -> None:
    """Put the caller's rights on the request, before any handler sees it."""
    request.scope["runstone.rights"] = rights
