"""What S3 and all that speak as it does say of an object's contents: its ETag, computed from a local file.

An object that came in one piece has the MD5 of its bytes; one that came in parts the MD5 of the parts' MD5s, and
their number. Objects under a customer's key have other ETags: those compare as different, and are sent again.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

__all__ = ["MAX_PARTS", "PART_BYTES", "is_same_content", "part_bytes"]

PART_BYTES = 8 << 20
"""The size of a part, and the largest file that goes in one piece. As boto3 has it: its objects compare, too."""
MAX_PARTS = 10_000
_PLAIN = re.compile(r'"?([0-9a-f]{32})(?:-(\d+))?"?')
_READ_BYTES = 1 << 20


def part_bytes(size_bytes: int) -> int:
    """How large the parts of a file are, of which there may be 10,000."""
    size = PART_BYTES
    while size * MAX_PARTS < size_bytes:
        size *= 2
    return size


def is_same_content(local_path: Path, size_bytes: int, etag: str | None) -> bool:
    """Whether the object of that ETag, as long as the file, surely has its contents."""
    match = _PLAIN.fullmatch(etag or "")
    if match is None:
        return False
    if match[2] is None:
        return _md5(local_path, size_bytes) == match[1]
    return (
        int(match[2]) == -(-size_bytes // part_bytes(size_bytes)) and _md5_of_parts(local_path, size_bytes) == match[1]
    )


def _md5(local_path: Path, size_bytes: int) -> str:
    return _digests(local_path, max(size_bytes, 1))[0].hex()


def _md5_of_parts(local_path: Path, size_bytes: int) -> str:
    return _new(b"".join(_digests(local_path, part_bytes(size_bytes)))).hexdigest()


def _digests(local_path: Path, each_bytes: int) -> list[bytes]:
    """The MD5 of each part; at least one."""
    digests: list[bytes] = []
    with local_path.open("rb") as file:
        while True:
            digest, left = _new(), each_bytes
            while left and (piece := file.read(min(left, _READ_BYTES))):
                digest.update(piece)
                left -= len(piece)
            if left == each_bytes and digests:
                return digests
            digests.append(digest.digest())
            if left:
                return digests


def _new(content: bytes = b"") -> hashlib._Hash:
    return hashlib.md5(content, usedforsecurity=False)
