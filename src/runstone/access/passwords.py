"""Passwords as argon2 hashes. Knows no user and no store; loads argon2 when it is first needed (the extra `auth`)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from runstone.errors import InvalidInput

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = ["MAX_PASSWORD_BYTES", "MIN_PASSWORD_LENGTH", "check_password", "hash_password"]

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_BYTES = 1024


def hash_password(password: str) -> str:
    """The hash to keep. Raises InvalidInput for a password that is too short or too long."""
    if len(password) < MIN_PASSWORD_LENGTH or len(password.encode()) > MAX_PASSWORD_BYTES:
        raise InvalidInput(
            f"A password has at least {MIN_PASSWORD_LENGTH} characters and at most {MAX_PASSWORD_BYTES} bytes"
        )
    return _hasher().hash(password)


def check_password(password: str, password_hash: str) -> bool:
    """Whether it is the password of that hash. As much work where there is no hash (""), so that time tells nothing."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES:
        return False
    try:
        return _hasher().verify(password_hash or _nobodys_hash(), password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


@functools.cache
def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher
    except ImportError as error:
        raise InvalidInput("Users with passwords need argon2: pip install 'runstone[auth]'") from error
    return PasswordHasher()


@functools.cache
def _nobodys_hash() -> str:
    return _hasher().hash("nobody has this password")
