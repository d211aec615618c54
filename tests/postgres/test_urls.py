"""URLs of PostgreSQL databases."""

from __future__ import annotations

import pytest

from runstone.connect import without_credentials
from runstone.stores.sql.postgres_url import is_postgres_url, plain_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hush@host:5433/db", "postgresql://me@host:5433/db"),
        ("postgresql://host/db?password=hush&sslmode=require", "postgresql://host/db?sslmode=require"),
        ("postgresql://me:@/db?host=/run/postgresql", "postgresql://me@/db?host=/run/postgresql"),
        ("postgresql:///db?host=/run/postgresql", "postgresql:///db?host=/run/postgresql"),
        ("https://me:hush@host", "https://host"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_the_drivers_of_mlflows_urls_are_left_out() -> None:
    assert plain_url("postgresql+psycopg2://me@host/db") == "postgresql://me@host/db"
    assert is_postgres_url("postgresql+psycopg2://me@host/db")
    assert is_postgres_url("postgres://host/db")
    assert not is_postgres_url("sqlite:///db.db")
    assert not is_postgres_url("postgresql.db")
