"""From a request's credentials to the rights of its sender. Knows no route."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import msgspec

from runstone.access.granted import GrantedRights
from runstone.access.passwords import check_password
from runstone.access.rights import Rights
from runstone.access.tokens import PREFIX, hash_token
from runstone.entities.access import Principal, Scope
from runstone.errors import NotAuthenticated, NotFound, StoreUnavailable
from runstone.naming import now_ms
from runstone.server.auth.failures import Failures
from runstone.stores.access import AccessStore, AuditEvent, SessionRecord

__all__ = ["SESSION_S", "Authenticator"]

SESSION_S = 7 * 24 * 3600
"""How long a browser stays logged in."""

REREAD_S = 3.0
"""How old what is known of a caller may be: less than the 5 s within which changes are to be seen."""
_MAX_WAITING = 32
_MAX_KNOWN = 10_000
_HOW = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; an admin of the server "
    "makes users with `runstone users add` and tokens with `runstone tokens create`"
)


class _Credentials(msgspec.Struct, frozen=True):
    user: str
    secret: str
    is_session: bool = False

    @property
    def is_token(self) -> bool:
        return not self.is_session and self.secret.startswith(PREFIX)

    @property
    def is_random(self) -> bool:
        """Whether it is looked up by its hash, without argon2."""
        return self.is_session or self.is_token


class _Known(msgspec.Struct, frozen=True):
    """A caller who has shown who they are. `password_hash` is the one that was checked; "" for a token."""

    rights: Rights
    read_at: float
    password_hash: str


class Authenticator:
    """Tells who asks by Basic and Bearer credentials, and by sessions. What was checked is known for a few seconds.

    A password is checked by argon2 once, and again only when its user gets another: in one thread, with few waiting, so
    that wrong logins can neither take the processor nor the workers. Close it.
    """

    def __init__(self, access: AccessStore) -> None:
        self._access = access
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._failures = Failures()
        self._waiting = 0
        self._passwords = ThreadPoolExecutor(1, thread_name_prefix="runstone-passwords")
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="runstone-access")

    def close(self) -> None:
        self._passwords.shutdown(wait=True, cancel_futures=True)
        self._reader.shutdown(wait=True)

    def expire(self) -> None:
        """Rights have changed: everybody's are read again before their next request."""
        for key, known in list(self._known.items()):
            self._known[key] = msgspec.structs.replace(known, read_at=-math.inf)

    async def identify(self, authorization: str, address: str) -> Rights:
        """The rights of whoever sent this header. Raises NotAuthenticated; StoreUnavailable for too many at once."""
        if not authorization:
            raise NotAuthenticated(f"This server wants to know who asks: {_HOW}")
        # Keyed, so that the memory of this process holds nothing that could be compared with lists of passwords.
        key = self._key_of(authorization)
        known = self._known.get(key)
        if known is not None and time.monotonic() - known.read_at < REREAD_S:
            return known.rights
        given = _parse(authorization)
        loop = asyncio.get_running_loop()
        fresh = None
        if given.is_random or known is not None:
            fresh = await loop.run_in_executor(self._reader, self._reread, given, known)
        if fresh is None and not given.is_random:
            fresh = await self._in_turn(given, address)
        if fresh is None:
            self._known.pop(key, None)
            if given.is_session:
                raise NotAuthenticated(f"The session has ended: log in again; programs: {_HOW}")
            raise NotAuthenticated(f"The token is unknown, revoked or expired: ask for a new one; {_HOW}")
        self._known[key] = fresh
        self._known.move_to_end(key)
        while len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
        return fresh.rights

    async def start_session(self, user: str, password: str, address: str) -> tuple[str, Rights]:
        """Check a password and begin a session; returns its secret. Raises as `identify` does."""
        known = await self._in_turn(_Credentials(user, password), address)
        secret = secrets.token_urlsafe(32)
        now = now_ms()
        session = SessionRecord(user=user, expiry_time=now + SESSION_S * 1000)

        def keep() -> None:
            self._access.create_session(session, hash_token(secret), now=now)

        await asyncio.get_running_loop().run_in_executor(self._reader, keep)
        return secret, known.rights

    async def end_session(self, secret: str) -> None:
        """Forget a session; other workers do so within seconds."""
        await asyncio.get_running_loop().run_in_executor(self._reader, self._access.remove_session, hash_token(secret))
        self._known.pop(self._key_of(f"Session {secret}"), None)

    def _key_of(self, authorization: str) -> bytes:
        return hmac.digest(self._key, authorization.encode("utf-8", "replace"), hashlib.sha256)

    def note(self, user: str, action: str, target: str, address: str, *, allowed: bool) -> None:
        """Have an event appended to the audit log, without waiting for it."""
        event = AuditEvent(time=now_ms(), user=user, action=action, target=target, allowed=allowed, address=address)
        self._reader.submit(self._access.add_event, event)

    def _reread(self, given: _Credentials, known: _Known | None) -> _Known | None:
        """What is true of a session, a token, or a password that was checked before, now."""
        if given.is_session:
            session = self._access.find_session(hash_token(given.secret))
            if session is None or session.expiry_time <= now_ms():
                return None
            return self._known_now(session.user, Scope.ADMIN, "")
        if given.is_token:
            token = self._access.find_token(hash_token(given.secret))
            now = now_ms()
            if token is None or (token.expiry_time is not None and token.expiry_time <= now):
                return None
            if token.last_used_time is None or now - token.last_used_time > 60_000:
                self._access.touch_token(token.token_id, now)
            return self._known_now(token.user, token.scope, "")
        user = self._access.find_user(given.user)
        if known is None or user is None or user.password_hash != known.password_hash:
            return None
        return self._known_now(user.name, Scope.ADMIN, user.password_hash)

    def _known_now(self, user: str, scope: Scope, password_hash: str) -> _Known | None:
        read_at = time.monotonic()
        try:
            granted = self._access.read_granted(user)
        except NotFound:
            return None
        principal = Principal(user=user, role=granted.role, scope=scope, groups=granted.groups)

        def renew() -> Rights:
            known = self._known_now(user, scope, password_hash)
            return rights if known is None else known.rights

        rights = GrantedRights(principal, granted.experiments, granted.models, renew)
        return _Known(rights, read_at, password_hash)

    async def _in_turn(self, given: _Credentials, address: str) -> _Known:
        if self._waiting >= _MAX_WAITING:
            raise StoreUnavailable("Too many logins are being checked just now; try again in a second")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._passwords, self._log_in, given, address)
        finally:
            self._waiting -= 1

    def _log_in(self, given: _Credentials, address: str) -> _Known:
        wait_s = self._failures.wait_s(given.user, address)
        if wait_s:
            raise NotAuthenticated(f"Too many wrong logins: wait {math.ceil(wait_s)} s, and check name and password")
        user = self._access.find_user(given.user)
        password_hash = "" if user is None else user.password_hash
        known = None
        if check_password(given.secret, password_hash):
            known = self._known_now(given.user, Scope.ADMIN, password_hash)
        self.note(given.user, "login", "", address, allowed=known is not None)
        if known is None:
            self._failures.count(given.user, address)
            raise NotAuthenticated(f"Wrong user name or password: {_HOW}")
        self._failures.forget(given.user, address)
        return known


def _parse(authorization: str) -> _Credentials:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        secret = rest.strip()
        if secret.startswith(PREFIX):
            return _Credentials("", secret)
        raise NotAuthenticated(f"A Bearer token of this server begins with {PREFIX}; {_HOW}")
    if scheme == "Session":
        return _Credentials("", rest, is_session=True)
    try:
        if scheme.lower() != "basic":
            raise ValueError
        user, colon, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        if not colon:
            raise ValueError
    except (ValueError, binascii.Error):
        raise NotAuthenticated(f"The Authorization header cannot be read; {_HOW}") from None
    return _Credentials(user, secret)
