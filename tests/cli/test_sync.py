"""`runstone sync`: programs that record offline, die, live and lie elsewhere; and a server that comes and goes."""

from __future__ import annotations

import json
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runstone import tag_names
from runstone.entities import RunStatus
from runstone.errors import NotFound
from runstone.naming import now_ms
from tests.cli.conftest import Command
from tests.cli.recording import KILLED, Programs, losses, mark_heartbeat, run_of, spool_of, store
from tests.server.serving import RunningServer

Json = Callable[..., Any]
EXPECTED = [step / 8 for step in range(1000)]


@pytest.fixture
def programs(folder: Path, environment: dict[str, str]) -> Iterator[Programs]:
    running = Programs(folder, environment)
    yield running
    running.close()


@pytest.fixture
def home(folder: Path) -> Path:
    return folder / ".runstone"


def elsewhere(spool: Path) -> None:
    """The spool is one of another machine."""
    about = json.loads((spool / "about.json").read_text())
    (spool / "about.json").write_text(json.dumps(about | {"host": "node7 1234"}))


# -- what programs leave


def test_a_run_recorded_offline_is_delivered_whole_and_once(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    run_id = programs.train()
    with store(home) as tracking, pytest.raises(NotFound):
        tracking.get_run(run_id)
    (delivered,) = read_json("sync")
    assert (delivered["run_id"], delivered["state"], delivered["problem"]) == (run_id, "delivered", None)
    assert delivered["records"] >= 1003
    assert delivered["destination"] == str(home / "runstone.db")
    run = run_of(home, run_id)
    assert (run.info.run_name, run.info.status) == ("offline", RunStatus.FINISHED)
    assert (run.data.params["lr"], run.data.tags["kind"]) == ("0.1", "test")
    assert losses(home, run_id) == EXPECTED
    again = runstone_command("sync")
    assert (again.stdout, again.stderr.count("\n")) == ("", 1)
    assert "Nothing waits" in again.stderr
    assert list((home / "journal").glob("*/*")) == []


def test_a_run_that_was_killed_is_delivered_to_its_last_point_and_has_failed(
    programs: Programs, home: Path, runstone_command: Command
) -> None:
    run_id = programs.train(end=KILLED)
    table = runstone_command("sync").stdout
    assert run_id in table
    assert "delivered" in table
    assert losses(home, run_id) == EXPECTED
    run = run_of(home, run_id)
    assert run.info.status is RunStatus.FAILED
    assert "killed" in run.data.tags[tag_names.END_REASON]


def test_a_run_at_work_is_left_to_its_writer(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    run_id, process = programs.begin()
    process.send_signal(signal.SIGSTOP)
    assert [(one["run_id"], one["state"], one["records"]) for one in read_json("sync")] == [(run_id, "alive", 0)]
    assert "left to its writer" in runstone_command("sync").stdout
    assert "left to its writer" in runstone_command("sync", "--dry-run").stdout
    with store(home) as tracking, pytest.raises(NotFound):
        tracking.get_run(run_id)
    process.send_signal(signal.SIGCONT)
    process.communicate("\n", timeout=60)
    assert [one["state"] for one in read_json("sync")] == ["delivered"]
    assert losses(home, run_id) == EXPECTED


@pytest.mark.slow
def test_a_sync_that_is_killed_is_gone_on_with_by_the_next(
    programs: Programs, home: Path, environment: dict[str, str], read_json: Json
) -> None:
    points = 400_000
    run_id = programs.train(points)
    state = spool_of(home) / "state"
    process = subprocess.Popen(
        [sys.executable, "-m", "runstone", "sync"], cwd=home.parent, env=environment, stdout=subprocess.DEVNULL
    )
    while state.exists() and not struct.unpack_from("<Q", state.read_bytes())[0] > 10_000:
        time.sleep(0.001)
    process.kill()
    process.wait()
    read_json("sync")
    assert losses(home, run_id) == [step / 8 for step in range(points)]
    assert run_of(home, run_id).info.status is RunStatus.FINISHED


def test_a_dry_run_tells_and_changes_nothing(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    run_id = programs.train(end=KILLED)
    spool = spool_of(home)
    before = {path: path.read_bytes() for path in spool.rglob("*") if path.is_file()}
    (told,) = read_json("sync", "--dry-run")
    assert (told["run_id"], told["state"]) == (run_id, "ready")
    assert told["records"] >= 1002
    assert "would be delivered" in runstone_command("sync", "--dry-run").stdout
    assert {path: path.read_bytes() for path in spool.rglob("*") if path.is_file()} == before
    with store(home) as tracking, pytest.raises(NotFound):
        tracking.get_run(run_id)


# -- folders and copies


@pytest.mark.parametrize("end", ["pass", KILLED], ids=["ended", "killed"])
def test_a_copy_delivered_twice_and_then_the_original_give_each_point_once(
    end: str, programs: Programs, folder: Path, home: Path, read_json: Json
) -> None:
    run_id = programs.train(end=end)
    for name in ("copy", "copy again"):
        shutil.copytree(home / "journal", folder / name)
        (delivered,) = read_json("sync", str(folder / name), "--to", str(home))
        assert delivered["state"] == "delivered"
        assert losses(home, run_id) == EXPECTED
    assert [one["state"] for one in read_json("sync")] == ["delivered"]
    assert losses(home, run_id) == EXPECTED
    assert run_of(home, run_id).info.status is (RunStatus.FINISHED if end == "pass" else RunStatus.FAILED)


def test_the_original_and_then_a_copy_give_each_point_once(
    programs: Programs, folder: Path, home: Path, read_json: Json
) -> None:
    run_id = programs.train(end=KILLED)
    shutil.copytree(home / "journal", folder / "copy")
    read_json("sync")
    with store(home) as tracking:
        tracking.update_run(run_id, status=RunStatus.RUNNING)  # somebody goes on with it
    (delivered,) = read_json("sync", "copy", "--to", str(home))
    assert (delivered["state"], delivered["records"]) == ("delivered", 0)
    assert losses(home, run_id) == EXPECTED
    assert run_of(home, run_id).info.status is RunStatus.RUNNING


def test_a_copy_of_a_run_at_work_is_delivered_as_far_as_it_goes_and_does_not_end_the_run(
    programs: Programs, folder: Path, home: Path, read_json: Json
) -> None:
    run_id, process = programs.begin()
    shutil.copytree(home / "journal", folder / "copy")
    assert [one["state"] for one in read_json("sync", "copy", "--to", str(home))] == ["open"]
    assert losses(home, run_id) == EXPECTED
    assert run_of(home, run_id).info.status is RunStatus.RUNNING
    process.communicate("\n", timeout=60)
    assert [one["state"] for one in read_json("sync")] == ["delivered"]
    assert losses(home, run_id) == EXPECTED
    assert run_of(home, run_id).info.status is RunStatus.FINISHED


def test_a_copy_with_no_database_beside_needs_to_be_told_where_to(
    programs: Programs, folder: Path, home: Path, runstone_command: Command
) -> None:
    run_id = programs.train()
    (folder / "from the cluster").mkdir()
    shutil.move(home / "journal", folder / "from the cluster")
    for options in ((), ("--dry-run",)):
        error = runstone_command("sync", "from the cluster", *options, code=1).stderr
        assert f"{folder}/from the cluster/journal belongs to a database beside it, and there is none" in error
        assert "--to URI" in error
        assert error.count("\n") == 1
    runstone_command("sync", "from the cluster", "--to", "team.db")
    assert losses(folder / "team.db", run_id) == EXPECTED


@pytest.mark.parametrize("depth", range(5))
def test_a_folder_at_any_height_above_the_spool_will_do(
    depth: int, programs: Programs, folder: Path, home: Path, read_json: Json
) -> None:
    run_id = programs.train(10)
    place = (spool_of(home), *spool_of(home).parents)[depth]
    assert [one["state"] for one in read_json("sync", str(place))] == ["delivered"]
    assert len(losses(home, run_id)) == 10


def test_a_journal_chosen_by_a_setting_goes_to_its_database(
    programs: Programs, folder: Path, read_json: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{folder}/my runs.db"
    run_id = programs.train(10, RUNSTONE_JOURNAL=str(folder / "scratch"), RUNSTONE_TRACKING_URI=uri)
    assert [one["state"] for one in read_json("sync", "scratch")] == ["delivered"]
    assert len(losses(uri, run_id)) == 10
    run_id = programs.train(10, RUNSTONE_JOURNAL=str(folder / "scratch"), RUNSTONE_TRACKING_URI=uri)
    monkeypatch.setenv("RUNSTONE_JOURNAL", str(folder / "scratch"))
    assert [one["state"] for one in read_json("sync")] == ["delivered"]
    assert len(losses(uri, run_id)) == 10


def test_what_another_machine_may_still_write_is_delivered_so_far_and_stays(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    run_id = programs.train(end=KILLED)
    spool = spool_of(home)
    elsewhere(spool)
    mark_heartbeat(spool, now_ms())
    table = runstone_command("sync").stdout
    assert "node7" in table
    assert "may be at work" in table
    assert losses(home, run_id) == EXPECTED
    assert [(one["state"], one["records"]) for one in read_json("sync")] == [("open", 0)]
    mark_heartbeat(spool, now_ms() - 11 * 60_000)
    assert [one["state"] for one in read_json("sync")] == ["delivered"]
    assert not spool.exists()
    assert losses(home, run_id) == EXPECTED


# -- what cannot be delivered


def test_a_damaged_segment_is_delivered_up_to_the_damage_and_set_aside(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    run_id = programs.train()
    spool = spool_of(home)
    (segment,) = spool.glob("*1.points")
    data = bytearray(segment.read_bytes())
    at = 64 + 32 * 501 + 24  # the mark of the record in slot 502
    data[at : at + 4] = bytes(byte ^ 0xFF for byte in data[at : at + 4])
    segment.write_bytes(data)
    result = runstone_command("sync", code=1)
    aside = f"{spool}.damaged"
    assert f"damaged: set aside at {aside}" in result.stdout
    assert "slot 502" in result.stderr
    assert result.stderr.count("\n") == 1
    stored = losses(home, run_id)
    assert stored == EXPECTED[: len(stored)]
    assert 490 < len(stored) < 502
    assert run_of(home, run_id).info.status is RunStatus.FAILED
    assert "slot 502" in run_of(home, run_id).data.tags[tag_names.END_REASON]
    assert "slot 502" in (Path(aside) / "damage.txt").read_text()
    assert read_json("sync") == []


def test_a_second_damaged_copy_does_not_stumble_over_the_first(
    programs: Programs, folder: Path, home: Path, runstone_command: Command
) -> None:
    programs.train()
    shutil.copytree(home / "journal", folder / "original")
    for _ in range(2):
        shutil.copytree(folder / "original", folder / "copy", dirs_exist_ok=True)
        (segment,) = spool_of(folder / "copy").glob("*1.points")
        segment.write_bytes(b"x" * 1000)
        assert "set aside" in runstone_command("sync", "copy", "--to", str(home), code=1).stdout
    assert len(list((folder / "copy").glob("*/*.damaged"))) == 2


def log_to(programs: Programs, run_id: str) -> None:
    """A program that records in a run without asking whether it is there."""
    code = (
        "from runstone import MlflowClient\n"
        "client = MlflowClient()\n"
        f"for step in range(5): client.log_metric('{run_id}', 'loss', step / 8, step=step)\n"
    )
    process = programs.start(code)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_a_run_that_the_store_does_not_have_is_kept(programs: Programs, home: Path, runstone_command: Command) -> None:
    run_id = "0" * 32
    log_to(programs, run_id)
    spool = spool_of(home)
    for _ in range(2):
        error = runstone_command("sync", code=1).stderr
        assert f"the store has no run {run_id}" in error
        assert error.count("\n") == 1
    assert not (spool / "refused.jsonl").exists()
    with store(home) as tracking:
        tracking.create_run("0", run_id=run_id)
    runstone_command("sync")
    assert losses(home, run_id) == EXPECTED[:5]


def test_what_the_store_refuses_is_kept_beside(
    programs: Programs, home: Path, runstone_command: Command, read_json: Json
) -> None:
    with store(home) as tracking:
        run_id = tracking.create_run("0").info.run_id
        tracking.delete_run(run_id)
    log_to(programs, run_id)
    kept = Path(f"{spool_of(home)}.refused")
    result = runstone_command("sync", code=1)
    assert f"kept in {kept}" in result.stdout
    assert run_id in result.stderr
    lines = [json.loads(line) for line in (kept / "refused.jsonl").read_text().splitlines()]
    assert [point[3] for line in lines for point in line["points"]] == EXPECTED[:5]
    assert read_json("sync") == []


# -- a server


@pytest.mark.slow
def test_a_server_gets_all_when_it_is_there_and_nothing_is_lost_while_it_is_away(
    programs: Programs, folder: Path, state_folder: Path, runstone_command: Command, read_json: Json
) -> None:
    server = RunningServer(folder / "store")
    server.stop()
    run_ids = [programs.train(end=end, MLFLOW_TRACKING_URI=server.url) for end in ("pass", KILLED)]
    away = runstone_command("sync", code=1)
    assert away.stdout.count("waiting") == 2
    assert away.stderr.count("\n") == 1
    assert "(2 writers waiting)" in away.stderr
    assert len(list((state_folder / "runstone/journal").glob("*/*"))) == 2
    server = RunningServer(folder / "store", port=server.port)
    try:
        assert [one["state"] for one in read_json("sync")] == ["delivered", "delivered"]
        assert [one["destination"] for one in read_json("sync", "--dry-run")] == []
        for run_id in run_ids:
            assert [point["value"] for point in server.history(run_id, "loss")] == EXPECTED
    finally:
        server.close()


# -- watching


@pytest.mark.slow
def test_a_watcher_delivers_what_ends_while_it_runs_until_sigterm(
    programs: Programs, home: Path, environment: dict[str, str]
) -> None:
    watcher = subprocess.Popen(
        [sys.executable, "-m", "runstone", "sync", "--watch", "--interval", "0.1", str(home.parent)],
        cwd=home.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with watcher:
        assert watcher.stdout is not None
        for end in ("pass", KILLED):
            run_id = programs.train(end=end)
            line = watcher.stdout.readline()
            assert run_id in line
            assert "delivered" in line
            assert losses(home, run_id) == EXPECTED
        watcher.send_signal(signal.SIGTERM)
        _, err = watcher.communicate(timeout=60)
        assert watcher.returncode == 0, err
        assert err.startswith("Watching ")
        assert err.count("\n") == 1


@pytest.mark.slow
def test_a_watcher_outlives_a_server_that_is_away_and_says_so_once(
    programs: Programs, folder: Path, environment: dict[str, str]
) -> None:
    server = RunningServer(folder / "store")
    server.stop()
    run_id = programs.train(MLFLOW_TRACKING_URI=server.url)
    watcher = subprocess.Popen(
        [sys.executable, "-m", "runstone", "-u", server.url, "sync", "--watch", "--interval", "0.1"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    with watcher:
        assert watcher.stdout is not None
        assert watcher.stderr is not None
        assert watcher.stderr.readline().startswith("Watching ")
        assert "(1 writer waiting)" in watcher.stderr.readline()
        server = RunningServer(folder / "store", port=server.port)
        try:
            assert run_id in watcher.stdout.readline()
            assert [point["value"] for point in server.history(run_id, "loss")] == EXPECTED
        finally:
            server.close()
        watcher.send_signal(signal.SIGINT)
        assert watcher.communicate(timeout=60) == ("", "")
        assert watcher.returncode == 0


def test_a_watcher_prints_lines_and_no_json(runstone_command: Command) -> None:
    for option in ("--json", "--dry-run"):
        assert "--watch goes neither" in runstone_command("sync", "--watch", option, code=2).stderr


def test_where_nothing_was_ever_recorded_nothing_waits_and_nothing_is_made(
    folder: Path, runstone_command: Command, read_json: Json
) -> None:
    assert "Nothing waits" in runstone_command("sync").stderr
    assert read_json("sync") == []
    assert [path.name for path in folder.iterdir()] == [".git"]
