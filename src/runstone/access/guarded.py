"""A tracker for one principal: everything it shows and changes is what that principal may see and change.

What has a row in `rules` is checked by that row and passed on; what speaks of many things is written out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from runstone.access.gate import Gate
from runstone.access.guarded_models import GuardedModels
from runstone.access.rules import TRACKING_RULES
from runstone.artifacts.base import ArtifactOpener
from runstone.entities import Experiment
from runstone.entities.access import EVERYONE, Grant, Level, Resource
from runstone.errors import AlreadyExists, RunstoneError
from runstone.series.curves import Curve, CurveQuery
from runstone.stores.base import Changes, Write
from runstone.tracking.browsing import Browsing
from runstone.tracking.checks import check_experiment_ids
from runstone.tracking.removal import Progress, Removal, RemovalBatch, RemovalPlan, RemovalRequest, Removed
from runstone.validation import check_experiment_id

__all__ = ["RecordGrant", "admit", "guard"]

RecordGrant = Callable[[Grant], None]
"""Keeps a grant; the rights of whoever asks next know of it."""

_SEARCHES = frozenset(
    {
        "search_runs",
        "search_run_table",
        "search_run_columns",
        "count_runs",
        "count_keys",
        "count_values",
        "summarize_experiments",
    }
)
"""Methods whose first argument are ids of experiments: those that may not be read find nothing, as unknown ones do."""


def guard(tracking: Browsing, gate: Gate, record_grant: RecordGrant, default: Level = Level.NONE) -> Browsing:
    """The tracker as the principal of the gate may use it; `default` is what everyone gets on what they create."""
    return cast("Browsing", _Guarded(tracking, gate, record_grant, default))


def admit(gate: Gate, write: Write) -> Write:
    """The write, where it may be recorded: its run and the models that its figures speak of. Raises AccessDenied."""
    gate.check_runs([write.run_id], Level.EDIT)
    for model_id in dict.fromkeys(metric.model_id for metric in write.model_metrics):
        gate.check_logged_model(model_id, Level.EDIT)
    return write


class _Guarded:
    """See `guard`. A method without a rule is no attribute."""

    def __init__(self, tracking: Browsing, gate: Gate, record_grant: RecordGrant, default: Level) -> None:
        self._tracking = tracking
        self._gate = gate
        self._record_grant = record_grant
        self._default = default
        self.models = GuardedModels(
            tracking.models, gate, self._own, lambda run_id: tracking.get_run(run_id).info.artifact_uri
        )
        self.removal: Removal = _GuardedRemoval(tracking.removal, gate)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in _SEARCHES:
            return self._search(getattr(self._tracking, name))
        rule = TRACKING_RULES.get(name)
        if rule is None:
            raise AttributeError(f"A guarded tracker has no '{name}': it needs a row in access.rules")
        act = getattr(self._tracking, name)

        def checked(thing: object, *arguments: object, **options: object) -> Any:
            self._gate.check(rule, thing)
            return act(thing, *arguments, **options)

        return checked

    def _search(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def search(experiment_ids: Sequence[str | int], *arguments: object, **options: object) -> Any:
            return act(self._gate.readable(check_experiment_ids(experiment_ids)), *arguments, **options)

        return search

    @property
    def artifacts(self) -> ArtifactOpener:
        """For admins alone: a URI may lie anywhere."""
        self._gate.check_admin("open files by their URI")
        return self._tracking.artifacts

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        self._gate.check_creation(Resource.EXPERIMENT)
        if artifact_location:
            self._gate.check_admin("choose where an experiment keeps its files (leave the artifact location out)")
        experiment_id = self._tracking.create_experiment(name, artifact_location=artifact_location, tags=tags)
        self._own(Resource.EXPERIMENT, experiment_id)
        return experiment_id

    def _own(self, resource: Resource, name: str) -> None:
        """Whoever dies before this leaves a thing that admins alone see, and can grant: never one that is open."""
        user = self._gate.rights.principal.user
        self._record_grant(Grant(resource=resource, name=name, level=Level.MANAGE, user=user))
        if self._default > Level.NONE:
            self._record_grant(Grant(resource=resource, name=name, level=self._default, group=EVERYONE))

    def find_experiment(self, name: str) -> Experiment | None:
        found = self._tracking.find_experiment(name)
        return found if found is not None and self._gate.readable([found.experiment_id]) else None

    def search_experiments(self, **options: Any) -> Any:
        return self._tracking.search_experiments(**options, within=self._gate.rights.readable_experiments())

    def restore_experiment(self, experiment_id: str | int) -> None:
        number = check_experiment_id(experiment_id)
        self._gate.check_experiment(number, Level.MANAGE)
        try:
            self._tracking.restore_experiment(number)
        except AlreadyExists as error:
            if self._gate.rights.readable_experiments() is None:
                raise
            # The full text names the holder, which may be hidden.
            raise AlreadyExists(
                f"Cannot restore the experiment {number}: an active one has taken its name; an admin can rename either"
            ) from error

    def list_changed_runs(self, since: int, *, max_results: int = 1000) -> Changes:
        """Without the changes of hidden runs; the revision goes on past them, so that nobody reads them twice."""
        changes = self._tracking.list_changed_runs(since, max_results=max_results)
        readable = self._gate.rights.readable_experiments()
        return Changes(
            revision=changes.revision,
            runs=[pair for pair in changes.runs if readable is None or pair[1] in readable],
        )

    def find_run_experiments(self, run_ids: Sequence[str]) -> dict[str, str]:
        found = self._gate.owners.of_runs(run_ids)
        return {run_id: one for run_id, one in found.items() if self._gate.readable([one])}

    def read_curves(self, query: CurveQuery) -> list[Curve]:
        self._gate.check_runs(query.run_ids, Level.READ)
        return self._tracking.read_curves(query)

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        self._gate.owners.of_runs([write.run_id for write in writes])  # in one statement
        refusals = [self._refusal(write) for write in writes]
        admitted = [write for write, refusal in zip(writes, refusals, strict=True) if refusal is None]
        results = iter(self._tracking.log_batches(admitted) if admitted else [])
        return [next(results) if refusal is None else refusal for refusal in refusals]

    def _refusal(self, write: Write) -> RunstoneError | None:
        try:
            admit(self._gate, write)
        except RunstoneError as error:
            return error
        return None

    def close(self) -> None:
        """The tracker behind it belongs to somebody else."""


class _GuardedRemoval:
    def __init__(self, removal: Removal, gate: Gate) -> None:
        self._removal = removal
        self._gate = gate

    def plan(self, request: RemovalRequest, *, on_progress: Progress | None = None) -> RemovalPlan:
        self._gate.check_admin("plan what is removed for good")
        return self._removal.plan(request, on_progress=on_progress)

    def remove(self, batch: RemovalBatch) -> Removed:
        self._gate.check_admin("remove anything for good")
        self._gate.owners.forget()
        try:
            return self._removal.remove(batch)
        finally:
            self._gate.owners.forget()

    def compact(self) -> int | None:
        self._gate.check_admin("compact the database")
        return self._removal.compact()
