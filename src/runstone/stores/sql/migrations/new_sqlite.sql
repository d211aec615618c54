-- Written by scripts/new_store.py from the migrations.
CREATE TABLE audit_events (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    time BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    allowed BOOLEAN NOT NULL,
    address TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE TABLE batches (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    points BIGINT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE "chunks" (
    id INTEGER NOT NULL,
    run INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_step BIGINT NOT NULL,
    first_timestamp BIGINT NOT NULL,
    last_step BIGINT NOT NULL,
    last_timestamp BIGINT NOT NULL,
    min DOUBLE,
    max DOUBLE,
    last DOUBLE,
    min_timestamp BIGINT,
    max_timestamp BIGINT,
    has_nan BOOLEAN,
    data BLOB NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE clock (
    revision BIGINT NOT NULL
);
INSERT INTO "clock" VALUES(0);
CREATE TABLE datasets (
    id INTEGER NOT NULL,
    experiment INTEGER NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    schema TEXT,
    profile TEXT,
    PRIMARY KEY (id)
);
CREATE TABLE experiment_tags (
    experiment INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (experiment, "key")
)
 WITHOUT ROWID
;
CREATE TABLE "experiments" (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    artifact_location TEXT,
    creation_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL,
    deleted_time BIGINT
);
INSERT INTO "experiments" VALUES(0,'Default',NULL,CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),NULL);
CREATE TABLE grants (
    resource TEXT NOT NULL,
    thing INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    group_name TEXT NOT NULL,
    level INTEGER NOT NULL,
    PRIMARY KEY (resource, thing, user_name, group_name)
)
 WITHOUT ROWID
;
CREATE TABLE input_tags (
    run INTEGER NOT NULL,
    dataset INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, dataset, "key")
)
 WITHOUT ROWID
;
CREATE TABLE inputs (
    run INTEGER NOT NULL,
    dataset INTEGER NOT NULL,
    PRIMARY KEY (run, dataset)
)
 WITHOUT ROWID
;
CREATE TABLE logged_model_metrics (
    model INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    dataset_digest TEXT NOT NULL,
    value DOUBLE,
    timestamp BIGINT NOT NULL,
    step BIGINT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (model, "key", dataset_name, dataset_digest)
)
 WITHOUT ROWID
;
CREATE TABLE logged_model_params (
    model INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    number DOUBLE,
    PRIMARY KEY (model, "key")
)
 WITHOUT ROWID
;
CREATE TABLE logged_model_tags (
    model INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, "key")
)
 WITHOUT ROWID
;
CREATE TABLE logged_models (
    id INTEGER NOT NULL,
    model_id TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    name TEXT NOT NULL,
    model_type TEXT NOT NULL,
    source_run_id TEXT NOT NULL,
    status TEXT NOT NULL,
    artifact_location TEXT,
    creation_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL,
    deleted_time BIGINT,
    PRIMARY KEY (id),
    UNIQUE (model_id)
);
CREATE TABLE memberships (
    user_name TEXT NOT NULL,
    group_name TEXT NOT NULL,
    PRIMARY KEY (user_name, group_name)
)
 WITHOUT ROWID
;
CREATE TABLE model_aliases (
    model INTEGER NOT NULL,
    alias TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (model, alias)
)
 WITHOUT ROWID
;
CREATE TABLE model_version_tags (
    model_version INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_version, "key")
)
 WITHOUT ROWID
;
CREATE TABLE model_versions (
    id INTEGER NOT NULL,
    model INTEGER NOT NULL,
    version BIGINT NOT NULL,
    stage TEXT NOT NULL,
    description TEXT NOT NULL,
    user_id TEXT NOT NULL,
    source TEXT NOT NULL,
    storage_location TEXT NOT NULL,
    run_id TEXT NOT NULL,
    run_link TEXT NOT NULL,
    model_id TEXT NOT NULL,
    creation_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE params (
    run INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    number DOUBLE,
    PRIMARY KEY (run, "key")
)
 WITHOUT ROWID
;
CREATE TABLE registered_model_tags (
    model INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, "key")
)
 WITHOUT ROWID
;
CREATE TABLE registered_models (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    last_version BIGINT NOT NULL,
    creation_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name)
);
CREATE TABLE run_models (
    run INTEGER NOT NULL,
    is_output BOOLEAN NOT NULL,
    model_id TEXT NOT NULL,
    step BIGINT NOT NULL,
    PRIMARY KEY (run, is_output, model_id)
)
 WITHOUT ROWID
;
CREATE TABLE runs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    experiment INTEGER NOT NULL,
    name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL,
    start_time BIGINT,
    end_time BIGINT,
    deleted_time BIGINT,
    deleted_with_experiment BOOLEAN NOT NULL,
    artifact_uri TEXT,
    revision BIGINT NOT NULL,
    UNIQUE (run_id)
);
CREATE TABLE runstone_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT runstone_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "runstone_version" VALUES('0006');
CREATE TABLE series (
    run INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    count BIGINT NOT NULL,
    last DOUBLE,
    last_step BIGINT NOT NULL,
    last_timestamp BIGINT NOT NULL,
    first DOUBLE,
    first_step BIGINT NOT NULL,
    first_timestamp BIGINT NOT NULL,
    min DOUBLE,
    min_step BIGINT NOT NULL,
    max DOUBLE,
    max_step BIGINT NOT NULL,
    is_count_exact BOOLEAN NOT NULL,
    PRIMARY KEY (run, "key")
)
 WITHOUT ROWID
;
CREATE TABLE sessions (
    session_hash TEXT NOT NULL,
    user_name TEXT NOT NULL,
    expiry_time BIGINT NOT NULL,
    PRIMARY KEY (session_hash)
)
 WITHOUT ROWID
;
CREATE TABLE tags (
    run INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, "key")
)
 WITHOUT ROWID
;
CREATE TABLE tokens (
    token_hash TEXT NOT NULL,
    token_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    creation_time BIGINT NOT NULL,
    expiry_time BIGINT,
    last_used_time BIGINT,
    PRIMARY KEY (token_hash),
    UNIQUE (token_id)
)
 WITHOUT ROWID
;
CREATE TABLE users (
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    creation_time BIGINT NOT NULL,
    PRIMARY KEY (name)
)
 WITHOUT ROWID
;
CREATE TABLE writers (
    run INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence BIGINT NOT NULL, heard_at BIGINT,
    PRIMARY KEY (run, writer)
)
 WITHOUT ROWID
;
CREATE INDEX runs_by_revision ON runs (revision);
CREATE INDEX runs_by_start ON runs (experiment, start_time DESC, run_id);
CREATE INDEX series_inexact ON series (run) WHERE NOT is_count_exact;
CREATE INDEX batches_by_run ON batches (run, id);
CREATE UNIQUE INDEX datasets_by_name ON datasets (experiment, name, digest);
CREATE INDEX logged_models_by_time ON logged_models (experiment, creation_time DESC, model_id);
CREATE INDEX logged_models_by_run ON logged_models (source_run_id);
CREATE UNIQUE INDEX model_versions_by_number ON model_versions (model, version);
CREATE INDEX model_versions_by_stage ON model_versions (model, stage, version);
CREATE INDEX model_versions_by_run ON model_versions (run_id);
CREATE INDEX model_versions_by_time ON model_versions (last_update_time DESC);
CREATE UNIQUE INDEX experiments_by_name ON experiments (name) WHERE deleted_time IS NULL;
CREATE INDEX chunks_by_series ON chunks (run, "key", first_step);
CREATE INDEX runs_by_time ON runs (start_time DESC, run_id, experiment);
CREATE INDEX runs_by_end ON runs (end_time);
CREATE INDEX runs_by_name ON runs (substr(name, 1, 64));
CREATE INDEX runs_by_status ON runs (status);
CREATE INDEX runs_by_user ON runs (substr(user_id, 1, 64));
CREATE INDEX tags_by_value ON tags ("key", substr(value, 1, 64), run);
CREATE INDEX series_by_last ON series ("key", last, run);
CREATE INDEX series_by_min ON series ("key", min, run);
CREATE INDEX series_by_max ON series ("key", max, run);
CREATE INDEX inputs_by_dataset ON inputs (dataset, run);
CREATE INDEX params_by_number ON params ("key", number, run) WHERE number IS NOT NULL;
CREATE INDEX params_by_text ON params ("key", substr(value, 1, 64), run) WHERE number IS NULL;
CREATE INDEX grants_by_grantee ON grants (user_name, group_name);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('experiments',0);
