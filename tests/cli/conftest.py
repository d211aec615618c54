"""A working directory without anything recorded, the command in this process and as a process, and some runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

import runstone.cli
from runstone.cli.root import cli
from runstone.client import Client
from runstone.entities import Metric, Param, RunTag
from runstone.settings import SETTINGS

SOURCE = Path(runstone.cli.__file__).parents[2]
KEPT = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT")
START = 1_750_000_000_000


@pytest.fixture
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the journal for servers lies, in `runstone/journal`."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; the environment says nothing about where to record."""
    for name in (name for setting in SETTINGS for name in setting.names):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(state_folder))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()  # where the search for a home upwards ends
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Client:
    """A client of the working directory's home, which is made."""
    return Client(folder / ".runstone")


Command = Callable[..., Result]


@pytest.fixture
def runstone_command() -> Command:
    """Run the command in this process; it must leave with the expected code."""

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, arguments, prog_name="runstone")
        failed = f"{arguments} left with {result.exit_code}:\n{result.output}\n{result.exception!r}"
        assert result.exit_code == code, failed
        return result

    return run


@pytest.fixture
def read_json(runstone_command: Command) -> Callable[..., Any]:
    """What the command prints as JSON, read by a parser that takes no NaN."""

    def run(*arguments: str, code: int = 0) -> Any:
        def refuse(text: str) -> None:
            raise AssertionError(f"{text} is no JSON")

        result = runstone_command(*arguments, "--json", code=code)
        return json.loads(result.stdout_bytes.decode("utf-8"), parse_constant=refuse)

    return run


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory, state_folder: Path) -> dict[str, str]:
    """The environment of processes: `runstone` is on the path, and nothing is said about where to record."""
    bin_folder = tmp_path_factory.mktemp("bin")
    script = bin_folder / "runstone"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m runstone "$@"\n')
    script.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    return kept | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(SOURCE),
        "XDG_STATE_HOME": str(state_folder),
        "LANG": "C.UTF-8",
        "LOGNAME": "ada",
    }


Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bash(environment: dict[str, str], folder: Path) -> Shell:
    """Run a line of bash with `runstone` on the path."""

    def run(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


class Runs(msgspec.Struct):
    """The ids of what the fixture `runs` records."""

    experiment: str
    good: str
    bad: str
    other: str


@pytest.fixture
def runs(client: Client) -> Runs:
    """Two runs in the experiment `digits`, `bad` two hours after `good`, and a later one in `texts`."""
    digits, texts = client.create_experiment("digits"), client.create_experiment("texts")
    good = record(client, digits, "good", START, lr="0.1", losses=[1.0, 0.5, 0.25])
    bad = record(client, digits, "bad", START + 7_200_000, lr="10", losses=[1.0, float("nan"), float("inf")])
    other = record(client, texts, "other", START + 9_000_000, lr="0.1", losses=[0.7])
    client.log_text(good, "all is well\n", "notes/report.txt")
    client.set_tag(good, "team", "vision")
    return Runs(digits, good, bad, other)


def record(client: Client, experiment: str, name: str, start: int, *, lr: str, losses: list[float]) -> str:
    """A run that took 90 seconds; returns its id."""
    run_id = client.create_run(experiment, start_time=start, run_name=name, tags={"mlflow.user": "ada"}).info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("loss", value, start + 1000 * step, step) for step, value in enumerate(losses)],
        params=[Param("lr", lr), Param("seed", "7")],
        tags=[RunTag("kind", "test")],
    )
    client.set_terminated(run_id, end_time=start + 90_000)
    return run_id
