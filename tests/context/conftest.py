"""Real Python processes, in an environment that says nothing about where the tests themselves run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import runstone.context as context

SOURCE = Path(context.__file__).parents[2]
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
PRINT_TAGS = "import json; from runstone.context import collect_tags; print(json.dumps(collect_tags()))"


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the processes that a test starts: nothing of CI, SLURM, Jupyter or a tracker."""
    told = {name: value for name, value in os.environ.items() if name in KEPT}
    written = str(tmp_path_factory.mktemp("written"))
    return told | {
        "PYTHONPATH": str(SOURCE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LOGNAME": "ada",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "IPYTHONDIR": written,
        "JUPYTER_RUNTIME_DIR": written,
    }


@pytest.fixture
def print_tags() -> str:
    """A program that prints the tags of a run as JSON."""
    return PRINT_TAGS


@pytest.fixture
def python(environment: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run an interpreter with these arguments; fails the test if it fails."""

    def run(
        *arguments: str, stdin: str = "", cwd: Path = tmp_path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            input=stdin,
            cwd=cwd,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )

    return run


@pytest.fixture
def tags_of(python: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., dict[str, str]]:
    """The tags that an interpreter with these arguments prints as its last line."""

    def run(*arguments: str, stdin: str = "", cwd: Path | None = None, **variables: str) -> dict[str, str]:
        place = {} if cwd is None else {"cwd": cwd}
        printed = python(*arguments, stdin=stdin, **place, **variables).stdout
        tags: dict[str, str] = json.loads(printed.splitlines()[-1])
        return tags

    return run


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that prints the tags of a run."""
    path = tmp_path / "train.py"
    path.write_text(PRINT_TAGS)
    return path
