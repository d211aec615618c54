"""What holds for every command, by a walk over all of them."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from runstone.cli.root import COMMANDS, cli

LISTINGS = {"list", "show", "search", "doctor", "path", "check", "stats", "diff", "upgrade", "journal", "sync"}


def walk(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=words[-1])
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from walk(child, (*words, name))


TREE = [(" ".join(words), command) for words, command in walk(cli, ("runstone",))]
every_command = pytest.mark.parametrize(("name", "command"), TREE, ids=[name for name, _ in TREE])


@every_command
def test_every_command_has_a_help_text_that_ends_its_first_sentence(name: str, command: click.Command) -> None:
    first = (command.help or "").strip().partition("\n\n")[0]
    assert first.endswith((".", ":")), name


@every_command
def test_every_option_has_a_help_text(name: str, command: click.Command) -> None:
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


@every_command
def test_every_listing_and_every_show_takes_json(name: str, command: click.Command) -> None:
    options = {text for param in command.params for text in param.opts}
    assert ("--json" in options) or (name.split()[-1] not in LISTINGS)


@every_command
def test_every_command_that_does_something_has_an_example(name: str, command: click.Command) -> None:
    if not isinstance(command, click.Group) and name not in ("runstone completion", "runstone ui"):
        assert f"Example{'s' if 'Examples:' in str(command.help) else ''}:" in str(command.help)
        assert name in str(command.help)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_overview_says_of_a_command_what_the_command_says_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert str(command.help).startswith(COMMANDS[name])


def test_an_unknown_command_is_a_usage_error(runstone_command) -> None:
    assert "No such command 'runz'" in runstone_command("runz", code=2).stderr


def test_the_version_is_printed(runstone_command) -> None:
    from runstone.version import __version__

    assert runstone_command("--version").stdout == f"runstone {__version__}\n"
