"""The Removal protocol: what may be asked of a tracker about removing things for good. Plan first, then remove.

A plan changes nothing. It is carried out in batches, each of which is checked anew: what has been restored, started or
registered since the plan is left alone. In a batch the files of a run go first, then its rows: whatever stops it
between leaves a run that is still marked as deleted, which the next plan holds again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from runstone.errors import InvalidInput
from runstone.tracking.retention import KeepRule, Reason, parse_keep_rule

__all__ = [
    "MAX_REMOVAL",
    "KeptRun",
    "LeftFiles",
    "PlannedExperiment",
    "PlannedRun",
    "Progress",
    "Removal",
    "RemovalBatch",
    "RemovalPlan",
    "RemovalRequest",
    "Removed",
    "check_request",
]

MAX_REMOVAL = 100
"""Runs, experiments or leftovers in one batch, so that one request is short."""

Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much."""


class RemovalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to plan: by default everything that is marked as deleted.

    `run_ids`, `experiment_ids`: these alone. `older_than_ms`: what was deleted at least that long ago. `keep` are rules
    (see `retention`): runs beyond them in active experiments go too, once they ended `drop_after_ms` ago. `leftovers`:
    files below the artifact root that belong to no run, too.
    """

    run_ids: list[str] | None = None
    experiment_ids: list[str] | None = None
    older_than_ms: int = 0
    keep: list[str] = []
    drop_after_ms: int | None = None
    leftovers: bool = False


class PlannedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is to go. `since` is when it was deleted, or ended; sizes are None where they cannot be told."""

    run_id: str
    experiment_id: str
    run_name: str
    reason: Reason
    since: int | None
    database_bytes: int
    artifact_bytes: int | None


class PlannedExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """A deleted experiment that is to go, with the files of its models."""

    experiment_id: str
    name: str
    since: int
    artifact_bytes: int | None


class KeptRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that would go, but for the reason."""

    run_id: str
    experiment_id: str
    run_name: str
    reason: str


class LeftFiles(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder below the artifact root that belongs to no run."""

    path: str
    size_bytes: int


class RemovalPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be removed, and what of it is protected."""

    runs: list[PlannedRun] = []
    experiments: list[PlannedExperiment] = []
    leftovers: list[LeftFiles] = []
    kept: list[KeptRun] = []

    @property
    def database_bytes(self) -> int:
        """What the runs take in the database, about."""
        return sum(run.database_bytes for run in self.runs)

    @property
    def artifact_bytes(self) -> int:
        """What all files take, as far as it is known."""
        runs = sum(run.artifact_bytes or 0 for run in self.runs)
        experiments = sum(experiment.artifact_bytes or 0 for experiment in self.experiments)
        return runs + experiments + sum(left.size_bytes for left in self.leftovers)


class RemovalBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be removed now: deleted runs; active ones (`dropped_run_ids`); experiments; paths of leftovers.

    At most MAX_REMOVAL in all.
    """

    run_ids: list[str] = []
    dropped_run_ids: list[str] = []
    experiment_ids: list[str] = []
    leftovers: list[str] = []


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed. `problems` say what was not, and why."""

    runs: int = 0
    experiments: int = 0
    leftovers: int = 0
    database_bytes: int = 0
    artifact_bytes: int = 0
    problems: list[str] = []

    def __add__(self, other: Removed) -> Removed:
        return Removed(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


def check_request(request: RemovalRequest) -> list[KeepRule]:
    """The rules of a request that can be planned. Raises InvalidInput."""
    if request.run_ids == [] or request.experiment_ids == []:
        raise InvalidInput("An empty list of ids is not everything, and nothing needs no plan: give ids, or no list")
    if request.keep and request.run_ids is not None:
        raise InvalidInput("Rules of what to keep go by experiment: give experiment ids, or no ids")
    if bool(request.keep) != (request.drop_after_ms is not None):
        raise InvalidInput("A rule of what to keep goes with an age at which other runs are dropped: give both")
    if request.older_than_ms < 0 or (request.drop_after_ms or 0) < 0:
        raise InvalidInput("An age is not negative")
    return [parse_keep_rule(text) for text in request.keep]


class Removal(Protocol):
    """Removing for good, of a tracker. Every method may raise InvalidInput and StoreError."""

    def plan(self, request: RemovalRequest, *, on_progress: Progress | None = None) -> RemovalPlan:
        """What a request would remove.

        Raises NotFound for an id that is not there, NotActive for a run among `run_ids` that is not deleted.
        """

    def remove(self, batch: RemovalBatch) -> Removed:
        """Remove for good; what is gone already is passed over."""

    def compact(self) -> int | None:
        """Give free room of the database back to the file system; the bytes, or None where that is not ours to do.

        Raises StoreUnavailable where there is no room for it.
        """
