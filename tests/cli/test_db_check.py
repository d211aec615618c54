"""`runstone db check`, `downgrade` and what else looks at a whole database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runstone.client import Client
from runstone.entities import Metric
from runstone.stores.sql.migrations import HEAD
from tests.cli.conftest import Command, Runs

Json = Callable[..., Any]


@pytest.fixture
def database(client: Client, folder: Path) -> Path:
    """The file of a store with two runs of a long series each."""
    for name in ("one", "other"):
        run_id = client.create_run("0", run_name=name).info.run_id
        client.log_batch(run_id, metrics=[Metric("loss", step / 7, step, step) for step in range(3000)])
        client.set_terminated(run_id)
    client.tracking.close()
    return folder / ".runstone/runstone.db"


def change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def problems(read_json: Json, *options: str) -> list[str]:
    found: list[str] = read_json("db", "check", *options, code=1)["problems"]
    return found


def test_everything_is_looked_at(database: Path, read_json: Json) -> None:
    found = read_json("db", "check")
    assert found["is_sound"]
    assert found["checked_chunks"] == found["chunks"] >= 2
    assert found["checked_series"] == 2
    assert read_json("db", "check", "--chunks", "1")["checked_chunks"] <= 1


def test_a_damaged_chunk_is_found_and_named(database: Path, read_json: Json) -> None:
    change(database, "UPDATE chunks SET data = substr(data, 1, 10) WHERE id = (SELECT max(id) FROM chunks)")
    found = problems(read_json, "--chunks", "0")
    assert any("of the series 'loss' of run '" in text for text in found)
    # What is torn by a wrong byte, too.
    change(database, "UPDATE chunks SET data = zeroblob(length(data))")
    assert len(problems(read_json, "--chunks", "0")) >= 2


def test_a_chunk_that_is_not_what_its_row_says_is_found(database: Path, read_json: Json) -> None:
    change(database, "UPDATE chunks SET count = count + 1")
    assert all("points from step" in text for text in problems(read_json))


def test_a_summary_that_lies_is_found(database: Path, read_json: Json) -> None:
    change(database, "UPDATE series SET max = 1e9 WHERE run = 1")
    (problem,) = problems(read_json)
    assert "says max 1000000000.0" in problem


def test_rows_that_belong_to_no_run_are_found(database: Path, read_json: Json) -> None:
    change(database, "INSERT INTO params (run, key, value) VALUES (77, 'a', 'b')", "DELETE FROM runs WHERE id = 2")
    found = problems(read_json)
    assert "1 rows of params belong to no run that is there" in found
    assert any("rows of chunks belong to no run" in text for text in found)


def test_statistics_tell_tables_keys_and_what_is_deleted(runs: Runs, client: Client, read_json: Json) -> None:
    client.delete_run(runs.bad)
    found = read_json("db", "stats", "--artifacts")
    assert (found["keys"], found["deleted_runs"], found["deleted_experiments"]) == (1, 1, 0)
    assert found["artifact_bytes"] == len("all is well\n")
    assert set(found["table_bytes"]) == set() or found["table_bytes"]["runs"] > 0


def test_a_database_goes_back_to_an_older_revision_and_comes_again(
    runs: Runs, client: Client, folder: Path, runstone_command: Command, read_json: Json
) -> None:
    client.tracking.close()
    path = folder / ".runstone/runstone.db"
    done = runstone_command("db", "downgrade", "0002")
    assert f"Copied {path} to {path}.before-0002" in done.stdout
    assert f"Downgraded it from revision {HEAD} to 0002" in done.stdout
    assert "older Runstone" in runstone_command("runs", "list", code=1).stderr
    assert read_json("db", "upgrade")["old_revision"] == "0002"
    assert [run["run_id"] for run in read_json("runs", "list", "-e", "texts")] == [runs.other]


@pytest.mark.parametrize("revision", ["9999", "nothing"])
def test_a_revision_that_is_not_older_is_refused(runs: Runs, runstone_command: Command, revision: str) -> None:
    assert f"back to '{revision}'" in runstone_command("db", "downgrade", revision, code=1).stderr
