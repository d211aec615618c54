"""Writes the statements that make a new SQLite store, from what the migrations make of an empty one.

    python scripts/new_store.py

A new store then needs neither SQLAlchemy nor Alembic, which take a third of a second to load. Run it after every
change of the migrations, in the environment of the tests.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from runstone.stores.sql import migrations

HEAD = "-- Written by scripts/new_store.py from the migrations.\n"
NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_CREATION_TIME = re.compile(r"\b\d{13}\b")


def render() -> str:
    """The text of `migrations.NEW_SQLITE`, as it should be."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        with migrations.sqlalchemy_connection("sqlite", connection, begin="BEGIN IMMEDIATE") as alchemy:
            migrations.upgrade(alchemy)
        return HEAD + "\n".join(_statements(connection)) + "\n"


def _statements(connection: sqlite3.Connection) -> Iterator[str]:
    for statement in connection.iterdump():
        if statement not in ("BEGIN TRANSACTION;", "COMMIT;"):
            lines = (line.rstrip().replace("\t", "    ") for line in statement.splitlines())
            yield _CREATION_TIME.sub(NOW, "\n".join(line for line in lines if line))


if __name__ == "__main__":
    migrations.NEW_SQLITE.write_text(render(), encoding="utf-8")
