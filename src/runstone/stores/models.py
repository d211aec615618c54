"""The ModelStore protocol: what may be true of models inside one transaction. Knows no default and no clock.

Registered models are names with numbered versions; logged models belong to an experiment, as runs do. The two know
each other by a version's `model_id` alone. `runstone.testing.ModelStoreSuite` says the same in tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from runstone.entities import (
    LoggedModel,
    LoggedModelOutput,
    LoggedModelStatus,
    ModelStage,
    ModelVersion,
    PagedList,
    RegisteredModel,
)
from runstone.filters.ast import Filter, OrderTerm

__all__ = [
    "DatasetChoice",
    "LoggedModelQuery",
    "LoggedModelStore",
    "ModelOrder",
    "ModelStore",
    "ModelVersionQuery",
    "NewLoggedModel",
    "NewModelVersion",
    "RegisteredModelQuery",
    "Registry",
]


class NewModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version to be created. Texts that are not known are empty."""

    name: str
    source: str
    storage_location: str
    run_id: str
    run_link: str
    model_id: str
    description: str
    user_id: str
    tags: Mapping[str, str]


class NewLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model to be created, whose files are still to come. Texts that are not known are empty.

    Its files belong to `artifact_location`, by default below the experiment's.
    """

    model_id: str
    experiment_id: str
    name: str
    model_type: str
    source_run_id: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    artifact_location: str | None = None


class RegisteredModelQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which registered models, in which order; ties, and no order: by name.

    `within` are the names of those that count; None for all.
    """

    filter: Filter | None = None
    order: tuple[OrderTerm, ...] = ()
    max_results: int = 100
    page_token: str | None = None
    within: frozenset[str] | None = None


class ModelVersionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions, in which order; ties, and no order: by name, newest first.

    `within` are the names of the models whose versions count; None for all.
    """

    filter: Filter | None = None
    order: tuple[OrderTerm, ...] = ()
    max_results: int = 1000
    page_token: str | None = None
    within: frozenset[str] | None = None


class DatasetChoice(msgspec.Struct, frozen=True):
    """Datasets of that name and digest; None is any."""

    name: str | None = None
    digest: str | None = None


class ModelOrder(msgspec.Struct, frozen=True):
    """One column of an order of logged models. A metric may be the one on a dataset; of several the latest counts.

    The latest is the largest by timestamp, then step, then the dataset's name and digest.
    """

    term: OrderTerm
    dataset: DatasetChoice = DatasetChoice()


class LoggedModelQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which logged models of which experiments, in which order; ties, and no order: newest first, then by id.

    With `datasets`, the filter's metrics are those on one of them, and a model without any such metric is left out.
    A comparison of a metric holds where one of the model's figures of that name fulfils it.
    """

    experiment_ids: tuple[str, ...]
    datasets: tuple[DatasetChoice, ...] = ()
    filter: Filter | None = None
    order: tuple[ModelOrder, ...] = ()
    max_results: int = 100
    page_token: str | None = None


class Registry(Protocol):
    """Registered models and their versions.

    Methods raise NotFound for an unknown name or version. The last update of a model is that of its name, its
    description, or of which versions it has in which stages; tags and aliases do not count.
    """

    def create_registered_model(
        self, name: str, *, description: str, tags: Mapping[str, str], now: int
    ) -> RegisteredModel:
        """Raises AlreadyExists."""

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The model with the newest version of each stage."""

    def search_registered_models(self, query: RegisteredModelQuery) -> PagedList[RegisteredModel]:
        """A page of models. Raises InvalidInput for a page token that is not of this query."""

    def rename_registered_model(self, name: str, new_name: str, *, now: int) -> RegisteredModel:
        """Everything that belongs to the model goes with it. Raises AlreadyExists."""

    def set_registered_model_description(self, name: str, description: str, *, now: int) -> RegisteredModel:
        """Replace the description."""

    def delete_registered_model(self, name: str) -> None:
        """Delete it for good, with its versions, tags and aliases; its name is free again."""

    def set_registered_model_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags; others stay."""

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """A tag that is not there is deleted already."""

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Let the alias lead to that version, wherever it led before."""

    def delete_alias(self, name: str, alias: str) -> None:
        """An alias that is not there is deleted already."""

    def create_model_version(self, new: NewModelVersion, *, now: int) -> ModelVersion:
        """Create the next version. A number is never given out twice, even if its version has been deleted."""

    def get_model_version(self, name: str, version: int) -> ModelVersion:
        """The version with its aliases, sorted."""

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version an alias leads to. Raises InvalidInput where the model has no such alias."""

    def list_latest_versions(self, name: str, stages: Sequence[ModelStage] = ()) -> list[ModelVersion]:
        """The newest version of each of these stages (none given: of every stage) that has any, oldest first."""

    def search_model_versions(self, query: ModelVersionQuery) -> PagedList[ModelVersion]:
        """A page of versions. Raises InvalidInput for a page token that is not of this query."""

    def set_model_version_description(self, name: str, version: int, description: str, *, now: int) -> ModelVersion:
        """Replace the description."""

    def set_model_version_stage(
        self, name: str, version: int, stage: ModelStage, *, archive_others: bool, now: int
    ) -> ModelVersion:
        """Move a version to a stage; `archive_others` archives the versions that are in it."""

    def delete_model_version(self, name: str, version: int, *, now: int) -> None:
        """Delete it for good, with its tags and the aliases that lead to it."""

    def set_model_version_tags(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Set tags; others stay."""

    def delete_model_version_tag(self, name: str, version: int, key: str) -> None:
        """A tag that is not there is deleted already."""


class LoggedModelStore(Protocol):
    """Models logged in experiments, and which runs read and made them.

    Methods raise NotFound for an id that is unknown or deleted. Figures of models arrive with `Write.model_metrics`.
    """

    def create_logged_model(self, new: NewLoggedModel, *, now: int) -> LoggedModel:
        """A model that is PENDING; its files belong to `LOCATION OF THE EXPERIMENT/models/ID/artifacts`, if it names
        no place of its own.

        Raises NotFound for an unknown experiment, NotActive for a deleted one, AlreadyExists for a taken id.
        """

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model with all its data."""

    def search_logged_models(self, query: LoggedModelQuery) -> PagedList[LoggedModel]:
        """A page of models. Raises InvalidInput for a page token that is not of this query."""

    def set_logged_model_status(self, model_id: str, status: LoggedModelStatus, *, now: int) -> LoggedModel:
        """Set it, whatever it was."""

    def delete_logged_model(self, model_id: str, *, now: int) -> None:
        """Mark it as deleted; twice is once. Raises NotFound for an id that never was."""

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Set tags; others stay."""

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Raises NotFound where there is no such tag."""

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Add params, all or none. Raises ParamChanged for one that has another value."""

    def log_model_inputs(self, run_id: str, model_ids: Sequence[str]) -> None:
        """Note which models a run read; they need not be known. Raises NotFound, NotActive for the run."""

    def log_model_outputs(self, run_id: str, outputs: Sequence[LoggedModelOutput]) -> None:
        """Note which models a run made; of one that is there the step is overwritten. Raises as for inputs."""


class ModelStore(Registry, LoggedModelStore, Protocol):
    """All that a store keeps about models. Every method is one transaction; safe to share between threads.

    Every method may raise StoreError. Times are milliseconds since the Unix epoch.
    """
