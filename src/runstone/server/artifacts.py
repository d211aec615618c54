"""Files through the server: MLflow's proxied artifact service, and downloads by run. Streams both ways.

Runs of a proxied server have artifact URIs `mlflow-artifacts:/EXPERIMENT/RUN/artifacts`; the files lie below one
destination that only the server knows. No path leaves it: see `runstone.artifacts.paths`.
"""

from __future__ import annotations

import asyncio
import io
import mimetypes
import posixpath
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import Any, BinaryIO, TypeVar

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.paths import check_artifact_path
from runstone.artifacts.uris import join_uri, open_artifact_store
from runstone.entities import FileInfo
from runstone.errors import InvalidInput, NotFound
from runstone.wire import convert
from runstone.wire.codec import encode
from runstone.wire.schemas.common import Empty
from runstone.wire.schemas.runs import ArtifactsAnswer

__all__ = ["PROXIED_ROOT", "ArtifactService", "ProxiedArtifacts"]

PROXIED_ROOT = "mlflow-artifacts:"
T = TypeVar("T")

_CHUNK_BYTES = 1 << 20


class ProxiedArtifacts:
    """Opens artifact URIs on the server's side."""

    def __init__(self, destination: str) -> None:
        self.destination = destination

    def open(self, uri: str) -> ArtifactStore:
        """The store that the artifact URI of a run means here. Raises InvalidInput for one that means nothing."""
        scheme, colon, path = uri.partition(":")
        if colon and scheme == "mlflow-artifacts":
            path = "/" + path.lstrip("/") if not path.startswith("//") else _path_behind_host(path)
            return open_artifact_store(join_uri(self.destination, path.strip("/")))
        return open_artifact_store(uri)

    def check_location(self, uri: str) -> str:
        """A location that a client of the server may choose: proxied ones, and other storage than local folders.

        A local folder would let any client read and write the server's files.
        """
        scheme, colon, path = uri.partition(":")
        if colon and scheme == "mlflow-artifacts":
            self.open(uri)
            return f"{PROXIED_ROOT}/{path.strip('/')}"
        store = open_artifact_store(uri)
        if store.root_uri.startswith("file:"):
            raise InvalidInput(
                f"Invalid artifact location {uri!r}: a server keeps no artifacts in local folders of a client's choice; "
                "leave it out, or give one like mlflow-artifacts:/FOLDER"
            )
        return store.root_uri.rstrip("/")

    def root(self) -> ArtifactStore:
        """All of the destination."""
        return open_artifact_store(self.destination)


def _path_behind_host(path: str) -> str:
    return "/" + path[2:].partition("/")[2]


class _BodyReader(io.RawIOBase):
    """A request's body as a file for a worker thread; the event loop hands over one piece at a time."""

    def __init__(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        self._pieces = request.stream().__aiter__()
        self._loop = loop
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                piece = asyncio.run_coroutine_threadsafe(_next(self._pieces), self._loop).result()
            except StopAsyncIteration:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    return await pieces.__anext__()


class ArtifactService:
    """Answers the artifact routes. Every method takes a path below the destination, or a run's own store."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, act)

    async def upload(self, store: ArtifactStore, path: str, request: Request) -> Response:
        """Store the body; a client that vanishes midway leaves nothing under the name."""
        reader = io.BufferedReader(_BodyReader(request, asyncio.get_running_loop()), _CHUNK_BYTES)
        checked = check_artifact_path(path)
        await self._in_thread(lambda: store.put_stream(reader, checked))
        return Response(encode(Empty()), media_type="application/json")

    async def download(self, store: ArtifactStore, path: str, request: Request) -> Response:
        """The file, never to be shown as a page of the server: browsers must save it."""
        name = posixpath.basename(check_artifact_path(path))
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
        media_type = media_type_of(name)
        local = await self._in_thread(lambda: store.local_path(path))
        if local is not None:
            if local.is_dir():
                raise InvalidInput(f"'{path}' is a folder; download its files one by one")
            return FileResponse(local, 200, headers, media_type, filename=name)
        stream = await self._in_thread(lambda: store.open(path))
        headers["Content-Disposition"] = "attachment"
        return StreamingResponse(self._pieces(stream), 200, headers, media_type)

    async def _pieces(self, stream: BinaryIO) -> AsyncIterator[bytes]:
        try:
            while piece := await self._in_thread(lambda: stream.read(_CHUNK_BYTES)):
                yield piece
        finally:
            stream.close()

    async def list_folder(self, store: ArtifactStore, path: str) -> Response:
        """What stands in a folder, by name relative to it, as the proxied service answers it."""
        files = await self._in_thread(lambda: store.list(path))
        named = [FileInfo(posixpath.basename(file.path), file.is_dir, file.file_size) for file in files]
        answer = ArtifactsAnswer(root_uri="", files=[convert.file_body(file) for file in named])
        return Response(encode(answer), media_type="application/json")

    async def delete(self, store: ArtifactStore, path: str) -> Response:
        """Delete a file or folder."""
        checked = check_artifact_path(path)
        if not await self._in_thread(lambda: _exists(store, checked)):
            raise NotFound(f"There is no artifact '{path}'")
        await self._in_thread(lambda: store.delete(checked))
        return Response(encode(Empty()), media_type="application/json")


def _exists(store: ArtifactStore, path: str) -> bool:
    folder, name = posixpath.split(path)
    return any(posixpath.basename(file.path) == name for file in store.list(folder))


def media_type_of(name: str) -> str:
    """A MIME type by the file's name."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
