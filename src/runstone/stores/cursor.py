"""Page tokens: where a page ended, bound to the query it belongs to. Opaque to callers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Annotated

import msgspec

from runstone.errors import InvalidInput
from runstone.stores.base import ExperimentQuery, RunQuery
from runstone.validation import INT64_MAX, INT64_MIN

__all__ = ["Position", "read_token", "write_token"]

Position = Sequence[float | int | str | None]
"""The values by which a row is ordered."""

_Int64 = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
# MessagePack, because JSON has no infinity.
_decode = msgspec.msgpack.Decoder(list[_Int64 | float | str | None]).decode


def write_token(query: RunQuery | ExperimentQuery, position: Position) -> str:
    """The token of a page of `query` whose last row stands at `position`."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode([_fingerprint(query), *position])).decode()


def read_token(query: RunQuery | ExperimentQuery, length: int) -> Position | None:
    """The position, of `length` values, that the query's token names, None without a token.

    Raises InvalidInput for a token that is none, or not of this query.
    """
    token = query.page_token
    if not token:
        return None
    try:
        fingerprint, *position = _decode(base64.b64decode(token.encode(), b"-_", validate=True))
    except (msgspec.DecodeError, ValueError):
        raise InvalidInput(f"Invalid page token {token[:60]!r}: pass the token of the page before, unchanged") from None
    if fingerprint != _fingerprint(query) or len(position) != length:
        raise InvalidInput(
            f"The page token {token[:60]!r} belongs to another search: "
            "keep experiments, filter, view and order the same from page to page"
        )
    return position


def _fingerprint(query: RunQuery | ExperimentQuery) -> str:
    same = msgspec.structs.replace(query, page_token=None, max_results=0)
    return hashlib.blake2b(repr(same).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
