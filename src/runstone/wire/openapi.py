"""The OpenAPI document of `routes`, and of the files that go through the server."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import msgspec

from runstone.version import __version__
from runstone.wire.faults import FaultBody
from runstone.wire.routes import (
    ARTIFACTS_PATH,
    NATIVE_PREFIX,
    NATIVE_ROUTES,
    PREFIXES,
    PRESIGNED_PATH,
    ROUTES,
    SERVER_INFO_PATHS,
    UPLOADS_PATH,
    Media,
    Route,
)
from runstone.wire.schemas import uploads
from runstone.wire.schemas.browsing import DownloadFolder, DownloadRuns
from runstone.wire.schemas.common import Empty
from runstone.wire.schemas.runs import ArtifactsAnswer

__all__ = ["MEDIA_TYPES", "openapi_document"]

MEDIA_TYPES: dict[Media, str] = {
    "json": "application/json",
    "msgpack": "application/msgpack",
    "columns": "application/vnd.runstone.columns",
}
"""Of `columns` the schema describes the head."""
_REF = "#/components/schemas/{name}"


@cache
def openapi_document() -> bytes:
    """The document as JSON (https://spec.openapis.org/oas/v3.1.0), of the first prefix."""
    rows = [(PREFIXES[0], route) for route in ROUTES] + [(NATIVE_PREFIX, route) for route in NATIVE_ROUTES]
    bodies = [FaultBody, *_FILE_BODIES, *(kind for _, route in rows for kind in (route.request, route.answer))]
    _, components = msgspec.json.schema_components(list(dict.fromkeys(bodies)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for prefix, route in rows:
        for verb in route.verbs:
            paths.setdefault(f"{prefix}/{route.path}", {})[verb.lower()] = _operation(route, verb, components)
    paths.update(_file_paths())
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Runstone tracking server (MLflow's REST API)", "version": __version__},
        "paths": paths,
        "components": {"schemas": components},
    }
    return json.dumps(document, indent=1).encode()


def _operation(route: Route, verb: str, components: dict[str, Any]) -> dict[str, Any]:
    in_path = re.findall(r"{(\w+)}", route.path)
    schema = components[route.request.__name__]
    operation: dict[str, Any] = {
        "operationId": route.name if verb == route.verbs[0] else f"{route.name}_{verb.lower()}",
        "summary": (route.request.__doc__ or "").strip(),
        "x-access": route.access,
        "parameters": [
            {"name": name, "in": "path" if name in in_path else "query", "schema": one,
             "required": name in in_path or name in schema.get("required", ())}
            for name, one in schema["properties"].items()
            if name in in_path or verb == "GET"
        ],
        "responses": {
            "200": _body("Done", route.answer, route.media),
            "default": _body("What went wrong", FaultBody),
        },
    }  # fmt: skip
    if verb != "GET":
        asked: Media = "json" if route.media == "columns" else route.media
        operation["requestBody"] = {"required": True, **_body("", route.request, asked)}
    return operation


def _body(description: str, kind: type[msgspec.Struct], media: Media = "json") -> dict[str, Any]:
    content = {MEDIA_TYPES[media]: {"schema": {"$ref": _REF.format(name=kind.__name__)}}}
    return {"description": description, "content": content} if description else {"content": content}


# -- files: streams, which no row of the table describes


_FILE: dict[str, Any] = {"application/octet-stream": {}}
_FILE_BODIES = (
    uploads.CreateUpload,
    uploads.UploadAnswer,
    uploads.CompleteUpload,
    uploads.AbortUpload,
    uploads.DownloadAddress,
    uploads.ServerInfo,
    ArtifactsAnswer,
    Empty,
)


def _file_paths() -> dict[str, dict[str, Any]]:
    acts: dict[str, tuple[type[msgspec.Struct], type[msgspec.Struct], str]] = {
        "create": (uploads.CreateUpload, uploads.UploadAnswer, "Begin an upload in parts into a folder."),
        "complete": (uploads.CompleteUpload, Empty, "Join the parts of an upload."),
        "abort": (uploads.AbortUpload, Empty, "Give up an upload."),
    }
    path, query = {"in": "path", "required": True}, {"in": "query", "required": False}
    return {
        ARTIFACTS_PATH: {
            "get": _file_act("list_files", "What stands in a folder.", [("path", query)], answer=ArtifactsAnswer)
        },
        f"{ARTIFACTS_PATH}/{{path}}": {
            "get": _file_act("download_file", "A file, or ranges of it. The path may have slashes.", [("path", path)]),
            "put": _file_act("upload_file", "Store the body as a file.", [("path", path)], body=_FILE, answer=Empty),
            "delete": _file_act("delete_file", "Delete a file or folder.", [("path", path)], answer=Empty),
        },
        f"{PRESIGNED_PATH}/{{path}}": {
            "get": _file_act("presign", "Where a file can be had.", [("path", path)], answer=uploads.DownloadAddress)
        },
        **{
            f"{UPLOADS_PATH}/{act}/{{folder}}": {
                "post": _file_act(f"{act}_upload", text, [("folder", path)], _body("", asked)["content"], answer)
            }
            for act, (asked, answer, text) in acts.items()
        },
        f"{UPLOADS_PATH}/parts/{{upload_id}}/{{number}}": {
            "put": _file_act("upload_part", "Keep a part.", [("upload_id", path), ("number", path)], _FILE, Empty)
        },
        f"{NATIVE_PREFIX}/runs.csv": {"get": _download("download_runs", DownloadRuns, "text/csv")},
        f"{NATIVE_PREFIX}/artifacts.zip": {"get": _download("download_folder", DownloadFolder, "application/zip")},
        SERVER_INFO_PATHS[0]: {
            "get": _file_act("server_info", "What this server can do.", [], answer=uploads.ServerInfo)
        },
    }


def _download(name: str, kind: type[msgspec.Struct], media_type: str) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([kind], ref_template=_REF)
    schema = components[kind.__name__]
    return {
        "operationId": name,
        "summary": schema["description"],
        "parameters": [
            {"name": field, "in": "query", "schema": one, "required": field in schema.get("required", ())}
            for field, one in schema["properties"].items()
        ],
        "responses": {
            "200": {"description": "The file", "content": {media_type: {}}},
            "default": _body("What went wrong", FaultBody),
        },
    }


def _file_act(
    name: str,
    summary: str,
    parameters: list[tuple[str, dict[str, Any]]],
    body: dict[str, Any] | None = None,
    answer: type[msgspec.Struct] | None = None,
) -> dict[str, Any]:
    done = {"description": "The file", "content": _FILE} if answer is None else _body("Done", answer)
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [{"name": one, "schema": {"type": "string"}, **place} for one, place in parameters],
        "responses": {"200": done, "default": _body("What went wrong", FaultBody)},
        **({} if body is None else {"requestBody": {"required": True, "content": body}}),
    }
