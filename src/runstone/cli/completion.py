"""`runstone completion`: the scripts by which shells complete commands, experiments and runs."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script for completion in a shell.

    It completes commands and options, and the names of experiments, the ids of runs and the names of metrics from the
    store.

    \b
    Bash, in ~/.bashrc:
      eval "$(runstone completion bash)"
    Zsh, in ~/.zshrc, after compinit:
      eval "$(runstone completion zsh)"
    Fish, once:
      runstone completion fish > ~/.config/fish/completions/runstone.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "runstone", "_RUNSTONE_COMPLETE").source().encode())
