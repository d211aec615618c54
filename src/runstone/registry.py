"""What a client may ask about models: the registry's names and versions, and logged models. Names are MLflow's.

Also resolves URIs of models. Knows no format of a model's files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.transfer import put_folder
from runstone.entities import (
    FileInfo,
    LoggedModel,
    LoggedModelOutput,
    LoggedModelStatus,
    ModelVersion,
    PagedList,
    RegisteredModel,
)
from runstone.errors import InvalidInput, NotFound
from runstone.journal.tracking import JournaledTracking

__all__ = ["ModelPlace", "ModelRecorder", "find_model", "register"]

_LOGGED = re.compile(r"models:/+(m-[0-9a-f]{32})/?(.*)\Z")
_ALIAS = re.compile(r"models:/+([^/@]+)@([^/@]+)/?\Z")
_VERSION = re.compile(r"models:/+([^/@]+)/([^/@]+)/?\Z")
_RUN = re.compile(r"runs:/+([^/]+)/(.+?)/*\Z")


class ModelRecorder:
    """The part of a Client that speaks of models. A version is a number, or its text."""

    @property
    def tracking(self) -> JournaledTracking:
        """Who keeps them."""
        raise NotImplementedError

    # -- registered models

    def create_registered_model(
        self, name: str, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Register a name. Raises AlreadyExists."""
        return self.tracking.models.create_registered_model(name, tags=tags, description=description)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The model with the newest version of each stage. Raises NotFound."""
        return self.tracking.models.get_registered_model(name)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of models, by name unless `order_by` says otherwise. Raises FilterError."""
        return self.tracking.models.search_registered_models(
            filter_string=filter_string, order_by=order_by, max_results=max_results, page_token=page_token
        )

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Raises AlreadyExists."""
        return self.tracking.models.rename_registered_model(name, new_name)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Replace the description."""
        return self.tracking.models.describe_registered_model(name, description)

    def delete_registered_model(self, name: str) -> None:
        """Delete it for good, with its versions."""
        self.tracking.models.delete_registered_model(name)

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag; others stay."""
        self.tracking.models.set_registered_model_tags(name, {key: value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """A tag that is not there is deleted already."""
        self.tracking.models.delete_registered_model_tag(name, key)

    def set_registered_model_alias(self, name: str, alias: str, version: str | int) -> None:
        """Let the alias lead to that version."""
        self.tracking.models.set_alias(name, alias, version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """An alias that is not there is deleted already."""
        self.tracking.models.delete_alias(name, alias)

    # -- versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = 300,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Create the next version of a registered model, whose files are at the URI `source`.

        It is ready at once: `await_creation_for` is taken for MLflow's sake.
        """
        return self.tracking.models.create_model_version(
            name, source, run_id=run_id, run_link=run_link, model_id=model_id, description=description, tags=tags
        )

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """The version. Raises NotFound."""
        return self.tracking.models.get_model_version(name, version)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version an alias leads to. Raises InvalidInput where the model has no such alias."""
        return self.tracking.models.get_version_by_alias(name, alias)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version of each of these stages (none: of every stage) that has any."""
        return self.tracking.models.list_latest_versions(name, stages)

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Where the files of a version are."""
        return self.tracking.models.open_version_artifacts(name, version).root_uri

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of versions, the last changed first unless `order_by` says otherwise. Raises FilterError."""
        return self.tracking.models.search_model_versions(
            filter_string=filter_string, order_by=order_by, max_results=max_results, page_token=page_token
        )

    def update_model_version(self, name: str, version: str | int, description: str | None = None) -> ModelVersion:
        """Replace the description."""
        return self.tracking.models.describe_model_version(name, version, description)

    def transition_model_version_stage(
        self, name: str, version: str | int, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Move a version to a stage: None, Staging, Production or Archived. Aliases serve better."""
        return self.tracking.models.set_model_version_stage(
            name, version, stage, archive_existing=archive_existing_versions
        )

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Delete it for good."""
        self.tracking.models.delete_model_version(name, version)

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the newest version in a stage."""
        self.tracking.models.set_model_version_tags(name, self._version(name, version, stage), {_key(key): value})

    def delete_model_version_tag(
        self, name: str, version: str | int | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """A tag that is not there is deleted already."""
        self.tracking.models.delete_model_version_tag(name, self._version(name, version, stage), _key(key))

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Make a version the newest of another name, which is registered where it is missing."""
        source = _find_version(self.tracking, src_model_uri)
        if source is None:
            raise InvalidInput(f"'{src_model_uri}' is no version; write models:/NAME/VERSION or models:/NAME@ALIAS")
        return register(
            self.tracking,
            dst_name,
            f"models:/{source.name}/{source.version}",
            run_id=source.run_id or None,
            model_id=source.model_id or None,
            tags=source.tags,
        )

    def _version(self, name: str, version: str | int | None, stage: str | None) -> str | int:
        if (version is None) == (stage is None):
            raise InvalidInput("Name the version by `version` or by `stage`: exactly one of them")
        if version is not None:
            return version
        found = self.tracking.models.list_latest_versions(name, [str(stage)])
        if not found:
            raise NotFound(f"The model '{name}' has no version in the stage '{stage}'")
        return found[0].version

    # -- logged models

    def create_logged_model(
        self,
        experiment_id: str | int,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Create a model that is PENDING until `finalize_logged_model`."""
        return self.tracking.models.create_logged_model(
            experiment_id, name=name, source_run_id=source_run_id, model_type=model_type, params=params, tags=tags
        )

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model with all its data. Raises NotFound."""
        return self.tracking.models.get_logged_model(model_id)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str | int],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str | None]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """A page of models, the newest first unless `order_by` says otherwise. Raises FilterError."""
        return self.tracking.models.search_logged_models(
            experiment_ids,
            filter_string=filter_string,
            datasets=datasets,
            order_by=order_by,
            max_results=100 if max_results is None else max_results,
            page_token=page_token,
        )

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        """Say that its files are there (READY) or never will be (FAILED)."""
        return self.tracking.models.finalize_logged_model(model_id, status)

    def delete_logged_model(self, model_id: str) -> None:
        """Mark it as deleted."""
        self.tracking.models.delete_logged_model(model_id)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags; others stay."""
        self.tracking.models.set_logged_model_tags(model_id, tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Raises NotFound where there is no such tag."""
        self.tracking.models.delete_logged_model_tag(model_id, key)

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Add params, all or none. Raises ParamChanged."""
        self.tracking.models.log_logged_model_params(model_id, params)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which models a run made."""
        self.tracking.models.log_model_outputs(run_id, models)

    def log_model_artifacts(
        self, model_id: str, local_dir: str | os.PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Store all that is in a local folder among the files of a logged model."""
        source = Path(local_dir)
        if not source.is_dir():
            raise NotFound(f"There is no folder '{local_dir}' to log; log_model_artifact takes a single file")
        put_folder(self.tracking.models.open_logged_model_artifacts(model_id), source, artifact_path or "")

    def log_model_artifact(
        self, model_id: str, local_path: str | os.PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Store a local file among the files of a logged model."""
        source = Path(local_path)
        target = f"{artifact_path}/{source.name}" if artifact_path else source.name
        self.tracking.models.open_logged_model_artifacts(model_id).put_file(source, target)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """What stands directly in a folder of a logged model (default: the top), by name."""
        return self.tracking.models.open_logged_model_artifacts(model_id).list(path or "")


class ModelPlace(NamedTuple):
    """The files that a model's URI means, and where they come from as far as that is known."""

    store: ArtifactStore
    path: str
    run_id: str | None = None
    model_id: str | None = None


def find_model(tracking: JournaledTracking, uri: str) -> ModelPlace:
    """The files of `models:/m-ID`, `models:/NAME/VERSION` (a number, `latest` or a stage), `models:/NAME@ALIAS`,
    `runs:/RUN/PATH`, a folder, or the URI of one. Raises NotFound, InvalidInput.

    MLflow 3 keeps the files of a model that a run logged apart from the run's: `runs:/RUN/NAME` finds them, too.
    """
    if match := _LOGGED.match(uri):
        store = tracking.models.open_logged_model_artifacts(match[1])
        return ModelPlace(store, match[2], model_id=match[1])
    if version := _find_version(tracking, uri):
        store = tracking.models.open_version_artifacts(version.name, version.version)
        return ModelPlace(store, "", version.run_id or None, version.model_id or None)
    match = _RUN.match(uri)
    if match is None:
        if uri.startswith(("models:", "runs:")):
            raise InvalidInput(
                f"Invalid model URI '{uri}'; write models:/NAME/VERSION, models:/NAME@ALIAS, models:/MODEL_ID or "
                "runs:/RUN_ID/PATH"
            )
        return ModelPlace(tracking.artifacts.open(uri), "")
    return _of_run(tracking, match[1], match[2])


def register(
    tracking: JournaledTracking,
    name: str,
    source: str,
    *,
    run_id: str | None = None,
    model_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """A new version of a name, which is registered where it is missing."""
    try:
        tracking.models.get_registered_model(name)
    except NotFound:
        tracking.models.create_registered_model(name)
    return tracking.models.create_model_version(name, source, run_id=run_id, model_id=model_id, tags=tags)


def _find_version(tracking: JournaledTracking, uri: str) -> ModelVersion | None:
    models = tracking.models
    if match := _ALIAS.match(uri):
        return models.get_version_by_alias(match[1], match[2])
    match = _VERSION.match(uri)
    if match is None or _LOGGED.match(uri):
        return None
    name, word = match[1], match[2]
    if word.isascii() and word.isdigit():
        return models.get_model_version(name, word)
    found = models.list_latest_versions(name, None if word.lower() == "latest" else [word])
    if not found:
        raise NotFound(f"The model '{name}' has no version '{word}'")
    return max(found, key=lambda version: int(version.version))


def _of_run(tracking: JournaledTracking, run_id: str, path: str) -> ModelPlace:
    run = tracking.get_run(run_id)
    made = [output.model_id for output in run.outputs.model_outputs]
    for model_id in reversed(made):  # the last of that name
        if tracking.models.get_logged_model(model_id).name == path:
            return ModelPlace(tracking.models.open_logged_model_artifacts(model_id), "", run_id, model_id)
    return ModelPlace(tracking.open_artifacts(run_id), path, run_id)


def _key(key: str | None) -> str:
    if key is None:
        raise InvalidInput("A tag needs a key")
    return key
