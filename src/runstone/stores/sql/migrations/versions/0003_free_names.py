"""The name of a deleted experiment may be given to another one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ACTIVE = sa.text("deleted_time IS NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _remake("")
    else:
        op.drop_constraint("experiments_name_key", "experiments")
    op.create_index(
        "experiments_by_name", "experiments", ["name"], unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE
    )


def downgrade() -> None:
    """An experiment whose name has been taken since it was deleted gets its id behind it."""
    op.execute(
        "UPDATE experiments SET name = name || ' (deleted, id ' || CAST(id AS text) || ')' "
        "WHERE deleted_time IS NOT NULL AND EXISTS (SELECT 1 FROM experiments other WHERE other.name = "
        "experiments.name AND (other.deleted_time IS NULL OR other.id > experiments.id))"
    )
    op.drop_index("experiments_by_name", "experiments")
    if op.get_bind().dialect.name == "sqlite":
        _remake(",\n    UNIQUE (name)")
    else:
        op.create_unique_constraint("experiments_name_key", "experiments", ["name"])


def _remake(constraint: str) -> None:
    """SQLite cannot drop a constraint of a table: another one takes its rows and its place."""
    op.execute(
        f"""CREATE TABLE experiments_new (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    artifact_location TEXT,
    creation_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL,
    deleted_time BIGINT{constraint}
)"""
    )
    op.execute("INSERT INTO experiments_new SELECT * FROM experiments")
    # Ids are not given out again, those of experiments that are gone neither.
    op.execute(
        "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'experiments') "
        "WHERE name = 'experiments_new'"
    )
    op.execute("DROP TABLE experiments")
    op.execute("ALTER TABLE experiments_new RENAME TO experiments")
