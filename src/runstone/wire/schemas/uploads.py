"""Bodies of the proxied artifact service beside the files themselves: uploads in parts, downloads by address."""

from __future__ import annotations

import msgspec

from runstone.wire.schemas.common import Answer, Request

__all__ = [
    "AbortUpload",
    "CompleteUpload",
    "CreateUpload",
    "DownloadAddress",
    "Part",
    "PartAddress",
    "ServerInfo",
    "UploadAnswer",
]


class CreateUpload(Request, kw_only=True):
    """A new upload in parts. `path` is the client's local file: its name counts, the folder is in the URL."""

    path: str
    num_parts: int = 1


class PartAddress(Answer, kw_only=True):
    """Where a part is to be sent by PUT, with these headers."""

    url: str
    part_number: int
    headers: dict[str, str] = {}


class UploadAnswer(Answer, kw_only=True):
    """The new upload, and where its parts go."""

    upload_id: str
    credentials: list[PartAddress] = []


class Part(msgspec.Struct):
    """A part that was sent; `etag` is the answer's header of that name."""

    part_number: int
    etag: str | None = None


class CompleteUpload(Request, kw_only=True):
    """All parts were sent."""

    path: str
    upload_id: str
    parts: list[Part] = []


class AbortUpload(Request, kw_only=True):
    """The upload is given up."""

    path: str
    upload_id: str


class DownloadAddress(msgspec.Struct, kw_only=True):
    """Where to get a file by GET, with these headers; without a size, it cannot be had in ranges.

    `url` and `headers` are always there: clients read them without asking.
    """

    url: str
    headers: dict[str, str] = {}
    file_size: int | msgspec.UnsetType = msgspec.UNSET


class ServerInfo(msgspec.Struct, kw_only=True):
    """What MLflow's clients ask a server about itself."""

    store_type: str
    workspaces_enabled: bool
    trace_archival_enabled: bool
    multipart_uploads_enabled: bool
    multipart_downloads_enabled: bool
    presigned_upload_run_id_supported: bool
    presigned_upload_model_id_supported: bool
    features_enabled: dict[str, bool]
