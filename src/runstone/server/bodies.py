"""Bodies of requests: whole and bounded, or as a file that a worker thread reads while it arrives."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any

from starlette.requests import Request

from runstone.errors import InvalidInput

__all__ = ["BodyReader", "BodyStalled", "BodyTooLarge", "read_body"]

MAX_BODY_BYTES = 64 << 20
MAX_PAUSE_S = 60
"""How long an upload may stand still. Each holds a thread, which a client that has gone silent must give back."""


class BodyTooLarge(InvalidInput):
    """More than the server takes in one body."""


class BodyStalled(InvalidInput):
    """Nothing of the body has come for too long."""


async def read_body(request: Request) -> bytes:
    """The whole body. Raises BodyTooLarge, before anything is read where the length is told."""
    length = dict(request.scope["headers"]).get(b"content-length", b"")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise _too_large()
    message = await request.receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        return body  # as small ones come; Starlette's stream costs as much as all else here together
    parts, size_bytes = [body], len(body)
    async for part in request.stream():
        size_bytes += len(part)
        if size_bytes > MAX_BODY_BYTES:
            raise _too_large()
        parts.append(part)
    return b"".join(parts)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The request's body is larger than {MAX_BODY_BYTES >> 20} MiB; send smaller batches")


class BodyReader(io.RawIOBase):
    """A request's body as a file for a worker thread; the event loop hands over one piece at a time.

    Reading raises ClientDisconnect and BodyStalled, and CancelledError once the request has been given up.
    """

    def __init__(self, request: Request) -> None:
        self._pieces = request.stream().__aiter__()
        self._loop = asyncio.get_running_loop()
        self._rest = memoryview(b"")
        self._coming: Future[bytes] | None = None
        self._given_up = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for the next piece, if the last one is used up. For the worker thread."""
        while not self._rest:
            self._coming = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
            try:
                self._rest = memoryview(self._coming.result())
            except StopAsyncIteration:
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    async def _next(self) -> bytes:
        if self._given_up:
            raise asyncio.CancelledError
        try:
            return await asyncio.wait_for(_next(self._pieces), MAX_PAUSE_S)
        except asyncio.TimeoutError:
            raise BodyStalled(f"Nothing of the request's body has come for {MAX_PAUSE_S} s; send it again") from None

    def give_up(self) -> None:
        """End the thread's waiting. For the event loop, once nobody wants the outcome."""
        self._given_up = True
        if self._coming is not None:
            self._coming.cancel()


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    return await pieces.__anext__()
