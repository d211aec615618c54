"""Requests to one server: sent, repeated where that is safe and may help, and refusals turned into errors.

Knows HTTP and the settings about it; not what the requests mean.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec

from runstone import settings
from runstone.errors import AccessDenied, InvalidInput, NotAuthenticated, RunstoneError, StoreError, StoreUnavailable
from runstone.remote.address import ServerAddress
from runstone.remote.bodies import Body
from runstone.remote.failures import Failure, describe, is_unprocessed, retry_after_s, waiting_time_s
from runstone.version import __version__
from runstone.wire.faults import error_of

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

__all__ = ["Answer", "Call", "HttpSession"]

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0
MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 20
_REDIRECTS = (301, 302, 303, 307, 308)
_TRANSIENT = (408, 429, 500, 502, 503, 504)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `path` follows the server's address, percent-encoded, with its query.

    `is_repeatable`: twice is as good as once. `accepted` are statuses that are answers though they are no success.
    """

    verb: str
    path: str
    headers: dict[str, str] = {}
    body: bytes | Body | None = None
    is_repeatable: bool
    accepted: tuple[int, ...] = ()


class Answer(NamedTuple):
    """What came back. `headers` are found by lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpSession:
    """The way to one server. Safe to share between threads; a forked child makes connections of its own.

    `is_anonymous`: the server is not the one that the user has named, so it is shown no credentials. `max_retries` is
    for those who try again by themselves; by default the setting's.
    """

    def __init__(
        self,
        address: ServerAddress,
        *,
        is_anonymous: bool = False,
        max_retries: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._is_anonymous = is_anonymous
        self._max_retries = max_retries
        self._sleep = sleep
        self._pool: tuple[int, PoolManager] | None = None

    def __repr__(self) -> str:
        return f"HttpSession({self.address.url!r})"

    def close(self) -> None:
        """Close what is connected; a later request connects again."""
        pool, self._pool = self._pool, None
        if pool is not None and pool[0] == os.getpid():
            pool[1].clear()

    def ask(self, call: Call) -> Answer:
        """The whole answer. Raises StoreUnavailable where none can be had, and what the server's refusal means."""

        def receive(response: BaseHTTPResponse, head: Answer) -> Answer:
            body = response.read()
            if not body and not _says_its_end(head):
                raise _broken_off()
            return head._replace(body=body)

        return self._carry_out(call, receive)

    def fetch(self, call: Call, open_sink: Callable[[Answer], BinaryIO]) -> tuple[Answer, BinaryIO]:
        """The answer's head, and its body in what `open_sink` makes for that head, from the start of it."""

        def receive(response: BaseHTTPResponse, head: Answer) -> tuple[Answer, BinaryIO]:
            if not _says_its_end(head):
                raise _broken_off()
            sink = open_sink(head)
            try:
                for piece in response.stream(_CHUNK_BYTES):
                    sink.write(piece)
                sink.seek(0)
            except BaseException:
                sink.close()
                raise
            return head, sink

        return self._carry_out(call, receive)

    # -- one request, as often as it takes

    def _carry_out(self, call: Call, receive: Callable[[BaseHTTPResponse, Answer], T]) -> T:
        from urllib3.exceptions import HTTPError

        attempts = 0
        retries = settings.HTTP_REQUEST_MAX_RETRIES.get() if self._max_retries is None else self._max_retries
        most = 1 + retries
        while True:
            attempts += 1
            try:
                result = self._attempt(call, receive)
            except HTTPError as error:
                failure = describe(error)
                if attempts == most or failure.is_final or (failure.is_sent and not _may_repeat(call)):
                    raise self._no_answer(call, failure, attempts) from error
                pause_s = None
            else:
                if not isinstance(result, _Refused):
                    return result
                answer = result.answer
                if attempts == most or not _may_ask_again(call, answer, result.error):
                    raise _counted(result.error, attempts)
                pause_s = retry_after_s(answer.headers)
            factor_s = settings.HTTP_REQUEST_BACKOFF_FACTOR_S.get()
            self._sleep(waiting_time_s(attempts, factor_s, pause_s))

    def _attempt(self, call: Call, receive: Callable[[BaseHTTPResponse, Answer], T]) -> T | _Refused:
        """Send once, and follow redirects that stay on the server."""
        url = self.address.url + call.path
        for _ in range(1 + MAX_REDIRECTS):
            response = self._send(call, url)
            is_read = False
            try:
                head = Answer(response.status, _lowered(response.headers), b"")
                if 200 <= response.status < 300 or response.status in call.accepted:
                    result = receive(response, head)
                    is_read = True
                    return result
                answer = head._replace(body=response.read())
                is_read = True
            finally:
                if not is_read:
                    response.close()
                response.release_conn()
            if response.status not in _REDIRECTS:
                return _Refused(answer, self._refusal(call, answer))
            url = self._redirected(call, url, answer)
        raise StoreUnavailable(
            f"The tracking server {self.address.url} redirects {call.verb} {call.path} in a circle; "
            "check the tracking URI"
        )

    def _send(self, call: Call, url: str) -> BaseHTTPResponse:
        import urllib3

        headers = {"User-Agent": f"runstone/{__version__}", **call.headers}
        if not self._is_anonymous and (authorization := _authorization(self.address)):
            headers["Authorization"] = authorization
        timeout_s = settings.HTTP_REQUEST_TIMEOUT_S.get()
        connect_s = min(CONNECT_TIMEOUT_S, timeout_s)
        body = call.body
        if body is not None and not isinstance(body, bytes):
            # The time to connect is also the time that a piece may take to be sent.
            connect_s = timeout_s
            if body.size_bytes is not None:
                headers["Content-Length"] = str(body.size_bytes)
        return self._connected().urlopen(
            call.verb,
            url,
            body=body if body is None or isinstance(body, bytes) else body.pieces(),
            headers=headers,
            chunked=body is not None and not isinstance(body, bytes) and body.size_bytes is None,
            timeout=urllib3.Timeout(connect=connect_s, read=timeout_s),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _connected(self) -> PoolManager:
        from runstone.remote.pool import make_pool

        pool = self._pool
        # A child must never write into its parent's sockets. Two threads here at once: one pool is soon forgotten.
        if pool is None or pool[0] != os.getpid():
            pool = self._pool = (os.getpid(), make_pool(self.address))
        return pool[1]

    # -- what went wrong

    def _redirected(self, call: Call, url: str, answer: Answer) -> str:
        target = urljoin(url, answer.headers.get("location", ""))
        here, there = urlsplit(url), urlsplit(target)
        if call.verb == "GET" and (here.scheme, here.netloc) == (there.scheme, there.netloc) and target != url:
            return target
        shown = f"{there.scheme}://{there.netloc.rpartition('@')[2]}{there.path}"
        raise StoreUnavailable(
            f"The tracking server {self.address.url} answered {call.verb} {call.path.partition('?')[0]} with a "
            f"redirect to {shown}, which is not followed; if that is the server, set the tracking URI to its address, "
            "else you may have to log in first"
        )

    def _refusal(self, call: Call, answer: Answer) -> RunstoneError:
        error = error_of(answer.status, answer.body, f"{call.verb} {self.address.url}{call.path.partition('?')[0]}")
        if isinstance(error, AccessDenied):
            kind = NotAuthenticated if answer.status == 401 else AccessDenied
            return kind(f"The tracking server {self.address.url} refuses this: {error}; {self._remedy()}")
        return error

    def _remedy(self) -> str:
        if self._is_anonymous:
            return "credentials are shown to no server but that of the tracking URI"
        if self.address.user is not None:
            return "check the user name and password in the tracking URI"
        for setting in (settings.TRACKING_USERNAME, settings.TRACKING_TOKEN):
            if source := setting.source():
                return f"check the credentials that {source} gives"
        return "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"

    def _no_answer(self, call: Call, failure: Failure, attempts: int) -> StoreUnavailable:
        times = f" (tried {attempts} times)" if attempts > 1 else ""
        if not failure.is_sent:
            return StoreUnavailable(
                f"Cannot reach the tracking server {self.address.url}: {failure.reason}{times}; "
                "check that it runs, and that the tracking URI is right"
            )
        doubt = "" if _may_repeat(call) else "; it may have been carried out, so it was not sent again"
        return StoreUnavailable(
            f"The tracking server {self.address.url} gave no answer to {call.verb} {call.path.partition('?')[0]}: "
            f"{failure.reason}{times}{doubt}"
        )


class _Refused(NamedTuple):
    """An answer that is no success."""

    answer: Answer
    error: RunstoneError


def _says_its_end(head: Answer) -> bool:
    """Whether an answer that was cut off can be told from one that is complete (RFC 9112, 6.3)."""
    return head.status == 204 or "content-length" in head.headers or "transfer-encoding" in head.headers


def _broken_off() -> Exception:
    # Headers that stop in their middle are headers like others to http.client: nothing else would tell.
    from urllib3.exceptions import ProtocolError

    return ProtocolError("The answer does not say where it ends", ConnectionResetError())


def _may_repeat(call: Call) -> bool:
    return call.is_repeatable and _can_restart(call)


def _can_restart(call: Call) -> bool:
    return call.body is None or isinstance(call.body, bytes) or call.body.can_restart()


def _may_ask_again(call: Call, answer: Answer, error: RunstoneError) -> bool:
    if not _can_restart(call):
        return False
    if is_unprocessed(answer.status, answer.headers):
        return True
    # A server may well answer 500 to what it will never accept; then it says so by the error's code.
    may_pass = answer.status in _TRANSIENT and type(error) in (StoreError, StoreUnavailable)
    return call.is_repeatable and may_pass


def _counted(error: RunstoneError, attempts: int) -> RunstoneError:
    return error if attempts == 1 else type(error)(f"{error} (asked {attempts} times)")


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _authorization(address: ServerAddress) -> str | None:
    """The credentials of the URI, else of the environment; a user name comes before a token."""
    user, password = address.user, address.password
    if user is None:
        user, password = settings.TRACKING_USERNAME.get(), settings.TRACKING_PASSWORD.get()
    if user is not None:
        return "Basic " + base64.b64encode(f"{user}:{password or ''}".encode()).decode()
    token = settings.TRACKING_TOKEN.get()
    if token is None:
        return None
    token = token.strip()
    if not (token.isascii() and token.isprintable()):
        raise InvalidInput(f"The token in {settings.TRACKING_TOKEN.source()} has characters that no token has")
    return f"Bearer {token}"
