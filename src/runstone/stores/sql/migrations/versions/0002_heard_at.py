"""When each writer was last heard of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_RUNNING = sa.text("status = 'RUNNING'")


def upgrade() -> None:
    op.add_column("writers", sa.Column("heard_at", sa.BigInteger))
    op.create_index("runs_running", "runs", ["id"], sqlite_where=_RUNNING, postgresql_where=_RUNNING)


def downgrade() -> None:
    op.drop_index("runs_running", "runs")
    op.drop_column("writers", "heard_at")
