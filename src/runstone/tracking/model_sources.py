"""Where the files of a new version lie: the rules about its `source`.

A version is readable by whoever may read the registry. So a source that the tracker itself serves must lie within
the files of the run or logged model that the version names, and must not climb out of them.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from runstone.artifacts.base import ArtifactOpener
from runstone.artifacts.uris import join_uri, open_artifact_store
from runstone.entities import ModelStage, ModelVersion
from runstone.errors import InvalidInput, NotFound
from runstone.stores.base import Store

__all__ = ["ModelSources", "Place"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_MODEL_ID = re.compile(r"models:/+(m-[0-9a-f]{32})/*\Z")
_VERSION = re.compile(r"models:/+([^/@]+)/([^/@]+)/*\Z")
_ALIAS = re.compile(r"models:/+([^/@]+)@([^/@]+)/*\Z")
_RUN = re.compile(r"runs:/+([^/]+)/(.+)\Z")
# The server would be made to talk to a machine of somebody's choice.
_HOST_SCHEMES = ("http", "https", "ftp", "sftp")


class Place(NamedTuple):
    """Where files lie, and which run and logged model they come from, where that is known."""

    location: str
    run_id: str
    model_id: str


class ModelSources:
    """Resolves sources over one store."""

    def __init__(self, store: Store, artifacts: ArtifactOpener) -> None:
        self._store = store
        self._artifacts = artifacts

    def resolve(self, source: str, run_id: str, model_id: str) -> Place:
        """The place that a source means; `run_id` and `model_id` are empty where not given. Raises InvalidInput."""
        if not isinstance(source, str) or not source:
            raise InvalidInput("A version needs the source of its files: a URI, or runs:/RUN/PATH")
        scheme = match[1].lower() if (match := _SCHEME.match(source)) else ""
        if scheme == "models":
            return self._of_model_uri(source, run_id, model_id)
        if scheme == "runs":
            return self._of_run_uri(source, run_id, model_id)
        if scheme in _HOST_SCHEMES:
            raise InvalidInput(f"'source' cannot use the '{scheme}' scheme; upload the files as artifacts of a run")
        if ".." in re.split(r"[/\\]", _decoded(source)):
            raise InvalidInput(
                f"Invalid model version source: '{source}'. An absolute path must be provided without relative path "
                "references present. Please provide an absolute path."
            )
        if scheme in ("", "file"):
            return Place(self._local(source, run_id, model_id), run_id, model_id)
        if scheme == "mlflow-artifacts" and not self._is_named(source, run_id, model_id):
            raise _not_within(source, "run_id")
        return Place(source, run_id, model_id)

    def open_uri(self, version: ModelVersion) -> str:
        """The artifact URI of a version's files."""
        if match := _MODEL_ID.match(version.storage_location):
            return self._store.models.get_logged_model(match[1]).artifact_location
        match = _RUN.match(version.storage_location)
        if match is None:
            return version.storage_location
        return join_uri(self._store.get_run(match[1]).info.artifact_uri, match[2])

    def _of_model_uri(self, source: str, run_id: str, model_id: str) -> Place:
        if match := _MODEL_ID.match(source):
            if match[1] != model_id:
                raise _not_within(source, "model_id")
            model = self._store.models.get_logged_model(model_id)
            return Place(model.artifact_location, run_id or model.source_run_id, model_id)
        found = self._find_version(source)
        return Place(found.storage_location, run_id or found.run_id, model_id or found.model_id)

    def _find_version(self, source: str) -> ModelVersion:
        models = self._store.models
        if match := _ALIAS.match(source):
            return models.get_version_by_alias(match[1], match[2])
        match = _VERSION.match(source)
        if match is None:
            raise InvalidInput(
                f"Invalid model version source: '{source}'; write models:/NAME/VERSION, models:/NAME@ALIAS or "
                "models:/MODEL_ID"
            )
        name, word = match[1], match[2]
        models.get_registered_model(name)  # its name is what is wrong first
        if word.isascii() and word.isdigit():
            return models.get_model_version(name, int(word[:18]))
        stages = [] if word.lower() == "latest" else [ModelStage.from_string(word)]
        found = models.list_latest_versions(name, stages)
        if not found:
            raise NotFound(f"The model '{name}' has no version in the stage '{word}'")
        return max(found, key=lambda version: int(version.version))

    def _of_run_uri(self, source: str, run_id: str, model_id: str) -> Place:
        match = _RUN.match(source)
        if match is None or match[1] != run_id:
            raise _not_within(source, "run_id")
        join_uri("file:///", match[2])  # raises where the path would leave the run
        return Place(source, run_id, model_id)

    def _local(self, source: str, run_id: str, model_id: str) -> str:
        location = open_artifact_store(source).root_uri
        if self._is_named(location, run_id, model_id):
            return location
        try:
            return self._artifacts.check_location(source)
        except InvalidInput as error:
            raise InvalidInput(
                f"Invalid model version source: '{source}'. To use a local path as a model version source, the run_id "
                "request parameter has to be specified and the local path has to be contained within the artifact "
                "directory of the run specified by the run_id."
            ) from error

    def _is_named(self, uri: str, run_id: str, model_id: str) -> bool:
        """Whether the URI lies within the files of the run or the logged model."""
        roots = []
        if run_id:
            roots.append(self._store.get_run(run_id).info.artifact_uri)
        if model_id:
            roots.append(self._store.models.get_logged_model(model_id).artifact_location)
        return any(uri == root or uri.startswith(root.rstrip("/") + "/") for root in roots)


def _decoded(text: str) -> str:
    while (decoded := unquote(text)) != text:
        text = decoded
    return text


def _not_within(source: str, parameter: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid model version source: '{source}'. The {parameter} request parameter must identify the resource that "
        "contains the source."
    )
