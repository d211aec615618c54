"""Completion in a shell, as bash asks for it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from runstone.client import Client
from tests.cli.conftest import Command, Runs, Shell

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(bash: Shell) -> Complete:
    """What bash offers for the last of the words."""

    def run(*words: str, **variables: str) -> list[str]:
        line = " ".join(("COMP_WORDS=(runstone", *map(shlex.quote, words), f"); COMP_CWORD={len(words)}"))
        result = bash(
            f"source <(runstone completion bash); {line}; _runstone_completion runstone; "
            'printf "%s\\n" "${COMPREPLY[@]}"',
            **variables,
        )
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout.splitlines()

    return run


def test_commands_and_options_are_completed(complete: Complete) -> None:
    assert complete("e") == ["experiments", "export"]
    assert (complete("sy"), complete("j")) == (["sync"], ["journal"])
    assert {"--to", "--watch", "--dry-run"} <= set(complete("sync", "--"))
    assert complete("runs", "re") == ["rename", "restore"]
    assert "--order-by" in complete("runs", "list", "--")


def test_ids_names_and_metrics_come_from_the_store(runs: Runs, complete: Complete) -> None:
    assert set(complete("runs", "show", runs.good[:4])) == {runs.good, runs.bad, runs.other}
    assert complete("runs", "show", runs.good) == [runs.good]
    assert complete("runs", "list", "-e", "dig") == ["digits"]
    assert complete("metrics", "show", runs.good, "l") == ["loss"]
    assert complete("-u", ".runstone", "experiments", "show", "t") == ["texts"]


def test_a_name_with_a_space_is_one_word_for_bash(client: Client, complete: Complete) -> None:
    client.create_experiment("digits demo (old)")
    for typed in ("digits", "digits d"):
        assert complete("experiments", "show", typed) == ["'digits demo (old)'"]


def test_nothing_is_offered_and_nothing_said_where_there_is_no_store(folder: Path, complete: Complete) -> None:
    assert complete("runs", "show", "") == [""]
    assert [path.name for path in folder.iterdir()] == [".git"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str, runstone_command: Command) -> None:
    script = runstone_command("completion", shell).stdout
    assert f"_RUNSTONE_COMPLETE={shell}_complete" in script
    assert f"runstone completion {shell}" in runstone_command("completion", "--help").stdout


def test_an_unknown_shell_is_a_usage_error(runstone_command: Command) -> None:
    assert "powershell" in runstone_command("completion", "powershell", code=2).stderr
