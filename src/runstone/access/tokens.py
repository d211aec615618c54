"""Tokens: random texts that stand for a user. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import secrets

from runstone.entities.access import Scope
from runstone.errors import InvalidInput
from runstone.stores.access import AccessStore, TokenRecord

__all__ = ["PREFIX", "create_token", "hash_token"]

PREFIX = "rst_"
"""What every token begins with, so that scanners for secrets recognise one."""


def create_token(
    access: AccessStore, user: str, name: str, scope: Scope, *, now: int, expiry_time: int | None = None
) -> tuple[str, TokenRecord]:
    """Make a token and return its secret, which can never be read again. Raises InvalidInput and NotFound."""
    if expiry_time is not None and expiry_time <= now:
        raise InvalidInput("A token must expire in the future")
    secret = PREFIX + secrets.token_urlsafe(32)
    record = TokenRecord(
        token_id=secrets.token_hex(6), user=user, name=name, scope=scope, creation_time=now, expiry_time=expiry_time
    )
    access.create_token(record, hash_token(secret))
    return secret, record


def hash_token(secret: str) -> str:
    """What a store knows of a token. It has 256 random bits, so it needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
