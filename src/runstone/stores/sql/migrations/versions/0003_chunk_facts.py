"""What else a curve needs to know of a chunk that lies inside one of its buckets.

The columns stand before the data: behind it, SQLite would read all of a chunk to come to them. So its table is written
anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NAMES = ("min_timestamp", "max_timestamp", "has_nan")


def upgrade() -> None:
    columns = [sa.Column(name, sa.Boolean if name == "has_nan" else sa.BigInteger) for name in _NAMES]
    if op.get_bind().dialect.name != "sqlite":
        for column in columns:
            op.add_column("chunks", column)
        return
    with op.batch_alter_table("chunks", recreate="always") as table:
        for column in columns:
            table.add_column(column, insert_before="data")


def downgrade() -> None:
    for name in _NAMES:
        op.drop_column("chunks", name)
