"""Delivery: the thread that brings what this process records to the tracker, while it is recorded.

One thread a tracker. Once a second it delivers what is new; where the store cannot be reached it tries again,
later and later, and nobody waits for it but those who ask to. Knows no segment's layout.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable

from runstone.errors import AccessDenied, RunstoneError, StoreError
from runstone.journal.courier import Blocked, Courier
from runstone.journal.notices import notify
from runstone.journal.spool import Damage, Spool
from runstone.journal.writer import Writer, is_logging
from runstone.tracking.base import Tracking

__all__ = ["Delivery"]

PERIOD_S = 1.0
FIRST_PAUSE_S, MAX_PAUSE_S = 0.2, 3.0
BLOCKED_PAUSE_S = 30.0
HEARTBEAT_S = 60.0
SYNC_S = 1.0
HOLE_LIMIT = 4096
SLICES_A_ROUND = 8
_chance = random.SystemRandom()
"""Not the generator that a script has seeded: its numbers must not depend on a server's failures."""


class _Consignment:
    """A spool under way. `writer` is the one that may still write to it; None once it is closed."""

    def __init__(self, courier: Courier, writer: Writer | None) -> None:
        self.courier = courier
        self.writer = writer
        self.awaited: set[int] = set()
        self.refusals: dict[int, RunstoneError] = {}
        self.heard_at = time.monotonic()
        self.not_before = 0.0
        """When to try again (`time.monotonic()`), where something in this spool alone holds it up."""
        self.denial: AccessDenied | None = None
        """Why the server did not let this process record in the run, at the last attempt."""
        self.is_held = False
        """Not to be delivered yet."""
        self.is_done = False

    @property
    def spool(self) -> Spool:
        return self.courier.spool


class Delivery:
    """Delivers the spools of this process to one tracker. The thread starts with the first of them."""

    def __init__(self, tracking: Tracking, *, is_offline: bool = False) -> None:
        self._tracking = tracking
        self._is_offline = is_offline
        self._consignments: dict[str, _Consignment] = {}
        self.renew()

    def renew(self) -> None:
        """Begin anew: at first, and in a forked child, whose parent goes on delivering what is the parent's."""
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._close: Callable[[], None] | None = None
        self._failures = 0
        self._pause_s = 0.0
        self._not_before = 0.0
        self.failure: RunstoneError | None = None
        """Why the last attempt failed; None where it did not."""
        self._tasks: list[Callable[[Tracking], object]] = []
        self._consignments = {}
        self._left: list[tuple[Spool, int]] = []

    # -- for those who record

    def add(self, spool: Spool, writer: Writer | None, *, is_held: bool = False) -> None:
        """Deliver this spool from now on, or once it is released."""
        courier = Courier(spool, self._tracking, lambda *refusal: self._hear(consignment, *refusal))
        consignment = _Consignment(courier, writer)
        consignment.is_held = is_held
        with self._changed:
            self._consignments[spool.about.writer] = consignment
        self._start()

    def release(self, spool: Spool) -> None:
        """Deliver a spool that was held."""
        with self._changed:
            consignment = self._consignments.get(spool.about.writer)
            if consignment is not None:
                consignment.is_held = False
        self._wake.set()

    def forget(self, spool: Spool) -> None:
        """Do not deliver a spool that is held."""
        with self._changed:
            self._consignments.pop(spool.about.writer, None)

    def add_task(self, task: Callable[[Tracking], object]) -> None:
        """Do this once the store can be reached; again, where it raises StoreError."""
        with self._changed:
            self._tasks.append(task)
        self._start()

    def close_spool(self, spool: Spool, timeout_s: float = 0.0) -> None:
        """Nobody writes to it any more: it goes once it is delivered, which is waited for so long."""
        with self._changed:
            consignment = self._consignments.get(spool.about.writer)
            if consignment is None:
                return
            consignment.writer = None
            consignment.not_before = 0.0 if consignment.denial else consignment.not_before
            failures = self._failures
            self._wake.set()
            if self.failure is None and not self._is_offline:
                self._changed.wait_for(lambda: consignment.is_done or self._failures > failures, timeout_s)

    def wait_for(self, spool: Spool, slot: int, timeout_s: float) -> bool:
        """Wait until a slot is delivered, or the attempt has failed, or `timeout_s` is over; whether it is delivered.

        Does not wait where the store could not be reached just now. Raises what the store has refused the slot for, and
        AccessDenied where it lets nothing of this run in: the slot is kept all the same.
        """
        with self._changed:
            consignment = self._consignments.get(spool.about.writer)
            if consignment is None or self._is_offline:
                return not self._is_offline
            consignment.awaited.add(slot)
            failures = self._failures
            if self.failure is None:
                consignment.not_before = 0.0 if consignment.denial else consignment.not_before
                self._wake.set()
                self._changed.wait_for(
                    lambda: consignment.is_done or consignment.courier.cursor > slot or self._failures > failures,
                    timeout_s,
                )
            consignment.awaited.discard(slot)
            refusal = consignment.refusals.pop(slot, None)
            if refusal is not None:
                raise refusal
            is_delivered = consignment.is_done or consignment.courier.cursor > slot
            if consignment.denial is not None and not is_delivered:
                raise consignment.denial
            return is_delivered

    def flush(self, timeout_s: float) -> bool:
        """Try now to deliver all that was recorded before; whether that was done within `timeout_s`.

        Gives up at the first attempt that fails.
        """
        with self._changed:
            if self._is_offline or not (self._consignments or self._tasks):
                return not (self._consignments or self._left)
            tasks = list(self._tasks)
            targets = [(one, one.spool.last_slot()) for one in self._consignments.values() if not one.is_held]
            failures = self._failures
            self._not_before = 0.0
            for one, _ in targets:
                one.not_before = 0.0
            self._wake.set()

            def is_done() -> bool:
                return all(_has_reached(one, slot) for one, slot in targets) and not any(
                    task in self._tasks for task in tasks
                )

            self._changed.wait_for(lambda: self._failures > failures or is_done(), timeout_s)
            return is_done()

    def why_waiting(self) -> RunstoneError | None:
        """Why something is not delivered, as the last attempts tell."""
        return self.failure or next((one.denial for one in self._all() if one.denial is not None), None)

    def waiting(self) -> list[tuple[Spool, int]]:
        """The spools that are not delivered, and how many points and events of each."""
        with self._changed:
            found = [(one.spool, one.spool.count(one.courier.cursor)) for one in self._consignments.values()]
            return [*self._left, *((spool, records) for spool, records in found if records)]

    def close(self, timeout_s: float) -> None:
        """Deliver what can be delivered within `timeout_s`, and end the thread. What is left stays on disk."""
        self.flush(timeout_s)
        thread = self._thread
        with self._changed:
            self._is_closing = True
            self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(1.0, timeout_s))

    def abandon(self, close: Callable[[], None]) -> None:
        """Nobody is left who records: end the thread, then `close` what it delivers to. Waits for nothing."""
        with self._changed:
            self._is_closing, self._close = True, close
            self._wake.set()
            if self._thread is not None:
                return
        close()

    # -- the thread

    def _start(self) -> None:
        with self._changed:
            if self._thread is None:
                # A daemon: the end of the process waits by `close`, for as long as it chooses.
                self._thread = threading.Thread(target=self._run, name="runstone-delivery", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        synced_at = time.monotonic()
        while not self._is_closing:
            self._wake.wait(PERIOD_S if self._consignments or self._tasks else None)
            self._wake.clear()
            for one in self._all():
                if one.writer is not None:
                    one.spool.beat()
            if self._is_offline:
                self._leave_what_is_over()
            elif time.monotonic() >= self._not_before:
                self._attempt()
            if time.monotonic() - synced_at >= SYNC_S:
                synced_at = time.monotonic()
                self._sync()
        if self._close is not None:
            self._close()

    def _all(self) -> list[_Consignment]:
        with self._changed:
            return list(self._consignments.values())

    def _leave_what_is_over(self) -> None:
        """Offline, a spool that nobody writes to any more is closed: `runstone sync` may have it from now on."""
        for one in self._all():
            if one.writer is None and not is_logging():
                records = one.spool.count(one.courier.cursor)
                with contextlib.suppress(OSError):
                    one.spool.sync()
                with self._changed:
                    self._consignments.pop(one.spool.about.writer, None)
                    self._left.append((one.spool, records))
                one.spool.close()
                one.spool.segments = []

    def _attempt(self) -> None:
        """One round over all spools; one that is blocked does not hold up the others."""
        failure: RunstoneError | None = None
        for one in self._all():
            if one.is_held or one.not_before > time.monotonic():
                continue
            try:
                self._deliver(one)
            except (Blocked, Damage) as error:
                self._hold_up(one, str(error))
            except AccessDenied as error:
                self._deny(one, error)
            except StoreError as error:
                failure = error
                break
            except Exception as error:  # a fault of ours must not end the delivery of everything else
                self._hold_up(one, f"{type(error).__name__}: {error}")
        if failure is None:
            failure = self._do_tasks()
        with self._changed:
            self._note(failure)
            self._changed.notify_all()

    def _hold_up(self, one: _Consignment, why: str) -> None:
        notify(f"run {one.spool.about.run_id} cannot be delivered just now, all of it is kept: {why}")
        with self._changed:
            one.not_before = time.monotonic() + BLOCKED_PAUSE_S
            self._failures += 1

    def _deny(self, one: _Consignment, error: AccessDenied) -> None:
        if one.denial is None or str(one.denial) != str(error):
            notify(
                f"run {one.spool.about.run_id} cannot be delivered, all of it is kept, and will be once the server "
                f"lets it in: {error}"
            )
        with self._changed:
            one.denial = error
            one.not_before = time.monotonic() + BLOCKED_PAUSE_S
            self._failures += 1

    def _note(self, failure: RunstoneError | None) -> None:
        if failure is None:
            if self.failure is not None:
                notify("the store can be reached again; what was kept is being delivered")
            self.failure, self._pause_s, self._not_before = None, 0.0, 0.0
            return
        self._failures += 1
        if self.failure is None or str(failure) != str(self.failure):
            notify(f"cannot deliver just now, everything is kept and will be: {failure}")
        self.failure = failure
        longest_s = MAX_PAUSE_S if isinstance(failure, StoreError) else BLOCKED_PAUSE_S
        self._pause_s = min(max(self._pause_s * 2, FIRST_PAUSE_S), longest_s)
        # Not all at the same moment, when a server comes back to a thousand clients.
        self._not_before = time.monotonic() + self._pause_s * _chance.uniform(0.5, 1.0)

    def _deliver(self, one: _Consignment) -> None:
        courier, writer = one.courier, one.writer
        for _ in range(SLICES_A_ROUND):
            if not courier.deliver():
                break
            one.heard_at = time.monotonic()
            with self._changed:
                if one.denial is not None:
                    notify(f"run {one.spool.about.run_id} is let in again; what was kept is being delivered")
                    one.denial = None
                self._note(None)
                self._changed.notify_all()
        else:
            self._wake.set()  # there is more, after the others have had their turn
            return
        if writer is None:
            self._finish(one)
        elif courier.cursor <= (last := one.spool.last_slot()):
            # A slot was taken and not written. Those who are in the midst of it are waited for; whoever comes now
            # takes one that is later.
            if not is_logging():
                one.spool.fill_holes(courier.cursor, min(last, courier.cursor + HOLE_LIMIT))
        elif time.monotonic() - one.heard_at > HEARTBEAT_S:
            courier.beat()
            one.heard_at = time.monotonic()

    def _finish(self, one: _Consignment) -> None:
        """The writer is closed: once no thread is about to write any more, what is left goes, and the spool with it."""
        while is_logging():
            time.sleep(0.001)
        last = one.spool.last_slot()
        while one.courier.deliver(last):
            pass
        if one.courier.cursor <= last:
            return
        one.spool.end()
        one.spool.remove()
        with self._changed:
            one.is_done = True
            self._consignments.pop(one.spool.about.writer, None)
            self._changed.notify_all()

    def _do_tasks(self) -> RunstoneError | None:
        while self._tasks:
            try:
                self._tasks[0](self._tracking)
            except (StoreError, AccessDenied) as error:
                return error
            except Exception as error:
                notify(f"what was left by other processes could not be delivered: {type(error).__name__}: {error}")
            with self._changed:
                self._tasks.pop(0)
        return None

    def _sync(self) -> None:
        for one in self._all():
            # Gone meanwhile, or on a disk that is full, which the writer tells.
            with contextlib.suppress(OSError, ValueError):
                one.spool.sync()

    def _hear(self, one: _Consignment, first: int, last: int, error: RunstoneError) -> bool:
        with self._changed:
            told = [slot for slot in one.awaited if first <= slot <= last]
            one.refusals.update(dict.fromkeys(told, error))
        if not told:
            run_id = one.spool.about.run_id
            notify(f"run {run_id}: {error}; what was refused is kept in {one.spool.folder}")
        return bool(told)


def _has_reached(one: _Consignment, slot: int) -> bool:
    """Whether a slot is delivered; of a spool that nobody writes to any more, whether it is gone."""
    return one.is_done or (one.writer is not None and one.courier.cursor > slot)
