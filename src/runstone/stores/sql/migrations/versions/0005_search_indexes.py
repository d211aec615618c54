"""Indexes by which a search finds few runs among many, or walks over many in order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _beginning(column: str) -> sa.TextClause:
    return sa.text(f"substr({column}, 1, 64)")


_INDEXES: tuple[tuple[str, str, list[str | sa.TextClause]], ...] = (
    ("runs_by_time", "runs", [sa.text("start_time DESC"), "run_id", "experiment"]),
    ("runs_by_end", "runs", ["end_time"]),
    ("runs_by_name", "runs", [_beginning("name")]),
    ("runs_by_status", "runs", ["status"]),
    ("runs_by_user", "runs", [_beginning("user_id")]),
    ("tags_by_value", "tags", ["key", _beginning("value"), "run"]),
    ("series_by_last", "series", ["key", "last", "run"]),
    ("series_by_min", "series", ["key", "min", "run"]),
    ("series_by_max", "series", ["key", "max", "run"]),
    ("inputs_by_dataset", "inputs", ["dataset", "run"]),
)


_RUNNING = sa.text("status = 'RUNNING'")


def upgrade() -> None:
    op.drop_index("runs_running", "runs")  # runs_by_status finds them as well
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    numbers, texts = sa.text("number IS NOT NULL"), sa.text("number IS NULL")
    op.create_index(
        "params_by_number", "params", ["key", "number", "run"], sqlite_where=numbers, postgresql_where=numbers
    )
    op.create_index(
        "params_by_text", "params", ["key", _beginning("value"), "run"], sqlite_where=texts, postgresql_where=texts
    )


def downgrade() -> None:
    for name in ("params_by_text", "params_by_number"):
        op.drop_index(name, "params")
    for name, table, _ in reversed(_INDEXES):
        op.drop_index(name, table)
    op.create_index("runs_running", "runs", ["id"], sqlite_where=_RUNNING, postgresql_where=_RUNNING)
