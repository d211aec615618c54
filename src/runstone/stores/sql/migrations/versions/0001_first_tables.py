"""The first tables, and the experiment `Default`."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Ordered by bytes everywhere, as SQLite does.
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _keyed(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, sqlite_with_rowid=False)


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, _ID, primary_key=True, autoincrement=False)


def upgrade() -> None:
    experiments = op.create_table(
        "experiments",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", _TEXT, nullable=False, unique=True),
        sa.Column("artifact_location", _TEXT),
        sa.Column("creation_time", sa.BigInteger, nullable=False),
        sa.Column("last_update_time", sa.BigInteger, nullable=False),
        sa.Column("deleted_time", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    _keyed(
        "experiment_tags",
        _key("experiment"),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("run_id", _TEXT, nullable=False, unique=True),
        sa.Column("experiment", _ID, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("start_time", sa.BigInteger),
        sa.Column("end_time", sa.BigInteger),
        sa.Column("deleted_time", sa.BigInteger),
        sa.Column("deleted_with_experiment", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("artifact_uri", _TEXT),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_by_revision", "runs", ["revision"])
    clock = op.create_table("clock", sa.Column("revision", sa.BigInteger, nullable=False))
    op.bulk_insert(clock, [{"revision": 0}])
    op.create_index("runs_by_start", "runs", ["experiment", sa.desc("start_time"), "run_id"])
    _keyed(
        "params",
        _key("run"),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
        sa.Column("number", sa.Double),
    )
    _keyed(
        "tags",
        _key("run"),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
    )
    _keyed(
        "series",
        _key("run"),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("last", sa.Double),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("last_timestamp", sa.BigInteger, nullable=False),
        sa.Column("first", sa.Double),
        sa.Column("first_step", sa.BigInteger, nullable=False),
        sa.Column("first_timestamp", sa.BigInteger, nullable=False),
        sa.Column("min", sa.Double),
        sa.Column("min_step", sa.BigInteger, nullable=False),
        sa.Column("max", sa.Double),
        sa.Column("max_step", sa.BigInteger, nullable=False),
        sa.Column("is_count_exact", sa.Boolean(create_constraint=False), nullable=False),
    )
    inexact = sa.text("NOT is_count_exact")
    op.create_index("series_inexact", "series", ["run"], sqlite_where=inexact, postgresql_where=inexact)
    op.create_table(
        "chunks",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("run", _ID, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_step", sa.BigInteger, nullable=False),
        sa.Column("first_timestamp", sa.BigInteger, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("last_timestamp", sa.BigInteger, nullable=False),
        sa.Column("min", sa.Double),
        sa.Column("max", sa.Double),
        sa.Column("last", sa.Double),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("chunks_by_series", "chunks", ["run", "key", "first_step"])
    op.create_table(
        "batches",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("run", _ID, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("batches_by_run", "batches", ["run", "id"])
    _keyed(
        "writers",
        _key("run"),
        sa.Column("writer", _TEXT, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "datasets",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("experiment", _ID, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("digest", _TEXT, nullable=False),
        sa.Column("source_type", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("schema", _TEXT),
        sa.Column("profile", _TEXT),
    )
    op.create_index("datasets_by_name", "datasets", ["experiment", "name", "digest"], unique=True)
    _keyed("inputs", _key("run"), _key("dataset"))
    _keyed(
        "input_tags",
        _key("run"),
        _key("dataset"),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
    )
    _create_models()
    now = time.time_ns() // 1_000_000
    op.bulk_insert(experiments, [{"id": 0, "name": "Default", "creation_time": now, "last_update_time": now}])


def _texts(name: str, owner: str, *columns: sa.Column[Any]) -> None:
    """A table of texts by key."""
    _keyed(
        name,
        _key(owner),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
        *columns,
    )


def _create_models() -> None:
    _keyed(
        "run_models",
        _key("run"),
        sa.Column("is_output", sa.Boolean(create_constraint=False), primary_key=True),
        sa.Column("model_id", _TEXT, primary_key=True),
        sa.Column("step", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "logged_models",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("model_id", _TEXT, nullable=False, unique=True),
        sa.Column("experiment", _ID, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("model_type", _TEXT, nullable=False),
        sa.Column("source_run_id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("artifact_location", _TEXT),
        sa.Column("creation_time", sa.BigInteger, nullable=False),
        sa.Column("last_update_time", sa.BigInteger, nullable=False),
        sa.Column("deleted_time", sa.BigInteger),
    )
    op.create_index("logged_models_by_time", "logged_models", ["experiment", sa.desc("creation_time"), "model_id"])
    op.create_index("logged_models_by_run", "logged_models", ["source_run_id"])
    _texts("logged_model_params", "model", sa.Column("number", sa.Double))
    _texts("logged_model_tags", "model")
    _keyed(
        "logged_model_metrics",
        _key("model"),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("dataset_name", _TEXT, primary_key=True),
        sa.Column("dataset_digest", _TEXT, primary_key=True),
        sa.Column("value", sa.Double),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("run_id", _TEXT, nullable=False),
    )
    op.create_table(
        "registered_models",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", _TEXT, nullable=False, unique=True),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("last_version", sa.BigInteger, nullable=False),
        sa.Column("creation_time", sa.BigInteger, nullable=False),
        sa.Column("last_update_time", sa.BigInteger, nullable=False),
    )
    _texts("registered_model_tags", "model")
    _keyed(
        "model_aliases",
        _key("model"),
        sa.Column("alias", _TEXT, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    texts = ("stage", "description", "user_id", "source", "storage_location", "run_id", "run_link", "model_id")
    op.create_table(
        "model_versions",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("model", _ID, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in texts),
        sa.Column("creation_time", sa.BigInteger, nullable=False),
        sa.Column("last_update_time", sa.BigInteger, nullable=False),
    )
    op.create_index("model_versions_by_number", "model_versions", ["model", "version"], unique=True)
    op.create_index("model_versions_by_stage", "model_versions", ["model", "stage", "version"])
    op.create_index("model_versions_by_run", "model_versions", ["run_id"])
    op.create_index("model_versions_by_time", "model_versions", [sa.desc("last_update_time")])
    _texts("model_version_tags", "model_version")


def downgrade() -> None:
    for name in (
        "model_version_tags", "model_versions", "model_aliases", "registered_model_tags", "registered_models",
        "logged_model_metrics", "logged_model_tags", "logged_model_params", "logged_models", "run_models",
        "input_tags", "inputs", "datasets", "writers", "batches", "chunks", "series", "tags", "params", "clock",
        "runs",
        "experiment_tags", "experiments",
    ):  # fmt: skip
        op.drop_table(name)
