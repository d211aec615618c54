"""Columns on the wire: a JSON head that says where each column lies in the raw bytes behind it.

Layout, numbers little-endian::

    offset    bytes
    0         4      n, the size of the head; 4 + n is a multiple of 8
    4         n      the head, JSON in UTF-8, blanks at its end
    4+n       rest   columns, each beginning at a multiple of 8 from here

A browser reads it without a library: JSON.parse for the head, a typed array for each column. Columns of equal bytes
lie there once.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from runstone.wire.codec import encode
from runstone.wire.schemas.browsing import Column, ColumnsAnswer, ColumnType, Texts

__all__ = ["ColumnWriter", "encode_columns"]

_SIZE = struct.Struct("<I")
_ALIGNMENT = 8


class ColumnWriter:
    """Collects columns; `body` is what they make up."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, values: npt.ArrayLike, kind: ColumnType) -> Column:
        """A column of numbers. What is beyond float32 becomes infinite there."""
        with np.errstate(over="ignore"):
            column = np.asarray(values).astype(np.dtype(kind).newbyteorder("<"))
        data = column.tobytes()
        place = self._places.get(data)
        if place is None:
            place = self._places[data] = self._size
            padding = b"\0" * (-len(data) % _ALIGNMENT)
            self._parts += [data, padding]
            self._size += len(data) + len(padding)
        return Column(type=kind, length=len(column), at=place)

    def add_texts(self, values: Sequence[str | None]) -> Texts:
        """A column of texts, each distinct one once, by number from 1; 0 is None."""
        numbers: dict[str | None, int] = {None: 0}
        codes = [numbers.setdefault(value, len(numbers)) for value in values]
        kind: ColumnType = "u1" if len(numbers) <= 1 << 8 else "u2" if len(numbers) <= 1 << 16 else "u4"
        distinct = [value for value in numbers if value is not None]
        return Texts(values=distinct, codes=self.add(np.array(codes, np.uint32), kind))

    def add_times(self, values: Sequence[int | None]) -> Column:
        """A column of times; None is NaN."""
        column: Any = np.array(values, np.float64)
        return self.add(column, "f8")

    def body(self) -> bytes:
        """All columns."""
        return b"".join(self._parts)


def encode_columns(answer: ColumnsAnswer) -> bytes:
    """The bytes of an answer and its columns."""
    body, answer.body = answer.body, b""
    head = encode(answer)
    head += b" " * (-(_SIZE.size + len(head)) % _ALIGNMENT)
    return _SIZE.pack(len(head)) + head + body
