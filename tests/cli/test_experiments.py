"""`runstone experiments`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runstone.client import Client
from tests.cli.conftest import Command, Runs


def test_the_list_has_names_counts_and_stages(runs: Runs, runstone_command: Command) -> None:
    lines = [line.split() for line in runstone_command("experiments", "list").stdout.splitlines()]
    assert lines[0] == ["ID", "NAME", "RUNS", "LAST", "ACTIVITY", "STAGE"]
    assert [line[:3] for line in lines[1:]] == [["2", "texts", "1"], ["1", "digits", "2"], ["0", "Default", "0"]]


def test_json_has_iso_times_and_all_of_an_experiment(runs: Runs, read_json: Callable[..., Any]) -> None:
    record = next(one for one in read_json("experiments", "list") if one["name"] == "digits")
    assert record["experiment_id"] == runs.experiment
    assert record["active_runs"] == 2
    assert record["last_activity"] == "2025-06-15T17:08:10.000Z"
    assert record["creation_time"].endswith("Z")
    assert read_json("experiments", "show", "digits") == record


def test_a_filter_a_limit_and_a_view_narrow_the_list(
    runs: Runs, runstone_command: Command, read_json: Callable[..., Any]
) -> None:
    runstone_command("experiments", "delete", "texts")
    assert [one["name"] for one in read_json("experiments", "list")] == ["digits", "Default"]
    assert [one["name"] for one in read_json("experiments", "list", "--view", "deleted")] == ["texts"]
    assert len(read_json("experiments", "list", "--view", "all")) == 3
    assert [one["name"] for one in read_json("experiments", "list", "--filter", "name LIKE 'd%'")] == ["digits"]
    assert len(read_json("experiments", "list", "--max", "1")) == 1


def test_create_prints_the_id_alone_and_makes_the_store(folder: Path, runstone_command: Command) -> None:
    result = runstone_command("experiments", "create", "new one", "--tag", "team=a=b")
    experiment = Client(folder / ".runstone").get_experiment(result.stdout.strip())
    assert (experiment.name, experiment.tags) == ("new one", {"team": "a=b"})
    assert "already" in runstone_command("experiments", "create", "new one", code=1).stderr
    assert "KEY=VALUE" in runstone_command("experiments", "create", "x", "--tag", "team", code=2).stderr


def test_an_experiment_is_named_by_id_or_by_name(
    client: Client, runstone_command: Command, read_json: Callable[..., Any]
) -> None:
    number = client.create_experiment("77")
    for text in (number, "77"):
        assert read_json("experiments", "show", text)["name"] == "77"
    error = runstone_command("experiments", "show", "defualt", code=1).stderr
    assert error == "Error: No experiment has the id or name 'defualt'; did you mean 'Default'?\n"


def test_delete_says_how_to_undo_it_and_restore_does(runs: Runs, client: Client, runstone_command: Command) -> None:
    said = runstone_command("experiments", "delete", "digits").stdout
    assert "with 2 runs" in said
    assert f"`runstone experiments restore {runs.experiment}`" in said
    assert client.get_experiment(runs.experiment).lifecycle_stage == "deleted"
    assert "Restored" in runstone_command("experiments", "restore", "digits").stdout
    assert "Nothing to do" in runstone_command("experiments", "restore", "digits").stdout
    assert len(client.search_runs([runs.experiment])) == 2


def test_delete_does_nothing_where_one_of_the_names_is_wrong(
    runs: Runs, client: Client, runstone_command: Command
) -> None:
    runstone_command("experiments", "delete", "digits", "nothing", code=1)
    assert client.get_experiment(runs.experiment).lifecycle_stage == "active"


def test_rename(runs: Runs, client: Client, runstone_command: Command) -> None:
    runstone_command("experiments", "rename", "digits", "numbers")
    assert client.get_experiment(runs.experiment).name == "numbers"
    assert "texts" in runstone_command("experiments", "rename", "numbers", "texts", code=1).stderr


def test_show_has_the_tags(runs: Runs, client: Client, runstone_command: Command) -> None:
    client.set_experiment_tag(runs.experiment, "team", "vision")
    shown = runstone_command("experiments", "show", "digits").stdout
    assert "team  vision" in shown
