"""`runstone runs` and `runstone search`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from runstone.client import Client
from runstone.entities import Metric
from tests.cli.conftest import START, Command, Runs, record

Json = Callable[..., Any]


def headings(text: str) -> list[str]:
    return text.splitlines()[0].split("  ")


# -- list and search


def test_the_list_is_newest_first_with_what_differs(runs: Runs, runstone_command: Command) -> None:
    lines = runstone_command("runs", "list").stdout.splitlines()
    assert lines[0].split() == ["RUN", "ID", "NAME", "EXPERIMENT", "STATUS", "STARTED", "TOOK", "loss", "lr"]
    assert [line.split()[1] for line in lines[1:]] == ["other", "bad", "good"]
    assert lines[2].split()[0] == runs.bad
    assert lines[2].split()[-3:] == ["30s", "inf", "10"]


def test_one_experiment_needs_no_column_for_it(runs: Runs, runstone_command: Command) -> None:
    for experiment in ("digits", runs.experiment):
        text = runstone_command("runs", "list", "-e", experiment).stdout
        assert "EXPERIMENT" not in text
        assert len(text.splitlines()) == 3


def test_a_single_run_shows_all_it_has(runs: Runs, runstone_command: Command) -> None:
    assert runstone_command("runs", "list", "-e", "texts").stdout.splitlines()[0].split()[-3:] == ["loss", "lr", "seed"]


def test_filter_order_and_limit_hold(runs: Runs, runstone_command: Command, read_json: Json) -> None:
    names = [run["run_name"] for run in read_json("runs", "list", "--filter", "params.lr < 1", "-o", "metrics.loss")]
    assert names == ["good", "other"]
    result = runstone_command("runs", "list", "--max", "2", "-o", "params.lr ASC", "-o", "attributes.start_time ASC")
    assert [line.split()[1] for line in result.stdout.splitlines()[1:]] == ["good", "other"]
    assert result.stderr == "These are 2 of 3 runs: --max 0 shows all\n"
    assert len(read_json("runs", "list", "--max", "0")) == 3


def test_what_is_asked_for_is_shown_first_even_where_it_does_not_differ(runs: Runs, runstone_command: Command) -> None:
    text = runstone_command("runs", "list", "--filter", "params.seed = '7'").stdout
    assert text.splitlines()[0].split()[-3:] == ["seed", "loss", "lr"]


def test_columns_choose_and_expand(runs: Runs, runstone_command: Command, read_json: Json) -> None:
    text = runstone_command("runs", "list", "-c", "name,params.*", "-c", "tags.team").stdout
    assert text.splitlines()[0].split() == ["RUN_NAME", "lr", "seed", "team"]
    assert text.splitlines()[3].split() == ["good", "0.1", "7", "vision"]
    row = read_json("runs", "list", "-c", "experiment,metrics.loss,duration_s")[2]
    assert row == {"experiment_name": "digits", "metrics.loss": 0.25, "duration_s": 90.0}
    error = runstone_command("runs", "list", "-c", "loss", code=2).stderr
    assert "no column is named 'loss'" in error
    assert "metrics.KEY" in error


def test_json_is_strict_and_whole(runs: Runs, read_json: Json) -> None:
    good = next(run for run in read_json("runs", "list") if run["run_name"] == "good")
    assert good["run_id"] == runs.good
    assert good["experiment_name"] == "digits"
    assert good["start_time"] == "2025-06-15T15:06:40.000Z"
    assert (good["metrics"], good["params"]) == ({"loss": 0.25}, {"lr": "0.1", "seed": "7"})
    assert good["tags"]["team"] == "vision"
    bad = next(run for run in read_json("runs", "list") if run["run_name"] == "bad")
    assert bad["metrics"] == {"loss": "Infinity"}


def test_csv_has_a_line_a_run_and_all_columns(runs: Runs, runstone_command: Command) -> None:
    rows = list(csv.DictReader(io.StringIO(runstone_command("search", "params.seed = '7'", "--csv").stdout)))
    assert [row["run_name"] for row in rows] == ["other", "bad", "good"]
    assert rows[1]["metrics.loss"] == "Infinity"
    assert (rows[2]["tags.team"], rows[1]["tags.team"]) == ("vision", "")
    assert not any(name.startswith("tags.mlflow.") for name in rows[0])
    assert "not both" in runstone_command("runs", "list", "--csv", "--json", code=2).stderr


def test_search_looks_in_all_experiments_or_in_one(runs: Runs, read_json: Json) -> None:
    assert len(read_json("search", "params.lr = '0.1'")) == 2
    assert [run["run_id"] for run in read_json("search", "params.lr = '0.1'", "-e", "digits")] == [runs.good]


@pytest.mark.parametrize("words", [("search",), ("runs", "list", "--filter"), ("experiments", "list", "--filter")])
def test_a_filter_that_cannot_be_read_is_shown_with_a_caret(
    words: tuple[str, ...], runs: Runs, runstone_command: Command
) -> None:
    lines = runstone_command(*words, "name = 'x' and ?", code=1).stderr.splitlines()
    assert lines[0].startswith("Error: Invalid filter: unexpected '?' at column 16")
    assert lines[1:] == ["  name = 'x' and ?", " " * 17 + "^"]


def test_deleted_runs_are_seen_where_asked_for(runs: Runs, runstone_command: Command, read_json: Json) -> None:
    runstone_command("runs", "delete", "good")
    assert len(read_json("runs", "list")) == 2
    assert "deleted" in runstone_command("runs", "list", "--view", "all").stdout
    assert [run["run_id"] for run in read_json("runs", "list", "--view", "deleted")] == [runs.good]
    runstone_command("experiments", "delete", "texts")
    assert len(read_json("runs", "list", "--view", "deleted")) == 2


def test_a_recorded_text_cannot_steer_the_terminal(client: Client, runstone_command: Command) -> None:
    run = client.create_run("0", run_name="evil\x1b[2J\nname")
    client.log_param(run.info.run_id, "text", "a\tb\x9b31m\nc")
    for words in (("runs", "list"), ("runs", "show", run.info.run_id)):
        text = runstone_command(*words).stdout
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert "evil\\x1b[2J⏎name" in text
        assert "a b\\x9b31m⏎c" in text


# -- which run is meant


def test_a_run_is_named_by_id_by_prefix_or_by_name(runs: Runs, read_json: Json) -> None:
    prefix = next(runs.bad[:n] for n in range(4, 33) if not runs.good.startswith(runs.bad[:n])
                  and not runs.other.startswith(runs.bad[:n]))  # fmt: skip
    for text in (runs.bad, prefix, "bad"):
        assert read_json("runs", "show", text)["run_id"] == runs.bad


def test_a_prefix_of_several_ids_is_refused_with_all_of_them(runs: Runs, runstone_command: Command) -> None:
    error = runstone_command("runs", "show", runs.good[:4], code=1).stderr
    assert f"{runs.good} (good)" in error
    assert f"{runs.other} (other)" in error
    assert "give more of the id" in error


def test_fewer_than_four_characters_are_no_prefix(client: Client, runstone_command: Command) -> None:
    run_id = client.create_run("0").info.run_id
    assert "No run has the id or name" in runstone_command("runs", "show", run_id[:3], code=1).stderr
    assert run_id in runstone_command("runs", "show", run_id[:4]).stdout


def test_a_name_of_several_runs_is_refused_unless_all_but_one_are_deleted(
    runs: Runs, client: Client, runstone_command: Command, read_json: Json
) -> None:
    twin = record(client, "0", "good", START, lr="1", losses=[])
    error = runstone_command("runs", "show", "good", code=1).stderr
    assert "is the name of 2 runs" in error
    assert twin in error
    client.delete_run(twin)
    assert read_json("runs", "show", "good")["run_id"] == runs.good


@pytest.mark.parametrize("name", ["it's 100%", "a_b", "`x`", "ünï 🪨"])
def test_any_name_can_be_asked_for(name: str, client: Client, read_json: Json) -> None:
    run_id = client.create_run("0", run_name=name).info.run_id
    client.create_run("0", run_name="axb")
    assert read_json("runs", "show", name)["run_id"] == run_id


def test_a_prefix_with_an_underscore_is_taken_literally(client: Client, read_json: Json) -> None:
    for run_id in ("run_1abc", "run-1abc"):
        client.tracking.create_run("0", run_id=run_id)
    assert read_json("runs", "show", "run_1")["run_id"] == "run_1abc"


# -- show, change, compare


def test_show_has_everything_on_one_page(runs: Runs, client: Client, runstone_command: Command) -> None:
    client.set_tag(runs.bad, "mlflow.parentRunId", runs.good)
    text = runstone_command("runs", "show", "good").stdout
    for part in ("good", runs.good, "digits (id 1)", "finished", "1m 30s", "ada", "vision", "seed", "0.25", "█▃▁"):
        assert part in text
    assert "notes/\n  report.txt  12 B" in text
    assert text.index("Nested runs") < text.index(runs.bad)


def test_show_as_json_has_series_and_files(runs: Runs, read_json: Json) -> None:
    shown = read_json("runs", "show", "bad")
    assert shown["series"] == [
        {
            "key": "loss", "count": 3, "first": 1.0, "first_step": 0, "last": "Infinity", "last_step": 2,
            "last_time": "2025-06-15T17:06:42.000Z", "min": 1.0, "min_step": 0, "max": "Infinity", "max_step": 2,
        }
    ]  # fmt: skip
    assert shown["artifacts"] == []
    assert [file["path"] for file in read_json("runs", "show", "good")["artifacts"]] == ["notes", "notes/report.txt"]


def test_rename_delete_and_restore(runs: Runs, client: Client, runstone_command: Command) -> None:
    assert "to 'better'" in runstone_command("runs", "rename", "good", "better").stdout
    assert client.get_run(runs.good).info.run_name == "better"
    said = runstone_command("runs", "delete", "better", runs.bad).stdout
    assert f"`runstone runs restore {runs.good}`" in said
    assert {client.get_run(one).info.lifecycle_stage for one in (runs.good, runs.bad)} == {"deleted"}
    runstone_command("runs", "restore", "better", runs.bad)
    assert {client.get_run(one).info.lifecycle_stage for one in (runs.good, runs.bad)} == {"active"}
    assert "Nothing to do" in runstone_command("runs", "restore", "bad").stdout


def test_a_suggested_command_looks_where_this_one_did(runs: Runs, runstone_command: Command) -> None:
    said = runstone_command("-u", ".runstone", "runs", "delete", "good").stdout
    assert f"`runstone -u .runstone runs restore {runs.good}`" in said


def test_nothing_is_deleted_where_one_of_the_runs_is_unknown(
    runs: Runs, client: Client, runstone_command: Command
) -> None:
    runstone_command("runs", "delete", "good", "nobody", code=1)
    assert client.get_run(runs.good).info.lifecycle_stage == "active"


def test_diff_shows_what_differs_and_no_more(runs: Runs, runstone_command: Command, read_json: Json) -> None:
    rows = {
        line.split()[0]: line.split()[1:]
        for line in runstone_command("runs", "diff", "good", "bad").stdout.splitlines()
    }
    assert rows["params.lr"] == ["0.1", "10"]
    assert rows["metrics.loss"] == ["0.25", "inf"]
    assert rows["tags.team"] == ["vision", "-"]
    assert "params.seed" not in rows
    assert "duration" not in rows
    found = read_json("runs", "diff", "good", "bad", "other")
    assert [run["run_name"] for run in found["runs"]] == ["good", "bad", "other"]
    assert found["params"] == {"lr": ["0.1", "10", "0.1"]}
    assert found["metrics"] == {"loss": [0.25, "Infinity", 0.7]}
    assert found["info"]["experiment_id"] == ["1", "1", "2"]
    assert "params.seed" in runstone_command("runs", "diff", "--all", "good", "bad").stdout


def test_nan_does_not_differ_from_nan(client: Client, runstone_command: Command) -> None:
    ids = [client.create_run("0", start_time=START, run_name="twin").info.run_id for _ in range(2)]
    for run_id in ids:
        client.log_batch(run_id, metrics=[Metric("loss", float("nan"), START, 0)])
        client.set_terminated(run_id, end_time=START)
    assert "do not differ" in runstone_command("runs", "diff", *ids).stdout


def test_diff_of_one_run_is_a_usage_error(runs: Runs, runstone_command: Command) -> None:
    assert "two different runs" in runstone_command("runs", "diff", "good", runs.good, code=2).stderr
