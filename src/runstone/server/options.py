"""What can be chosen when a server starts."""

from __future__ import annotations

import msgspec

__all__ = ["ServerOptions"]


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`tracking_uri` is the store's; `artifacts_destination` a folder or URI (default: beside the store).

    With `serve_artifacts` clients send files through the server, else straight to the destination.
    `metrics_folder` is where several workers leave their counts for one another.
    """

    tracking_uri: str
    artifacts_destination: str | None = None
    serve_artifacts: bool = True
    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 1
    static_prefix: str = ""
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    read_only: bool = False
    access_log: bool = False
    json_logs: bool = False
    metrics_folder: str | None = None
    auth: bool = False
    tls_cert: str | None = None
    tls_key: str | None = None
