"""Where runs are recorded: the default home, the environment, tracking URIs."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

import runstone as mlflow
from runstone import home as homes
from runstone.errors import InvalidInput, StoreCorrupt, StoreUnavailable
from tests.fluent.conftest import Scripts

LOOK = "print(mlflow.get_tracking_uri())"
RECORD = """
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1.0)
    mlflow.log_text("x", "a.txt")
print(mlflow.get_tracking_uri())
"""


@pytest.fixture(autouse=True)
def default_home() -> None:
    """The tests of this module choose themselves."""
    mlflow.set_tracking_uri(None)


def recorded_in(database: Path) -> int:
    """The number of runs in a database."""
    assert database.exists()
    with sqlite3.connect(database) as connection:
        (number,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    connection.close()
    return int(number)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- the default home


def test_a_script_records_beside_itself_wherever_it_is_run_from(scripts: Scripts, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    scripts.start(RECORD, name="project/train.py").communicate(timeout=60)
    home = tmp_path / "project" / ".runstone"
    assert recorded_in(home / "runstone.db") == 1
    assert [path.name for path in (home / "artifacts").rglob("*.txt")] == ["a.txt"]
    assert names_in(tmp_path) == ["project"]


def test_a_home_further_up_is_used(scripts: Scripts, tmp_path: Path) -> None:
    (tmp_path / ".runstone").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    out, _ = scripts.start(LOOK, name="a/b/train.py").communicate(timeout=60)
    assert out.strip() == (tmp_path / ".runstone").as_uri()
    assert homes.find_home(tmp_path / "a" / "b") == tmp_path / ".runstone"


def test_the_nearest_home_wins(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "a"):
        (place / ".runstone").mkdir(parents=True)
    assert homes.find_home(tmp_path / "a") == tmp_path / "a" / ".runstone"


@pytest.mark.parametrize("is_worktree", [False, True])
def test_no_home_is_looked_for_beyond_the_repositorys_root(tmp_path: Path, is_worktree: bool) -> None:
    (tmp_path / ".runstone").mkdir()
    inside = tmp_path / "repository" / "a"
    inside.mkdir(parents=True)
    git = tmp_path / "repository" / ".git"
    if is_worktree:
        git.write_text("gitdir: elsewhere")
    else:
        git.mkdir()
    assert homes.find_home(inside) is None
    (tmp_path / "repository" / ".runstone").mkdir()
    assert homes.find_home(inside) == tmp_path / "repository" / ".runstone"


def test_a_home_of_another_user_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = tmp_path / ".runstone", tmp_path / "a" / ".runstone"
    ours.mkdir()
    theirs.mkdir(parents=True)
    (tmp_path / "a" / "b").mkdir()
    me = os.getuid()
    if me == 0:
        me = 12_345
        os.chown(ours, me, -1)
        os.chown(theirs, me + 1, -1)
        monkeypatch.setattr(os, "getuid", lambda: me)
        assert homes.find_home(tmp_path / "a" / "b") == ours
    else:
        monkeypatch.setattr(os, "getuid", lambda: me + 1)
        assert homes.find_home(tmp_path / "a" / "b") is None


def test_an_installed_command_records_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mlflow.get_tracking_uri() == (tmp_path / ".runstone").as_uri()  # pytest is such a command
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert homes.default_home() == tmp_path / "a" / ".runstone"


def test_nothing_is_made_by_asking(tmp_path: Path) -> None:
    mlflow.get_tracking_uri()
    mlflow.is_tracking_uri_set()
    assert names_in(tmp_path) == []


def test_a_home_ignores_itself_in_git_and_keeps_what_the_user_wrote_there(tmp_path: Path) -> None:
    mlflow.search_runs()
    ignore = tmp_path / ".runstone" / ".gitignore"
    assert ignore.read_text().splitlines()[-1] == "*"
    ignore.write_text("# mine\n")
    homes.make_home(tmp_path / ".runstone")
    assert ignore.read_text() == "# mine\n"


def test_a_home_that_cannot_be_made_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / ".runstone").write_text("I am a file")
    with pytest.raises(StoreUnavailable, match=r"\.runstone.*RUNSTONE_TRACKING_URI"):
        mlflow.search_runs()


# -- the environment


def test_the_environment_overrides_the_default_and_ours_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not mlflow.is_tracking_uri_set()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "theirs"))
    assert mlflow.is_tracking_uri_set()
    assert mlflow.get_tracking_uri() == str(tmp_path / "theirs")
    mlflow.create_experiment("a")
    monkeypatch.setenv("RUNSTONE_TRACKING_URI", str(tmp_path / "ours"))
    assert mlflow.get_experiment_by_name("a") is None
    assert names_in(tmp_path) == ["ours", "theirs"]
    monkeypatch.setenv("RUNSTONE_TRACKING_URI", "")
    assert mlflow.get_experiment_by_name("a") is not None


def test_set_tracking_uri_overrides_the_environment_until_it_is_unset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTONE_TRACKING_URI", str(tmp_path / "outside"))
    mlflow.set_tracking_uri(tmp_path / "inside")
    assert mlflow.get_tracking_uri() == str(tmp_path / "inside")
    assert mlflow.MlflowClient().tracking_uri == str(tmp_path / "inside")
    for unset in (None, ""):
        mlflow.set_tracking_uri(unset)
        assert mlflow.get_tracking_uri() == str(tmp_path / "outside")


def test_processes_that_a_script_starts_record_where_and_in_what_it_has_chosen(
    scripts: Scripts, tmp_path: Path
) -> None:
    program = """
        import subprocess, sys
        mlflow.set_tracking_uri("sqlite:///chosen.db")
        mlflow.set_experiment("chosen")
        child = "import runstone; runstone.log_metric('m', 1.0)"
        subprocess.run([sys.executable, "-c", child], check=True)
        runs = mlflow.search_runs()
        print(len(runs), runs["metrics.m"][0])
    """
    assert scripts.run(program, MLFLOW_EXPERIMENT_NAME="from outside").stdout.split() == ["1", "1.0"]


# -- forms of the URI


@pytest.mark.parametrize(
    ("uri", "database"),
    [
        ("sqlite:///x.db", "x.db"),
        ("sqlite:///{tmp_path}/x.db", "x.db"),
        ("sqlite:////{tmp_path}/x.db", "x.db"),
        ("sqlite:///a%20b.db", "a b.db"),
        ("sqlite:///runstone.db", "runstone.db"),
        ("x.db", "x.db"),
        ("x.sqlite3", "x.sqlite3"),
        ("{tmp_path}/folder", "folder/runstone.db"),
        ("folder", "folder/runstone.db"),
        ("file:folder", "folder/runstone.db"),
        ("file://{tmp_path}/a%20b", "a b/runstone.db"),
        ("file://localhost{tmp_path}/folder", "folder/runstone.db"),
        ("odd%20name", "odd%20name/runstone.db"),
    ],
)
def test_a_uri_names_a_folder_or_a_database(tmp_path: Path, uri: str, database: str) -> None:
    mlflow.set_tracking_uri(uri.format(tmp_path=tmp_path))
    with mlflow.start_run() as run:
        mlflow.log_text("x", "a.txt")
    assert recorded_in(tmp_path / database) == 1
    (file,) = tmp_path.rglob("a.txt")
    assert run.info.run_id in file.parts
    assert mlflow.get_tracking_uri() == uri.format(tmp_path=tmp_path)


def test_the_same_place_by_two_names_is_one_store(tmp_path: Path) -> None:
    mlflow.set_tracking_uri("folder")
    with mlflow.start_run():
        pass
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/folder/runstone.db")
    assert len(mlflow.search_runs()) == 1


def test_a_folder_of_mlflows_file_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").write_text("name: Default\n")
    mlflow.set_tracking_uri("mlruns")
    with pytest.raises(InvalidInput, match="mlruns holds runs of MLflow's file store"):
        mlflow.start_run()
    assert names_in(tmp_path / "mlruns") == ["0"]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("nosuch://host/x", "nosuch://host/x"),
        ("databricks:profile", "databricks:profile"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://host/x.db", "names no file"),
        ("file://host/folder", "'host'"),
    ],
)
def test_a_uri_that_means_nothing_here_is_refused_with_a_remedy(uri: str, message: str, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(uri)
    with pytest.raises(InvalidInput, match=message):
        mlflow.start_run()
    assert names_in(tmp_path) == []


def test_a_password_in_a_uri_is_not_shown() -> None:
    mlflow.set_tracking_uri("postgresql://ada:hush-hush@host.invalid/db")
    with pytest.raises(StoreUnavailable, match=r"postgresql://.*host\.invalid/db") as caught:
        mlflow.start_run()
    assert "hush" not in str(caught.value)


def test_a_database_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "theirs.db") as connection:
        connection.execute("CREATE TABLE something (a)")
    connection.close()
    before = (tmp_path / "theirs.db").read_bytes()
    mlflow.set_tracking_uri("sqlite:///theirs.db")
    with pytest.raises(StoreCorrupt, match="not ours"):
        mlflow.start_run()
    assert (tmp_path / "theirs.db").read_bytes() == before
