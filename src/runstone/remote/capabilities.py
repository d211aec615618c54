"""What a server can do beyond MLflow's REST API. Found out by asking it for its OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec

from runstone.remote.transport import Call, HttpSession
from runstone.wire.routes import NATIVE_PREFIX, NATIVE_ROUTES

__all__ = ["Capabilities", "discover"]

# What servers that have no such document, and what stands before them, say to a path that they do not know.
_UNKNOWN = (400, 403, 404, 405, 410, 501)


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """`takes_run_ids`: a run may be created under an id of the client's choice.

    `routes`: the names of those rows of NATIVE_ROUTES that the server answers.
    """

    takes_run_ids: bool = False
    routes: frozenset[str] = frozenset()


class _Document(msgspec.Struct):
    paths: dict[str, dict[str, Any]] = {}
    components: dict[str, dict[str, dict[str, Any]]] = {}


def discover(session: HttpSession) -> Capabilities:
    """What this server can do; nothing beyond MLflow's API where it has no such document."""
    path = f"{NATIVE_PREFIX}/openapi.json"
    answer = session.ask(Call(verb="GET", path=path, is_repeatable=True, accepted=_UNKNOWN))
    try:
        document = msgspec.json.decode(answer.body, type=_Document) if answer.status == 200 else _Document()
    except msgspec.DecodeError:  # a page for people, as some servers show at every path
        document = _Document()
    create_run = document.components.get("schemas", {}).get("CreateRun", {})
    return Capabilities(
        takes_run_ids="run_id" in create_run.get("properties", {}),
        routes=frozenset(
            route.name
            for route in NATIVE_ROUTES
            if route.verbs[0].lower() in document.paths.get(f"{NATIVE_PREFIX}/{route.path}", {})
        ),
    )
