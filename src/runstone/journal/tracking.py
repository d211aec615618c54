"""JournaledTracking: a tracker whose writes go to the journal first, and from there to another tracker.

What can be checked is checked before it is recorded. Params, tags and statuses wait for the store's answer, so that
its errors are raised where MLflow raises them; points do not wait, and what a store refuses of them is told later and
kept. Reads wait for what this process has recorded before. Knows no wire format and no store.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from runstone import settings, tag_names
from runstone.artifacts.base import ArtifactOpener, ArtifactStore
from runstone.entities import (
    DatasetInput,
    Experiment,
    Metric,
    PagedList,
    Run,
    RunStatus,
    ViewType,
)
from runstone.errors import InvalidInput, NotFound, RunstoneError, StoreUnavailable
from runstone.journal.artifacts import KeepingArtifacts
from runstone.journal.events import CreateRun, LinkDatasets, Record, RecordModel
from runstone.journal.exits import close_at_exit
from runstone.journal.journal import Journal, NoRoom
from runstone.journal.notices import notify
from runstone.journal.offline import ProvisionalExperiments, find_creation, run_of
from runstone.naming import new_run_id, new_run_name, now_ms
from runstone.series.curves import Curve, CurveQuery
from runstone.series.frame import encode_frame
from runstone.series.points import Points
from runstone.series.summary import Summary
from runstone.stores.base import Changes, RunCount, RunTable, Write
from runstone.tracking.base import Tracking
from runstone.tracking.checks import check_inputs, check_run_name, check_time, metric_batch, param_texts, tag_texts
from runstone.tracking.models import Models
from runstone.tracking.removal import Removal
from runstone.validation import check_experiment_id, check_key, check_run_id

__all__ = ["JournaledTracking"]

T = TypeVar("T")


class JournaledTracking:
    """Records in `journal` (a folder), and delivers to `inner` under the name `destination`.

    `deliver_to` is the tracker for delivery, and for what must not wait long: as `inner`, but it gives up at the
    first failure. `tend` is done once a minute at most, where something is recorded or read.

    Beyond the contract of Tracking: a point's refusal by the store is not raised but told, unless somebody waits.
    """

    def __init__(
        self,
        inner: Tracking,
        journal: Path,
        destination: str,
        *,
        deliver_to: Tracking | None = None,
        tend: Callable[[], object] | None = None,
    ) -> None:
        self.inner = inner
        # The thread that delivers knows the journal, so a tracker that nobody holds goes on while there is work.
        self.journal = Journal(journal, destination, deliver_to or inner, owner=self, tend=tend)
        self.is_closed = False
        self._prompt = deliver_to or inner
        self._experiments = ProvisionalExperiments(journal)
        self._offline_runs: dict[str, Run] = {}
        self._behind = [inner] if self._prompt is inner else [inner, self._prompt]
        # Not by closing it here and now: the collector may come in the midst of anything.
        closing = functools.partial(_close_all, self._behind)
        self._finalizer = weakref.finalize(self, self.journal.delivery.abandon, closing)
        self._finalizer.atexit = False
        # The end of a process comes backwards. So this stands after a finalizer: those of others (urllib3 takes its
        # connections away) come after it then. And it stands before the hooks that end runs, which come with a run.
        close_at_exit(self)

    # -- the journal

    def end_run(self, run_id: str, status: RunStatus, *, tags: Mapping[str, str] | None = None) -> None:
        """End a run now; `tags` are set with it. Then it is no longer this process's own."""
        self.update_run(run_id, status=status, tags=tags)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Deliver what was recorded; whether that was done within the time (default: as at the end of a run)."""
        return self.journal.flush(timeout_s)

    def close(self) -> None:
        """Deliver what can be delivered in time; say what is kept; close the tracker behind."""
        if not self.is_closed:
            self.is_closed = True
            self.journal.close()
            self._finalizer.detach()
            _close_all(self._behind)

    def _settled(self) -> Tracking:
        """The tracker behind, once it has what this process has recorded."""
        self.journal.settle()
        return self.inner

    def _or_offline(self, ask: Callable[[Tracking], T], offline: Callable[[], T]) -> T:
        """What the store says; where it cannot be reached and runs may start offline, the other."""
        if self.journal.mode == "never":
            return ask(self.inner)
        if self.journal.is_away:
            return offline()
        try:
            return ask(self._prompt)
        except StoreUnavailable as error:
            notify(f"recording offline, in {self.journal.folder}: {error}")
            return offline()

    # -- experiments

    @property
    def artifacts(self) -> ArtifactOpener:
        return self.inner.artifacts

    @property
    def models(self) -> Models:
        return self.inner.models

    @property
    def removal(self) -> Removal:
        return self._settled().removal

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        return self._or_offline(
            lambda tracking: tracking.create_experiment(name, artifact_location=artifact_location, tags=tags),
            lambda: self._experiments.experiment_of(name).experiment_id,
        )

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        found = self._experiments.find(check_experiment_id(experiment_id))
        if found is None:
            return self.inner.get_experiment(experiment_id)
        return self._or_offline(lambda tracking: tracking.find_experiment(found.name), lambda: None) or found

    def find_experiment(self, name: str) -> Experiment | None:
        return self._or_offline(
            lambda tracking: tracking.find_experiment(name), lambda: self._experiments.experiment_of(name)
        )

    def search_experiments(
        self,
        *,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        return self._settled().search_experiments(
            view=view, filter_string=filter_string, order_by=order_by, max_results=max_results, page_token=page_token
        )

    def rename_experiment(self, experiment_id: str | int, name: str) -> None:
        self.inner.rename_experiment(experiment_id, name)

    def delete_experiment(self, experiment_id: str | int) -> None:
        self._settled().delete_experiment(experiment_id)
        self.journal.forget_writers()

    def restore_experiment(self, experiment_id: str | int) -> None:
        self.inner.restore_experiment(experiment_id)

    def set_experiment_tags(self, experiment_id: str | int, tags: Mapping[str, Any]) -> None:
        self.inner.set_experiment_tags(experiment_id, tags)

    def delete_experiment_tag(self, experiment_id: str | int, key: str) -> None:
        self.inner.delete_experiment_tag(experiment_id, key)

    # -- runs

    def create_run(
        self,
        experiment_id: str | int,
        *,
        run_id: str | None = None,
        run_name: str | None = None,
        start_time: int | None = None,
        user_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> Run:
        number = check_experiment_id(experiment_id)
        texts = tag_texts(tags)
        run_name = check_run_name(run_name, texts)
        start = now_ms() if start_time is None else check_time("start time", start_time)

        def ask(tracking: Tracking) -> Run:
            real = self._real_experiment(tracking, number)
            return tracking.create_run(
                real, run_id=run_id, run_name=run_name, start_time=start, user_id=user_id, tags=texts
            )

        def offline() -> Run:
            event = self._creation(number, texts, run_name=run_name, start_time=start, user_id=user_id)
            chosen = new_run_id() if run_id is None else check_run_id(run_id)
            self.journal.start(chosen, event)
            return self._remember_offline(chosen, number, event)

        return self._or_offline(ask, offline)

    def start_run(self, experiment_id: str | int, tags: Mapping[str, Any]) -> Run:
        """Create a run of this process's own. Its name is in its tags, or made up.

        The journal is told before the store: so the run has an owner if this process is killed in between, and if the
        store's answer is lost it is still this run that goes on.
        """
        if self.journal.mode == "never" or self.journal.is_away:
            return self.create_run(experiment_id, tags=tags)
        number, run_id = check_experiment_id(experiment_id), new_run_id()
        texts = tag_texts(tags)
        event = self._creation(number, texts, run_name=check_run_name(None, texts), start_time=now_ms())
        self.journal.start(run_id, event, is_held=True)
        try:
            run = self._prompt.create_run(
                self._real_experiment(self._prompt, number),
                run_id=run_id,
                start_time=event.start_time,
                user_id=event.user_id,
                tags=event.tags,
            )
        except StoreUnavailable as error:
            notify(f"recording offline, in {self.journal.folder}: {error}")
            run = self._remember_offline(run_id, number, event)
            self.journal.release(run_id, is_created=False)
            return run
        except InvalidInput:
            # A server of MLflow, which makes up the ids of runs; or else the same refusal once more.
            self.journal.discard(run_id)
            return self.create_run(experiment_id, tags=event.tags, start_time=event.start_time)
        except BaseException:
            self.journal.discard(run_id)
            raise
        self.journal.release(run_id, is_created=True)
        return run

    def _creation(
        self,
        experiment_id: str,
        tags: Mapping[str, str],
        *,
        run_name: str | None,
        start_time: int,
        user_id: str | None = None,
    ) -> CreateRun:
        name = self._experiments.name_of(experiment_id)
        return CreateRun(
            experiment_id=experiment_id if name is None else None,
            experiment_name=name,
            start_time=start_time,
            user_id=user_id if user_id is not None else tags.get(tag_names.USER, ""),
            tags={**tags, tag_names.RUN_NAME: run_name or new_run_name()},
        )

    def _real_experiment(self, tracking: Tracking, experiment_id: str) -> str:
        """The id of an experiment that may be known by its name alone; it is made where it is missing."""
        name = self._experiments.name_of(experiment_id)
        return experiment_id if name is None else _find_or_create(tracking, name)

    def _remember_offline(self, run_id: str, experiment_id: str, event: CreateRun) -> Run:
        run = self._offline_runs[run_id] = run_of(run_id, experiment_id, event, self.journal.folder / run_id)
        return run

    def get_run(self, run_id: str) -> Run:
        try:
            if self.journal.mode == "always":
                raise StoreUnavailable(
                    f"The run '{run_id}' cannot be read: RUNSTONE_OFFLINE=always asks no store; it is delivered "
                    "by `runstone sync`"
                )
            return self._settled().get_run(run_id)
        except (StoreUnavailable, NotFound) as error:
            known = self._known_offline(run_id)
            if known is None or (isinstance(error, NotFound) and not self.journal.delivery.waiting()):
                raise
            return known

    def _known_offline(self, run_id: str) -> Run | None:
        """The run as the journal tells of it; where no store may be asked, also one that was started elsewhere."""
        if run_id in self._offline_runs:
            return self._offline_runs[run_id]
        event = find_creation(self.journal.folder, check_run_id(run_id))
        if event is None and self.journal.mode != "always":
            return None
        event = event or CreateRun(experiment_id="", experiment_name=None, start_time=now_ms(), user_id="", tags={})
        name = event.experiment_name
        experiment_id = event.experiment_id if name is None else self._experiments.id_of(name)
        return run_of(run_id, experiment_id or "", event, self.journal.folder / run_id)

    def update_run(
        self,
        run_id: str,
        *,
        status: RunStatus | str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        check_run_id(run_id)
        tags = tag_texts({**(tags or {}), **({tag_names.RUN_NAME: run_name} if run_name else {})})
        if status is None:
            if end_time is not None:
                self._settled().update_run(run_id, end_time=end_time, run_name=run_name)
            else:
                self.journal.record(run_id, Record(tags=tags))
            return
        word = RunStatus.from_string(status)
        is_over = RunStatus.is_terminated(word)
        if end_time is not None:
            end_time = check_time("end time", end_time)
        elif is_over:
            end_time = now_ms()
        event = Record(tags=tags, status=word.value, end_time=end_time, ends=is_over)
        is_delivered = False
        try:
            is_delivered = self.journal.record(run_id, event, is_last=is_over)
        except NoRoom:
            if settings.STRICT.get():
                raise
            # Past the journal: a run may end on a disk that is full.
            self._prompt.update_run(run_id, status=word, end_time=end_time, run_name=run_name)
            is_delivered = True
        finally:
            if is_over:
                self.journal.let_go(run_id)
        if is_over and not is_delivered:
            self.journal.say_run_is_kept(run_id)

    def delete_run(self, run_id: str) -> None:
        self._settled().delete_run(run_id)
        self.journal.let_go(run_id)

    def restore_run(self, run_id: str) -> None:
        self._settled().restore_run(run_id)

    def search_runs(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        return self._settled().search_runs(
            experiment_ids,
            filter_string=filter_string,
            view=view,
            order_by=order_by,
            max_results=max_results,
            page_token=page_token,
        )

    def search_run_table(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> RunTable:
        return self._settled().search_run_table(
            experiment_ids,
            filter_string=filter_string,
            view=view,
            order_by=order_by,
            max_results=max_results,
            page_token=page_token,
        )

    def count_runs(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
    ) -> RunCount:
        return self._settled().count_runs(experiment_ids, filter_string=filter_string, view=view)

    def list_changed_runs(self, since: int, *, max_results: int = 1000) -> Changes:
        return self._settled().list_changed_runs(since, max_results=max_results)

    # -- what a run records

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Iterable[Metric] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        waits: bool = True,
    ) -> None:
        """See Tracking. Without `waits` the store's answer is not waited for."""
        check_run_id(run_id)
        param_values, tag_values = param_texts(params), tag_texts(tags)
        if not param_values and not tag_values:
            points = [(metric.key, metric.value, metric.timestamp, metric.step) for metric in metrics]
            self.journal.writer(run_id).log_points(points)
            return
        batch = metric_batch(metrics)
        frame = None if batch is None else encode_frame(batch)
        self.journal.record(run_id, Record(params=param_values, tags=tag_values, frame=frame), waits=waits)

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        """Past the journal: whoever has columns at hand has them in safety."""
        return self._settled().log_batches(writes)

    def last_sequence(self, run_id: str, writer: str) -> int:
        return self.inner.last_sequence(run_id, writer)

    def delete_tag(self, run_id: str, key: str) -> None:
        check_key(key, kind="tag")
        if self.journal.is_away:
            self.journal.record(run_id, Record(deleted_tags=[key]), waits=False)
        else:
            self._settled().delete_tag(run_id, key)

    def record_logged_model(self, run_id: str, description: Mapping[str, Any]) -> None:
        self.journal.record(run_id, RecordModel(dict(description)))

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        self.journal.record(run_id, LinkDatasets(msgspec.to_builtins(check_inputs(inputs))))

    # -- series and files

    def list_series(self, run_id: str) -> dict[str, Summary]:
        return self._settled().list_series(run_id)

    def read_series(self, run_id: str, key: str, *, from_step: int | None = None, to_step: int | None = None) -> Points:
        return self._settled().read_series(run_id, key, from_step=from_step, to_step=to_step)

    def read_curves(self, query: CurveQuery) -> list[Curve]:
        return self._settled().read_curves(query)

    def _tracking_with(self, run_id: str) -> Tracking:
        """The tracker that knows the run; one that was started offline must be delivered first."""
        return self._settled() if run_id in self._offline_runs else self._prompt

    def open_artifacts(self, run_id: str) -> ArtifactStore:
        check_run_id(run_id)
        if self.journal.mode == "never":
            return self.inner.open_artifacts(run_id)
        opened = None
        if not self.journal.is_away:
            with suppress(StoreUnavailable):
                opened = self._tracking_with(run_id).open_artifacts(run_id)
        return self._keeping(run_id, opened)

    def store_soon(self, run_id: str, stream: BinaryIO, path: str) -> None:
        """Store a file of a run without waiting for it. Where nothing may be kept (offline: never), store it now."""
        check_run_id(run_id)
        if self.journal.mode == "never":
            self.inner.open_artifacts(run_id).put_stream(stream, path)
        else:
            self._keeping(run_id, None).keep_stream(stream, path)

    def _keeping(self, run_id: str, opened: ArtifactStore | None) -> KeepingArtifacts:
        journal = self.journal
        store = opened or (lambda: self._tracking_with(run_id).open_artifacts(run_id))
        writer = journal.writer(run_id)
        return KeepingArtifacts(store, lambda: journal.is_away, writer, lambda: journal.wait_for(run_id))


def _close_all(trackers: Sequence[Tracking]) -> None:
    for tracking in trackers:
        tracking.close()


def _find_or_create(tracking: Tracking, name: str) -> str:
    found = tracking.find_experiment(name)
    return tracking.create_experiment(name) if found is None else found.experiment_id
