"""Logins of browsers: a cookie that stands for a user, and the token that shows that a page of ours sent a request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from runstone.access.rights import Rights
from runstone.errors import AccessDenied, InvalidInput
from runstone.server.addresses import own_url
from runstone.server.auth.authenticator import SESSION_S, Authenticator
from runstone.server.bodies import read_body
from runstone.wire.codec import decode_body, encode
from runstone.wire.schemas.sessions import LogIn, Me

__all__ = ["CSRF_HEADER", "Sessions", "authorization_of"]

CSRF_HEADER = "x-runstone-csrf"
_COOKIE = "runstone_session"
_SAFE_VERBS = ("GET", "HEAD")


def authorization_of(request: Request) -> str:
    """The request's credentials: its Authorization header or, in the same form, its session. Raises AccessDenied."""
    given = request.headers.get("authorization", "")
    secret = _secret_of(request)
    if given or not secret:
        return given
    sent = request.headers.get(CSRF_HEADER, "")
    if request.method not in _SAFE_VERBS and not hmac.compare_digest(sent.encode(), _csrf_token(secret).encode()):
        raise AccessDenied(
            "A request that comes by a session and changes anything needs the header X-Runstone-CSRF, with the "
            "csrf_token that /api/runstone/v1/auth/me tells"
        )
    return f"Session {secret}"


class Sessions:
    """Handlers of the routes. `authenticator` None: this server knows no users; `caller` tells who asks, or raises."""

    def __init__(
        self, authenticator: Authenticator | None, caller: Callable[[Request], Rights | None], static_prefix: str
    ) -> None:
        self._authenticator = authenticator
        self._caller = caller
        self._prefix = static_prefix

    async def log_in(self, request: Request) -> Response:
        given = decode_body(await read_body(request), LogIn, {})
        if self._authenticator is None:
            raise InvalidInput("This server knows no users (it runs without --auth): there is no need to log in")
        address = request.client.host if request.client else ""
        secret, rights = await self._authenticator.start_session(given.name, given.password, address)
        response = _answer(rights, _csrf_token(secret))
        response.set_cookie(
            _COOKIE,
            secret,
            max_age=SESSION_S,
            path=self._prefix or "/",
            secure=own_url(request, "").startswith("https:"),
            httponly=True,
            samesite="lax",
        )
        return response

    async def log_out(self, request: Request) -> Response:
        self._caller(request)
        secret = _secret_of(request)
        if self._authenticator is not None and secret:
            await self._authenticator.end_session(secret)
        response = Response(status_code=204)
        response.delete_cookie(_COOKIE, path=self._prefix or "/")
        return response

    async def tell(self, request: Request) -> Response:
        secret = "" if request.headers.get("authorization") else _secret_of(request)
        return _answer(self._caller(request), _csrf_token(secret) if secret else "")


def _answer(rights: Rights | None, csrf_token: str) -> Response:
    me = Me(auth=False)
    if rights is not None:
        one = rights.principal
        me = Me(auth=True, user=one.user, role=one.role.value, groups=one.groups, csrf_token=csrf_token)
    return Response(encode(me), media_type="application/json")


def _secret_of(request: Request) -> str:
    return request.cookies.get(_COOKIE, "") if "cookie" in request.headers else ""


def _csrf_token(secret: str) -> str:
    """Follows from the session's secret, which no script can read, so that no worker has to keep it."""
    return hashlib.sha256(f"csrf {secret}".encode("utf-8", "replace")).hexdigest()
