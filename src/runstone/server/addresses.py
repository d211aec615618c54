"""Under which URL a client has reached this server."""

from __future__ import annotations

from starlette.requests import Request

__all__ = ["own_url"]


def own_url(request: Request, static_prefix: str) -> str:
    """The URL of the server without a slash at its end, as seen by the client.

    A proxy tells what it has replaced by `X-Forwarded-Proto`, `-Host` and `-Prefix`. They are believed here, where
    whoever sends them misleads nobody but himself; no check relies on them.
    """
    scheme = _first(request, "x-forwarded-proto") or request.url.scheme
    host = _first(request, "x-forwarded-host") or request.headers.get("host", "")
    return f"{scheme}://{host}{_first(request, 'x-forwarded-prefix').rstrip('/')}{static_prefix}"


def _first(request: Request, name: str) -> str:
    return request.headers.get(name, "").partition(",")[0].strip()
