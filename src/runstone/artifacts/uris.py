"""From a URI to an ArtifactStore, and back for paths below it. Knows local folders; the rest by plug-ins.

A plug-in offers the entry point `runstone.artifact_store`, whose name is the scheme and whose object is a
callable that takes the URI and returns an ArtifactStore.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.paths import check_artifact_path
from runstone.errors import ArtifactError, InvalidInput

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

__all__ = ["ENTRY_POINT_GROUP", "DirectArtifacts", "join_uri", "open_artifact_store"]

ENTRY_POINT_GROUP = "runstone.artifact_store"

# One letter is a Windows drive, not a scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")


def open_artifact_store(uri: str) -> ArtifactStore:
    """The store at a plain path, a `file:` URI, or a URI whose scheme a plug-in knows.

    Nothing is made or contacted for local folders. Raises InvalidInput for any other URI, ArtifactError for a
    plug-in that cannot be loaded.
    """
    uri = str(uri)
    if not uri or "\0" in uri:
        raise InvalidInput(f"Invalid artifact URI {uri!r}: expected a folder or a file: URI")
    match = _SCHEME.match(uri)
    if match is None:
        return LocalArtifactStore(Path(uri))
    scheme = match[1].lower()
    if scheme == "file":
        return LocalArtifactStore(_path_of_file_uri(uri))
    return _open_by_plugin(scheme, uri)


class DirectArtifacts:
    """Artifacts as a process of the user sees them: every URI that can be opened, wherever it leads."""

    def open(self, uri: str) -> ArtifactStore:
        """The store at the URI."""
        return open_artifact_store(uri)

    def check_location(self, uri: str) -> str:
        """The URI, absolute; opening it says what is wrong with it before any run depends on it."""
        return open_artifact_store(uri).root_uri.rstrip("/")


def join_uri(root: str, path: str) -> str:
    """The URI of an artifact path below a root URI; a query of the root stays at the end.

    The path is percent-encoded below a `file:` root alone; object stores take URIs literally. Raises
    InvalidInput for a path that is not an artifact's.
    """
    path = check_artifact_path(path, allow_empty=True)
    if not path:
        return root
    match = _SCHEME.match(root)
    if match is None:
        return f"{root.rstrip('/')}/{path}"
    if match[1].lower() == "file":
        path = quote(path)
    base, mark, query = root.partition("?")
    return f"{base.removesuffix('/')}/{path}{mark}{query}"


def _path_of_file_uri(uri: str) -> Path:
    """RFC 8089, and `file:folder` relative to the working directory, as older MLflow wrote it."""
    rest = uri.partition(":")[2]
    if "?" in rest or "#" in rest:
        raise InvalidInput(
            f"Invalid artifact URI {uri!r}: a file has no query and no fragment; write %3F for '?' and %23 for '#'"
        )
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            raise InvalidInput(
                f"Invalid artifact URI {uri!r}: the folder is on another machine ({host!r}); mount it here, "
                "or write three slashes before an absolute path (file:///data)"
            )
        rest = slash + rest
    path = os.fsdecode(unquote_to_bytes(rest))
    if not path or "\0" in path:
        raise InvalidInput(f"Invalid artifact URI {uri!r}: it names no folder; try file:///data/artifacts")
    return Path(path)


def _open_by_plugin(scheme: str, uri: str) -> ArtifactStore:
    plugins = _find_plugins()
    if scheme not in plugins.names:
        known = ", ".join(sorted({"file", *plugins.names}))
        raise InvalidInput(
            f"Cannot open the artifact URI {uri!r}: this version knows plain folders and the schemes "
            f"{known}, not '{scheme}'. s3, gs, azure and mlflow-artifacts will come as extras of a later "
            f"version; until then use a local folder, or a plug-in (entry point group '{ENTRY_POINT_GROUP}')"
        )
    plugin = plugins[scheme]
    try:
        open_store = plugin.load()
    except (ImportError, AttributeError) as error:
        raise ArtifactError(
            f"Cannot open the artifact URI {uri!r}: the plug-in '{plugin.value}' cannot be loaded ({error}); "
            "install it again"
        ) from error
    store: ArtifactStore = open_store(uri)
    return store


def _find_plugins() -> EntryPoints:
    # Costs 20 ms and reads every installed package: never on the way of local folders.
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINT_GROUP)
