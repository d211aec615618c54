"""Parts that several bodies share."""

from __future__ import annotations

import msgspec

__all__ = ["Answer", "Empty", "FileInfo", "Float", "KeyValue", "ListRequest", "Request"]

Float = float | str
"""A number of an answer; NaN and infinities are the texts "NaN", "Infinity", "-Infinity"."""


class Request(msgspec.Struct, kw_only=True):
    """Base of requests."""


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Base of answers and of their parts."""


class Empty(Answer, kw_only=True):
    """An answer without content."""


class KeyValue(msgspec.Struct):
    """A tag or param."""

    key: str
    value: str = ""


class FileInfo(Answer, kw_only=True):
    """A file or folder; a folder has no size."""

    path: str
    is_dir: bool
    file_size: int | None = None


class ListRequest(Request, kw_only=True):
    """What every search takes."""

    filter: str | None = None
    order_by: list[str] = []
    page_token: str | None = None
