"""Files of runs, found by run or by URI: what MLflow's users call as `mlflow.artifacts.*`.

A URI is `runs:/RUN_ID/path`, or that of any artifact store: a path, `file:///path`, a plug-in's scheme.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import unquote

from runstone.artifacts.base import ArtifactOpener, ArtifactStore
from runstone.client import Client, local_copy
from runstone.entities import FileInfo
from runstone.errors import InvalidInput
from runstone.fluent.choices import choices
from runstone.tracking.documents import load_dict as read_dict

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_text"]

_RUN_URI = re.compile(r"runs:/+([^/]+)/?(.*)", re.DOTALL)


def download_artifacts(
    artifact_uri: str | os.PathLike[str] | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | os.PathLike[str] | None = None,
    tracking_uri: str | os.PathLike[str] | None = None,
    registry_uri: str | None = None,
) -> str:
    """The local path of a file or folder: its own place where that is on this machine, else a copy.

    Named by a URI, or by a run's id and a path in it (default: all of the run). With `dst_path`, a folder that is
    made where it is missing, always a copy in there. Raises NotFound. `registry_uri` is taken for MLflow's sake.
    """
    return local_copy(*_named(artifact_uri, run_id, artifact_path, tracking_uri), dst_path)


def list_artifacts(
    artifact_uri: str | os.PathLike[str] | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | os.PathLike[str] | None = None,
) -> list[FileInfo]:
    """What stands directly in a folder, by name; nothing where it is a file, or not there.

    Named as for `download_artifacts`. Paths are relative to the run's artifacts, and for a URI of another kind to the
    folder that holds what it names.
    """
    store, path = _named(artifact_uri, run_id, artifact_path, tracking_uri)
    return store.list(path)


def load_text(artifact_uri: str) -> str:
    """The text (UTF-8) of a file. Raises NotFound, and InvalidInput for what is no text."""
    store, path = _named(artifact_uri)
    with store.open(path) as file:
        content = file.read()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The artifact '{path}' is no text in UTF-8: {error}; use download_artifacts") from None


def load_dict(artifact_uri: str) -> Any:
    """The dictionary in a JSON or YAML file. Raises NotFound, and InvalidInput for a file that cannot be read so."""
    return read_dict(load_text(artifact_uri), os.fspath(artifact_uri))


def _named(
    artifact_uri: str | os.PathLike[str] | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | os.PathLike[str] | None = None,
) -> tuple[ArtifactStore, str]:
    """The store of what the arguments name, and its path in there."""
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("Name the artifact by artifact_uri or by run_id: exactly one of them")
    client = choices.client() if tracking_uri is None else Client(tracking_uri)
    if run_id is not None:
        return client.tracking.open_artifacts(run_id), artifact_path or ""
    if artifact_path is not None:
        raise InvalidInput(
            "artifact_path is a path in the run of run_id; join it to artifact_uri instead of giving both"
        )
    uri = os.fspath(artifact_uri or "")
    if not uri.startswith("runs:"):
        return _at(uri, client.tracking.artifacts)
    match = _RUN_URI.fullmatch(uri)
    if match is None:
        raise InvalidInput(f"Invalid artifact URI {uri!r}: a run's is written runs:/RUN_ID/path/in/the/run")
    return client.tracking.open_artifacts(match[1]), match[2]


def _at(uri: str, opener: ArtifactOpener) -> tuple[ArtifactStore, str]:
    """The folder around what the URI means, and its name in there: it may be a file, and a store is a folder."""
    whole = opener.open(uri).root_uri.rstrip("/")
    root, _, name = whole.rpartition("/")
    return opener.open(f"{root}/"), unquote(name) if whole.startswith("file:") else name
