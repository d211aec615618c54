"""The journal of one tracker in this process: who writes to it, what is under way, and what others have left in it.

Knows the tracker by its protocol, and nothing of what may be asked of one: see `tracking`.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import math
import os
import sys
import tempfile
import threading
import time
import weakref
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from runstone import settings
from runstone.entities import LifecycleStage
from runstone.errors import AccessDenied, NotActive, StoreError, StoreUnavailable
from runstone.journal.crashes import boot_id, count_oom_kills, host_name, stop_watching, watch_for_crashes
from runstone.journal.delivery import Delivery
from runstone.journal.events import Attach, Event, Record
from runstone.journal.exits import install_exit_hook
from runstone.journal.notices import notify
from runstone.journal.recovery import recover
from runstone.journal.spool import About, Spool, list_spools, measure
from runstone.journal.writer import Room, Writer
from runstone.naming import new_run_id, now_ms
from runstone.tracking.base import Tracking
from runstone.validation import check_run_id

__all__ = ["Journal", "NoRoom", "spare_folder"]

_SCAN_PERIOD_S = 1.0
_TEND_PERIOD_S = 60.0
_MEASURE_PERIOD_S = 5.0
_GOING_S = 1.0
"""How long the end of a run waits for its folder to go, so that nothing of a run that is over is left to be seen."""
_IDLE_WRITERS = 64
"""So many runs that are not this process's own may be written to at once; the one that was first is closed then."""


class NoRoom(StoreUnavailable):
    """Neither the disk nor the memory for points takes any more."""


class Journal:
    """The journal in `folder`, delivered to `tracking` under the name `destination`. Safe to share between threads.

    `tracking` gives up at the first failure. `owner` lives as long as something is under way. `tend` is done once a
    minute at most, where something is recorded or read.
    """

    def __init__(
        self,
        folder: Path,
        destination: str,
        tracking: Tracking,
        *,
        owner: object = None,
        tend: Callable[[], object] | None = None,
    ) -> None:
        self._owner = owner
        self.folder = folder
        self.destination = destination
        self.mode = settings.OFFLINE.get()
        self.delivery = Delivery(tracking, is_offline=self.mode == "always")
        self._tracking = tracking
        self._tend = tend
        self._room = Room(self._may_grow, notify, is_strict=settings.STRICT.get())
        self._writers: dict[str, Writer] = {}
        self._owned: set[str] = set()
        self._started: set[str] = set()
        self._held: set[str] = set()
        self._scanned_at = self._tended_at = self._measured_at = -math.inf
        self._held_bytes = 0
        self._dropped = 0
        self._lock = threading.RLock()
        _ALL.add(self)

    @property
    def is_away(self) -> bool:
        """Whether the store is not to be asked, or could not be reached just now."""
        # Who is refused access must hear of it at once, and is not helped by waiting.
        return self.mode == "always" or isinstance(self.delivery.failure, StoreError)

    # -- writers

    def writer(self, run_id: str) -> Writer:
        """What records in a run: one a run in this process."""
        writer = self._writers.get(run_id)
        if writer is None:
            with self._lock:
                writer = self._writers.get(run_id)
                if writer is None:
                    self._close_idle()
                    writer = self._writers[run_id] = Writer(
                        check_run_id(run_id), self._open_spool, self._room, is_synchronous=settings.SYNCHRONOUS.get()
                    )
        return writer

    def own(self, run_id: str) -> Writer:
        """The writer of a run that this process has started or resumed: if it dies, the run has failed."""
        with self._lock:
            self._owned.add(run_id)
            writer = self.writer(run_id)
        spool = writer.spool
        if spool is None:
            writer.log_event(Attach())
        elif not spool.about.owns:  # it was recorded in before it was resumed
            with contextlib.suppress(OSError):  # a full disk must not stop the run
                spool.rewrite_about(msgspec.structs.replace(spool.about, owns=True))
        watch_for_crashes(writer.folder())
        return writer

    def start(self, run_id: str, event: Event, *, is_held: bool = False) -> None:
        """A run of this process begins here, whether a store has been told or not; `event` tells it.

        With `is_held` nothing of it is delivered before `release`, and `discard` can still take it back.
        """
        with self._lock:
            self._started.add(run_id)
            self._owned.add(run_id)
            if is_held:
                self._held.add(run_id)
        self.record(run_id, event, waits=False)

    def release(self, run_id: str, *, is_created: bool) -> None:
        """Deliver a run that was held; `is_created`: the store knows it already."""
        self._held.discard(run_id)
        if is_created:
            self._started.discard(run_id)
        spool = self.writer(run_id).spool
        if spool is not None:
            self.delivery.release(spool)

    def discard(self, run_id: str) -> None:
        """A run that was held does not begin after all."""
        with self._lock:
            for runs in (self._started, self._owned, self._held):
                runs.discard(run_id)
            writer = self._writers.pop(run_id, None)
        spool = writer.close() if writer is not None else None
        if spool is not None:
            self.delivery.forget(spool)
            spool.remove()

    def record(self, run_id: str, event: Event, *, is_last: bool = False, waits: bool = True) -> bool:
        """Record an event, and wait for the store's answer where it can answer; whether it is delivered.

        Raises what the store refuses.
        """
        writer = self.writer(run_id)
        slot = writer.log_event(event)
        spool = writer.spool
        if not slot or spool is None:
            raise NoRoom(f"Run {run_id}: nothing could be recorded, there is no room left for its journal")
        if not waits or self.mode == "always":
            return False
        wait_s = settings.EXIT_WAIT_S.get() if is_last else settings.ANSWER_WAIT_S.get()
        try:
            return self.delivery.wait_for(spool, slot, wait_s)
        except AccessDenied:
            if not is_last:
                raise
            return False  # a run ends in any case, and its end is kept; that it waits is told

    def let_go(self, run_id: str) -> None:
        """The run is over for this process; whoever goes on recording in it begins anew."""
        with self._lock:
            self._owned.discard(run_id)
            writer = self._writers.pop(run_id, None)
            self._count_dropped(writer)
        spool = writer.close() if writer else None
        if spool is not None:
            spool.end()
            self.delivery.close_spool(spool, _GOING_S)
            self._recover_run(run_id)

    def forget_writers(self) -> None:
        """Runs may have been deleted: every writer asks again whether its run can be written to."""
        with self._lock:
            run_ids = list(self._writers)
        for run_id in run_ids:
            self.let_go(run_id)

    def _count_dropped(self, writer: Writer | None) -> None:
        """What a writer has dropped is told at the end, though the writer has gone by then."""
        if writer is not None:
            self._dropped += writer.dropped
            writer.dropped = 0

    def _detach(self, writer: Writer) -> None:
        """This process writes no more to a run."""
        self._count_dropped(writer)
        if writer.spool is not None:
            writer.log_event(Record(ends=True))
            spool = writer.close()
            if spool is not None:
                spool.end()
                self.delivery.close_spool(spool)

    def _close_idle(self) -> None:
        others = [writer for run_id, writer in self._writers.items() if run_id not in self._owned]
        if len(others) >= _IDLE_WRITERS:
            self._writers.pop(others[0].run_id)
            self._detach(others[0])

    def _open_spool(self, writer: Writer) -> Spool:
        """A spool for a run that can be written to, as far as anybody knows."""
        run_id = writer.run_id
        is_new = run_id in self._owned or run_id in self._started
        if not is_new and self.mode != "always":
            self._check_writable(run_id)
        about = About(
            run_id=run_id,
            writer=new_run_id(),
            destination=self.destination,
            host=host_name(),
            boot=boot_id(),
            pid=os.getpid(),
            created=now_ms(),
            owns=run_id in self._owned,
            program=" ".join(sys.argv[:1]),
            oom_kills=count_oom_kills(),
        )
        self._writers[run_id] = writer  # one that was let go may be used again by who has kept it
        install_exit_hook()
        spool = self._create_spool(about)
        self.delivery.add(spool, writer, is_held=run_id in self._held)
        self._recover_sometimes()
        return spool

    def _create_spool(self, about: About) -> Spool:
        """In the journal, or, where that cannot take it, in the folder for temporary files."""
        try:
            return Spool.create(self.folder, about)
        except OSError as error:
            why = (
                f"Cannot record in the journal {self.folder}: {error.strerror}; free some space there, or choose "
                "another folder with RUNSTONE_JOURNAL"
            )
            if self._room.is_strict:
                raise StoreUnavailable(why) from error
        folder = spare_folder(self.folder)
        try:
            spool = Spool.create(folder, about)
        except OSError as error:
            raise StoreUnavailable(f"{why}. Nor can {folder} take it: {error.strerror}") from error
        notify(f"{why}. Until then run {about.run_id} is recorded in {folder}")
        return spool

    def _check_writable(self, run_id: str) -> None:
        if self.delivery.failure is not None:
            return
        try:
            run = self._tracking.get_run(run_id)
        except StoreUnavailable:
            if self.mode == "never":
                raise
            return
        if run.info.lifecycle_stage is LifecycleStage.DELETED:
            raise NotActive(
                f"The run '{run_id}' must be in the 'active' state, and it is deleted; restore it with "
                f"`runstone runs restore {run_id}` or Client().restore_run('{run_id}')"
            )

    def _may_grow(self, more_bytes: int) -> bool:
        """Whether there is room; what others have added is looked at every few seconds."""
        now = time.monotonic()
        if now - self._measured_at >= _MEASURE_PERIOD_S:
            self._measured_at, self._held_bytes = now, measure(self.folder)
        if self._held_bytes + more_bytes > settings.JOURNAL_MAX_MB.get() * 1e6:
            return False
        self._held_bytes += more_bytes
        return True

    # -- what is under way, and what others have left

    def flush(self, timeout_s: float | None = None) -> bool:
        """Deliver what was recorded; whether that was done within the time (default: as at the end of a run)."""
        return self.delivery.flush(settings.EXIT_WAIT_S.get() if timeout_s is None else timeout_s)

    def wait_for(self, run_id: str) -> None:
        """Wait until what was recorded in a run is delivered, but not long. Raises what the store refuses."""
        writer = self._writers.get(run_id)
        spool = writer.spool if writer else None
        if spool is not None:
            self.delivery.wait_for(spool, spool.last_slot(), settings.ANSWER_WAIT_S.get())

    def settle(self) -> None:
        """Before a read: deliver what was recorded, here and by processes that are dead, if that can be done soon."""
        self._recover_sometimes()
        self.delivery.flush(settings.ANSWER_WAIT_S.get())

    def recover(self) -> None:
        """Look for what processes that are dead have left for the same destination, and have it delivered."""
        self._scanned_at = time.monotonic()
        if self.mode == "always":
            return
        if self._tend is not None and self._scanned_at - self._tended_at >= _TEND_PERIOD_S:
            self._tended_at, tend = self._scanned_at, self._tend
            self.delivery.add_task(lambda tracking: tend())
        own = {writer.spool.folder for writer in self._writers.values() if writer.spool is not None}
        for place in (self.folder, spare_folder(self.folder)):
            if any(folder not in own for folder in list_spools(place)):
                self.delivery.add_task(functools.partial(_recover, place, self.destination))

    def _recover_run(self, run_id: str) -> None:
        """A child that has left by `os._exit` leaves its points of a run to whoever ends it."""
        if len(list_spools(self.folder, run_id)) > 1:
            self.recover()

    def _recover_sometimes(self) -> None:
        if time.monotonic() - self._scanned_at >= _SCAN_PERIOD_S:
            self.recover()

    def say_what_is_kept(self) -> None:
        """Tell how many records are not delivered, and what to do about them."""
        dropped = self._dropped + sum(writer.dropped for writer in self._writers.values())
        if dropped:
            notify(f"{dropped:,} points were dropped, because the journal had no room")
        waiting = self.delivery.waiting()
        if waiting:
            runs = len({spool.about.run_id for spool, _ in waiting})
            reason = self.delivery.why_waiting()
            why = f": {reason}" if reason else ""
            notify(
                f"{_counted(sum(records for _, records in waiting), 'record')} of {_counted(runs, 'run')} are kept in "
                f"{self.folder} and not delivered yet{why}; {self._how_to_deliver()}"
            )

    def say_run_is_kept(self, run_id: str) -> None:
        """Tell where the end of a run is that could not be delivered."""
        if self.mode == "always":
            return  # the end of the process tells
        records = sum(records for spool, records in self.delivery.waiting() if spool.about.run_id == run_id)
        if records:
            notify(
                f"the run {run_id} has ended, and {_counted(records, 'record')} of it are kept in "
                f"{self.folder / run_id}; this program goes on trying, and else {self._how_to_deliver()}"
            )

    def _how_to_deliver(self) -> str:
        if self.mode == "always":
            return "`runstone sync` delivers them"
        return "the next program that records there delivers them, or `runstone sync`"

    def close(self) -> None:
        """Deliver what can be delivered in time, and say what is kept."""
        with self._lock:
            writers, self._writers = list(self._writers.values()), {}
        for writer in writers:
            self._detach(writer)
        self.recover()
        self.delivery.close(settings.EXIT_WAIT_S.get())
        self.say_what_is_kept()

    def renew_after_fork(self) -> None:
        """In a forked child: its points go into spools of its own, and a thread of its own delivers them."""
        self._lock = threading.RLock()
        self._owned = set()
        for writer in self._writers.values():
            writer.renew_after_fork()
        self.delivery.renew()


def _recover(journal: Path, destination: str, tracking: Tracking) -> None:
    results = recover(journal, lambda about: tracking if about.destination == destination else None)
    records = sum(result.records for result in results)
    if records:
        notify(f"delivered {_counted(records, 'record')} that other processes had left in {journal}")
    for result in results:
        if result.error:
            notify(f"run {result.run_id}: {result.error}; see `runstone journal`")


def spare_folder(journal: Path) -> Path:
    """Where runs are recorded for which a journal has no room at all; in memory, where there is such a folder."""
    shared = Path("/dev/shm")
    root = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    return root / f"runstone-{getpass.getuser()}" / f"{zlib.crc32(os.fsencode(journal)):08x}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_ALL: weakref.WeakSet[Journal] = weakref.WeakSet()


def _renew_all() -> None:
    stop_watching()
    for journal in list(_ALL):
        journal.renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
