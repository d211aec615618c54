"""One Importer: copies what a Source tells to a Target. The rules of copying stand here, once.

Runs go over in groups, whose points are one transaction. A run is marked as whole after all that belongs to it has
arrived, so that an import that was killed goes on where it stopped: what is whole is skipped, what is not is completed.
Nothing that is in the target is overwritten. What is deleted in the source is deleted in the target, last of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from runstone import tag_names
from runstone.entities import Experiment, LifecycleStage, LoggedModel, ModelMetric, Run, RunStatus
from runstone.errors import RunstoneError, StoreError
from runstone.exchange.files import Files
from runstone.exchange.legality import legal_batch, legal_run
from runstone.exchange.models import ModelCopy
from runstone.exchange.report import Report
from runstone.exchange.selection import Selection, run_matches, summarize_pieces
from runstone.exchange.server_models import ServerModelCopy
from runstone.exchange.server_target import ServerTarget
from runstone.exchange.source import Source
from runstone.exchange.target import Found, Target
from runstone.series.points import MetricBatch
from runstone.series.summary import Summary
from runstone.stores.base import Write
from runstone.validation import check_experiment_name, check_run_id

__all__ = ["Importer", "Progress"]

Progress = Callable[[int, int], None]
"""Called with the runs done and the runs in total."""

_GROUP_POINTS = 200_000
_GROUP_RUNS = 100
_DELETED = LifecycleStage.DELETED


class _Place(msgspec.Struct):
    """An experiment in the target: None where it is still to be made."""

    source: Experiment
    target: Experiment | None
    is_counted: bool = False
    has_refused: bool = False


class _Waiting(msgspec.Struct):
    """A run that is read and not recorded yet. `writes` hold its data, in the order to be recorded."""

    run: Run
    found: Found | None
    pieces: list[MetricBatch]


class Importer:
    """Copies once: make one, `copy()`, and read its report. Without a target (a dry run) everything is new."""

    def __init__(
        self,
        source: Source,
        target: Target | None,
        selection: Selection | None = None,
        *,
        place: str = "",
        is_dry_run: bool = False,
        on_progress: Progress = lambda done, total: None,
    ) -> None:
        self._source = source
        self._target = target
        self._selection = selection or Selection()
        self._filter = self._selection.filter()
        self._is_dry_run = is_dry_run or target is None
        self._on_progress = on_progress
        self.report = Report(source=source.place, target=target.place if target else place, is_dry_run=self._is_dry_run)
        self._files = Files(source, self._selection.artifacts, self.report)
        self._models: ModelCopy | ServerModelCopy = (
            ServerModelCopy(source, target, self._files, self.report)
            if isinstance(target, ServerTarget)
            else ModelCopy(source, target, self._files, self.report)
        )
        self._done = 0

    def copy(self) -> Report:
        """Copy everything. Raises StoreError where the source or the target cannot be used any more."""
        experiments = [one for one in self._source.list_experiments() if self._selection.has_experiment(one)]
        for name in sorted(self._selection.experiments - {one.name for one in experiments}):
            self.report.note(f"experiment '{name}'", f"{self._source.place} has none of that name")
        total = sum(map(self._source.count_runs, experiments))
        self._on_progress(0, total)
        self._models.read_registry()
        for experiment in experiments:
            self._copy_experiment(experiment, total)
        if not self._is_dry_run:
            self._models.copy_registry(is_whole=self._selection.is_whole())
        self._files.finish()
        for what, reason in self._source.list_problems():
            self.report.note(what, reason)
        return self.report

    # -- experiments

    def _copy_experiment(self, experiment: Experiment, total: int) -> None:
        try:
            check_experiment_name(experiment.name)
        except RunstoneError as error:
            self.report.note(f"experiment '{experiment.name}'", error)
            return
        place = _Place(experiment, self._target.tracking.find_experiment(experiment.name) if self._target else None)
        self._files.check_location(experiment)
        if self._selection.is_whole():
            self._open(place)  # an experiment without runs comes along, too
        models = list(self._source.read_logged_models(experiment))
        if not self._selection.is_partial():
            self._copy_models(place, models)
        group: list[_Waiting] = []
        for run in self._source.read_runs(experiment):
            waiting = self._read(place, run)
            if waiting is not None:
                group.append(waiting)
            if len(group) >= _GROUP_RUNS or sum(map(_points, group)) >= _GROUP_POINTS:
                self._record(place, group, models)
                group = []
            self._done += 1
            self._on_progress(self._done, total)
        self._record(place, group, models)
        self._delete(place)

    def _open(self, place: _Place) -> str | None:
        """The experiment in the target, made where it is missing; None where it takes no runs."""
        experiment = place.source
        if place.target is None and not place.is_counted:
            place.is_counted = True
            self.report.experiments += 1
        if self._is_dry_run or self._target is None:
            return None
        tracking = self._target.tracking
        if place.target is None:
            place.target = tracking.get_experiment(self._target.create_experiment(experiment))
        elif place.target.lifecycle_stage is _DELETED and experiment.lifecycle_stage is not _DELETED:
            if not place.has_refused:
                remedy = f"restore it with `runstone experiments restore {place.target.experiment_id}`"
                self.report.note(f"experiment '{experiment.name}'", f"it is deleted in the target; {remedy}")
            place.has_refused = True
        return None if place.has_refused else place.target.experiment_id

    def _prepare(self, place: _Place) -> str | None:
        """The experiment, ready to take runs; None where it takes none."""
        number = self._open(place)
        if number is None or place.target is None or self._target is None:
            return None
        tracking = self._target.tracking
        if place.target.lifecycle_stage is _DELETED:
            tracking.restore_experiment(number)
            place.target = tracking.get_experiment(number)
        missing = {key: value for key, value in place.source.tags.items() if key not in place.target.tags}
        if missing:
            try:
                tracking.set_experiment_tags(number, missing)
            except StoreError:
                raise
            except RunstoneError as error:
                self.report.note(f"tags of experiment '{place.source.name}'", error)
            place.target = tracking.get_experiment(number)
        return number

    def _delete(self, place: _Place) -> None:
        """Delete what is deleted in the source, once its runs are there."""
        if self._is_dry_run or place.source.lifecycle_stage is not _DELETED or place.target is None:
            return
        if place.target.lifecycle_stage is _DELETED or self._target is None:
            return
        try:
            self._target.tracking.delete_experiment(place.target.experiment_id)
        except StoreError:
            raise
        except RunstoneError as error:
            self.report.note(f"the deletion of experiment '{place.source.name}'", error)

    # -- runs

    def _read(self, place: _Place, run: Run) -> _Waiting | None:
        """The run with its points, if it is to be recorded."""
        run_id = run.info.run_id
        if not self._selection.has_time(run):
            self.report.filtered += 1
            return None
        try:
            check_run_id(run_id)
        except RunstoneError as error:
            self.report.note(f"run '{run_id}'", error)
            return None
        self._models.note_run(run)
        found = self._find(place, run)
        if found is not None and _is_settled(found, run):
            self.report.skipped += 1
            return None
        pieces = list(self._source.read_points(run))
        if not run_matches(self._filter, run, pieces):
            self.report.filtered += 1
            return None
        if found is not None and found.is_whole and self._has_all(found, run, pieces):
            self.report.skipped += 1
            return None
        run = legal_run(run, self.report)
        pieces = [legal for piece in pieces if (legal := legal_batch(piece, run_id, self.report)) is not None]
        if self._is_dry_run:
            self._open(place)
            self._count(found, pieces)
            return None
        return _Waiting(run, found, pieces)

    def _find(self, place: _Place, run: Run) -> Found | None:
        if self._target is None or place.target is None:
            return None
        return self._target.find_run(place.target.experiment_id, run.info.run_id)

    def _has_all(self, found: Found, run: Run, pieces: list[MetricBatch]) -> bool:
        """Whether the target has all of a run that has not ended in the source."""
        there, here = found.run, legal_run(run, Report(source="", target=""))
        if here.info.status is not there.info.status:
            return False
        if here.data.params.keys() - there.data.params.keys() or here.data.tags.keys() - there.data.tags.keys():
            return False
        assert self._target is not None
        series = self._target.tracking.list_series(found.run_id)
        return {key: _extent(one) for key, one in summarize_pieces(pieces).items()} == {
            key: _extent(one) for key, one in series.items()
        }

    def _count(self, found: Found | None, pieces: list[MetricBatch]) -> None:
        if found is None:
            self.report.runs += 1
        else:
            self.report.completed += 1
        self.report.points += sum(map(len, pieces))

    def _copy_models(self, place: _Place, models: Sequence[LoggedModel]) -> None:
        missing = self._models.find_missing(models)
        number = self._prepare(place) if missing else None
        if number is not None:
            self._models.copy_logged(missing, number)

    def _record(self, place: _Place, group: list[_Waiting], models: Sequence[LoggedModel]) -> None:
        """Record some runs: all that belongs to them, then that they are whole, then that they are deleted."""
        number = self._prepare(place) if group else None
        if number is None or self._target is None:
            return
        if self._selection.is_partial():
            ids = {one.run.info.run_id for one in group}
            models = [model for model in models if model.source_run_id in ids]
            self._copy_models(place, models)
        figures = _by_run(models) if self._target.models is not None else {}
        arrived = [(one, run_id) for one in group if (run_id := self._create(one, number)) is not None]
        failed = self._record_data(
            [write for one, run_id in arrived for write in _writes(one, run_id, figures.get(one.run.info.run_id, ()))]
        )
        for one, run_id in arrived:
            self._record_links(one.run, run_id)
            self._files.copy_run(one.run, self._target, run_id)
            self._count(one.found, one.pieces)
        self._target.mark_whole([run_id for _, run_id in arrived if run_id not in failed])
        for one, run_id in arrived:
            # A run of a deleted experiment is deleted, and restored, with it.
            if one.run.info.lifecycle_stage is _DELETED and place.source.lifecycle_stage is not _DELETED:
                self._target.tracking.delete_run(run_id)

    def _record_data(self, writes: Sequence[Write]) -> set[str]:
        """Record the writes; the runs of those that were refused."""
        assert self._target is not None
        failed = set()
        for write, error in zip(writes, self._target.record(writes), strict=True):
            if error is not None:
                self.report.note(f"data of run '{write.run_id}'", error)
                failed.add(write.run_id)
        return failed

    def _create(self, one: _Waiting, number: str) -> str | None:
        assert self._target is not None
        if one.found is not None:
            if one.found.run.info.lifecycle_stage is _DELETED:
                self._target.tracking.restore_run(one.found.run_id)
            return one.found.run_id
        uri = self._files.place_of(one.run.info.artifact_uri, self._target)
        try:
            return self._target.create_run(number, one.run, uri)
        except StoreError:
            raise
        except RunstoneError as error:
            self.report.note(f"run '{one.run.info.run_id}'", error)
            return None

    def _record_links(self, run: Run, run_id: str) -> None:
        assert self._target is not None
        tracking = self._target.tracking
        acts: list[tuple[str, Callable[[], None]]] = []
        if run.inputs.dataset_inputs:
            acts.append(("datasets", lambda: tracking.log_inputs(run_id, run.inputs.dataset_inputs)))
        if self._target.models is not None:
            if run.inputs.model_inputs:
                acts.append(("input models", lambda: tracking.models.log_model_inputs(run_id, run.inputs.model_inputs)))
            if run.outputs.model_outputs:
                acts.append(("models", lambda: tracking.models.log_model_outputs(run_id, run.outputs.model_outputs)))
        for what, act in acts:
            try:
                act()
            except StoreError:
                raise
            except RunstoneError as error:
                self.report.note(f"{what} of run '{run.info.run_id}'", error)


def _is_settled(found: Found, run: Run) -> bool:
    """Whether nothing more is to come: the run is whole in the target, and has ended, or goes on in neither place."""
    if not found.is_whole:
        return False
    ended_there = RunStatus.is_terminated(found.run.info.status)
    return ended_there or run.info.lifecycle_stage is _DELETED


def _extent(summary: Summary) -> tuple[int, int, int]:
    return summary.count, summary.last_step, summary.last_timestamp


def _points(one: _Waiting) -> int:
    return sum(map(len, one.pieces))


def _by_run(models: Sequence[LoggedModel]) -> dict[str, list[ModelMetric]]:
    """The figures of the models by the run that measured them."""
    found: dict[str, list[ModelMetric]] = {}
    for model in models:
        for metric in model.metrics:
            found.setdefault(metric.run_id or model.source_run_id, []).append(metric)
    return found


def _writes(one: _Waiting, run_id: str, figures: Sequence[ModelMetric]) -> Iterator[Write]:
    """All that is recorded in a run. What the target has of params and tags already stays."""
    info, data = one.run.info, one.run.data
    known = one.found.run.data if one.found else None
    params = {key: value for key, value in data.params.items() if known is None or key not in known.params}
    tags = {key: value for key, value in data.tags.items() if known is not None and key not in known.tags}
    for piece in one.pieces[:-1]:
        yield Write(run_id=run_id, metrics=piece)
    yield Write(
        run_id=run_id,
        metrics=one.pieces[-1] if one.pieces else None,
        params=params,
        tags=tags,
        model_metrics=figures,
        status=info.status,
        end_time=info.end_time,
    )
    if tag_names.END_REASON in data.tags:
        # A status takes back what was said of a run that fell silent.
        yield Write(run_id=run_id, tags={tag_names.END_REASON: data.tags[tag_names.END_REASON]})
