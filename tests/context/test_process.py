"""User and source of a run, for every way to start Python."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from runstone.context.process import ProcessContext

TagsOf = Callable[..., dict[str, str]]


def test_a_script_is_named_as_it_was_on_the_command_line(tags_of: TagsOf, script: Path) -> None:
    assert tags_of("train.py")["mlflow.source.name"] == "train.py"
    assert tags_of(str(script))["mlflow.source.name"] == str(script)
    assert tags_of("train.py")["mlflow.source.type"] == "LOCAL"


def test_a_module_is_named_by_its_file(tags_of: TagsOf, tmp_path: Path, print_tags: str) -> None:
    package = tmp_path / "vision"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "fit.py").write_text(print_tags)
    assert tags_of("-m", "vision.fit")["mlflow.source.name"] == str(package / "fit.py")


def test_a_run_that_starts_while_its_package_is_still_imported_has_a_source(
    tags_of: TagsOf, tmp_path: Path, print_tags: str
) -> None:
    package = tmp_path / "vision"
    package.mkdir()
    (package / "__init__.py").write_text(print_tags)
    (package / "fit.py").touch()
    assert tags_of("-m", "vision.fit")["mlflow.source.name"] == "<module>"


def test_a_command_is_named_a_command(tags_of: TagsOf, print_tags: str) -> None:
    assert tags_of("-c", print_tags)["mlflow.source.name"] == "<command>"


@pytest.mark.parametrize("arguments", [(), ("-",)], ids=["no argument", "dash"])
def test_a_program_from_standard_input_is_named_so(
    tags_of: TagsOf, print_tags: str, arguments: tuple[str, ...]
) -> None:
    assert tags_of(*arguments, stdin=print_tags)["mlflow.source.name"] == "<stdin>"


def test_a_console_is_named_a_console(tags_of: TagsOf, print_tags: str) -> None:
    assert tags_of("-q", "-i", stdin=print_tags + "\n")["mlflow.source.name"] == "<console>"


def test_a_child_process_of_a_script_has_the_script_as_its_source(
    tags_of: TagsOf, tmp_path: Path, print_tags: str
) -> None:
    (tmp_path / "sweep.py").write_text(
        "import multiprocessing\n"
        f"def trial():\n    {print_tags}\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=trial)\n"
        "    child.start()\n"
        "    child.join()\n"
    )
    assert tags_of("sweep.py")["mlflow.source.name"].endswith("sweep.py")


@pytest.mark.parametrize("arguments", ["[]", "['']", "None"])
def test_a_script_that_spoils_its_arguments_still_gets_tags(tags_of: TagsOf, print_tags: str, arguments: str) -> None:
    assert "mlflow.source.name" in tags_of("-c", f"import sys; sys.argv = {arguments}; {print_tags}")


def test_a_path_that_is_not_utf8_becomes_a_readable_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [os.fsdecode(b"tr\xe4in.py")])
    assert ProcessContext().tags()["mlflow.source.name"] == "tr�in.py"


def test_the_user_is_the_one_who_is_logged_in(tags_of: TagsOf, print_tags: str) -> None:
    assert tags_of("-c", print_tags, LOGNAME="grace")["mlflow.user"] == "grace"


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(uid: int) -> NoReturn:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert ProcessContext().tags()["mlflow.user"] == f"uid-{os.getuid()}"


def test_importing_the_package_loads_nothing_that_only_a_run_needs(
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    program = (
        "import sys, msgspec; before = set(sys.modules); import runstone.context; print(*(set(sys.modules) - before))"
    )
    loaded = set(python("-c", program).stdout.split())
    assert {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names == {"runstone"}
    assert loaded & {"subprocess", "importlib.metadata", "json"} == set()
