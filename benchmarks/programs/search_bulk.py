"""Fill a store with runs by SQL inside the database, MLflow's after Runstone's: every value of both is the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bulk_runs import SQLITE_INDEXES, Scale, fill, statements
from library import open_client
from program import run

_MLFLOW = (
    "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, "
    "end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
    "SELECT run_id, name, 'LOCAL', '', '', user_id, status, start_time, end_time, '', 'active', "
    "'file:///none/' || run_id, {experiment} FROM own.runs",
    "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
    "SELECT s.key, s.last, s.last_timestamp, s.last_step, 0, r.run_id FROM own.series s "
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
        _fill_own(Path(folder), scale, experiment)
    else:
        _fill_mlflow(Path(folder), scale, experiment)
    return {"runs": runs}


def _fill_own(folder: Path, scale: Scale, experiment: int) -> None:
    from runstone.stores.sql.sqlite import SqliteDatabase

    (path,) = folder.glob("*.db")
    with closing(SqliteDatabase(path)) as database, database.write() as tx:
        fill(tx.run, tx.rows(SQLITE_INDEXES), scale, experiment)


def _fill_mlflow(folder: Path, scale: Scale, experiment: int) -> None:
    """From tables like Runstone's in a database beside it, which is thrown away."""
    own = folder / "own.db"
    with sqlite3.connect(folder / "mlflow.db") as connection:
        connection.execute("ATTACH ? AS own", (str(own),))
        for table in (
            "runs (id INTEGER PRIMARY KEY, run_id, experiment, name, user_id, status, start_time, end_time, "
            "deleted_with_experiment, revision)",
            "series (run, key, count, last, last_step, last_timestamp, first, first_step, first_timestamp, min, "
            "min_step, max, max_step, is_count_exact)",
            "params (run, key, value, number)",
            "tags (run, key, value)",
        ):
            connection.execute(f"CREATE TABLE own.{table}")
        for statement in statements(scale, experiment):
            connection.execute(statement.replace("INSERT INTO ", "INSERT INTO own."))
        for statement in _MLFLOW:
            connection.execute(statement.format(experiment=experiment))
        connection.commit()
    connection.close()
    own.unlink()


run(main)
