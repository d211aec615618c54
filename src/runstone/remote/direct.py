"""Large files straight to and from a server's bucket, by addresses that the server signs. No credentials here.

The service is MLflow's: uploads in parts (`mpu`), downloads by address (`presigned`). Where it leads back to the server
itself, or the bucket cannot be reached from here, files go through the server, and it is not asked again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from runstone import settings
from runstone.artifacts.digests import part_bytes
from runstone.errors import InvalidInput, RunstoneError
from runstone.remote.address import parse_address
from runstone.remote.bodies import SourceFailed
from runstone.remote.calls import decode
from runstone.remote.transport import Answer, Call, HttpSession
from runstone.wire.routes import PRESIGNED_PATH, UPLOADS_PATH
from runstone.wire.schemas import uploads as bodies

__all__ = ["DirectTransfer"]

T = TypeVar("T")
_PARTS_AT_ONCE = 6
_CHUNK_BYTES = 1 << 18


class DirectTransfer:
    """The direct ways of one server, for all of its stores. Safe to share between threads."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session
        self._buckets: dict[str, HttpSession] = {}
        self._closed_ways: set[str] = set()

    def close(self) -> None:
        """Close the connections to buckets."""
        for bucket in self._buckets.values():
            bucket.close()

    def put_file(self, local_path: Path, size_bytes: int, target: str) -> bool:
        """Store a file of the server's artifacts in parts; False where it must go through the server."""
        if not self._may("upload"):
            return False
        part = part_bytes(size_bytes)
        count = -(-size_bytes // part)
        folder, name = posixpath.split(target)
        try:
            upload = self._tell("create", folder, bodies.CreateUpload(path=name, num_parts=count), bodies.UploadAnswer)
        except RunstoneError:
            return self._close_way("upload")
        ending = {"path": name, "upload_id": upload.upload_id}
        if len(upload.credentials) != count or not self._is_elsewhere(upload.credentials[0].url):
            self._abort(folder, ending)
            return self._close_way("upload")
        try:
            parts = self._send_parts(local_path, size_bytes, part, upload.credentials)
        except RunstoneError:
            self._abort(folder, ending)
            return self._close_way("upload")
        except BaseException:
            self._abort(folder, ending)
            raise
        self._tell("complete", folder, bodies.CompleteUpload(**ending, parts=parts), None)
        return True

    def find_reader(self, target: str) -> Callable[[int, int], Answer] | None:
        """What gets a range of a file from its bucket, or None where it must come through the server."""
        if not self._may("download"):
            return None
        try:
            address = self._address_of(target)
        except RunstoneError:
            address = None
        if address is None or not self._is_elsewhere(address.url):
            self._close_way("download")
            return None
        current = address

        def read(start: int, stop: int) -> Answer:
            nonlocal current
            answer = self._get(current, start, stop)
            if answer.status == 403:  # its time is over
                current = self._address_of(target)
                answer = self._get(current, start, stop)
            return answer

        return read

    def close_download(self) -> None:
        """Do not try again to read from buckets."""
        self._close_way("download")

    # -- parts

    def _send_parts(
        self, local_path: Path, size_bytes: int, part: int, addresses: list[bodies.PartAddress]
    ) -> list[bodies.Part]:
        def send(address: bodies.PartAddress) -> bodies.Part:
            start = (address.part_number - 1) * part
            body = _PartBody(local_path, start, min(part, size_bytes - start))
            path = _path_of(address.url)
            call = Call(verb="PUT", path=path, headers=dict(address.headers), body=body, is_repeatable=True)
            try:
                answer = self._bucket_of(address.url).ask(call)
            except SourceFailed as failure:
                raise failure.error from failure.error.__cause__
            return bodies.Part(part_number=address.part_number, etag=answer.headers.get("etag"))

        threads = ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="runstone-parts")
        try:
            return list(threads.map(send, addresses))
        finally:
            threads.shutdown(wait=True, cancel_futures=True)

    def _tell(self, act: str, folder: str, body: msgspec.Struct, kind: type[T] | None) -> T:
        path = f"{UPLOADS_PATH}/{act}/{quote(folder)}".rstrip("/")
        call = Call(
            verb="POST",
            path=path,
            headers={"Content-Type": "application/json"},
            body=msgspec.json.encode(body),
            is_repeatable=act != "create",
        )
        answer = self._session.ask(call)
        return decode(self._session, f"POST {path}", answer, kind) if kind else None  # type: ignore[return-value]

    def _abort(self, folder: str, ending: dict[str, str]) -> None:
        try:
            self._tell("abort", folder, bodies.AbortUpload(**ending), None)
        except RunstoneError:
            return  # nothing of it shows; the bucket's own rule removes the parts

    # -- addresses

    def _address_of(self, target: str) -> bodies.DownloadAddress:
        path = f"{PRESIGNED_PATH}/{quote(target)}"
        answer = self._session.ask(Call(verb="GET", path=path, is_repeatable=True))
        found: bodies.DownloadAddress = decode(self._session, f"GET {path}", answer, bodies.DownloadAddress)
        return found

    def _get(self, address: bodies.DownloadAddress, start: int, stop: int) -> Answer:
        headers = {**address.headers, "Range": f"bytes={start}-{stop - 1}"}
        call = Call(verb="GET", path=_path_of(address.url), headers=headers, is_repeatable=True, accepted=(403,))
        return self._bucket_of(address.url).ask(call)

    def _bucket_of(self, url: str) -> HttpSession:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        session = self._buckets.get(place)
        if session is None:
            session = self._buckets[place] = HttpSession(parse_address(place), is_anonymous=True)
        return session

    def _is_elsewhere(self, url: str) -> bool:
        here = self._session.address
        try:
            there = parse_address(urlsplit(url)._replace(query="", fragment="").geturl())
        except InvalidInput:
            return False
        return (there.host, there.port) != (here.host, here.port)

    def _may(self, way: str) -> bool:
        return way not in self._closed_ways and settings.DIRECT_TRANSFER.get()

    def _close_way(self, way: str) -> bool:
        self._closed_ways.add(way)
        return False


class _PartBody:
    """Some bytes of a local file, read as they are sent."""

    def __init__(self, path: Path, start: int, size_bytes: int) -> None:
        self._path = path
        self._start = start
        self.size_bytes: int | None = size_bytes

    def can_restart(self) -> bool:
        return True

    def pieces(self) -> Iterator[bytes]:
        left = self.size_bytes or 0
        try:
            with self._path.open("rb") as file:
                file.seek(self._start)
                while left:
                    piece = file.read(min(left, _CHUNK_BYTES))
                    if not piece:
                        raise SourceFailed(InvalidInput(f"'{self._path}' became shorter while it was uploaded"))
                    left -= len(piece)
                    yield piece
        except OSError as error:
            raise SourceFailed(error) from error


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
