"""`runstone db`: also a database of an older Runstone, of a newer one, a damaged one and one of somebody else."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runstone.client import Client
from runstone.stores.sql.migrations import HEAD
from tests.cli.conftest import SOURCE, Command, Runs, Shell

Json = Callable[..., Any]
NEXT = f"{int(HEAD) + 1:04d}"


def test_the_path_is_printed_be_it_there_or_not(folder: Path, runstone_command: Command, read_json: Json) -> None:
    result = runstone_command("db", "path")
    assert result.stdout == f"{folder}/.runstone/runstone.db\n"
    assert "not there yet" in result.stderr
    assert not (folder / ".runstone").exists()
    Client(folder / ".runstone")
    assert read_json("db", "path") == {
        "path": f"{folder}/.runstone/runstone.db",
        "tracking_uri": f"file://{folder}/.runstone",
        "exists": True,
    }


def test_a_sound_database_passes_the_check(runs: Runs, runstone_command: Command, read_json: Json) -> None:
    assert "sound" in runstone_command("db", "check").stdout
    found = read_json("db", "check")
    assert (found["is_sound"], found["revision"], found["problems"]) == (True, HEAD, [])


def test_a_missing_index_is_found(runs: Runs, folder: Path, runstone_command: Command, read_json: Json) -> None:
    with closing(sqlite3.connect(folder / ".runstone/runstone.db")) as connection:
        connection.execute("DROP INDEX chunks_by_series")
    assert read_json("db", "check", code=1)["problems"] == [
        "the tables differ from the schema: add_index chunks_by_series"
    ]
    assert "1 problem" in runstone_command("db", "check", code=1).stdout
    assert "see `runstone db check`" in runstone_command("doctor", code=1).stdout


def test_a_damaged_database_is_one_line(runs: Runs, client: Client, folder: Path, bash: Shell) -> None:
    client.tracking.close()
    path = folder / ".runstone/runstone.db"
    path.write_bytes(b"no database, but text " * 500)
    for words in ("db check", "db upgrade", "runs list"):
        done = bash(f"runstone {words}")
        assert done.returncode == 1
        assert re.fullmatch(r"Error: .*damaged or is no SQLite database.*\n", done.stderr)


def test_a_foreign_database_is_left_alone(folder: Path, runstone_command: Command) -> None:
    with closing(sqlite3.connect(folder / "theirs.db")) as connection:
        connection.execute("CREATE TABLE things (x)")
        connection.commit()
    before = (folder / "theirs.db").read_bytes()
    for words in (("db", "check"), ("db", "upgrade"), ("runs", "list")):
        assert "it is not ours" in runstone_command("-u", "theirs.db", *words, code=1).stderr
    assert (folder / "theirs.db").read_bytes() == before


def test_the_statistics_count_rows_points_and_bytes(
    runs: Runs, folder: Path, runstone_command: Command, read_json: Json
) -> None:
    found = read_json("db", "stats")
    assert found["rows"]["runs"] == 3
    assert found["rows"]["experiments"] == 3
    assert found["points"] == 7
    assert found["file_size_bytes"] >= (folder / ".runstone/runstone.db").stat().st_size
    assert found["bytes_per_point"] == pytest.approx(found["points_size_bytes"] / 7)
    assert found["pending_points"] <= 7
    assert "7 in" in runstone_command("db", "stats").stdout


def test_an_empty_database_has_no_bytes_a_point(client: Client, read_json: Json) -> None:
    assert read_json("db", "stats")["bytes_per_point"] is None


def test_a_server_has_no_file_to_look_after(runstone_command: Command) -> None:
    error = runstone_command("-u", "http://ada:secret@127.0.0.1:1", "db", "stats", code=1).stderr
    assert "is a server" in error
    assert "secret" not in error


def test_a_database_that_is_up_to_date_is_not_copied(
    runs: Runs, folder: Path, runstone_command: Command, read_json: Json
) -> None:
    assert f"is up to date (revision {HEAD})" in runstone_command("db", "upgrade").stdout
    assert read_json("db", "upgrade", ".runstone")["backup"] is None
    assert not list((folder / ".runstone").glob("*.before-*"))


# -- from one version to the next: this Runstone, and a copy of it with one more revision


MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "{next}"
down_revision = "{head}"


def upgrade():
    op.create_table("novelties", sa.Column("id", sa.Integer, primary_key=True))
    {more}
"""


@pytest.fixture
def newer(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """The PYTHONPATH of a Runstone with one revision more; `more` is a further statement in it."""

    def make(more: str = "") -> str:
        source = tmp_path_factory.mktemp("newer")
        package = source / "runstone"
        shutil.copytree(SOURCE / "runstone", package, ignore=shutil.ignore_patterns("__pycache__"))
        migrations = package / "stores/sql/migrations"
        (migrations / f"versions/{NEXT}_novelties.py").write_text(MIGRATION.format(next=NEXT, head=HEAD, more=more))
        init = migrations / "__init__.py"
        init.write_text(init.read_text().replace(f'HEAD = "{HEAD}"', f'HEAD = "{NEXT}"'))
        schema = package / "stores/sql/schema.py"
        schema.write_text(
            schema.read_text() + '\nTable("novelties", metadata, Column("id", Integer, primary_key=True))\n'
        )
        return str(source)

    return make


@pytest.mark.slow
def test_an_older_database_is_copied_and_upgraded(
    runs: Runs, client: Client, folder: Path, bash: Shell, newer: Callable[..., str]
) -> None:
    client.tracking.close()
    path, source = folder / ".runstone/runstone.db", newer()
    refused = bash("runstone runs list", PYTHONPATH=source)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"`runstone db upgrade {path}`" in refused.stderr
    assert bash("runstone doctor", PYTHONPATH=source).returncode == 1
    checked = bash("runstone db check", PYTHONPATH=source)
    assert (checked.returncode, "needed is " + NEXT in checked.stdout) == (1, True)

    done = bash(f"runstone db upgrade {path}", PYTHONPATH=source)
    assert done.returncode == 0, done.stderr
    assert f"Copied {path} to {path}.before-{NEXT}" in done.stdout
    assert f"from revision {HEAD} to {NEXT}" in done.stdout
    assert bash("runstone db check", PYTHONPATH=source).returncode == 0
    listed = bash("runstone runs list", PYTHONPATH=source)
    assert runs.good in listed.stdout

    newer_database = bash("runstone runs list")
    assert (newer_database.returncode, "newer Runstone" in newer_database.stderr) == (1, True)
    assert "newer Runstone" in bash("runstone db upgrade").stderr
    # The copy is a whole database of the older version.
    shutil.copy(f"{path}.before-{NEXT}", folder / "copy.db")
    assert runs.good in bash("runstone -u copy.db runs list").stdout


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(
    runs: Runs, client: Client, folder: Path, bash: Shell, newer: Callable[..., str]
) -> None:
    client.tracking.close()
    failed = bash("runstone db upgrade", PYTHONPATH=newer('op.execute("INSERT INTO nowhere VALUES (1)")'))
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: ")
    assert "nowhere" in failed.stderr
    assert bash("runstone db check").returncode == 0
    assert runs.good in bash("runstone runs list").stdout


def test_a_second_copy_does_not_overwrite_the_first(
    runs: Runs, client: Client, folder: Path, bash: Shell, newer: Callable[..., str]
) -> None:
    client.tracking.close()
    first = folder / f".runstone/runstone.db.before-{NEXT}"
    first.write_text("kept")
    assert f"{first}.2\n" in bash("runstone db upgrade", PYTHONPATH=newer()).stdout
    assert first.read_text() == "kept"
