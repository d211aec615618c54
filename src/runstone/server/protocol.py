"""HTTP/1.1 as uvicorn speaks it, with each answer in one piece: its head and a small body leave by one system call.

uvicorn writes the two apart, and uvloop hands each to the kernel at once: two packets, and a fiftieth of the CPU time
of a small request.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HttpProtocol"]

_MAX_HELD_BYTES = 1 << 16


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol over a transport that gathers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        self._gathering = _Gathering(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._gathering))

    def on_response_complete(self) -> None:
        """An answer is complete, and leaves at once: its client may go on while others are being answered."""
        self._gathering.release()
        super().on_response_complete()


class _Gathering:
    """A transport whose writes wait for `release`, at most until the next turn of the event loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self.release)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > _MAX_HELD_BYTES:
            self.release()

    def close(self) -> None:
        self.release()
        self._transport.close()

    def release(self) -> None:
        """Write what is held."""
        if self._held:
            data, self._held, self._held_bytes = b"".join(self._held), [], 0
            self._transport.write(data)
