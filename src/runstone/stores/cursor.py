"""Page tokens: where a page ended, bound to the query it belongs to. Opaque to callers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

import msgspec

from runstone.errors import InvalidInput
from runstone.stores.base import ExperimentQuery, RunQuery

__all__ = ["read_token", "write_token"]


def write_token(query: RunQuery | ExperimentQuery, position: list[Any]) -> str:
    """The token of a page of `query` whose last row stands at `position` (numbers, texts and None)."""
    text = json.dumps([_fingerprint(query), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(query: RunQuery | ExperimentQuery) -> list[Any] | None:
    """The position that the query's token names, None without a token. Raises InvalidInput for a foreign token."""
    token = query.page_token
    if not token:
        return None
    try:
        fingerprint, *position = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError):
        raise InvalidInput(f"Invalid page token {token[:60]!r}: pass the token of the page before, unchanged") from None
    if fingerprint != _fingerprint(query):
        raise InvalidInput(
            f"The page token {token[:60]!r} belongs to another search: "
            "keep experiments, filter, view and order the same from page to page"
        )
    return list(position)


def _fingerprint(query: RunQuery | ExperimentQuery) -> str:
    same = msgspec.structs.replace(query, page_token=None, max_results=0)
    return hashlib.blake2b(repr(same).encode(), digest_size=6).hexdigest()
