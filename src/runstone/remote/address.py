"""Where a tracking server is, as its URI says: scheme, host, port, the path before every route, credentials."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from runstone.errors import InvalidInput

__all__ = ["ServerAddress", "is_server_uri", "parse_address", "without_credentials"]

_PORTS = {"http": 80, "https": 443}


class ServerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A server. `path` has no slash at its end; `user` and `password` are those of the URI, never shown."""

    scheme: str
    host: str
    port: int
    path: str = ""
    user: str | None = None
    password: str | None = None

    @property
    def url(self) -> str:
        """The address without credentials: for messages, and to send requests to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def is_server_uri(uri: str) -> bool:
    """Whether a tracking URI names a server."""
    scheme, colon, _ = uri.partition(":")
    return bool(colon) and scheme.strip().lower() in _PORTS


def parse_address(uri: str) -> ServerAddress:
    """The server that the URI names. Raises InvalidInput, which does not show its password."""
    try:
        parts = urlsplit(uri.strip())
        port = parts.port
    except ValueError as error:
        raise _refusal(uri, str(error)) from None
    if parts.scheme not in _PORTS:
        raise _refusal(uri, f"the scheme is '{parts.scheme}'")
    if not parts.hostname:
        raise _refusal(uri, "it names no host")
    if parts.query or parts.fragment:
        raise _refusal(uri, "it has a query or a fragment")
    return ServerAddress(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        path=parts.path.rstrip("/"),
        user=_unquoted(parts.username),
        password=_unquoted(parts.password),
    )


def without_credentials(uri: str) -> str:
    """The URI as it may be shown."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri.rpartition("@")[2]
    return parts._replace(netloc=_host_of(parts)).geturl() if "@" in parts.netloc else uri


def _host_of(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _unquoted(text: str | None) -> str | None:
    return None if text is None else unquote(text)


def _refusal(uri: str, problem: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid tracking URI '{without_credentials(uri)}': {problem}; write it like https://HOST:PORT"
    )
