"""`runstone journal`: what is kept, and whose it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runstone.naming import now_ms
from tests.cli.conftest import Command
from tests.cli.recording import KILLED, Programs, mark_heartbeat, spool_of, store

Json = Callable[..., Any]


@pytest.fixture
def programs(folder: Path, environment: dict[str, str]) -> Iterator[Programs]:
    running = Programs(folder, environment)
    yield running
    running.close()


@pytest.fixture
def home(folder: Path) -> Path:
    return folder / ".runstone"


def test_an_empty_journal_says_so_in_one_line_and_makes_nothing(
    folder: Path, runstone_command: Command, read_json: Json
) -> None:
    result = runstone_command("journal")
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)
    assert f"Nothing is kept in {folder}/.runstone/journal or " in result.stderr
    assert read_json("journal") == {"spools": [], "set_aside": []}
    assert [path.name for path in folder.iterdir()] == [".git"]


def test_what_a_program_has_left_is_listed(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    run_id = programs.train(end=KILLED)
    (spool,) = read_json("journal")["spools"]
    assert (spool["run_id"], spool["is_alive"]) == (run_id, False)
    assert spool["waiting"] >= 1002
    assert spool["destination"] == str(home / "runstone.db")
    assert spool["folder"] == str(spool_of(home))
    assert spool["size_bytes"] == sum(path.stat().st_size for path in spool_of(home).iterdir())
    table = runstone_command("journal").stdout
    for part in (run_id, os.uname().nodename, str(spool["pid"]), f"{spool['waiting']:,}"):
        assert part in table
    assert f"1 writer, {spool['waiting']:,} records waiting, 0 folders set aside" in table


def test_a_program_at_work_is_alive_and_one_of_another_machine_may_be(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    programs.train(end=KILLED)
    spool = spool_of(home)
    about = json.loads((spool / "about.json").read_text())
    (spool / "about.json").write_text(json.dumps(about | {"host": "node7 1234"}))
    mark_heartbeat(spool, now_ms())
    programs.begin()
    assert sorted(str(one["is_alive"]) for one in read_json("journal")["spools"]) == ["None", "True"]
    table = runstone_command("journal").stdout
    assert "perhaps, elsewhere" in table
    assert "yes" in table
    mark_heartbeat(spool, now_ms() - 11 * 60_000)
    assert sorted(str(one["is_alive"]) for one in read_json("journal")["spools"]) == ["False", "True"]


def test_what_was_set_aside_is_listed_with_the_reason(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    damaged = programs.train()
    (segment,) = spool_of(home).glob("*1.points")
    segment.write_bytes(b"nothing of ours")
    runstone_command("sync", code=1)
    with store(home) as tracking:
        refused = tracking.create_run("0").info.run_id
        tracking.delete_run(refused)
    process = programs.start(f"from runstone import MlflowClient\nMlflowClient().log_metric('{refused}', 'loss', 1)\n")
    process.communicate(timeout=60)
    runstone_command("sync", code=1)
    listed = read_json("journal")
    assert listed["spools"] == []
    kinds = {one["run_id"]: (one["kind"], one["refused_lines"]) for one in listed["set_aside"]}
    assert kinds == {damaged: ("damaged", 0), refused: ("refused", 1)}
    assert any("ends within its header" in (one["why"] or "") for one in listed["set_aside"])
    table = runstone_command("journal").stdout
    assert "ends within its header" in table
    assert "2 folders set aside" in table


def test_a_folder_that_cannot_be_read_is_listed_too(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    programs.train()
    (spool_of(home) / "about.json").write_text("{")
    assert [one["kind"] for one in read_json("journal")["set_aside"]] == ["unreadable"]
    assert "about.json cannot be read" in runstone_command("sync", code=1).stderr


def test_a_folder_and_its_parent_are_counted_once(programs: Programs, home: Path, read_json: Json) -> None:
    programs.train()
    assert len(read_json("journal", str(home), str(home.parent), str(home / "journal"))["spools"]) == 1
