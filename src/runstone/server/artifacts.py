"""Files through the server: MLflow's proxied artifact service, and downloads by run. Streams both ways.

Runs of a proxied server have artifact URIs `mlflow-artifacts:/EXPERIMENT/RUN/artifacts`; the files lie below one
destination that only the server knows. No path leaves it: see `runstone.artifacts.paths`.
"""

from __future__ import annotations

import asyncio
import io
import mimetypes
import os
import posixpath
import re
import stat
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from runstone import settings
from runstone.artifacts.base import ArtifactStore, RangedStore
from runstone.artifacts.fsspec import FsspecArtifactStore
from runstone.artifacts.object import ObjectArtifactStore
from runstone.artifacts.paths import check_artifact_path
from runstone.artifacts.uris import join_uri, open_artifact_store
from runstone.entities import FileInfo
from runstone.errors import InvalidInput, NotFound, RunstoneError
from runstone.server.bodies import BodyReader
from runstone.wire import convert
from runstone.wire.codec import encode
from runstone.wire.schemas.common import Empty
from runstone.wire.schemas.runs import ArtifactsAnswer

__all__ = ["PROXIED_ROOT", "ArtifactService", "ProxiedArtifacts"]

PROXIED_ROOT = "mlflow-artifacts:"
T = TypeVar("T")

_CHUNK_BYTES = 1 << 20
_RANGE_BYTES = 4 << 20
_DOWNLOAD_LIFETIME_S = 300
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_UPLOADERS = 128
"""Uploads that one process takes at a time; more wait."""


class ProxiedArtifacts:
    """Opens artifact URIs on the server's side."""

    def __init__(self, destination: str) -> None:
        self.destination = destination
        store = open_artifact_store(destination)
        # One for all requests: it keeps connections.
        self._bucket = store if isinstance(store, ObjectArtifactStore) else None

    def open(self, uri: str) -> ArtifactStore:
        """The store that the artifact URI of a run means here. Raises InvalidInput for one that means nothing."""
        scheme, colon, path = uri.partition(":")
        if colon and scheme == "mlflow-artifacts":
            path = "/" + path.lstrip("/") if not path.startswith("//") else _path_behind_host(path)
            if self._bucket is not None:
                return self._bucket.below(path.strip("/"))
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
            raise _not_for_clients(uri, "in local folders")
        if isinstance(store, FsspecArtifactStore):
            raise _not_for_clients(uri, "on file systems")  # of fsspec's many, which may be anything
        return store.root_uri.rstrip("/")

    def local_folder(self) -> str:
        """The destination's path where it is a local folder, else an empty text."""
        parts = urlsplit(self.destination)
        return unquote(parts.path) if parts.scheme == "file" else ""

    def root(self) -> ArtifactStore:
        """All of the destination."""
        return self._bucket or open_artifact_store(self.destination)


def _not_for_clients(uri: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid artifact location {uri!r}: a server keeps no artifacts {where} of a client's choice; leave it out, "
        "or give one like mlflow-artifacts:/FOLDER"
    )


def _path_behind_host(path: str) -> str:
    return "/" + path[2:].partition("/")[2]


class ArtifactService:
    """Answers the artifact routes. Every method takes a path below the destination, or a run's own store."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        # An upload holds its thread for as long as its client takes to send it; nobody else waits for that.
        self._uploaders = ThreadPoolExecutor(_UPLOADERS, thread_name_prefix="runstone-upload")

    def close(self) -> None:
        """Let go of the threads."""
        self._uploaders.shutdown(wait=True)

    async def in_thread(self, act: Callable[[], T]) -> T:
        """What `act` returns, in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, act)

    async def upload(self, store: ArtifactStore, path: str, request: Request) -> Response:
        """Store the body; a client that vanishes midway leaves nothing under the name."""
        checked = check_artifact_path(path)
        await self.receive(request, lambda body: store.put_stream(body, checked))
        return Response(encode(Empty()), media_type="application/json")

    async def receive(self, request: Request, act: Callable[[BinaryIO], T]) -> T:
        """What `act` makes of the body, which it reads as it comes, in a thread of its own."""
        reader = BodyReader(request)
        body = io.BufferedReader(reader, _CHUNK_BYTES)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._uploaders, lambda: act(body))
        finally:
            reader.give_up()

    async def download(self, store: ArtifactStore, path: str, request: Request) -> Response:
        """The file, never to be shown as a page of the server: browsers must save it."""
        name = posixpath.basename(check_artifact_path(path))
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
        media_type = media_type_of(name)
        local = await self.in_thread(lambda: store.local_path(path))
        if local is not None:
            facts = await self.in_thread(lambda: _facts_of_file(local, path))
            response = FileResponse(local, 200, headers, media_type, filename=name, stat_result=facts)
            response.chunk_size = _CHUNK_BYTES
            return response
        headers["Content-Disposition"] = "attachment"
        if isinstance(store, RangedStore):
            return await self._download_ranged(store, path, request, headers | {"Content-Type": media_type})
        stream = await self.in_thread(lambda: store.open(path))
        return StreamingResponse(self._pieces(stream), 200, headers, media_type)

    async def _download_ranged(
        self, store: RangedStore, path: str, request: Request, headers: dict[str, str]
    ) -> Response:
        """A file of a bucket, or the range of it that is asked for (RFC 9110, 14), a piece in memory at a time."""
        size_bytes, etag = await self.in_thread(lambda: store.facts_of(path))
        headers |= {"Accept-Ranges": "bytes"} | ({"ETag": etag} if etag else {})
        start, stop, status = 0, size_bytes, 200
        if request.headers.get("if-range", etag) == etag and (
            wanted := _RANGE.fullmatch(request.headers.get("range", ""))
        ):
            if wanted[1]:
                start, stop = int(wanted[1]), min(size_bytes, int(wanted[2] or size_bytes) + 1)
            elif wanted[2]:
                start = max(0, size_bytes - int(wanted[2]))
            if start >= stop:
                return Response(status_code=416, headers={"Content-Range": f"bytes */{size_bytes}"})
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size_bytes}"
            status = 206
        headers["Content-Length"] = str(stop - start)
        return StreamingResponse(self._ranges(store, path, start, stop, etag), status, headers)

    async def _ranges(
        self, store: RangedStore, path: str, start: int, stop: int, etag: str | None
    ) -> AsyncIterator[bytes]:
        for begin in range(start, stop, _RANGE_BYTES):
            end = min(begin + _RANGE_BYTES, stop)
            yield await self.in_thread(partial(store.read_range, path, begin, end, etag))

    async def _pieces(self, stream: BinaryIO) -> AsyncIterator[bytes]:
        try:
            while piece := await self.in_thread(lambda: stream.read(_CHUNK_BYTES)):
                yield piece
        finally:
            stream.close()

    async def sign_download(self, store: ArtifactStore, path: str) -> tuple[str, int] | None:
        """Where a client gets the file for a while by itself, and its size; None where only the server can."""
        if not isinstance(store, RangedStore) or not settings.DIRECT_TRANSFER.get():
            return None
        size_bytes = (await self.in_thread(lambda: store.facts_of(path))).size_bytes
        try:
            return await self.in_thread(lambda: store.sign_url("GET", path, _DOWNLOAD_LIFETIME_S)), size_bytes
        except RunstoneError:  # credentials of a kind that signs nothing
            return None

    async def size_of(self, store: ArtifactStore, path: str) -> int | None:
        """The size of a file that can be had in ranges; None for one that comes in one piece. Raises NotFound."""
        local = await self.in_thread(lambda: store.local_path(path))
        if isinstance(store, RangedStore):
            return (await self.in_thread(lambda: store.facts_of(path))).size_bytes
        if local is None:
            await self.in_thread(lambda: store.open(path).close())
            return None
        return (await self.in_thread(lambda: _facts_of_file(local, path))).st_size

    async def list_folder(self, store: ArtifactStore, path: str) -> Response:
        """What stands in a folder, by name relative to it, as the proxied service answers it."""
        files = await self.in_thread(lambda: store.list(path))
        named = [FileInfo(posixpath.basename(file.path), file.is_dir, file.file_size) for file in files]
        answer = ArtifactsAnswer(root_uri="", files=[convert.file_body(file) for file in named])
        return Response(encode(answer), media_type="application/json")

    async def delete(self, store: ArtifactStore, path: str) -> Response:
        """Delete a file or folder."""
        checked = check_artifact_path(path)
        if not await self.in_thread(lambda: _exists(store, checked)):
            raise NotFound(f"There is no artifact '{path}'")
        await self.in_thread(lambda: store.delete(checked))
        return Response(encode(Empty()), media_type="application/json")


def _facts_of_file(local: Path, path: str) -> os.stat_result:
    facts = local.stat()
    if stat.S_ISDIR(facts.st_mode):
        raise InvalidInput(f"'{path}' is a folder; download its files one by one")
    return facts


def _exists(store: ArtifactStore, path: str) -> bool:
    folder, name = posixpath.split(path)
    return any(posixpath.basename(file.path) == name for file in store.list(folder))


def media_type_of(name: str) -> str:
    """A MIME type by the file's name."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
