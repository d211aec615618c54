"""Removal over a Store and its artifacts. The rules of what goes stand in `retention`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from runstone.artifacts.base import ArtifactOpener, ArtifactStore
from runstone.artifacts.leftovers import find_leftovers, folder_size, remove_leftovers
from runstone.artifacts.local import LocalArtifactStore
from runstone.entities import Experiment, LifecycleStage, RunStatus, ViewType
from runstone.errors import ArtifactError, InvalidInput, NotActive, NotFound, RunstoneError, StoreError
from runstone.naming import now_ms
from runstone.stores import records
from runstone.stores.base import ExperimentQuery, RunQuery, Store
from runstone.stores.removal import RunFacts, Versioned
from runstone.tracking.removal import (
    MAX_REMOVAL,
    KeptRun,
    LeftFiles,
    PlannedExperiment,
    PlannedRun,
    Progress,
    RemovalBatch,
    RemovalPlan,
    RemovalRequest,
    Removed,
    check_request,
)
from runstone.tracking.retention import (
    Choice,
    KeepRule,
    Reason,
    choose_beyond,
    choose_deleted,
    protection,
)
from runstone.validation import check_experiment_id, check_run_id

__all__ = ["LocalRemoval"]

_PAGE = 1000


class LocalRemoval:
    """Removal from a store, with the files that its artifact URIs mean to `artifacts`."""

    def __init__(self, store: Store, artifacts: ArtifactOpener) -> None:
        self._store = store
        self._artifacts = artifacts

    # -- the plan

    def plan(self, request: RemovalRequest, *, on_progress: Progress | None = None) -> RemovalPlan:
        rules = check_request(request)
        now = now_ms()
        versioned = self._store.removal.list_versioned()
        deleted = choose_deleted(self._deleted_runs(request), versioned, now - request.older_than_ms + 1)
        beyond = Choice([], [])
        for experiment in self._experiments(request, ViewType.ACTIVE_ONLY) if rules else ():
            choice = self._choose_beyond(experiment, rules, versioned, now - (request.drop_after_ms or 0))
            beyond.removed.extend(choice.removed)
            beyond.kept.extend(choice.kept)
        gone = {run.run_id for run in deleted.removed}
        chosen: list[tuple[RunFacts, Reason]] = [(run, "deleted") for run in deleted.removed]
        chosen += [(run, "beyond the rule") for run in beyond.removed]
        return RemovalPlan(
            runs=self._measured(chosen, on_progress or (lambda done, total: None)),
            experiments=self._removable_experiments(request, gone, versioned, now),
            leftovers=self._leftovers() if request.leftovers else [],
            kept=[_kept(run, reason) for run, reason in (*deleted.kept, *beyond.kept)],
        )

    def _deleted_runs(self, request: RemovalRequest) -> list[RunFacts]:
        if request.run_ids is None:
            return self._store.removal.list_runs(experiment_ids=request.experiment_ids, is_deleted=True)
        ids = [check_run_id(run_id) for run_id in request.run_ids]
        found = {run.run_id: run for run in self._store.removal.list_runs(run_ids=ids)}
        for run_id in ids:
            if run_id not in found:
                raise records.run_not_found(run_id)
            if found[run_id].deleted_time is None:
                raise records.run_not_deleted(run_id)
        return list(found.values())

    def _experiments(self, request: RemovalRequest, view: ViewType) -> list[Experiment]:
        if request.experiment_ids is not None:
            found = [self._store.get_experiment(check_experiment_id(one)) for one in request.experiment_ids]
            return [experiment for experiment in found if experiment.lifecycle_stage in view.stages]
        if request.run_ids is not None:
            return []
        experiments: list[Experiment] = []
        token = None
        while True:
            page = self._store.search_experiments(ExperimentQuery(view=view, max_results=_PAGE, page_token=token))
            experiments += page
            token = page.token
            if token is None:
                return experiments

    def _choose_beyond(
        self, experiment: Experiment, rules: Sequence[KeepRule], versioned: Versioned, ended_before: int
    ) -> Choice:
        number = experiment.experiment_id
        best = {
            run.info.run_id
            for rule in rules
            if rule.count
            for run in self._store.search_runs(
                RunQuery(experiment_ids=(number,), order=rule.order, max_results=rule.count)
            )
        }
        runs = self._store.removal.list_runs(experiment_ids=[number], is_deleted=False)
        return choose_beyond(runs, best, versioned, ended_before)

    def _measured(self, chosen: Sequence[tuple[RunFacts, Reason]], on_progress: Progress) -> list[PlannedRun]:
        planned: list[PlannedRun] = []
        for start in range(0, len(chosen), _PAGE):
            page = chosen[start : start + _PAGE]
            sizes = self._store.removal.measure_runs([run.run_id for run, _ in page])
            for run, reason in page:
                planned.append(
                    PlannedRun(
                        run_id=run.run_id,
                        experiment_id=run.experiment_id,
                        run_name=run.run_name,
                        reason=reason,
                        since=run.deleted_time if reason == "deleted" else run.end_time,
                        database_bytes=sizes.get(run.run_id, 0),
                        artifact_bytes=self._measure(_place_of(run)) if run.owns_files else None,
                    )
                )
                on_progress(len(planned), len(chosen))
        return planned

    def _removable_experiments(
        self, request: RemovalRequest, gone: set[str], versioned: Versioned, now: int
    ) -> list[PlannedExperiment]:
        """The deleted experiments of which nothing will be left: no run, and no model that has a version."""
        planned: list[PlannedExperiment] = []
        for experiment in self._experiments(request, ViewType.DELETED_ONLY):
            number, since = experiment.experiment_id, experiment.last_update_time or 0
            models = self._store.removal.list_models(number)
            is_used = any(run.run_id not in gone for run in self._store.removal.list_runs(experiment_ids=[number]))
            if (
                is_used
                or since > now - request.older_than_ms
                or any(one.model_id in versioned.models for one in models)
            ):
                continue
            sizes = [self._measure(one.artifact_uri) or 0 for one in models if one.owns_files]
            planned.append(
                PlannedExperiment(experiment_id=number, name=experiment.name, since=since, artifact_bytes=sum(sizes))
            )
        return planned

    def _measure(self, uri: str) -> int | None:
        """The bytes of all files there; None where that cannot be told."""
        try:
            store = self._artifacts.open(uri)
            folder = _local_folder(store)
            return _size_of(store) if folder is None else folder_size(folder)
        except (ArtifactError, InvalidInput):
            return None

    # -- leftovers

    def _leftovers(self) -> list[LeftFiles]:
        found = find_leftovers(self._root(), self._known_ids())
        return [LeftFiles(path=one.path, size_bytes=one.size_bytes) for one in found]

    def _root(self) -> Path:
        uri = self._store.own_artifact_root
        if uri is None:
            raise InvalidInput(
                "Files that belong to no run cannot be looked for: this database has no artifact root of its own, so "
                "they may belong to the runs of another one; start the server with --artifacts-destination"
            )
        folder = _local_folder(self._artifacts.open(uri))
        if folder is None:
            raise InvalidInput(f"Files that belong to no run can be looked for in a local folder alone, not in '{uri}'")
        return folder

    def _known_ids(self) -> set[str]:
        removal = self._store.removal
        experiments = self._experiments(RemovalRequest(), ViewType.ALL)
        models = (model.model_id for one in experiments for model in removal.list_models(one.experiment_id))
        return {run.run_id for run in removal.list_runs()}.union(models)

    # -- carrying it out

    def remove(self, batch: RemovalBatch) -> Removed:
        asked = (batch.run_ids, batch.dropped_run_ids, batch.experiment_ids, batch.leftovers)
        if sum(map(len, asked)) > MAX_REMOVAL:
            raise InvalidInput(f"At most {MAX_REMOVAL} things are removed at a time, not {sum(map(len, asked))}")
        done = self._remove_runs(batch) if batch.run_ids or batch.dropped_run_ids else Removed()
        for experiment_id in batch.experiment_ids:
            done += self._remove_experiment(check_experiment_id(experiment_id))
        if batch.leftovers:
            gone = list(remove_leftovers(self._root(), set(batch.leftovers), self._known_ids()))
            done += Removed(leftovers=len(gone), artifact_bytes=sum(one.size_bytes for one in gone))
        return done

    def _remove_runs(self, batch: RemovalBatch) -> Removed:
        versioned = self._store.removal.list_versioned()
        dropped = set(batch.dropped_run_ids)
        ready: list[str] = []
        problems: list[str] = []
        artifact_bytes = 0
        # As it is now, not as it was when the plan was made.
        for run in self._store.removal.list_runs(run_ids=[*batch.run_ids, *batch.dropped_run_ids]):
            try:
                self._make_ready(run, versioned, may_drop=run.run_id in dropped)
                artifact_bytes += self._delete_files(_place_of(run)) if run.owns_files else 0
                ready.append(run.run_id)
            except StoreError:
                raise
            except RunstoneError as error:
                problems.append(f"The run {run.run_id} stays: {error}")
        sizes = self._store.removal.measure_runs(ready)
        return Removed(
            runs=self._store.removal.remove_runs(ready),
            database_bytes=sum(sizes.values()),
            artifact_bytes=artifact_bytes,
            problems=problems,
        )

    def _make_ready(self, run: RunFacts, versioned: Versioned, *, may_drop: bool) -> None:
        """Raises NotActive where it may not be removed. Marks as deleted what is to be dropped."""
        reason = protection(run, versioned)
        if reason is None and run.deleted_time is None:
            if not may_drop:
                raise records.run_not_deleted(run.run_id)
            if not RunStatus.is_terminated(run.status):
                reason = "it goes on"
        if reason is not None:
            raise NotActive(reason)
        if run.deleted_time is None:
            self._store.set_run_stage(run.run_id, LifecycleStage.DELETED, now=now_ms())

    def _remove_experiment(self, experiment_id: str) -> Removed:
        models = self._store.removal.list_models(experiment_id)
        try:
            experiment = self._store.get_experiment(experiment_id)
            is_used = bool(self._store.removal.list_runs(experiment_ids=[experiment_id]))
            if experiment.lifecycle_stage is not LifecycleStage.DELETED or is_used:
                raise records.experiment_in_use(experiment_id)
            versioned = self._store.removal.list_versioned().models
            if any(model.model_id in versioned for model in models):
                raise NotActive("a version of a registered model comes from it")
            places = [_without_leaf(one.artifact_uri, one.model_id) for one in models if one.owns_files]
            freed = sum(map(self._delete_files, places))
            self._delete_if_empty(experiment.artifact_location)
            return Removed(experiments=int(self._store.removal.remove_experiment(experiment_id)), artifact_bytes=freed)
        except NotFound:
            return Removed()
        except StoreError:
            raise
        except RunstoneError as error:
            return Removed(problems=[f"The experiment {experiment_id} stays: {error}"])

    def _delete_files(self, uri: str) -> int:
        size_bytes = self._measure(uri) or 0
        self._artifacts.open(uri).delete("")
        return size_bytes

    def _delete_if_empty(self, uri: str) -> None:
        """Remove the folder of an experiment with empty folders in it; whatever somebody has put there stays."""
        folder = _local_folder(self._artifacts.open(uri))
        for place in () if folder is None else (folder / "models", folder):
            with suppress(OSError):
                place.rmdir()

    def compact(self) -> int | None:
        return self._store.removal.compact()


def _kept(run: RunFacts, reason: str) -> KeptRun:
    return KeptRun(run_id=run.run_id, experiment_id=run.experiment_id, run_name=run.run_name, reason=reason)


def _place_of(run: RunFacts) -> str:
    """The URI of all that a run has written: the folder of its name, where `artifacts` lies in it."""
    return _without_leaf(run.artifact_uri, run.run_id)


def _without_leaf(uri: str, owner: str) -> str:
    return uri.removesuffix("/artifacts") if uri.endswith(f"/{owner}/artifacts") else uri


def _local_folder(store: ArtifactStore) -> Path | None:
    """Where the files lie on this machine, be there any or not; None for another kind of store."""
    return store.root if isinstance(store, LocalArtifactStore) else None


def _size_of(store: ArtifactStore) -> int:
    folders, size_bytes = [""], 0
    while folders:
        for found in store.list(folders.pop()):
            if found.is_dir:
                folders.append(found.path)
            size_bytes += found.file_size or 0
    return size_bytes
