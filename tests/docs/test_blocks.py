"""What the documentation shows works: every block of a page is run, in order, in a folder of its own."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks, relative

PLAY = Path(__file__).with_name("play.py")
RUN = ("python", "sh")
MEANINGS = re.compile(r"output|fails|raises \w+|file: [\w.]+|not run: .+")


def is_run(block: Block) -> bool:
    return block.language in RUN and not block.meaning.startswith("not run: ")


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder with `runstone` and `python`, both of the interpreter that runs the tests."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, arguments in (("python", ""), ("runstone", " -m runstone")):
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder that looks like a repository's root, so that no home above it is found."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if any(map(is_run, blocks(page)))], ids=relative)
def test_every_block_of_the_page_does_what_it_shows(page: Path, project: Path, commands: Path) -> None:
    steps = [{**msgspec.structs.asdict(block), "page": relative(page)} for block in blocks(page)]
    settings = ("RUNSTONE_", "MLFLOW_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    environment["PATH"] = f"{commands}{os.pathsep}{environment['PATH']}"
    environment["XDG_STATE_HOME"] = str(project.parent / "state")
    # The models are small: threads of linear algebra would only wait for each other.
    environment["OMP_NUM_THREADS"] = "1"
    played = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAY.read_text(encoding="utf-8")],
        cwd=project,
        env=environment,
        input=msgspec.json.encode(steps),
        capture_output=True,
        check=False,
    )
    assert played.returncode == 0, played.stderr.decode()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_comment_before_a_block_has_a_meaning(page: Path) -> None:
    assert [block for block in blocks(page) if block.meaning and not MEANINGS.fullmatch(block.meaning)] == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for page in PAGES
        for block in blocks(page)
        if block.language == "sh"
        for target in re.findall(r"^make ([a-z]+)", block.text, re.MULTILINE)
    }
    assert {"demo", "test"} <= named
    assert named <= targets
