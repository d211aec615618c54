"""Bodies of the routes that remove for good what was deleted: a plan first, then batches of it."""

from __future__ import annotations

import msgspec

from runstone.wire.schemas.common import Answer, Request

__all__ = [
    "KeptRun",
    "LeftFiles",
    "PlanAnswer",
    "PlanRemoval",
    "PlannedExperiment",
    "PlannedRun",
    "Remove",
    "RemoveAnswer",
]


class PlanRemoval(Request, kw_only=True):
    """What to plan: everything that is marked as deleted, or only these runs, or these experiments and their runs.

    `older_than_ms`: deleted at least that long ago. `keep`: rules such as `best 3 by min(metrics.loss)`, for each
    active experiment; other runs go, once they ended `drop_after_ms` ago. `leftovers`: files of no run, too.
    """

    run_ids: list[str] | None = None
    experiment_ids: list[str] | None = None
    older_than_ms: int = 0
    keep: list[str] = []
    drop_after_ms: int | None = None
    leftovers: bool = False


class PlannedRun(msgspec.Struct, kw_only=True):
    """A run that is to go. `reason` is `deleted` (at `since`) or `beyond the rule` (it ended at `since`)."""

    run_id: str
    experiment_id: str
    run_name: str
    reason: str
    since: int | None
    database_bytes: int
    artifact_bytes: int | None


class PlannedExperiment(msgspec.Struct, kw_only=True):
    """A deleted experiment of which nothing will be left."""

    experiment_id: str
    name: str
    since: int
    artifact_bytes: int | None


class KeptRun(msgspec.Struct, kw_only=True):
    """A run that would go, but for the reason."""

    run_id: str
    experiment_id: str
    run_name: str
    reason: str


class LeftFiles(msgspec.Struct, kw_only=True):
    """A file or folder below the artifact root that belongs to no run."""

    path: str
    size_bytes: int


class PlanAnswer(Answer, kw_only=True):
    """What would be removed, and what of it is protected."""

    runs: list[PlannedRun] = []
    experiments: list[PlannedExperiment] = []
    leftovers: list[LeftFiles] = []
    kept: list[KeptRun] = []


class Remove(Request, kw_only=True):
    """What to remove now, at most 100 things: deleted runs, active ones, deleted experiments, paths of leftovers.

    Each is looked at once more: what has been restored, goes on or is protected stays.
    """

    run_ids: list[str] = []
    dropped_run_ids: list[str] = []
    experiment_ids: list[str] = []
    leftovers: list[str] = []


class RemoveAnswer(Answer, kw_only=True):
    """What was removed, and why other things were not."""

    runs: int = 0
    experiments: int = 0
    leftovers: int = 0
    database_bytes: int = 0
    artifact_bytes: int = 0
    problems: list[str] = []
