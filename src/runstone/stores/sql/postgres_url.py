"""The URLs of PostgreSQL databases, as MLflow's users write them too. Loads no driver."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["is_postgres_url", "plain_url", "without_password"]


def is_postgres_url(url: str) -> bool:
    """Whether it names a PostgreSQL database, with or without a driver (`postgresql+psycopg2://...`)."""
    scheme, colon, _ = url.partition("://")
    return bool(colon) and scheme.partition("+")[0].lower() in ("postgresql", "postgres")


def plain_url(url: str) -> str:
    """The URL without the driver that one for MLflow may name (`postgresql+psycopg2:`)."""
    scheme, rest = url.split("://", 1)
    return f"{scheme.partition('+')[0]}://{rest}"


def without_password(url: str) -> str:
    """The URL as messages may show it."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    query = "&".join(one for one in parts.query.split("&") if "password" not in one.partition("=")[0])
    # Not by urlunsplit, which drops the slashes before a host that is empty: that of a socket.
    return f"{parts.scheme}://{name}{'@' if name else ''}{host}{parts.path}{'?' if query else ''}{query}"
