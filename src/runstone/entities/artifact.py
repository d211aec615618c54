"""A file or folder among a run's artifacts."""

from __future__ import annotations

import msgspec

__all__ = ["FileInfo"]


class FileInfo(msgspec.Struct, frozen=True):
    """`path` is relative to the run's artifacts, with `/` on every system; `file_size` in bytes, None for a folder."""

    path: str
    is_dir: bool
    file_size: int | None = None
