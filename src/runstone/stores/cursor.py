"""Page tokens: where a page ended, bound to the query it belongs to. Opaque to callers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, TypeVar

import msgspec

from runstone.errors import InvalidInput
from runstone.stores.base import ExperimentQuery, RunQuery
from runstone.stores.models import LoggedModelQuery, ModelVersionQuery, RegisteredModelQuery
from runstone.validation import INT64_MAX, INT64_MIN

__all__ = ["Position", "Query", "cut_page", "read_token", "write_token"]

T = TypeVar("T")

Query = RunQuery | ExperimentQuery | RegisteredModelQuery | ModelVersionQuery | LoggedModelQuery
"""What can be asked page by page."""

Position = Sequence[float | int | str | None]
"""The values by which a row is ordered."""

_Int64 = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
# MessagePack, because JSON has no infinity.
_decode = msgspec.msgpack.Decoder(list[_Int64 | float | str | None]).decode


def write_token(query: Query, position: Position) -> str:
    """The token of a page of `query` whose last row stands at `position`."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode([_fingerprint(query), *position])).decode()


def read_token(query: Query, length: int) -> Position | None:
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


def _every(row: object) -> bool:
    return True


def cut_page(
    query: Query, rows: Sequence[T], name: Callable[[T], str], is_found: Callable[[T], bool] = _every
) -> tuple[list[T], str | None]:
    """The page of an ordered list that the query asks for, and the next token; `name` tells the rows apart.

    A page begins behind the row that ended the page before, even if that is not found any more.
    """
    position = read_token(query, 1)
    start = 0
    if position is not None:
        names = [name(row) for row in rows]
        if position[0] not in names:
            raise InvalidInput("The row at which the page before ended is gone; start the search again")
        start = names.index(str(position[0])) + 1
    page = list(islice(filter(is_found, rows[start:]), query.max_results + 1))
    if len(page) <= query.max_results:
        return page, None
    page.pop()
    return page, write_token(query, [name(page[-1])])


def _fingerprint(query: Query) -> str:
    same = msgspec.structs.replace(query, page_token=None, max_results=0)
    if not isinstance(same, RunQuery | LoggedModelQuery):
        # Rights may change from page to page: what they allow is asked of each row, whatever the token says.
        same = msgspec.structs.replace(same, within=None)
    return hashlib.blake2b(repr(same).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
