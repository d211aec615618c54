"""Runs the application: the socket, worker processes, logs, TLS, an orderly end (uvicorn with httptools and uvloop)."""

from __future__ import annotations

import functools
import gc
import socket
import sys
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from runstone import settings
from runstone.errors import InvalidInput, StoreUnavailable
from runstone.server.app import App
from runstone.server.options import ServerOptions

if TYPE_CHECKING:
    import uvicorn

__all__ = ["bind", "serve"]

_BACKLOG = 2048
_KEEP_ALIVE_S = 75
_GRACE_S = 30
_GC_THRESHOLDS = (20_000, 20, 20)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises StoreUnavailable where the address is taken or not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)[
            0
        ]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Workers share this socket. Accepted connections inherit the option; without it, Nagle's algorithm meets
        # the client's delayed acknowledgement, and a small answer takes 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise StoreUnavailable(
            f"Cannot listen on {host}:{port}: {error.strerror or error}; choose another with --host and --port"
        ) from error
    listener.set_inheritable(True)
    return listener


def serve(options: ServerOptions, create_app: Callable[[ServerOptions], App], listener: socket.socket) -> None:
    """Answer requests until SIGINT or SIGTERM; then finish what was accepted, for at most 30 s.

    `create_app` runs once in each worker process, so it must be a function that can be imported.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    settings.SILENT_AFTER_S.get()  # what cannot be read is to be said here, not by every worker
    if bool(options.tls_cert) != bool(options.tls_key):
        raise InvalidInput("TLS takes two files: give both --tls-cert and --tls-key")
    if options.workers == 1:
        uvicorn.Server(_config(options, create_app)).run(sockets=[listener])
        return
    with tempfile.TemporaryDirectory(prefix="runstone-metrics-") as folder:
        shared = msgspec.structs.replace(options, metrics_folder=folder)
        Multiprocess(_config(shared, create_app), sockets=[listener]).run()


def _create_in_worker(create_app: Callable[[ServerOptions], App], options: ServerOptions) -> App:
    app = create_app(options)
    # Requests make many objects and no cycles: the collector need not look at every few of them, nor at the code.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    return app


def _config(options: ServerOptions, create_app: Callable[[ServerOptions], App]) -> uvicorn.Config:
    import uvicorn

    from runstone.server.protocol import HttpProtocol

    return uvicorn.Config(
        functools.partial(_create_in_worker, create_app, options),
        factory=True,
        host=options.host,
        port=options.port,
        workers=options.workers,
        http=HttpProtocol,
        loop="asyncio" if sys.platform == "win32" else "uvloop",
        ws="none",
        lifespan="on",
        access_log=options.access_log,
        log_config=_log_config(options.json_logs),
        log_level="info" if options.access_log else "warning",
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _log_config(as_json: bool) -> dict[str, Any]:
    formatter: dict[str, Any] = {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    if as_json:
        formatter = {"()": "runstone.server.logs.JsonFormatter"}
    loggers = {name: {"handlers": ["stderr"], "level": "INFO", "propagate": False} for name in ("uvicorn", "runstone")}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": loggers,
    }
