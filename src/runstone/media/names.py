"""Names of files that belong to a key and a step: `images/KEY+step+STEP+timestamp+MS+ID.png`.

MLflow 3's names, by which its UI finds images (seen in what its client writes); Runstone names sounds, videos and
histograms in the same way, each kind in a folder of its own.
"""

from __future__ import annotations

import re

from runstone.errors import InvalidInput

__all__ = ["check_media_key", "stepped_path", "thumbnail_path"]

_KEY = re.compile(r"[\w\-. /]+", re.ASCII)
_THUMBNAIL = "+compressed.webp"


def check_media_key(key: str) -> str:
    """The key, if it may stand in a file's name. Raises InvalidInput."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InvalidInput(
            f"Invalid key {key!r}: use letters, digits, underscores, dashes, periods, spaces and slashes"
        )
    return key


def stepped_path(folder: str, key: str, step: int, timestamp: int, unique: str, suffix: str) -> str:
    """The path of the file of `key` at `step`. `unique` tells apart what has the same step and time."""
    name = check_media_key(key).replace("/", "~")
    return f"{folder}/{name}+step+{step}+timestamp+{timestamp}+{unique}.{suffix}"


def thumbnail_path(path: str) -> str:
    """Where the small copy of an image lies."""
    return path.rpartition(".")[0] + _THUMBNAIL
