"""Users, groups, tokens, sessions, grants and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TABLES = ("users", "memberships", "tokens", "sessions", "grants", "audit_events")


def _text(name: str, *, key: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=key, unique=unique or None, nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "users",
        _text("name", key=True),
        _text("role"),
        _text("password_hash"),
        _time("creation_time"),
        sqlite_with_rowid=False,
    )
    op.create_table("memberships", _text("user_name", key=True), _text("group_name", key=True), sqlite_with_rowid=False)
    op.create_table(
        "tokens",
        _text("token_hash", key=True),
        _text("token_id", unique=True),
        _text("user_name"),
        _text("name"),
        _text("scope"),
        _time("creation_time"),
        _time("expiry_time", nullable=True),
        _time("last_used_time", nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions", _text("session_hash", key=True), _text("user_name"), _time("expiry_time"), sqlite_with_rowid=False
    )
    op.create_table(
        "grants",
        _text("resource", key=True),
        sa.Column("thing", _ID, primary_key=True, autoincrement=False),
        _text("user_name", key=True),
        _text("group_name", key=True),
        sa.Column("level", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("grants_by_grantee", "grants", ["user_name", "group_name"])
    op.create_table(
        "audit_events",
        sa.Column("id", _ID, primary_key=True),
        _time("time"),
        _text("user_name"),
        _text("action"),
        _text("target"),
        sa.Column("allowed", sa.Boolean(create_constraint=False), nullable=False),
        _text("address"),
        _text("detail"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Forgets who may do what: a server of the older version asks nobody."""
    for table in reversed(_TABLES):
        op.drop_table(table)
