"""`runstone ui`: the server, with a browser opened on it."""

from __future__ import annotations

import threading
import webbrowser
from typing import Any

import click

from runstone.cli.server import run_server, server_options
from runstone.cli.session import Session

__all__ = ["ui"]

_START_S = 1.0


@click.command(context_settings={"help_option_names": ["--help"]})
@server_options
@click.pass_obj
def ui(session: Session, /, **options: Any) -> None:
    """Serve the store, and open a browser on it.

    The same as `runstone server`, with the same options. Without a screen, open the URL that it prints.
    """

    def open_browser(url: str) -> None:
        # Once the server answers; a machine without a browser is no error.
        timer = threading.Timer(_START_S, webbrowser.open, [url])
        timer.daemon = True
        timer.start()

    run_server(session, options, when_bound=open_browser)
