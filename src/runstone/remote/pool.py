"""Connections to one server: kept alive, shared by threads, through TLS and proxies as the settings say.

The one module that makes connections of urllib3, which loads on first use.
"""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from runstone import settings
from runstone.errors import InvalidInput
from runstone.remote.address import ServerAddress

if TYPE_CHECKING:
    import urllib3

__all__ = ["MAX_CONNECTIONS", "make_pool"]

MAX_CONNECTIONS = 16
"""Of one process to one server; a thread that finds all of them in use waits."""

# A connection that idles through a long epoch must not be forgotten by what lies between (NAT, load balancers).
_KEEP_ALIVE_AFTER_S = 60


def make_pool(address: ServerAddress) -> urllib3.PoolManager:
    """A pool for the server. Raises InvalidInput for settings that contradict each other or name no file."""
    import urllib3
    from urllib3.connection import HTTPConnection

    options: dict[str, Any] = {
        "num_pools": 1,
        "maxsize": MAX_CONNECTIONS,
        "block": True,
        "socket_options": [*HTTPConnection.default_socket_options, *_keep_alive()],
    }
    if address.scheme == "https":
        options |= _tls()
    proxy = _find_proxy(address)
    if proxy is None:
        return urllib3.PoolManager(**options)
    parts = urlsplit(proxy)
    if parts.scheme not in ("http", "https"):
        raise InvalidInput(
            f"Cannot use the proxy at '{parts.hostname}': its scheme is '{parts.scheme}', and only http and https are "
            "known; change HTTP_PROXY and HTTPS_PROXY, or add the server to NO_PROXY"
        )
    headers = None
    if parts.username is not None:
        headers = urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(url, proxy_headers=headers, **options)


def _keep_alive() -> list[tuple[int, int, int]]:
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    if hasattr(socket, "TCP_KEEPIDLE"):
        options.append((socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_AFTER_S))
    return options


def _find_proxy(address: ServerAddress) -> str | None:
    """The proxy that the environment wants (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, but for NO_PROXY), if any."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(f"{address.host}:{address.port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _tls() -> dict[str, Any]:
    options: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED"}
    authorities = settings.TRACKING_SERVER_CERT_PATH
    if settings.TRACKING_INSECURE_TLS.get():
        if authorities.source() in authorities.names[:2]:
            raise InvalidInput(
                f"{settings.TRACKING_INSECURE_TLS.source()} and {authorities.source()} are both set: a certificate is "
                "either checked or not; unset one of them"
            )
        options["cert_reqs"] = "CERT_NONE"
    elif path := _existing(authorities):
        options["ca_cert_dir" if path.is_dir() else "ca_certs"] = str(path)
    if path := _existing(settings.TRACKING_CLIENT_CERT_PATH):
        options |= {"cert_file": str(path), "key_file": str(path)}
    return options


def _existing(setting: settings.Setting[str | None]) -> Path | None:
    path = setting.get()
    if path is None:
        return None
    if not Path(path).exists():
        raise InvalidInput(f"There is no file '{path}', which {setting.source()} names; correct it or unset it")
    return Path(path)
