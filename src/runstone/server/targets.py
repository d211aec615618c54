"""What a path and verb lead to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from runstone.server.dispatch import plain_fault

__all__ = ["Handler", "Target", "wrong_verb"]

Handler = Callable[[Request], Awaitable[Response]]


class Target(NamedTuple):
    """`name` is the one in the metrics; what `writes` is refused by a read-only server."""

    name: str
    handle: Handler
    writes: bool


def wrong_verb(path: str, verb: str, allowed: Iterable[str]) -> Response:
    """The answer where the path is known but the verb is not (RFC 9110, 15.5.6: it names those that are)."""
    response = plain_fault(405, "ENDPOINT_NOT_FOUND", f"{path} does not take {verb}")
    response.headers["Allow"] = ", ".join(sorted(allowed))
    return response
