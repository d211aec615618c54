"""Files through the server: MLflow's proxied artifact service as an ArtifactStore, other places directly.

A run of a server that proxies has an artifact URI such as `mlflow-artifacts:/EXPERIMENT/RUN/artifacts`; the server
alone knows where the files lie.
"""

from __future__ import annotations

import io
import posixpath
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote, urlencode, urlsplit

from runstone.artifacts.base import ArtifactStore, KeptFile
from runstone.artifacts.digests import PART_BYTES, is_same_content
from runstone.artifacts.local import check_readable_file
from runstone.artifacts.paths import check_artifact_path
from runstone.artifacts.readahead import PIECE_BYTES, open_ranges
from runstone.artifacts.uris import open_artifact_store
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, InvalidInput, NotFound, RunstoneError
from runstone.remote.address import ServerAddress
from runstone.remote.bodies import Body, FileBody, SourceFailed, StreamBody
from runstone.remote.calls import decode
from runstone.remote.direct import DirectTransfer
from runstone.remote.transport import Answer, Call, HttpSession
from runstone.wire.routes import ARTIFACTS_PATH
from runstone.wire.schemas.runs import ArtifactsAnswer

__all__ = ["HttpArtifactStore", "HttpArtifacts"]

SCHEME = "mlflow-artifacts"
_FILES_AT_ONCE = 4
_DIRECT_BYTES = 32 << 20
"""From here on asking for an address pays."""
_VALIDATORS = ("etag", "last-modified")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")


class HttpArtifacts:
    """Artifact URIs as a client of a server sees them."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session
        self._others: dict[tuple[str, int], HttpSession] = {}
        self._direct = DirectTransfer(session)

    def open(self, uri: str) -> ArtifactStore:
        """The store of the URI: the server's service for `mlflow-artifacts:`, else the place itself."""
        if not _is_proxied(uri):
            return open_artifact_store(uri)
        host, path = _split(uri)
        folder = check_artifact_path(path.strip("/"), allow_empty=True)
        session = self._session_for(uri, host)
        direct = self._direct if session is self._session else DirectTransfer(session)
        return HttpArtifactStore(session, uri.rstrip("/"), folder, direct)

    def close(self) -> None:
        """Close connections to other servers and to buckets; that of the session is not ours."""
        self._direct.close()
        for other in self._others.values():
            other.close()

    def check_location(self, uri: str) -> str:
        """The URI as the server shall keep it: a path of this machine in full, all else as it stands."""
        if re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:", uri) and not uri.lower().startswith("file:"):
            return uri.rstrip("/")
        return open_artifact_store(uri).root_uri.rstrip("/")

    def _session_for(self, uri: str, netloc: str) -> HttpSession:
        """The server's own session; another one where the URI names another host, which gets no credentials."""
        here = self._session.address
        try:
            parts = urlsplit(f"//{netloc}")
            host, port = parts.hostname, parts.port or here.port
        except ValueError as error:
            raise InvalidInput(f"Invalid artifact URI '{uri}': {error}") from None
        if not host or (host, port) == (here.host, here.port):
            return self._session
        other = self._others.get((host, port))
        if other is None:
            address = ServerAddress(scheme=here.scheme, host=host, port=port)
            other = self._others[host, port] = HttpSession(address, is_anonymous=True)
        return other


def _is_proxied(uri: str) -> bool:
    return uri.partition(":")[0].lower() == SCHEME


def _split(uri: str) -> tuple[str, str]:
    """Host (or nothing) and path, which is literal: `%` and `?` are letters of names."""
    rest = uri.partition(":")[2]
    if not rest.startswith("//"):
        return "", rest
    host, _, path = rest[2:].partition("/")
    return host, path


class HttpArtifactStore:
    """The files below one folder of a server's artifacts. Nothing is held in memory but the piece on its way."""

    def __init__(self, session: HttpSession, root_uri: str, folder: str, direct: DirectTransfer) -> None:
        self._direct = direct
        self.root_uri = root_uri
        self._session = session
        self._folder = folder

    def __repr__(self) -> str:
        return f"HttpArtifactStore({self.root_uri!r})"

    def put_file(self, local_path: Path, path: str) -> None:
        """Store the local file under `path`; a large one straight in the server's bucket, if it has one, or not at all
        where it is there already. Raises NotFound: no such local file.
        """
        path = check_artifact_path(path)
        local_path = Path(local_path)
        check_readable_file(local_path)
        size_bytes = local_path.stat().st_size
        if size_bytes > PART_BYTES and (
            self._has(local_path, size_bytes, path)
            or self._direct.put_file(local_path, size_bytes, posixpath.join(self._folder, path))
        ):
            return
        self._put(FileBody(local_path), path)

    def _has(self, local_path: Path, size_bytes: int, path: str) -> bool:
        head, sink = self._session.fetch(self._range_call(path, 0, 1), _make_sink)
        sink.close()
        if head.status != 206 or self._range_of(path, head)[2] != size_bytes:
            return False
        return is_same_content(local_path, size_bytes, head.headers.get("etag"))

    def most_at_once(self) -> int:
        """How many files may go over side by side."""
        return _FILES_AT_ONCE

    def find_kept(self, path: str) -> Mapping[str, KeptFile]:
        """None: large files are looked up one by one, and small ones are sent as quickly."""
        return {}

    def put_stream(self, stream: BinaryIO, path: str) -> int:
        """Store what the stream yields; returns the size in bytes.

        A stream that cannot seek is read once: where the connection breaks meanwhile, that is an error.
        """
        path = check_artifact_path(path)
        body = StreamBody(stream)
        self._put(body, path)
        return body.sent_bytes

    def _put(self, body: Body, path: str) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        try:
            self._session.ask(
                Call(verb="PUT", path=self._url_path(path), headers=headers, body=body, is_repeatable=True)
            )
        except SourceFailed as failure:
            raise failure.error from failure.error.__cause__

    def open(self, path: str) -> BinaryIO:
        """The file, for reading; can seek. Raises NotFound: no such file.

        Comes in pieces as it is read where the server can cut (RFC 9110, 14), else through a temporary file.
        """
        path = check_artifact_path(path)
        head, sink = self._session.fetch(self._range_call(path, 0, PIECE_BYTES), _make_sink)
        if head.status == 404:
            sink.close()
            raise NotFound(f"No artifact '{path}' in '{self.root_uri}'; list its folder to see what there is")
        if head.status == 416:  # an empty file has no range at all
            sink.close()
            return io.BytesIO()
        if head.status != 206:
            return sink
        with sink:
            first = sink.read()
        _, _, size_bytes = self._range_of(path, head)
        if len(first) == size_bytes:
            return io.BytesIO(first)

        read = self._direct.find_reader(posixpath.join(self._folder, path)) if size_bytes > _DIRECT_BYTES else None

        def read_range(start: int, stop: int) -> bytes:
            nonlocal read
            if read is not None:
                try:
                    return self._checked(path, start, stop, head, read(start, stop))
                except RunstoneError:
                    self._direct.close_download()
                    read = None
            return self._checked(path, start, stop, head, self._session.ask(self._range_call(path, start, stop)))

        return open_ranges(read_range, size_bytes, first)

    def _checked(self, path: str, start: int, stop: int, first: Answer, answer: Answer) -> bytes:
        """The bytes of the answer, which must be of the file that the first answer was of."""
        is_same = all(
            answer.headers.get(name) == first.headers.get(name) for name in _VALIDATORS if name in first.headers
        )
        if answer.status != 206 or not is_same or self._range_of(path, answer)[:2] != (start, stop):
            raise ArtifactError(
                f"The artifact '{path}' in '{self.root_uri}' was replaced or deleted while it was read; open it again"
            )
        return answer.body

    def _range_call(self, path: str, start: int, stop: int) -> Call:
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        return Call(verb="GET", path=self._url_path(path), headers=headers, is_repeatable=True, accepted=(404, 416))

    def _range_of(self, path: str, answer: Answer) -> tuple[int, int, int]:
        """Start and stop of the bytes in an answer, and the size of all of the file."""
        match = _CONTENT_RANGE.match(answer.headers.get("content-range", ""))
        if match is None:
            raise ArtifactError(f"Cannot read the artifact '{path}' in '{self.root_uri}': the answer names no range")
        return int(match[1]), int(match[2]) + 1, int(match[3])

    def list(self, path: str = "") -> list[FileInfo]:
        """What stands directly below `path`, by name."""
        path = check_artifact_path(path, allow_empty=True)
        folder = posixpath.join(self._folder, path).rstrip("/")
        url_path = f"{ARTIFACTS_PATH}?{urlencode({'path': folder})}" if folder else ARTIFACTS_PATH
        answer = self._session.ask(Call(verb="GET", path=url_path, is_repeatable=True))
        body = decode(self._session, f"GET {ARTIFACTS_PATH}", answer, ArtifactsAnswer)
        # Names are relative to the folder. MLflow leaves out a size of zero.
        found = [
            FileInfo(posixpath.join(path, file.path), file.is_dir, None if file.is_dir else file.file_size or 0)
            for file in body.files
        ]
        return sorted(found, key=lambda info: info.path)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all in it; nothing happens where there is none."""
        path = check_artifact_path(path, allow_empty=True)
        if not path and not self._folder:
            for info in self.list():
                self.delete(info.path)
            return
        self._session.ask(Call(verb="DELETE", path=self._url_path(path), is_repeatable=True, accepted=(404,)))

    def local_path(self, path: str) -> Path | None:
        """None: the files are on the server."""
        check_artifact_path(path, allow_empty=True)
        return None

    def _url_path(self, path: str) -> str:
        return f"{ARTIFACTS_PATH}/{quote(posixpath.join(self._folder, path).rstrip('/'))}"


def _make_sink(head: Answer) -> BinaryIO:
    size = head.headers.get("content-length", "")
    if size.isdigit() and int(size) <= PIECE_BYTES:
        return io.BytesIO()
    return cast("BinaryIO", tempfile.TemporaryFile(prefix="runstone-"))
