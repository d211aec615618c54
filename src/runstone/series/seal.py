"""The first five bytes of a frame and of a chunk: which form the rest has, and its checksum.

Offset 0 holds the form's number, never 0, so that a zeroed disk block is no form. Offsets 1 to 4 hold the
CRC-32 of all that follows, begun with the form's number (`zlib.crc32(data[5:], form)`), little-endian. Knows
nothing of the rest.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection

from runstone.errors import StoreCorrupt

__all__ = ["SEAL_SIZE", "damaged", "seal", "unseal"]

_SEAL = struct.Struct("<BI")
SEAL_SIZE = _SEAL.size


def seal(form: int, *parts: bytes) -> bytes:
    """The parts, joined, behind their form and checksum."""
    body = b"".join(parts)
    return _SEAL.pack(form, zlib.crc32(body, form)) + body


def unseal(data: bytes, noun: str, forms: Collection[int]) -> int:
    """The form of sealed data, one of `forms`. Raises StoreCorrupt for any other, and for damaged data."""
    if len(data) < SEAL_SIZE:
        raise damaged(noun, data, f"it ends within its head of {SEAL_SIZE} bytes")
    form, checksum = _SEAL.unpack_from(data)
    if form not in forms:
        known = ", ".join(map(str, forms))
        raise StoreCorrupt(
            f"Unknown form {form} at byte 0 of a {noun} of {len(data)} bytes; this version reads {known}: "
            "it is damaged, or a newer Runstone wrote it (upgrade to read it)"
        )
    actual = zlib.crc32(memoryview(data)[SEAL_SIZE:], form)
    if actual != checksum:
        raise damaged(noun, data, f"bytes {SEAL_SIZE} on have the checksum {actual:08x}, not {checksum:08x}")
    return int(form)


def damaged(noun: str, data: bytes, fault: str) -> StoreCorrupt:
    """The error to raise for data that cannot be read."""
    return StoreCorrupt(f"Damaged {noun} of {len(data)} bytes: {fault}; restore the store from a backup")
