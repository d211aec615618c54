"""Fill a store with runs by SQL inside the database, MLflow's after Runstone's: every value of both is the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bulk_runs import POSTGRES_INDEXES, SQLITE_INDEXES, Scale, fill, statements
from library import open_client
from program import run

_OWN = {
    "runs": "id BIGINT PRIMARY KEY, run_id TEXT, experiment BIGINT, name TEXT, user_id TEXT, status TEXT, "
    "start_time BIGINT, end_time BIGINT, deleted_with_experiment BOOLEAN, revision BIGINT",
    "series": "run BIGINT, key TEXT, count BIGINT, last DOUBLE PRECISION, last_step BIGINT, last_timestamp BIGINT, "
    "first DOUBLE PRECISION, first_step BIGINT, first_timestamp BIGINT, min DOUBLE PRECISION, min_step BIGINT, "
    "max DOUBLE PRECISION, max_step BIGINT, is_count_exact BOOLEAN",
    "params": "run BIGINT, key TEXT, value TEXT, number DOUBLE PRECISION",
    "tags": "run BIGINT, key TEXT, value TEXT",
}
_MLFLOW = (
    "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, "
    "end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
    "SELECT run_id, name, 'LOCAL', '', '', user_id, status, start_time, end_time, '', 'active', "
    "'file:///none/' || run_id, {experiment} FROM own.runs",
    "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
    "SELECT s.key, s.last, s.last_timestamp, s.last_step, FALSE, r.run_id FROM own.series s "
    "JOIN own.runs r ON r.id = s.run",
    "INSERT INTO params (key, value, run_uuid) "
    "SELECT p.key, p.value, r.run_id FROM own.params p JOIN own.runs r ON r.id = p.run",
    "INSERT INTO tags (key, value, run_uuid) "
    "SELECT t.key, t.value, r.run_id FROM own.tags t JOIN own.runs r ON r.id = t.run",
    "ANALYZE",
)


def main(library: str, folder: str, runs: int, metrics: int, params: int, tags: int) -> dict[str, Any]:
    scale = Scale(runs, metrics, params, tags)
    client = open_client(library, folder)
    experiment = int(client.create_experiment("search"))
    if library == "runstone":
        _fill_own(folder, scale, experiment)
    else:
        _fill_mlflow(folder, scale, experiment)
    return {"runs": runs}


def _fill_own(place: str, scale: Scale, experiment: int) -> None:
    if "://" in place:
        from runstone.stores.sql.postgres import PostgresDatabase

        with closing(PostgresDatabase(place)) as database, database.write() as tx:
            fill(tx.run, [(name, sql) for name, sql in tx.rows(POSTGRES_INDEXES)], scale, experiment)
        return
    from runstone.stores.sql.sqlite import SqliteDatabase

    (path,) = Path(place).glob("*.db")
    with closing(SqliteDatabase(path)) as file, file.write() as tx:
        fill(tx.run, [(name, sql) for name, sql in tx.rows(SQLITE_INDEXES)], scale, experiment)


def _fill_mlflow(place: str, scale: Scale, experiment: int) -> None:
    """From tables like Runstone's beside MLflow's, which are thrown away."""
    if "://" in place:
        import psycopg

        with closing(psycopg.connect(place.replace("+psycopg", ""))) as server, server.cursor() as cursor:
            cursor.execute("CREATE SCHEMA own")
            _copy(cursor.execute, scale, experiment)
            cursor.execute("DROP SCHEMA own CASCADE")
            server.commit()
        return
    own = Path(place) / "own.db"
    with closing(sqlite3.connect(Path(place) / "mlflow.db")) as connection:
        connection.execute("ATTACH ? AS own", (str(own),))
        _copy(connection.execute, scale, experiment)
        connection.commit()
    own.unlink()


def _copy(execute: Callable[[str], object], scale: Scale, experiment: int) -> None:
    for table, columns in _OWN.items():
        execute(f"CREATE TABLE own.{table} ({columns})")
    for statement in statements(scale, experiment):
        execute(statement.replace("INSERT INTO ", "INSERT INTO own."))
    for statement in _MLFLOW:
        execute(statement.format(experiment=experiment))


run(main)
