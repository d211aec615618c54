"""What a server can do beyond MLflow's REST API. Found out by asking it for its OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec

from runstone.remote.calls import decode
from runstone.remote.transport import Call, HttpSession
from runstone.wire.routes import NATIVE_PREFIX

__all__ = ["Capabilities", "discover"]


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """`takes_run_ids`: a run may be created under an id of the client's choice."""

    takes_run_ids: bool = False


class _Document(msgspec.Struct):
    components: dict[str, dict[str, dict[str, Any]]] = {}


def discover(session: HttpSession) -> Capabilities:
    """What this server can do; nothing beyond MLflow's API where it has no such document."""
    path = f"{NATIVE_PREFIX}/openapi.json"
    answer = session.ask(Call(verb="GET", path=path, is_repeatable=True, accepted=(404,)))
    if answer.status == 404:
        return Capabilities()
    document = decode(session, f"GET {path}", answer, _Document)
    create_run = document.components.get("schemas", {}).get("CreateRun", {})
    return Capabilities(takes_run_ids="run_id" in create_run.get("properties", {}))
