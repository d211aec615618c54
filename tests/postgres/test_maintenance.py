"""`runstone db`, `gc` and `bench generate` over PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from runstone.cli.root import cli
from runstone.errors import StoreVersion
from runstone.stores.sql.migrations import HEAD
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from runstone.tracking.local import LocalTracking

pytestmark = pytest.mark.xdist_group("postgres")
MADE = ("bench", "generate", "--experiments", "1", "--runs", "5", "--keys", "2", "--points", "700")


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    yield


def run(url: str, *words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(cli, ["-u", url, *words, "--json"], prog_name="runstone")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if code == 0 or result.stdout.startswith("{") else result.stderr


def test_what_is_made_is_measured_checked_and_removed(url: str) -> None:
    assert run(url, *MADE)["runs"] == 5
    stats = run(url, "db", "stats")
    assert (stats["rows"]["runs"], stats["keys"]) == (5, 2)
    assert stats["table_bytes"]["chunks"] > 0
    assert stats["file_size_bytes"] > 0
    found = run(url, "db", "check")
    assert (found["is_sound"], found["checked_series"]) == (True, 10)
    experiment = run(url, "experiments", "show", "synthetic 0-0000")["experiment_id"]
    tracking = LocalTracking(SqlStore(PostgresDatabase(url), "file:///root"))
    tracking.delete_experiment(experiment)
    tracking.close()
    assert len(run(url, "gc")["runs"]) == 5
    done = run(url, "gc", "--yes")
    assert (done["removed"]["runs"], done["removed"]["experiments"], done["compacted_bytes"]) == (5, 1, None)
    assert run(url, "db", "stats")["rows"]["series"] == 0


def test_a_damaged_chunk_is_found(url: str) -> None:
    run(url, *MADE)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE chunks SET data = substring(data FROM 1 FOR 5) WHERE id = 1")
    assert "chunk 1 of the series" in run(url, "db", "check", code=1)["problems"][0]


def test_tables_go_back_and_forth(url: str) -> None:
    run(url, *MADE)
    assert run(url, "db", "downgrade", "0002")["revision"] == "0002"
    # Not by a command: this process may still have the tracker of before.
    with pytest.raises(StoreVersion, match="runstone db upgrade"):
        PostgresDatabase(url)
    done = run(url, "db", "upgrade")
    assert (done["old_revision"], done["revision"], done["backup"]) == ("0002", HEAD, None)
    assert run(url, "db", "check")["is_sound"]
    assert len(run(url, "runs", "list")) == 5


def test_files_of_no_run_are_not_looked_for_where_others_may_keep_theirs(url: str) -> None:
    assert "no artifact root of its own" in run(url, "gc", "--leftovers", code=1)
    assert "is compacted" in run(url, "db", "compact", code=1)
