"""The web UI's built files: which paths they answer, and with which headers. Knows nothing of what they do.

The files are made by `ui/` and lie in `static/` beside this module, in the wheel but not in git. They are read once,
and kept with their gzipped form: all of them are smaller than a picture.
"""

from __future__ import annotations

import gzip
import mimetypes
import re
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from runstone.server.targets import Target, wrong_verb

__all__ = ["Pages"]

_FOLDER = Path(__file__).parent / "static"
# What the router of ui/src/main.tsx knows: every such path gets the one page, which reads the path itself.
_PAGE = re.compile(r"/?|/compare/?|/(?:e|r)/.+|/models(?:/.*)?")
_BASE = '<base href="/" />'

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self' blob:",  # a PDF among a run's files is shown from a blob
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_FILE_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
# Names of assets carry a hash of their content.
_ASSET_HEADERS = {**_FILE_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}


class Pages:
    """The files of one server. False in a boolean sense where none were built: an editable install may have none."""

    def __init__(self, static_prefix: str, folder: Path = _FOLDER) -> None:
        index = folder / "index.html"
        self._files: dict[str, _File] = {}
        self._page: _File | None = None
        if not index.is_file():
            return
        base = f'<base href="{escape(static_prefix, quote=True)}/" />'
        content = index.read_text(encoding="utf-8").replace(_BASE, base)
        self._page = _File(content.encode(), "text/html; charset=utf-8", _PAGE_HEADERS)
        for path in folder.rglob("*"):
            if path.is_file() and path != index:
                name = f"/{path.relative_to(folder).as_posix()}"
                headers = _ASSET_HEADERS if name.startswith("/assets/") else _FILE_HEADERS
                self._files[name] = _File(path.read_bytes(), _media_type(path), headers)

    def __bool__(self) -> bool:
        return self._page is not None

    def find(self, path: str, verb: str) -> Target | Response | None:
        """What the path leads to; None for a path that is no page's and no file's."""
        file = self._files.get(path) or (self._page if _PAGE.fullmatch(path) else None)
        if file is None:
            return None
        return Target("page", file.answer, False) if verb == "GET" else wrong_verb(path, verb, ("GET",))


class _File:
    """One file in memory, as it is and gzipped."""

    def __init__(self, content: bytes, media_type: str, headers: dict[str, str]) -> None:
        self._content = content
        self._media_type = media_type
        self._headers = {**headers, "Vary": "Accept-Encoding"}
        zipped = gzip.compress(content, mtime=0)
        self._zipped = zipped if len(zipped) < len(content) else None

    async def answer(self, request: Request) -> Response:
        if self._zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers = {**self._headers, "Content-Encoding": "gzip"}
            return Response(self._zipped, headers=headers, media_type=self._media_type)
        return Response(self._content, headers=self._headers, media_type=self._media_type)


def _media_type(path: Path) -> str:
    # Not by the machine's own table for scripts: where it says text/plain, browsers refuse to run them.
    known = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    return known.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
