"""MLflow's proxied artifact service by path and verb: files, uploads in parts, downloads by address."""

from __future__ import annotations

import ntpath
import posixpath
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from runstone import settings
from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.paths import PART_PREFIX, check_artifact_path
from runstone.artifacts.s3_parts import S3Parts
from runstone.entities.access import Level
from runstone.errors import InvalidInput
from runstone.server.addresses import own_url
from runstone.server.artifacts import ArtifactService, ProxiedArtifacts
from runstone.server.bodies import read_body
from runstone.server.dispatch import json_response, plain_fault
from runstone.server.guarding import Guarding
from runstone.server.targets import Handler, Target, wrong_verb
from runstone.server.uploads import Uploads, check_part_count
from runstone.wire.codec import decode_body
from runstone.wire.routes import ARTIFACTS_PATH, PRESIGNED_PATH, UPLOADS_PATH
from runstone.wire.schemas import uploads as bodies
from runstone.wire.schemas.common import Empty
from runstone.wire.schemas.common import Request as Body

__all__ = ["FileRoutes"]

B = TypeVar("B", bound=Body)

_UPLOADS = f"{PART_PREFIX}uploads"
# Clients of MLflow's that read these words send the file in one piece.
_NO_PARTS = "Multipart upload is not supported for the current artifact repository"


class FileRoutes:
    """The routes below `/api/2.0/mlflow-artifacts` of one server; without `proxied`, all of them say so."""

    def __init__(
        self, files: ArtifactService, proxied: ProxiedArtifacts | None, static_prefix: str, guarding: Guarding
    ) -> None:
        self._files = files
        self._guarding = guarding
        self._proxied = proxied
        self._static_prefix = static_prefix
        self._uploads = None if proxied is None else _uploads_beside(proxied)
        self._parts = None if proxied is None or not settings.DIRECT_TRANSFER.get() else S3Parts.find(proxied.root())

    def find(self, path: str, verb: str) -> Target | Response | None:
        """What the path and verb lead to; None for a path that is none of these."""
        plain = path.removeprefix("/ajax-api") if path.startswith("/ajax-api/") else path.removeprefix("/api")
        for prefix, find in (
            (ARTIFACTS_PATH, self._file),
            (UPLOADS_PATH, self._upload),
            (PRESIGNED_PATH, self._presigned),
        ):
            prefix = prefix.removeprefix("/api")
            if plain != path and (plain == prefix or plain.startswith(prefix + "/")):
                if self._proxied is None:
                    return plain_fault(
                        501,
                        "NOT_IMPLEMENTED",
                        "This server does not serve artifacts (started with --no-serve-artifacts)",
                    )
                targets = find(self._proxied, plain[len(prefix) + 1 :])
                if targets is None:
                    return None
                return targets.get(verb) or wrong_verb(path, verb, targets)
        return None

    # -- files

    def _file(self, proxied: ProxiedArtifacts, path: str) -> dict[str, Target]:
        files, root = self._files, proxied.root()

        async def upload(request: Request) -> Response:
            await self._check(request, path, Level.EDIT)
            return await files.upload(root, path, request)

        async def delete(request: Request) -> Response:
            await self._check(request, path, Level.MANAGE)
            return await files.delete(root, path)

        async def download(request: Request) -> Response:
            await self._check(request, path, Level.READ)
            return await files.download(root, path, request)

        async def list_folder(request: Request) -> Response:
            folder = request.query_params.get("path", "")
            await self._check(request, folder, Level.READ)
            return await files.list_folder(root, folder)

        read = Target("download_artifact", download, False) if path else Target("list_artifacts", list_folder, False)
        return {
            "PUT": Target("upload_artifact", upload, True),
            "DELETE": Target("delete_artifact", delete, True),
            "GET": read,
        }

    async def _check(self, request: Request, path: str, level: Level) -> None:
        # As the store reads the path, so that no other spelling of it gets past.
        checked = check_artifact_path(path, allow_empty=True)
        await self._files.in_thread(lambda: self._guarding.check_path(request, checked, level))

    def _presigned(self, proxied: ProxiedArtifacts, path: str) -> dict[str, Target]:
        async def describe(request: Request) -> Response:
            checked = check_artifact_path(path)
            await self._check(request, checked, Level.READ)
            if direct := await self._files.sign_download(proxied.root(), checked):
                return json_response(bodies.DownloadAddress(url=direct[0], file_size=direct[1]))
            size_bytes = await self._files.size_of(proxied.root(), checked)
            url = f"{own_url(request, self._static_prefix)}{ARTIFACTS_PATH}/{quote(checked)}"
            answer = bodies.DownloadAddress(url=url, headers=_credentials(request))
            if size_bytes is not None:
                answer.file_size = size_bytes
            return json_response(answer)

        return {"GET": Target("presign_download", describe, False)}

    # -- uploads in parts

    def _upload(self, proxied: ProxiedArtifacts, path: str) -> dict[str, Target] | None:
        act, _, rest = path.partition("/")
        if self._parts is not None:
            return self._upload_to_bucket(self._parts, act, rest)
        uploads = self._uploads
        if uploads is None:
            return {verb: Target("upload_parts", _refuse_parts, False) for verb in ("POST", "PUT")}
        if act == "parts":
            return {"PUT": Target("upload_part", lambda request: self._put_part(uploads, rest, request), True)}
        handlers: dict[str, Handler] = {
            "create": lambda request: self._create(uploads, rest, request),
            "complete": lambda request: self._complete(uploads, proxied, rest, request),
            "abort": lambda request: self._abort(uploads, rest, request),
        }
        return {"POST": Target(f"{act}_upload", handlers[act], True)} if act in handlers else None

    async def _create(self, uploads: Uploads, folder: str, request: Request) -> Response:
        body = await _read(request, bodies.CreateUpload)
        target = _target(folder, body.path)
        await self._check(request, target, Level.EDIT)
        upload_id = await self._files.in_thread(lambda: uploads.create(target, body.num_parts))
        url = f"{own_url(request, self._static_prefix)}{UPLOADS_PATH}/parts/{upload_id}"
        headers = _credentials(request)
        addresses = [
            bodies.PartAddress(url=f"{url}/{number}", part_number=number, headers=headers)
            for number in range(1, body.num_parts + 1)
        ]
        return json_response(bodies.UploadAnswer(upload_id=upload_id, credentials=addresses))

    def _upload_to_bucket(self, parts: S3Parts, act: str, folder: str) -> dict[str, Target] | None:
        async def create(request: Request) -> Response:
            body = await _read(request, bodies.CreateUpload)
            target, count = _target(folder, body.path), check_part_count(body.num_parts)
            await self._check(request, target, Level.EDIT)
            upload_id = await self._files.in_thread(lambda: parts.create(target))
            addresses = [
                bodies.PartAddress(url=parts.part_url(target, upload_id, number), part_number=number)
                for number in range(1, count + 1)
            ]
            return json_response(bodies.UploadAnswer(upload_id=upload_id, credentials=addresses))

        async def complete(request: Request) -> Response:
            body = await _read(request, bodies.CompleteUpload)
            etags = [(part.part_number, part.etag) for part in body.parts]
            target = _target(folder, body.path)
            await self._check(request, target, Level.EDIT)
            await self._files.in_thread(lambda: parts.complete(target, body.upload_id, etags))
            return json_response(Empty())

        async def abort(request: Request) -> Response:
            body = await _read(request, bodies.AbortUpload)
            target = _target(folder, body.path)
            await self._check(request, target, Level.EDIT)
            await self._files.in_thread(lambda: parts.abort(target, body.upload_id))
            return json_response(Empty())

        handlers: dict[str, Handler] = {"create": create, "complete": complete, "abort": abort}
        return {"POST": Target(f"{act}_upload", handlers[act], True)} if act in handlers else None

    async def _put_part(self, uploads: Uploads, rest: str, request: Request) -> Response:
        upload_id, _, number = rest.partition("/")
        if not (number.isascii() and number.isdecimal()):
            raise InvalidInput(f"Invalid part number {number[:64]!r}: use the URL that begins the upload, unchanged")
        etag = await self._files.receive(request, lambda body: uploads.put_part(upload_id, int(number[:9]), body))
        response = json_response(Empty())
        response.headers["ETag"] = etag
        return response

    async def _complete(self, uploads: Uploads, proxied: ProxiedArtifacts, folder: str, request: Request) -> Response:
        body = await _read(request, bodies.CompleteUpload)
        parts = [(part.part_number, part.etag) for part in body.parts]
        target = _target(folder, body.path)
        await self._check(request, target, Level.EDIT)
        await self._files.in_thread(lambda: uploads.complete(body.upload_id, target, parts, proxied.root()))
        return json_response(Empty())

    async def _abort(self, uploads: Uploads, folder: str, request: Request) -> Response:
        body = await _read(request, bodies.AbortUpload)
        target = _target(folder, body.path)
        await self._check(request, target, Level.EDIT)
        await self._files.in_thread(lambda: uploads.abort(body.upload_id, target))
        return json_response(Empty())


def _uploads_beside(proxied: ProxiedArtifacts) -> Uploads | None:
    """Parts lie on the destination's own disk, where every worker sees them; None where it is no local folder.

    Those of S3 lie in the bucket (`S3Parts`); other buckets take files in one piece.
    """
    root = proxied.root()
    return Uploads(root.root / _UPLOADS) if isinstance(root, LocalArtifactStore) else None


async def _refuse_parts(request: Request) -> Response:
    return plain_fault(501, "NOT_IMPLEMENTED", _NO_PARTS)


async def _read(request: Request, kind: type[B]) -> B:
    return decode_body(await read_body(request), kind)


def _target(folder: str, local_file: str) -> str:
    """The artifact's path: the name of the client's file, in the folder of the URL."""
    on_windows = ntpath.splitdrive(local_file)[0] or "/" not in local_file
    name = ntpath.basename(local_file) if on_windows else posixpath.basename(local_file)
    return check_artifact_path(f"{folder}/{name}" if folder else name)


def _credentials(request: Request) -> dict[str, str]:
    """What a client must send along to an address that it asked for: it leaves its own credentials out there."""
    authorization = request.headers.get("authorization")
    return {} if authorization is None else {"Authorization": authorization}
