"""Make a database as MLflow 3 has it (the tables of runs), and fill it by plain SQL."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from typing import Any

from program import run

START = 1_750_000_000_000
KEYS = [f"metric_{number}" for number in range(10)]
TABLES = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT, lifecycle_stage TEXT,
    creation_time BIGINT, last_update_time BIGINT);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
    lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY (key, run_uuid));
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY (key, run_uuid));
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN,
    PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));
"""
INDEXES = """
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_params_run_uuid ON params (run_uuid);
CREATE INDEX index_tags_run_uuid ON tags (run_uuid);
"""


def main(library: str, folder: str, runs: int, steps: int) -> dict[str, Any]:
    with sqlite3.connect(folder) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(TABLES)
        database.execute("INSERT INTO experiments VALUES (1, 'many', './mlruns/1', 'active', 1, 1)")
        draw = random.Random(7)
        for number in range(runs):
            run_id, start = f"{draw.getrandbits(128):032x}", START + number * 1000
            facts = (
                run_id,
                f"run-{number}",
                "ada",
                "FINISHED",
                start,
                start + 500,
                "active",
                f"./mlruns/1/{run_id}",
                1,
            )
            database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", facts)
            params = [(f"param_{key}", str(draw.randrange(1000)), run_id) for key in range(10)]
            database.executemany("INSERT INTO params VALUES (?, ?, ?)", params)
            tags = [("mlflow.runName", f"run-{number}", run_id), *((f"tag_{key}", "value", run_id) for key in range(4))]
            database.executemany("INSERT INTO tags VALUES (?, ?, ?)", tags)
            database.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", points_of(run_id, start, steps, draw))
        database.executescript(INDEXES)
    database.close()
    return {"runs": runs}


def points_of(run_id: str, start: int, steps: int, draw: random.Random) -> Iterator[tuple[object, ...]]:
    for step in range(steps):
        for key in KEYS:
            yield key, draw.random() / (1 + step), start + step, run_id, step, 0


run(main)
