"""The Models protocol: what may be asked of a tracker about models, registered and logged.

Everything takes plain values as a user gives them, and raises the errors of `runstone.errors`. `models:/` URIs are
the client's to resolve, but for the source of a new version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from runstone.artifacts.base import ArtifactStore
from runstone.entities import (
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    ModelVersion,
    PagedList,
    RegisteredModel,
)

__all__ = ["Models"]


class Models(Protocol):
    """Models of a tracker. Safe to share between threads.

    A version may be a number or its text. Every method may raise InvalidInput for a value that breaks a rule,
    NotFound for a name, version or id that is not there, and StoreError.
    """

    # -- registered models

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Register a name. Raises AlreadyExists."""

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The model with the newest version of each stage."""

    def search_registered_models(
        self,
        *,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of at most `max_results` models; by default by name. Raises FilterError."""

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Raises AlreadyExists."""

    def describe_registered_model(self, name: str, description: str | None) -> RegisteredModel:
        """Replace the description."""

    def delete_registered_model(self, name: str) -> None:
        """Delete it for good, with its versions."""

    def set_registered_model_tags(self, name: str, tags: Mapping[str, Any]) -> None:
        """Set tags; others stay."""

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """A tag that is not there is deleted already."""

    def set_alias(self, name: str, alias: str, version: str | int) -> None:
        """Let the alias lead to that version."""

    def delete_alias(self, name: str, alias: str) -> None:
        """An alias that is not there is deleted already."""

    # -- versions

    def create_model_version(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        run_link: str | None = None,
        model_id: str | None = None,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        """Create the next version of a registered model.

        `source` is the URI of the model's files, which must lie in those of the run or of the logged model where
        the tracker keeps them; or `runs:/RUN/PATH`, `models:/MODEL_ID`, `models:/NAME/VERSION`, `models:/NAME@ALIAS`.
        """

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """The version."""

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version an alias leads to. Raises InvalidInput where the model has no such alias."""

    def list_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version of each of these stages (none: of every stage) that has any."""

    def search_model_versions(
        self,
        *,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 10_000,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of at most `max_results` versions; by default the last changed first. Raises FilterError."""

    def describe_model_version(self, name: str, version: str | int, description: str | None) -> ModelVersion:
        """Replace the description."""

    def set_model_version_stage(
        self, name: str, version: str | int, stage: str, *, archive_existing: bool = False
    ) -> ModelVersion:
        """Move a version to a stage (None, Staging, Production, Archived, in any case).

        `archive_existing` archives the versions that are in that stage, which must be Staging or Production.
        """

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Delete it for good."""

    def set_model_version_tags(self, name: str, version: str | int, tags: Mapping[str, Any]) -> None:
        """Set tags; others stay."""

    def delete_model_version_tag(self, name: str, version: str | int, key: str) -> None:
        """A tag that is not there is deleted already."""

    def open_version_artifacts(self, name: str, version: str | int) -> ArtifactStore:
        """The files of a version."""

    # -- logged models

    def create_logged_model(
        self,
        experiment_id: str | int,
        *,
        name: str | None = None,
        source_run_id: str | None = None,
        model_type: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> LoggedModel:
        """Create a model that is PENDING until its files are there. A name not given is made up.

        Raises NotActive for a deleted experiment.
        """

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model with all its data."""

    def search_logged_models(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str | None]] | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """A page of at most `max_results` models; by default the newest first. Raises FilterError.

        `datasets` are `{"dataset_name": ..., "dataset_digest": ...}` (any digest if not given): only metrics on
        them count for the filter. `order_by` are `{"field_name": ..., "ascending": True, "dataset_name": ...,
        "dataset_digest": ...}`, all but the first optional.
        """

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        """Say that its files are there (READY) or never will be (FAILED)."""

    def delete_logged_model(self, model_id: str) -> None:
        """Mark it as deleted; twice is once."""

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags; others stay."""

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Raises NotFound where there is no such tag."""

    def log_logged_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Add params, all or none. Raises ParamChanged."""

    def log_model_inputs(self, run_id: str, models: Sequence[LoggedModelInput]) -> None:
        """Note which models a run read. Raises NotActive for a deleted run."""

    def log_model_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which models a run made. Raises NotActive for a deleted run."""

    def open_logged_model_artifacts(self, model_id: str) -> ArtifactStore:
        """The files of a logged model."""
