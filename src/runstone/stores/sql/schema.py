"""The tables: the one description that migrations, checks and documentation are held against.

`run` columns hold the small integer `runs.id`, never the 32-character run id, because it is repeated in every row of
params, tags, series and chunks. There are no foreign keys: the rows of a run are written only in a transaction that
has found the run, and a distributed database could not check them without asking another shard.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TextClause,
    desc,
    text,
)
from sqlalchemy.schema import SchemaItem

__all__ = ["metadata"]

metadata = MetaData()

# SQLite counts rows in a column that is INTEGER and nothing else.
# Ordered by bytes everywhere, as SQLite does.
_Text = Text().with_variant(Text(collation="C"), "postgresql")
_Id = BigInteger().with_variant(Integer, "sqlite")


def _beginning(column: str) -> TextClause:
    """What of a text stands in an index: PostgreSQL takes no more than 2,704 bytes, and SQLite's would be as large."""
    return text(f"substr({column}, 1, 64)")


def _keyed(name: str, *columns: SchemaItem) -> Table:
    # WITHOUT ROWID: the primary key is the table, so one probe finds a row.
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


Table(
    "experiments",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", _Text, nullable=False),
    Column(
        "artifact_location",
        _Text,
        comment="NULL: below the store's artifact root, so that a store can be moved",
    ),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    Column("deleted_time", BigInteger, comment="NULL: active"),
    # Of the active ones alone: the name of a deleted experiment is free.
    Index(
        "experiments_by_name",
        "name",
        unique=True,
        sqlite_where=text("deleted_time IS NULL"),
        postgresql_where=text("deleted_time IS NULL"),
    ),
    sqlite_autoincrement=True,
)
_keyed(
    "experiment_tags",
    Column("experiment", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
)
Table(
    "runs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run_id", _Text, nullable=False, unique=True),
    Column("experiment", _Id, nullable=False),
    Column("name", _Text, nullable=False),
    Column("user_id", _Text, nullable=False),
    Column("status", _Text, nullable=False),
    Column("start_time", BigInteger),
    Column("end_time", BigInteger),
    Column("deleted_time", BigInteger, comment="NULL: active"),
    Column("deleted_with_experiment", Boolean(create_constraint=False), nullable=False),
    Column("artifact_uri", _Text, comment="NULL: below the experiment's artifact location"),
    Column("revision", BigInteger, nullable=False, comment="that of the last transaction that changed the run"),
    Index("runs_by_start", "experiment", desc("start_time"), "run_id"),
    Index("runs_by_time", desc("start_time"), "run_id", "experiment"),
    Index("runs_by_end", "end_time"),
    Index("runs_by_name", _beginning("name")),
    Index("runs_by_status", "status"),
    Index("runs_by_user", _beginning("user_id")),
    Index("runs_by_revision", "revision"),
    sqlite_autoincrement=True,
)
Table(
    "clock",
    metadata,
    Column("revision", BigInteger, nullable=False, comment="one row: the number of the last transaction"),
)
_keyed(
    "params",
    Column("run", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
    Column("number", Double, comment="the number that value stands for, if it does"),
    # Each param stands in one of them.
    Index(
        "params_by_number",
        "key",
        "number",
        "run",
        sqlite_where=text("number IS NOT NULL"),
        postgresql_where=text("number IS NOT NULL"),
    ),
    Index(
        "params_by_text",
        "key",
        _beginning("value"),
        "run",
        sqlite_where=text("number IS NULL"),
        postgresql_where=text("number IS NULL"),
    ),
)
_keyed(
    "tags",
    Column("run", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
    Index("tags_by_value", "key", _beginning("value"), "run"),
)
_keyed(
    "series",
    Column("run", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last", Double, comment="NULL: NaN, here and in the columns below"),
    Column("last_step", BigInteger, nullable=False),
    Column("last_timestamp", BigInteger, nullable=False),
    Column("first", Double),
    Column("first_step", BigInteger, nullable=False),
    Column("first_timestamp", BigInteger, nullable=False),
    Column("min", Double),
    Column("min_step", BigInteger, nullable=False),
    Column("max", Double),
    Column("max_step", BigInteger, nullable=False),
    Column(
        "is_count_exact",
        Boolean(create_constraint=False),
        nullable=False,
        comment="false: fold before counting",
    ),
    Index("series_by_last", "key", "last", "run"),
    Index("series_by_min", "key", "min", "run"),
    Index("series_by_max", "key", "max", "run"),
    Index(
        "series_inexact",
        "run",
        sqlite_where=text("NOT is_count_exact"),
        postgresql_where=text("NOT is_count_exact"),
    ),
)
Table(
    "chunks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("key", _Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    Column("first_timestamp", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("last_timestamp", BigInteger, nullable=False),
    Column("min", Double),
    Column("max", Double),
    Column("last", Double),
    Column("min_timestamp", BigInteger, comment="NULL, here and below: the chunk is older than the column"),
    Column("max_timestamp", BigInteger),
    Column("has_nan", Boolean(create_constraint=False)),
    Column("data", LargeBinary, nullable=False, comment="runstone.series.codec"),
    Index("chunks_by_series", "run", "key", "first_step"),
)
Table(
    "batches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="runstone.series.frame"),
    Index("batches_by_run", "run", "id"),
    # A folded batch's id is never given out again, so that two folders cannot mistake one batch for another.
    sqlite_autoincrement=True,
)
_keyed(
    "writers",
    Column("run", _Id, primary_key=True, autoincrement=False),
    Column("writer", _Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("heard_at", BigInteger, comment="when its last word came, in ms; NULL: it has ended"),
)
Table(
    "datasets",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("experiment", _Id, nullable=False),
    Column("name", _Text, nullable=False),
    Column("digest", _Text, nullable=False),
    Column("source_type", _Text, nullable=False),
    Column("source", _Text, nullable=False),
    Column("schema", _Text),
    Column("profile", _Text),
    Index("datasets_by_name", "experiment", "name", "digest", unique=True),
)
_keyed(
    "inputs",
    Column("run", _Id, primary_key=True, autoincrement=False),
    Column("dataset", _Id, primary_key=True, autoincrement=False),
    Index("inputs_by_dataset", "dataset", "run"),
)
_keyed(
    "input_tags",
    Column("run", _Id, primary_key=True, autoincrement=False),
    Column("dataset", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
)
_keyed(
    "run_models",
    Column("run", _Id, primary_key=True, autoincrement=False),
    Column("is_output", Boolean(create_constraint=False), primary_key=True, comment="made by the run, else read by it"),
    Column("model_id", _Text, primary_key=True),
    Column("step", BigInteger, nullable=False),
)
Table(
    "logged_models",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("model_id", _Text, nullable=False, unique=True),
    Column("experiment", _Id, nullable=False),
    Column("name", _Text, nullable=False),
    Column("model_type", _Text, nullable=False),
    Column("source_run_id", _Text, nullable=False),
    Column("status", _Text, nullable=False),
    Column("artifact_location", _Text, comment="NULL: below the experiment's artifact location"),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    Column("deleted_time", BigInteger, comment="NULL: active"),
    Index("logged_models_by_time", "experiment", desc("creation_time"), "model_id"),
    Index("logged_models_by_run", "source_run_id"),
)
_keyed(
    "logged_model_params",
    Column("model", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
    Column("number", Double, comment="the number that value stands for, if it does"),
)
_keyed(
    "logged_model_tags",
    Column("model", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
)
_keyed(
    "logged_model_metrics",
    Column("model", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("dataset_name", _Text, primary_key=True, comment="empty: on no dataset"),
    Column("dataset_digest", _Text, primary_key=True),
    Column("value", Double, comment="NULL: NaN"),
    Column("timestamp", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("run_id", _Text, nullable=False),
)
Table(
    "registered_models",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", _Text, nullable=False, unique=True),
    Column("description", _Text, nullable=False),
    Column("last_version", BigInteger, nullable=False, comment="of all versions that ever were"),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
)
_keyed(
    "registered_model_tags",
    Column("model", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
)
_keyed(
    "model_aliases",
    Column("model", _Id, primary_key=True, autoincrement=False),
    Column("alias", _Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
Table(
    "model_versions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("model", _Id, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("stage", _Text, nullable=False),
    Column("description", _Text, nullable=False),
    Column("user_id", _Text, nullable=False),
    Column("source", _Text, nullable=False),
    Column("storage_location", _Text, nullable=False),
    Column("run_id", _Text, nullable=False),
    Column("run_link", _Text, nullable=False),
    Column("model_id", _Text, nullable=False),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    Index("model_versions_by_number", "model", "version", unique=True),
    Index("model_versions_by_stage", "model", "stage", "version"),
    Index("model_versions_by_run", "run_id"),
    Index("model_versions_by_time", desc("last_update_time")),
)
_keyed(
    "model_version_tags",
    Column("model_version", _Id, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
)

# -- who may do what

_keyed(
    "users",
    Column("name", _Text, primary_key=True),
    Column("role", _Text, nullable=False),
    Column("password_hash", _Text, nullable=False, comment="of argon2; empty: no login by password"),
    Column("creation_time", BigInteger, nullable=False),
)
_keyed(
    "memberships",
    Column("user_name", _Text, primary_key=True),
    Column("group_name", _Text, primary_key=True),
)
_keyed(
    "tokens",
    Column("token_hash", _Text, primary_key=True, comment="SHA-256 of the secret, in hexadecimal"),
    Column("token_id", _Text, nullable=False, unique=True),
    Column("user_name", _Text, nullable=False),
    Column("name", _Text, nullable=False),
    Column("scope", _Text, nullable=False),
    Column("creation_time", BigInteger, nullable=False),
    Column("expiry_time", BigInteger, comment="NULL: never"),
    Column("last_used_time", BigInteger),
)
_keyed(
    "sessions",
    Column("session_hash", _Text, primary_key=True, comment="SHA-256 of the secret, in hexadecimal"),
    Column("user_name", _Text, nullable=False),
    Column("expiry_time", BigInteger, nullable=False),
)
_keyed(
    "grants",
    Column("resource", _Text, primary_key=True),
    Column("thing", _Id, primary_key=True, autoincrement=False, comment="the id in experiments or registered_models"),
    Column("user_name", _Text, primary_key=True, comment="empty: for a group"),
    Column("group_name", _Text, primary_key=True, comment="empty: for a user"),
    Column("level", Integer, nullable=False),
    Index("grants_by_grantee", "user_name", "group_name"),
)
Table(
    "audit_events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("user_name", _Text, nullable=False),
    Column("action", _Text, nullable=False),
    Column("target", _Text, nullable=False),
    Column("allowed", Boolean(create_constraint=False), nullable=False),
    Column("address", _Text, nullable=False),
    Column("detail", _Text, nullable=False),
    sqlite_autoincrement=True,
)
