"""From a URI to an ArtifactStore, and back for paths below it. Knows local folders and buckets.

Any other scheme is a plug-in's, or else fsspec's where that is installed and knows it.

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
from runstone.artifacts.buckets import SCHEMES
from runstone.artifacts.fsspec import FsspecArtifactStore, knows_scheme
from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.object import ObjectArtifactStore
from runstone.artifacts.paths import check_artifact_path
from runstone.errors import ArtifactError, InvalidInput

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

__all__ = ["ENTRY_POINT_GROUP", "DirectArtifacts", "join_uri", "open_artifact_store"]

ENTRY_POINT_GROUP = "runstone.artifact_store"

# One letter is a Windows drive, not a scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")


def open_artifact_store(uri: str) -> ArtifactStore:
    """The store at a plain path, a `file:` URI, a bucket, or a URI whose scheme a plug-in or fsspec knows.

    Nothing is made or contacted for local folders and buckets. Raises InvalidInput for any other URI, ArtifactError
    for a plug-in that cannot be loaded.
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
    plugins = _find_plugins()
    if scheme in plugins.names:
        return _open_by_plugin(plugins[scheme], uri)
    if scheme in SCHEMES:
        return ObjectArtifactStore(uri)
    if knows_scheme(scheme):
        return FsspecArtifactStore(uri)
    raise _unknown(scheme, uri, plugins)


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


def _open_by_plugin(plugin: EntryPoint, uri: str) -> ArtifactStore:
    try:
        open_store = plugin.load()
    except (ImportError, AttributeError) as error:
        raise ArtifactError(
            f"Cannot open the artifact URI {uri!r}: the plug-in '{plugin.value}' cannot be loaded ({error}); "
            "install it again"
        ) from error
    store: ArtifactStore = open_store(uri)
    return store


def _unknown(scheme: str, uri: str, plugins: EntryPoints) -> InvalidInput:
    known = ", ".join(sorted({"file", *SCHEMES, *plugins.names}))
    return InvalidInput(
        f"Cannot open the artifact URI {uri!r}: this version knows plain folders and the schemes {known}, not "
        f"'{scheme}'. Others come by fsspec (pip install 'runstone[fsspec]', and what fsspec needs for {scheme}:), or "
        f"by a plug-in (entry point group '{ENTRY_POINT_GROUP}')"
    )


def _find_plugins() -> EntryPoints:
    # Costs 20 ms and reads every installed package: never on the way of local folders.
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINT_GROUP)
