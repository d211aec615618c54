"""Couriers: what stands in a spool is brought to a tracker, in order, each slot once.

The store keeps the last slot of each writer in the transaction that stores the points; a courier that does not know
what has arrived (a new one, or one whose answer was lost) asks for it. Repeats therefore change nothing, whoever
sends them. Servers of MLflow do not keep it: there their own key drops points that come twice, and the slots that
were delivered are those that the spool's state names. Knows no thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from runstone import tag_names
from runstone.entities import DatasetInput, RunStatus, ViewType
from runstone.errors import AccessDenied, AlreadyExists, InvalidInput, NotFound, RunstoneError, StoreError
from runstone.journal.events import Attach, CreateRun, KeepFile, LinkDatasets, Record, RecordModel
from runstone.journal.spool import GROWING, Damage, Gap, Happening, Slice, Spool
from runstone.naming import now_ms
from runstone.series.frame import decode_frame
from runstone.series.points import MetricBatch
from runstone.stores.base import Sequenced, Write
from runstone.tracking.base import Tracking

__all__ = ["Blocked", "Courier"]

LIMIT = 1 << 17
"""Slots in one go: some 4 MB, so that series that are logged fast come in stretches worth a chunk."""
_Item = Slice | Happening | Gap
Outcome = Callable[[int, int, RunstoneError], bool]
"""Called with the slots of what was refused, and why; whether somebody has been told."""


class Blocked(RunstoneError):
    """Nothing of this spool can be delivered until a person has done something; all of it is kept."""


class Courier:
    """Delivers `spool` to `tracking`. `on_refusal` hears of what the store refuses, which is then passed over."""

    def __init__(self, spool: Spool, tracking: Tracking, on_refusal: Outcome) -> None:
        self.spool = spool
        self._tracking = tracking
        self._on_refusal = on_refusal
        self._position: int | None = None
        self.run_id = spool.about.run_id
        """The run, as the tracker knows it."""
        self.cursor = spool.delivered + 1
        """The next slot to deliver."""
        self.done = 0
        """How many points and events this courier has brought over."""

    # -- delivery

    def deliver(self, last: int | None = None) -> bool:
        """Deliver what is there, at most LIMIT slots; False where nothing is. See `Spool.read` for `last`.

        Raises StoreError where the store cannot be reached, Blocked, AccessDenied, and Damage.
        """
        if self._position is None:
            self._ask()
        try:
            items = self.spool.read(self.cursor, LIMIT, last)
        except Damage as damage:
            if damage.slot == self.cursor:
                raise
            items = self.spool.read(self.cursor, damage.slot - self.cursor, last)
        if not items:
            return self._pass_over(last)
        writes: list[tuple[_Item, Write]] = []
        for item in items:
            write = self._write_of(item)
            if write is not None:
                writes.append((item, write))
                continue
            if not self._send(writes):
                return True
            writes = []
            self._perform(item)
        self._send(writes)
        return True

    def beat(self) -> None:
        """Tell the store that the writer is alive, though it has nothing to say."""
        if self._position is not None:
            place = Sequenced(self.spool.about.writer, self._position, self._position)
            self._log([Write(run_id=self.run_id, sequenced=place)])

    def say_last(self, write: Write) -> None:
        """Record the writer's last word, which stands in no slot: once, however many couriers come to say it."""
        if self._position is None:
            self._ask()
        last = self.spool.last_slot() + 1
        if (self._position or 0) >= last:
            return
        place = Sequenced(self.spool.about.writer, (self._position or 0) + 1, last, ends=True)
        self._log([msgspec.structs.replace(write, run_id=self.run_id, sequenced=place)])
        self._position = last

    def _log(self, writes: list[Write]) -> list[RunstoneError | None]:
        errors = self._tracking.log_batches(writes)
        for error in errors:
            if isinstance(error, StoreError | AccessDenied):
                self._position = None
                raise error
        return errors

    def _ask(self) -> None:
        """Find out how far the store has got."""
        self.run_id = _remote_run_id(self.spool) or self.spool.about.run_id
        try:
            self._position = self._tracking.last_sequence(self.run_id, self.spool.about.writer)
        except NotFound:
            self._position = 0
        available = self.spool.segments[0].first if self.spool.segments else 1
        known = self._position or self.spool.delivered
        self.cursor = max(known + 1, available)

    def _pass_over(self, last: int | None) -> bool:
        """Where nothing but empty slots is left, they are done with."""
        if last is not None and self.cursor <= last:
            self._confirm(last)
        return False

    def _advance(self, *items: _Item) -> None:
        """These are delivered, or done with."""
        self.done += sum(map(_count, items))
        self._confirm(items[-1].last)

    def _confirm(self, slot: int) -> None:
        self.cursor = slot + 1
        self.spool.confirm(slot)

    # -- writes

    def _write_of(self, item: _Item) -> Write | None:
        """The item as a write; None for one that must be done in another way."""
        if isinstance(item, Slice):
            return Write(run_id=self.run_id, metrics=item.metrics)
        if isinstance(item, Gap):
            return None
        event = item.event
        if isinstance(event, Attach):
            return Write(run_id=self.run_id)
        if isinstance(event, Record):
            return Write(
                run_id=self.run_id,
                metrics=None if event.frame is None else decode_frame(event.frame),
                params=event.params,
                tags=event.tags,
                deleted_tags=event.deleted_tags,
                status=None if event.status is None else RunStatus(event.status),
                end_time=event.end_time,
            )
        return None

    def _send(self, items: list[tuple[_Item, Write]]) -> bool:
        """Record the writes in order; False where the store has got to another place than was known."""
        while items:
            assert self._position is not None
            before, placed = self._position, []
            for item, write in items:
                ends = isinstance(item, Happening) and isinstance(item.event, Record) and item.event.ends
                place = Sequenced(self.spool.about.writer, before + 1, item.last, ends=ends)
                placed.append(msgspec.structs.replace(write, sequenced=place))
                before = item.last
            try:
                errors = self._log(placed)
            except StoreError:
                self._position = None
                raise
            stored = next((number for number, error in enumerate(errors) if error is not None), len(items))
            if stored:
                self._position = items[stored - 1][0].last
                self._advance(*(item for item, _ in items[:stored]))
            items = items[stored:]
            if items:
                error = errors[stored]
                assert error is not None
                known = self._position
                self._ask()
                if self._position != known:
                    return False  # another courier was faster
                self._require_run(error)
                self._refuse(items[0][0], items[0][1], error)
                items = items[1:]
        return True

    def _require_run(self, error: RunstoneError) -> None:
        """Nothing is refused for lack of a run: another process may have started it offline, and it is yet to come."""
        if not isinstance(error, NotFound):
            return
        try:
            self._tracking.get_run(self.run_id)
        except NotFound as missing:
            self._position = None
            raise Blocked(f"the store has no run {self.run_id} (yet); what was recorded in it is kept") from missing

    def _refuse(self, item: _Item, write: Write, error: RunstoneError) -> None:
        is_told, what = self._on_refusal(item.first, item.last, error), _described(write)
        if not is_told and any(what.values()):  # a process's first word, or its last, holds nothing
            self._note(item, error, what)
        self._advance(item)

    def _note(self, item: _Item, error: RunstoneError, what: dict[str, Any]) -> None:
        slots = {"run_id": self.run_id, "time": now_ms(), "error": str(error), "first": item.first, "last": item.last}
        self.spool.refuse({**slots, **what})

    # -- other events

    def _perform(self, item: _Item) -> None:
        """What is not part of a transaction; done again after a crash, it changes nothing."""
        event = item.event if isinstance(item, Happening) else None
        try:
            if isinstance(event, CreateRun):
                self._create_run(event)
            elif isinstance(event, LinkDatasets):
                self._tracking.log_inputs(self.run_id, msgspec.convert(event.inputs, list[DatasetInput]))
            elif isinstance(event, RecordModel):
                self._record_model(event.description)
            elif isinstance(event, KeepFile):
                self._store_file(event)
        except (StoreError, AccessDenied, Blocked):
            raise
        except RunstoneError as error:
            self._require_run(error)
            if not self._on_refusal(item.first, item.last, error):
                self._note(item, error, {"event": msgspec.to_builtins(event)})
        self._advance(item)

    def _record_model(self, description: dict[str, Any]) -> None:
        known = self._tracking.get_run(self.run_id).data.tags.get(tag_names.LOGGED_MODELS, "[]")
        if description not in msgspec.json.decode(known):
            self._tracking.record_logged_model(self.run_id, description)

    def _store_file(self, event: KeepFile) -> None:
        path = self.spool.folder / "files" / event.name
        if path.exists():
            self._tracking.open_artifacts(self.run_id).put_file(path, event.path)
            path.unlink()

    def store_grown_files(self) -> None:
        """Store the files that were still being written when the writer died, as far as they are there."""
        folder = self.spool.folder / GROWING
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        if paths:
            store = self._tracking.open_artifacts(self.run_id)
            for path in paths:
                store.put_file(path, path.relative_to(folder).as_posix())

    def _create_run(self, event: CreateRun) -> None:
        run_id = self.spool.about.run_id
        try:
            experiment_id = self._experiment_id(event)
            try:
                self._tracking.create_run(
                    experiment_id, run_id=run_id, start_time=event.start_time, user_id=event.user_id, tags=event.tags
                )
            except AlreadyExists:
                pass
            except InvalidInput:
                self._create_under_other_id(experiment_id, event)
        except (StoreError, AccessDenied):
            raise
        except RunstoneError as error:
            raise Blocked(f"the run {run_id} cannot be created: {error}") from error

    def _create_under_other_id(self, experiment_id: str, event: CreateRun) -> None:
        """MLflow's servers make up the ids of runs; a tag tells later couriers which one is meant."""
        run_id = self.spool.about.run_id
        found = self._tracking.search_runs(
            [experiment_id], filter_string=f"tags.`{tag_names.JOURNAL_RUN_ID}` = '{run_id}'", view=ViewType.ALL
        )
        tags = {**event.tags, tag_names.JOURNAL_RUN_ID: run_id}
        run = (
            found[0]
            if found
            else self._tracking.create_run(experiment_id, start_time=event.start_time, user_id=event.user_id, tags=tags)
        )
        self.run_id = run.info.run_id
        _remote_id_path(self.spool).write_text(self.run_id)

    def _experiment_id(self, event: CreateRun) -> str:
        if event.experiment_name is None:
            assert event.experiment_id is not None
            return event.experiment_id
        found = self._tracking.find_experiment(event.experiment_name)
        if found is not None:
            return found.experiment_id
        try:
            return self._tracking.create_experiment(event.experiment_name)
        except AlreadyExists:
            found = self._tracking.find_experiment(event.experiment_name)
            if found is None:
                raise
            return found.experiment_id


def _remote_id_path(spool: Spool) -> Path:
    return spool.folder.parent / "remote_run_id"


def _remote_run_id(spool: Spool) -> str | None:
    try:
        return _remote_id_path(spool).read_text()
    except FileNotFoundError:
        return None


def _count(item: _Item) -> int:
    """How many points and events it holds."""
    if isinstance(item, Slice):
        return item.logged
    return 1 if isinstance(item, Happening) else 0


def _described(write: Write) -> dict[str, Any]:
    return {
        "params": dict(write.params),
        "tags": dict(write.tags),
        "deleted_tags": list(write.deleted_tags),
        "status": None if write.status is None else write.status.value,
        "points": [] if write.metrics is None else _points(write.metrics),
    }


def _points(batch: MetricBatch) -> list[list[Any]]:
    """(key, step, timestamp, value), the value as a text where JSON has no number for it."""
    return [
        [key, step, timestamp, value if abs(value) < float("inf") else repr(value)]
        for key, points in batch.series()
        for step, timestamp, value in points.rows()
    ]
