"""What keeps strangers out before a request is read: hosts, origins, read-only mode.

A server on loopback is reachable by every page that a browser on the machine shows. Checking Host ends DNS
rebinding, checking Origin ends cross-site requests.
"""

from __future__ import annotations

import fnmatch
import functools
import ipaddress
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["Guards", "Refusal"]

_LOOPBACK = ("localhost",)
_SAFE_VERBS = ("GET", "HEAD", "OPTIONS")


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    code: str
    message: str


@functools.lru_cache(maxsize=64)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class Guards:
    """The checks of one server. `hosts` and `origins` are patterns with `*`; hosts may name a port."""

    def __init__(self, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self._hosts = (*_LOOPBACK, *hosts)
        self._origins = tuple(origins)

    def refuse(self, method: str, host: str, origin: str) -> Refusal | None:
        """Why a request with these headers ("" where it has none) is refused; None where it may pass."""
        if not self._is_known_host(host):
            return Refusal(
                403,
                "PERMISSION_DENIED",
                f"Invalid Host header {host!r}: this server does not go by that name; start it with --allowed-hosts",
            )
        if origin and method not in _SAFE_VERBS and not self.allows_origin(origin, host):
            return Refusal(
                403,
                "PERMISSION_DENIED",
                f"Cross-origin request blocked: pages of {origin!r} may not write here; start with --cors-origins",
            )
        return None

    def _is_known_host(self, host: str) -> bool:
        if not host:
            return True  # HTTP/1.0 without Host; no browser sends that
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if _is_address(name):
            return True  # rebinding works by names alone
        return any(fnmatch.fnmatchcase(one.lower(), pattern.lower()) for one in (host, name) for pattern in self._hosts)

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of that origin may use this server: its own pages, and those that were named."""
        if urlsplit(origin).netloc.lower() == host.lower():
            return True
        return any(fnmatch.fnmatchcase(origin.lower(), pattern.lower()) for pattern in self._origins)
