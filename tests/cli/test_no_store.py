"""Where nothing is recorded: no command that only looks makes anything, and each says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.client import Client
from tests.cli.conftest import Command

LOOKING = [
    ("experiments", "list"),
    ("experiments", "show", "x"),
    ("experiments", "delete", "x"),
    ("runs", "list"),
    ("runs", "show", "abcd"),
    ("runs", "diff", "a", "b"),
    ("metrics", "show", "abcd", "loss"),
    ("artifacts", "list", "abcd"),
    ("search", "metrics.loss < 1"),
    ("db", "check"),
    ("db", "stats"),
    ("db", "upgrade"),
]


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_a_look_makes_no_home_and_is_an_error(words: tuple[str, ...], folder: Path, runstone_command: Command) -> None:
    result = runstone_command(*words, code=1)
    assert result.stderr.startswith(f"Error: Nothing is recorded yet: there is no store {folder}/.runstone/runstone.db")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert [path.name for path in folder.iterdir()] == [".git"]


def test_the_remedy_of_an_empty_folder_is_to_go_elsewhere_or_to_record(runstone_command: Command) -> None:
    error = runstone_command("runs", "list", code=1).stderr
    assert "-u" in error
    assert "runstone demo" in error


def test_homes_one_and_two_levels_down_are_named(folder: Path, runstone_command: Command) -> None:
    for name in ("a project", "b/c", "b/c/d"):
        (folder / name).mkdir(parents=True)
        Client(folder / name / ".runstone")
    error = runstone_command("runs", "list", code=1).stderr
    assert "`runstone -u 'a project/.runstone' ...` (also there: b/c/.runstone)" in error
    assert "b/c/d" not in error
    assert "digits" not in runstone_command("-u", "a project/.runstone", "experiments", "list").stdout


def test_a_folder_whose_home_was_meant_is_told_so(folder: Path, client: Client, runstone_command: Command) -> None:
    assert ".runstone" in runstone_command("-u", str(folder), "runs", "list", code=1).stderr
    assert "`runstone -u .runstone ...`" in runstone_command("-u", str(folder), "runs", "list", code=1).stderr


def test_an_empty_file_is_no_store(folder: Path, runstone_command: Command) -> None:
    (folder / "runs.db").touch()
    assert "Nothing is recorded yet" in runstone_command("-u", "runs.db", "runs", "list", code=1).stderr
    assert (folder / "runs.db").read_bytes() == b""


def test_the_environment_says_where_to_look(
    folder: Path, client: Client, runstone_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_experiment("named by the environment")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    for name in ("MLFLOW_TRACKING_URI", "RUNSTONE_TRACKING_URI"):
        monkeypatch.setenv(name, str(folder / ".runstone"))
        assert "named by the environment" in runstone_command("experiments", "list").stdout
        monkeypatch.delenv(name)


def test_a_uri_that_means_nothing_is_one_line(runstone_command: Command) -> None:
    error = runstone_command("-u", "ftp://host/x", "runs", "list", code=1).stderr
    assert error.startswith("Error: Cannot record to the tracking URI 'ftp://host/x'")
    assert error.count("\n") == 1


def test_empty_listings_say_so_beside_an_empty_result(client: Client, runstone_command: Command, read_json) -> None:
    result = runstone_command("runs", "list")
    assert (result.stdout, result.stderr) == ("", "There are no active runs; `runstone demo` records some\n")
    assert read_json("runs", "list") == []
    assert read_json("search", "metrics.loss < 1") == []
    assert runstone_command("search", "metrics.loss < 1").stderr == "No run matches the filter\n"
    assert runstone_command("experiments", "list", "--view", "deleted").stderr.startswith("There are no deleted")
    assert runstone_command("experiments", "list", "-f", "name = 'x'").stderr == "No experiment matches the filter\n"
