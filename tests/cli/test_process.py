"""The command as a process: what it loads, how it leaves, what it does with a pipe, a terminal and a server."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runstone.client import Client
from runstone.entities import Metric
from tests.cli.conftest import START, Runs, Shell
from tests.cli.recording import Programs

HEAVY = {"numpy", "sqlalchemy", "alembic", "pandas", "rich", "yaml", "sklearn", "asyncio", "ssl", "pcodec"}

# The command, and behind what it prints a line with all that it has loaded.
LOADED = """
import runpy, sys
sys.argv = ["runstone", *sys.argv[1:]]
try:
    runpy.run_module("runstone", run_name="__main__")
except SystemExit:
    print("\\n", *sys.modules)
"""


@pytest.fixture
def loaded_by(environment: dict[str, str], folder: Path) -> Callable[..., set[str]]:
    """The modules that a command loads."""

    def run(*words: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", LOADED, *words],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return set(done.stdout.splitlines()[-1].split())

    return run


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["runs", "--help"], ["metrics", "show", "--help"], ["completion", "zsh"]],
    ids=" ".join,
)  # fmt: skip
def test_help_loads_nothing_heavy(words: list[str], loaded_by: Callable[..., set[str]]) -> None:
    packages = {name.partition(".")[0] for name in loaded_by(*words)}
    assert "click" in packages
    assert packages & HEAVY == set()


def test_the_overview_loads_no_command(loaded_by: Callable[..., set[str]]) -> None:
    own = {name for name in loaded_by("--help") if name.startswith("runstone.cli.")}
    assert own == {"runstone.cli.root", "runstone.cli.session", "runstone.cli.text"}


def test_json_loads_no_library_for_tables(runs: Runs, loaded_by: Callable[..., set[str]]) -> None:
    assert {"rich", "pandas", "sqlalchemy"} & loaded_by("runs", "list", "--json") == set()


def test_exit_codes(client: Client, bash: Shell) -> None:
    for line, code in (("experiments list", 0), ("runs show nobody", 1), ("runs show", 2), ("nonsense", 2)):
        done = bash(f"runstone {line}")
        assert done.returncode == code
        assert "Traceback" not in done.stderr
    assert re.fullmatch(r"Error: .*\n", bash("runstone runs show nobody").stderr)


def test_a_reader_that_leaves_early_is_no_error_to_shout_about(client: Client, bash: Shell) -> None:
    run_id = client.create_run("0", run_name="long").info.run_id
    client.log_batch(run_id, metrics=[Metric("loss", step / 7, START + step, step) for step in range(4_000)])
    assert client.flush()
    for options in ("--csv", "--json", "--max 0"):
        done = bash(f"runstone metrics show long loss {options} | head -1; exit ${{PIPESTATUS[0]}}")
        assert (done.returncode, done.stderr) == (1, ""), options
        assert done.stdout.count("\n") == 1


def test_a_pipe_gets_whole_cells_and_no_colours(client: Client, bash: Shell) -> None:
    long = "x" * 3_000
    run_id = client.create_run("0", run_name="wide").info.run_id
    client.log_batch(run_id, params=[], tags=[])
    for number in range(30):
        client.log_param(run_id, f"param_{number}", long)
    done = bash("runstone runs list; runstone runs show wide", COLUMNS="60")
    assert done.stdout.count(long) == 60
    assert run_id in done.stdout
    assert "\x1b" not in done.stdout


def test_json_is_utf_8_whatever_the_terminal_is(client: Client, bash: Shell, folder: Path) -> None:
    client.create_experiment("größe 🪨")
    line = "runstone experiments list --json > out.json && runstone experiments list"
    done = bash(line, LANG="C", LC_ALL="POSIX", PYTHONIOENCODING="ascii", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((folder / "out.json").read_bytes().decode("utf-8"))[0]["name"] == "größe 🪨"
    assert "gr??e ?" in done.stdout


# -- a terminal


@pytest.fixture
def in_terminal(environment: dict[str, str], folder: Path) -> Callable[..., str]:
    """What a terminal of some width gets to see of a command, which must succeed."""

    def run(*words: str, columns: int) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        command = [sys.executable, "-m", "runstone", *words]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        seen = b"".join(_until_closed(ours))
        os.close(ours)
        assert process.wait(60) == 0, seen.decode()
        return seen.decode().replace("\r\n", "\n")

    return run


def _until_closed(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux says so when the other side is closed
            return
        if not part:
            return
        yield part


def test_a_terminal_gets_colours_short_ids_and_the_columns_that_fit(
    runs: Runs, client: Client, in_terminal: Callable[..., str]
) -> None:
    for number in range(10):
        client.log_param(runs.good, f"a_long_name_{number}", "v" * 100)
    seen = in_terminal("runs", "list", columns=100)
    assert "\x1b[1m" in seen
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen).splitlines()
    assert max(map(len, lines[:4])) <= 100
    assert not any(runs.good in line for line in lines)
    assert any(line.startswith(runs.good[:12]) for line in lines)
    assert re.search(r"^\d+ more columns: --columns chooses, --json has all$", lines[-1])
    whole = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", in_terminal("runs", "list", columns=900))
    assert "a_long_name_9" in whole
    assert "v" * 41 not in whole


def test_files_arrive_under_a_progress_bar(runs: Runs, folder: Path, in_terminal: Callable[..., str]) -> None:
    assert "Downloading" in in_terminal("artifacts", "download", "good", "--to", "copies", columns=100)
    assert (folder / "copies/notes/report.txt").read_text() == "all is well\n"
    assert "Uploading" in in_terminal("artifacts", "upload", "bad", "copies", columns=100)


def test_a_terminal_shows_how_far_a_delivery_has_come(
    folder: Path, environment: dict[str, str], in_terminal: Callable[..., str]
) -> None:
    run_id = Programs(folder, environment).train()
    seen = in_terminal("sync", columns=100)
    assert "Delivering" in seen
    assert "records" in seen
    assert run_id[:12] in seen


# -- a server


@pytest.fixture
def server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Runstone server over an empty store."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runstone", "-u", str(tmp_path_factory.mktemp("server")), "server", "--port", "0"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process, process.stderr:
        yield process.stderr.readline().split()[-1]
        process.send_signal(signal.SIGTERM)


@pytest.mark.slow
def test_the_commands_speak_to_a_server(server: str, bash: Shell, folder: Path) -> None:
    client = Client(server)
    run = client.create_run(client.create_experiment("far away"), run_name="distant")
    client.log_batch(run.info.run_id, metrics=[Metric("loss", value, START, step) for step, value in enumerate([2, 1])])
    assert client.flush()
    client.log_text(run.info.run_id, "hello\n", "a/b.txt")
    for line, part in (
        ("experiments list", "far away"),
        ("experiments show 'far away'", "name"),
        ("runs list -e 'far away'", "distant"),
        ("runs show distant", "b.txt"),
        ("metrics show distant loss", "┤"),
        ("search 'metrics.loss <= 1' --json", run.info.run_id),
        ("artifacts show distant a/b.txt", "hello"),
        ("artifacts download distant --to copies", "copies"),
        ("experiments delete 'far away'", "with its runs"),
        ("doctor", "answers in"),
    ):
        done = bash(f"runstone {line}", RUNSTONE_TRACKING_URI=server)
        assert done.returncode == 0, done.stderr
        assert part in done.stdout
    assert (folder / "copies/a/b.txt").read_text() == "hello\n"
    assert not (folder / ".runstone").exists()
