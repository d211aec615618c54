"""Changes to valid input: of bytes and of texts, the same for the same generator."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

__all__ = ["mutated_bytes", "mutated_text"]

_NUMBERS = [
    0,
    1,
    2,
    127,
    128,
    255,
    1 << 15,
    (1 << 16) - 1,
    1 << 31,
    (1 << 32) - 1,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
]
_CHARACTERS = [
    "",
    "'",
    '"',
    "`",
    "(",
    ")",
    "%",
    "_",
    "\\",
    "\0",
    "\n",
    " ",
    ".",
    ",",
    "=",
    "<",
    "-",
    "9" * 400,
    "é",
    "😀",
    "\ud800",
]


def mutated_bytes(draw: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, changed in up to five places."""
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.randint(1, 5)):
        at = draw.randint(0, len(data))
        match draw.randrange(7):
            case 0:
                data[at : at + 1] = bytes([draw.randrange(256)])
            case 1 if at < len(data):
                data[at] ^= 1 << draw.randrange(8)
            case 2:
                del data[at : at + draw.randint(1, 9)]
            case 3:
                data[at:at] = draw.randbytes(draw.randint(1, 9))
            case 4:
                size = draw.choice("BHIQ")
                data[at : at + struct.calcsize(size)] = struct.pack(
                    f"<{size}", draw.choice(_NUMBERS) % (1 << 8 * struct.calcsize(size))
                )
            case 5:
                del data[at:]
            case 6:
                other = draw.choice(seeds)
                start = draw.randint(0, len(other))
                data[at : at + draw.randint(0, 64)] = other[start : start + draw.randint(0, 64)]
    return bytes(data)


def mutated_text(draw: random.Random, seeds: Sequence[str]) -> str:
    """The same of a text."""
    text = draw.choice(seeds)
    for _ in range(draw.randint(1, 5)):
        at = draw.randint(0, len(text))
        end = min(len(text), at + draw.randint(0, 8))
        other = draw.choice(seeds)
        start = draw.randint(0, len(other))
        filling = draw.choice(
            [draw.choice(_CHARACTERS), chr(draw.randrange(0x110000)), other[start : start + draw.randint(0, 12)], "("]
        )
        text = text[:at] + filling * draw.choice([1, 1, 1, 2, 50]) + text[end:]
    return text
