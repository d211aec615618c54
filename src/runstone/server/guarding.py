"""What the caller of a request may do here: the tracker as they may use it, and the paths of files.

Without `--auth` everything is allowed. With it a request without rights gets nothing, whichever handler it reaches.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from runstone.access.gate import Gate, Owners
from runstone.access.guarded import RecordGrant, admit, guard
from runstone.access.rights import Rights
from runstone.entities.access import Level
from runstone.errors import AccessDenied, InvalidInput, NotAuthenticated, NotFound
from runstone.server.artifacts import PROXIED_ROOT
from runstone.server.auth import principal_of
from runstone.stores.base import Write
from runstone.tracking.browsing import Browsing

__all__ = ["Guarding"]


class Guarding:
    """Guards one tracker; `record_grant` None: this server knows no users, and lets everybody do everything."""

    def __init__(self, tracking: Browsing, record_grant: RecordGrant | None, default: Level = Level.NONE) -> None:
        self._tracking = tracking
        self._record_grant = record_grant
        self._default = default
        self._owners = Owners(tracking)
        self._roots: dict[str, str] = {}

    def tracking_for(self, request: Request) -> Browsing:
        """The tracker as the caller may use it. Raises NotAuthenticated."""
        if self._record_grant is None:
            return self._tracking
        return guard(self._tracking, self._gate(request), self._record_grant, self._default)

    def admitting(self, request: Request, prepare: Callable[[], Write]) -> Callable[[], Write]:
        """The same preparation of a write, which raises where the caller may not record it."""
        if self._record_grant is None:
            return prepare
        gate = self._gate(request)
        return lambda: admit(gate, prepare())

    def check_admin(self, request: Request, what: str) -> None:
        """Raises AccessDenied for everybody else."""
        if self._record_grant is not None:
            self._gate(request).check_admin(what)

    def check_path(self, request: Request, path: str, level: Level) -> None:
        """Whether the caller may use a file of the proxied destination: that of the run or logged model it belongs to.

        A path that belongs to none is there for admins alone. Raises NotFound and AccessDenied.
        """
        if self._record_grant is None:
            return
        gate = self._gate(request)
        if gate.rights.readable_experiments() is None:
            if gate.rights.principal.ceiling < level:
                raise AccessDenied("This token may only read (its scope is read); use one of the scope write")
            return
        hidden = NotFound(f"There is no artifact '{path}'")
        folder, separator, _ = f"{path.strip('/')}/".partition("/artifacts/")
        owner = folder.rpartition("/")[2]
        try:
            if owner.startswith("m-"):
                gate.check_logged_model(owner, level)
            else:
                gate.check_runs([owner], level)
            known = self._root_of(owner)
        except (NotFound, InvalidInput):
            raise hidden from None
        if not separator or known != f"{PROXIED_ROOT}/{folder}/artifacts":
            raise hidden

    def _root_of(self, owner: str) -> str:
        """Where the files of a run or logged model lie, which does not change."""
        known = self._roots.get(owner)
        if known is None:
            if len(self._roots) >= 10_000:
                self._roots.clear()
            if owner.startswith("m-"):
                known = self._tracking.models.get_logged_model(owner).artifact_location
            else:
                known = self._tracking.get_run(owner).info.artifact_uri
            self._roots[owner] = known
        return known

    def caller(self, request: Request) -> Rights | None:
        """Who asks; None on a server that knows no users. Raises NotAuthenticated."""
        return None if self._record_grant is None else self._gate(request).rights

    def _gate(self, request: Request) -> Gate:
        rights = principal_of(request)
        if rights is None:
            raise NotAuthenticated("This server asks who you are: log in, or send a token")
        return Gate(rights, self._owners)
