"""The root of the commands: global options, what an error looks like, and which module has which command."""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword

import click
from click.shell_completion import CompletionItem

from runstone.cli.session import Session
from runstone.errors import RunstoneError
from runstone.version import __version__

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = {
    "experiments": "List, create and change experiments.",
    "runs": "List, show, compare and change runs.",
    "metrics": "List a run's metrics, and draw their history.",
    "artifacts": "List, show, download and upload a run's files.",
    "search": "Find runs by their metrics, params and tags.",
    "sync": "Deliver what was recorded offline, or left by programs that died.",
    "journal": "List what is kept in the journal until it is delivered.",
    "import": "Bring runs along from MLflow and other tools.",
    "export": "Copy runs to a server, to Parquet, or into one file.",
    "server": "Serve the store to MLflow's clients and to Runstone's.",
    "users": "Say who may use a server with --auth.",
    "groups": "Put users into groups, to grant something to all of them.",
    "tokens": "Create, list and revoke tokens of users.",
    "grants": "Say who may read, edit or manage an experiment or a registered model.",
    "audit": "Show the audit log, the newest first.",
    "ui": "Serve the store, and open a browser on it.",
    "demo": "Train a few small models and record them.",
    "doctor": "Say where runs are recorded and why, and what is wrong.",
    "db": "Look after the database of runs.",
    "gc": "Remove for good what was deleted, and what rules do not keep.",
    "bench": "Fill a store with made-up runs, to try it at any size.",
    "completion": "Print the script for completion in a shell.",
}
"""Every command with its line in `runstone --help`, so that the help loads none of them."""

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class RootGroup(click.Group):
    """Loads a command when it is asked for, and turns errors into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(f"runstone.cli.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> object:
        with _meant_for_people():
            return super().invoke(ctx)


@contextmanager
def _meant_for_people() -> Iterator[None]:
    try:
        yield
    except RunstoneError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Interrupted", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # `| head` has seen enough; click ends quietly
            raise
        raise click.ClickException(f"{error.strerror or error}: {error.filename}") from error


@click.group(
    cls=RootGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 an error (one line on stderr), 2 a wrong command line.",
)
@click.option(
    "-u",
    "--tracking-uri",
    metavar="URI",
    envvar="RUNSTONE_TRACKING_URI",
    show_envvar=True,
    help="Where runs are recorded: a folder, sqlite:///FILE.db, or a server's URL. Default: the nearest folder "
    ".runstone/ from the working directory upwards.",
)
@click.version_option(__version__, "--version", message="runstone %(version)s")
@click.pass_context
def cli(ctx: click.Context, tracking_uri: str | None) -> None:
    """Runstone: every training run, set in stone.

    \b
    Examples:
      runstone demo                                    train a few small models and record them
      runstone runs list                               the newest runs
      runstone search "metrics.val_accuracy > 0.95"    runs by what they reached
      runstone metrics show RUN loss                   a curve in the terminal

    A RUN is a run's id, a beginning of it (4 characters or more) that no other run has, or a name that only one run
    has. An EXPERIMENT is an id or a name. Every listing takes --json.
    """
    source = ctx.get_parameter_source("tracking_uri")
    ctx.obj = Session(tracking_uri or None, is_from_command_line=source is click.core.ParameterSource.COMMANDLINE)


def main() -> None:
    """The entry point of the `runstone` command."""
    warnings.formatwarning = lambda message, *_, **__: f"Warning: {message}\n"
    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 shows a question mark where it cannot draw.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        cli(prog_name="runstone")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
