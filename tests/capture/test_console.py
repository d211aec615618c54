"""What a process and its children write is kept with the run, whatever becomes of them. Real processes, real ends."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runstone.capture import tee
from runstone.client import Client
from tests.fluent.conftest import Scripts


@pytest.fixture
def scripts(scripts: Scripts) -> Scripts:
    scripts.environment |= {"RUNSTONE_CAPTURE": "console", "RUNSTONE_QUIET": "1"}
    return scripts


def kept(folder: Path) -> str:
    """All that is kept of the console of the only run."""
    client = Client(folder / ".runstone")
    [run] = client.search_runs(["0"])
    parts = sorted(found.path for found in client.list_artifacts(run.info.run_id, "console"))
    return "".join(Path(client.download_artifacts(run.info.run_id, part)).read_text() for part in parts)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_both_streams_and_those_of_children_are_kept_and_passed_on(scripts: Scripts) -> None:
    done = scripts.run("""
        import subprocess, sys
        with mlflow.start_run():
            print("out")
            print("err", file=sys.stderr)
            subprocess.run("echo child; echo fault >&2", shell=True)
        print("after")
    """)
    assert done.stdout == "out\nchild\nafter\n" or done.stdout == "child\nout\nafter\n"
    assert sorted(done.stderr.split()) == ["err", "fault"]
    assert sorted(kept(scripts.folder).split()) == ["child", "err", "fault", "out"]


def test_a_progress_bar_is_kept_as_it_stood_at_the_end(scripts: Scripts) -> None:
    done = scripts.run(r"""
        with mlflow.start_run():
            for percent in range(101):
                print(f"\r{percent}%", end="", flush=True)
            print()
    """)
    assert done.stdout.split() == [f"{percent}%" for percent in range(101)]  # read as a text: \\r is a line's end
    assert kept(scripts.folder) == "100%\n"


def test_the_words_of_a_process_that_is_killed_are_passed_on_and_kept(scripts: Scripts) -> None:
    process = scripts.start("""
        import os, signal
        mlflow.start_run()
        mlflow.log_metric("a", 1)
        mlflow.flush()
        os.write(1, b"last words\\n")
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert out == "last words\n"
    client = Client(scripts.folder / ".runstone")
    [run] = client.search_runs(["0"])
    wait_until(lambda: bool(client.list_artifacts(run.info.run_id, "console")))
    assert kept(scripts.folder) == "last words\n"
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_the_console_is_seen_while_the_run_goes_on(scripts: Scripts) -> None:
    process = scripts.start("""
        import sys
        with mlflow.start_run():
            print("first", flush=True)
            sys.stdin.readline()
    """, )  # fmt: skip
    client = Client(scripts.folder / ".runstone")

    def is_there() -> bool:
        runs = client.search_runs(["0"])
        return bool(runs) and bool(client.list_artifacts(runs[0].info.run_id, "console"))

    wait_until(is_there)
    assert process.poll() is None
    assert kept(scripts.folder) == "first\n"


def test_a_run_goes_on_when_the_program_between_is_killed(scripts: Scripts) -> None:
    done = scripts.run("""
        import os, signal, time
        from runstone.fluent.captures import _captures
        with mlflow.start_run():
            [capture] = _captures.values()
            os.kill(capture._parts[0]._tee.pid, signal.SIGKILL)
            for number in range(100):
                print(number)
                time.sleep(0.05)
    """)
    # What was in the pipe when it was killed is lost, not what comes after.
    assert done.stdout.split()[-1] == "99"
    assert "its program was ended" in done.stderr


def test_a_nested_run_leaves_the_console_to_the_outer_one(scripts: Scripts) -> None:
    scripts.run("""
        with mlflow.start_run():
            with mlflow.start_run(nested=True):
                print("inner")
            print("outer")
    """)
    client = Client(scripts.folder / ".runstone")
    inner, outer = client.search_runs(["0"])
    assert client.list_artifacts(inner.info.run_id) == []
    [part] = client.list_artifacts(outer.info.run_id, "console")
    assert Path(client.download_artifacts(outer.info.run_id, part.path)).read_text() == "inner\nouter\n"


def test_one_run_after_the_other_has_its_own_console(scripts: Scripts) -> None:
    scripts.run("""
        for number in range(3):
            with mlflow.start_run(): print("run", number)
            print("between")
    """)
    client = Client(scripts.folder / ".runstone")
    texts = []
    for run in client.search_runs(["0"], order_by=["start_time ASC"]):
        [part] = client.list_artifacts(run.info.run_id, "console")
        texts.append(Path(client.download_artifacts(run.info.run_id, part.path)).read_text())
    assert texts == ["run 0\n", "run 1\n", "run 2\n"]


def test_a_terminal_stays_one(scripts: Scripts) -> None:
    path = scripts.folder / "train.py"
    path.write_text("import runstone as mlflow, sys\nwith mlflow.start_run(): print('terminal:', sys.stdout.isatty())")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, path], cwd=scripts.folder, env=scripts.environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    while b"True" not in seen:
        seen += os.read(ours, 1000)
    assert process.wait(60) == 0
    os.close(ours)
    assert kept(scripts.folder) == "terminal: True\n"


def test_a_child_that_goes_on_keeps_its_console(scripts: Scripts) -> None:
    process = scripts.start("""
        import subprocess
        with mlflow.start_run():
            subprocess.Popen("sleep 4; echo late", shell=True)
    """)
    out, _ = process.communicate(timeout=60)  # ends when the child has closed the stream
    assert out == "late\n"


def feed(folder: Path, data: bytes) -> bytes:
    """What the program passes on."""
    given = folder.with_suffix(".given")
    given.write_bytes(data)
    with given.open("rb") as file:
        program = [sys.executable, "-I", "-S", tee.__file__, folder, f"{file.fileno()}:1"]
        done = subprocess.run(program, pass_fds=[file.fileno()], check=True, capture_output=True, timeout=60)
    return done.stdout


def test_what_is_kept_is_bounded_and_what_is_passed_on_is_not(tmp_path: Path) -> None:
    data = b"".join(b"%099d\n" % number for number in range(tee.MAX_BYTES // 100 + 1000))
    assert feed(tmp_path, data) == data
    parts = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    whole = b"".join(parts)
    assert whole.endswith(b"[the rest is not kept: more than 10 MB]\n")
    assert data.startswith(whole[: whole.rindex(b"[the rest")])
    assert max(map(len, parts)) < 3 * tee.PART_BYTES


def test_a_line_without_end_takes_no_memory_without_end(tmp_path: Path) -> None:
    data = b"x" * 1_000_000
    assert feed(tmp_path, data) == data
    assert 0 < sum(path.stat().st_size for path in tmp_path.iterdir()) <= tee.PART_BYTES + 1


def test_a_folder_that_cannot_be_written_to_does_not_keep_anything_from_being_passed_on(tmp_path: Path) -> None:
    assert feed(tmp_path / "missing", b"one\ntwo\n") == b"one\ntwo\n"
