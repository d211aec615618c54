"""A fresh home and a fresh fluent state for each test; and scripts in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import runstone.fluent
from runstone.settings import SETTINGS

SOURCE = Path(runstone.fluent.__file__).parents[2]
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the test records: `tmp_path/.runstone`, which is also the working directory's default home."""
    for name in (name for setting in SETTINGS for name in setting.names):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    runstone.fluent._reset()
    home = tmp_path / ".runstone"
    runstone.fluent.set_tracking_uri(home)
    yield home
    runstone.fluent._reset()


class Scripts:
    """Python programs in `folder`, in an environment that says nothing about where the tests themselves run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if name in KEPT}
        self.started: list[subprocess.Popen[str]] = []
        self.environment |= {"PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1", "LOGNAME": "ada"}

    def start(self, program: str, name: str = "train.py", **variables: str) -> subprocess.Popen[str]:
        """Start the program, which finds itself beside the home of the test."""
        path = self.folder / name
        path.write_text("import runstone as mlflow\n" + textwrap.dedent(program))
        process = subprocess.Popen(
            [sys.executable, str(path)],
            cwd=self.folder,
            env=self.environment | variables,
            stdin=subprocess.PIPE,  # what waits for a line waits, whatever the tests' own input is
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, program: str, *, expect: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end; it must leave with the expected code."""
        process = self.start(program, **variables)
        out, err = process.communicate(timeout=60)
        assert process.returncode == expect, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator[Scripts]:
    """Programs that record in the home of the test; none outlives it."""
    scripts = Scripts(tmp_path)
    yield scripts
    for process in scripts.started:
        with process:
            process.kill()
