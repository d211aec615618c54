"""How a database gets its tables, one revision after another (Alembic). Loads SQLAlchemy when it is called.

`HEAD` must be the newest revision: opening a database compares it without loading Alembic.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

__all__ = ["HEAD", "NEW_SQLITE", "VERSION_TABLE", "check", "downgrade", "revisions", "sqlalchemy_connection", "upgrade"]

HEAD = "0006"
VERSION_TABLE = "runstone_version"
NEW_SQLITE = Path(__file__).with_name("new_sqlite.sql")
"""What all revisions make of an empty SQLite database, as one text of statements (scripts/new_store.py)."""


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def revisions() -> list[str]:
    """Every revision this version knows, oldest first."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_config())
    return [revision.revision for revision in script.walk_revisions()][::-1]


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the database to a revision. One transaction holds all of it."""
    from alembic import command

    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Go back to an older revision; what it cannot hold is lost. One transaction holds all of it."""
    from alembic import command

    command.downgrade(_config(connection), revision)


def check(connection: Connection) -> list[Any]:
    """The differences between the database and `schema`, as Alembic reports them; none for a sound one."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from runstone.stores.sql.schema import metadata

    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
    with warnings.catch_warnings():
        # SQLAlchemy reads no index over an expression from SQLite and says so; Alembic passes it over and says so.
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index")
        warnings.filterwarnings("ignore", "autogenerate skipping", UserWarning)
        found = [_without_comments(difference) for difference in compare_metadata(context, metadata)]
        found = [difference for difference in found if difference and not _is_internal(difference)]
    indexes = [_index(difference) for difference in found]
    # SQLAlchemy reads no direction from SQLite, so an index with DESC shows as removed and as added.
    return [
        difference
        for difference, index in zip(found, indexes, strict=True)
        if index is None or indexes.count(index) == 1
    ]


def _without_comments(difference: Any) -> Any:
    """Comments are for readers of the schema; no database has them."""
    if not isinstance(difference, list):
        return difference
    return [part for part in difference if part[0] != "modify_comment"]


def _is_internal(difference: Any) -> bool:
    return isinstance(difference, tuple) and getattr(difference[1], "name", None) == VERSION_TABLE


def _index(difference: Any) -> tuple[Any, ...] | None:
    """What an added or removed index is but for its directions: name, uniqueness, columns; None for another thing."""
    if not isinstance(difference, tuple) or difference[0] not in ("add_index", "remove_index"):
        return None
    index = difference[1]
    columns = (str(expression).removesuffix(" DESC").rpartition(".")[2] for expression in index.expressions)
    return index.name, bool(index.unique), *columns


@contextmanager
def sqlalchemy_connection(dialect: str, driver_connection: Any, *, begin: str = "") -> Iterator[Connection]:
    """SQLAlchemy's view of an open driver connection, in a transaction that the statement `begin` opens.

    Commits at the end of the block, or rolls back where the block raises. The connection stays open. Errors of the
    database are the driver's own.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    engine = create_engine(f"{dialect}://", creator=lambda: driver_connection, poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            if begin:
                # Not before: SQLAlchemy's first look at a database ends with a rollback.
                connection.exec_driver_sql(begin)
            yield connection
    except DBAPIError as error:
        raise error.orig or error from error
