"""The RemovalStore protocol: what is removed for good, and what must be known first. Knows no rule and no file.

`runstone.testing.StoreRemovalSuite` says the same in tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from runstone.entities import RunStatus

__all__ = ["ModelPlace", "RemovalStore", "RunFacts", "Versioned"]


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What decides whether a run may go. `owns_files` is false for files that somebody else has put where they lie."""

    run_id: str
    experiment_id: str
    run_name: str
    status: RunStatus
    start_time: int | None
    end_time: int | None
    deleted_time: int | None
    artifact_uri: str
    owns_files: bool
    parent_run_id: str | None
    has_keep_tag: bool


class ModelPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model, deleted or not, and where its files lie."""

    model_id: str
    artifact_uri: str
    owns_files: bool


class Versioned(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of all runs and logged models that a version of a registered model names in any way."""

    runs: frozenset[str]
    models: frozenset[str]


class RemovalStore(Protocol):
    """Removing what is deleted. Every method is one transaction; safe to share between threads."""

    def list_runs(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        experiment_ids: Sequence[str] | None = None,
        is_deleted: bool | None = None,
    ) -> list[RunFacts]:
        """The runs that are among all that is given, the oldest first; unknown ids are passed over."""

    def list_models(self, experiment_id: str) -> list[ModelPlace]:
        """The logged models of an experiment."""

    def list_versioned(self) -> Versioned:
        """What versions of registered models come from."""

    def measure_runs(self, run_ids: Sequence[str]) -> dict[str, int]:
        """About how many bytes of the database each run takes; unknown ids are left out."""

    def remove_runs(self, run_ids: Sequence[str]) -> int:
        """Remove deleted runs with all that is recorded in them, all or none; returns how many there were.

        Raises NotActive where one of them is not deleted; unknown ids are passed over.
        """

    def remove_experiment(self, experiment_id: str) -> bool:
        """Remove a deleted experiment that has no runs, with its models and datasets; whether there was one.

        Raises NotActive where it is not deleted, or has runs.
        """

    def compact(self) -> int:
        """Give the room of what was removed back to the file system where that is ours to do; returns the bytes."""
