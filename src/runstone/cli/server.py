"""`runstone server`: MLflow's REST API, and Runstone's own, over a store."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from runstone.cli.session import Session
from runstone.errors import InvalidInput

__all__ = ["run_server", "server", "server_options"]

_OPTIONS = (
    click.option("-h", "--host", default="127.0.0.1", show_default=True, help="The address to listen on."),
    click.option(
        "-p", "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="0 for any free port."
    ),
    click.option("-w", "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."),
    click.option(
        "--artifacts-destination", metavar="URI", help="Where artifacts lie. Default: beside the store's database."
    ),
    click.option(
        "--serve-artifacts/--no-serve-artifacts",
        default=True,
        show_default=True,
        help="Pass artifacts through the server, or let clients reach the destination themselves.",
    ),
    click.option("--static-prefix", default="", metavar="PATH", help="A path that stands before every URL."),
    click.option(
        "--allowed-hosts", multiple=True, metavar="PATTERN", help="Names by which the server goes (`*` fits all)."
    ),
    click.option(
        "--cors-origins", multiple=True, metavar="PATTERN", help="Origins whose pages may use the server, as https://x."
    ),
    click.option("--read-only", is_flag=True, help="Refuse every write."),
    click.option("--auth", is_flag=True, help="Answer only users of this store (see `runstone users`)."),
    click.option("--access-log", is_flag=True, help="Log every request."),
    click.option("--json-logs", is_flag=True, help="Log lines are JSON objects."),
    click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False), help="The certificate's file (PEM)."),
    click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="Its private key's file (PEM)."),
)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `server` and `ui`."""
    return functools.reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)


@click.command(context_settings={"help_option_names": ["--help"]})
@server_options
@click.pass_obj
def server(session: Session, /, **options: Any) -> None:
    """Serve the store to MLflow's clients and to Runstone's.

    \b
    Examples:
      runstone server                                 this folder's runs, on http://127.0.0.1:5000
      runstone -u /data/runs server -h 0.0.0.0 -w 4 --allowed-hosts 'mlflow.example.org'
      MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python train.py

    SIGTERM or Ctrl-C ends it; what it has accepted is recorded first. GET /health, /version and /metrics (Prometheus)
    are for those who watch it.
    """
    run_server(session, options)


def run_server(session: Session, options: dict[str, Any], *, when_bound: Callable[[str], None] | None = None) -> None:
    """Listen, say where, and answer until a signal. `when_bound` gets the server's URL."""
    from runstone.server.options import ServerOptions
    from runstone.server.serve import bind, serve
    from runstone.serving import create_app, prepare_store

    prefix = options["static_prefix"].rstrip("/")
    if prefix and not prefix.startswith("/"):
        raise InvalidInput(f"--static-prefix must begin with a slash, such as /{prefix}")
    chosen = ServerOptions(tracking_uri=session.uri, **{**options, "static_prefix": prefix})
    # Before anything listens: a store that cannot be opened is an error here, not in every worker.
    prepare_store(chosen)
    with bind(chosen.host, chosen.port) as listener:
        scheme = "https" if chosen.tls_cert else "http"
        host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
        url = f"{scheme}://{host}:{listener.getsockname()[1]}{prefix}"
        click.echo(f"Serving {session.shown_uri} on {url}", err=True)
        if when_bound:
            when_bound(url)
        serve(chosen, create_app, listener)
