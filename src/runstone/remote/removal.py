"""Removal behind Runstone's own routes; servers of MLflow have none for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from runstone.errors import InvalidInput
from runstone.remote.calls import call_route
from runstone.remote.transport import HttpSession
from runstone.tracking.removal import Progress, RemovalBatch, RemovalPlan, RemovalRequest, Removed, check_request
from runstone.wire.schemas import removal as bodies
from runstone.wire.schemas.common import Request

__all__ = ["RemoteRemoval"]


class RemoteRemoval:
    """Removal by the server at the other end of a session."""

    def __init__(self, session: HttpSession, has_route: Callable[[str], bool]) -> None:
        self._session = session
        self._has_route = has_route

    def plan(self, request: RemovalRequest, *, on_progress: Progress | None = None) -> RemovalPlan:
        """See Removal. Nothing is told on the way."""
        check_request(request)
        body = msgspec.convert(msgspec.structs.asdict(request), bodies.PlanRemoval)
        return msgspec.convert(msgspec.to_builtins(self._ask("plan_removal", body)), RemovalPlan)

    def remove(self, batch: RemovalBatch) -> Removed:
        body = msgspec.convert(msgspec.structs.asdict(batch), bodies.Remove)
        return msgspec.convert(msgspec.to_builtins(self._ask("remove", body)), Removed)

    def compact(self) -> int | None:
        """None: the file is the server's, whose writers would have to wait for it."""
        return None

    def _ask(self, name: str, body: Request) -> Any:
        if not self._has_route(name):
            raise InvalidInput(
                f"{self._session.address.url} cannot remove for good what was deleted: it is a server of MLflow (run "
                "`mlflow gc` on its machine) or of an older Runstone"
            )
        return call_route(self._session, name, body)
