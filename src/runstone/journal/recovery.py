"""Recovery: what dead processes and copied folders hold is delivered, and runs whose process has died are ended.

Any number of recoverers may work at once, on one machine or on several: a lock keeps them apart on one, and the
store's own positions everywhere. Knows no thread.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from runstone import tag_names
from runstone.entities import RunStatus
from runstone.errors import AccessDenied, RunstoneError, StoreError
from runstone.journal.courier import Blocked, Courier
from runstone.journal.crashes import boot_id, host_name, reasons
from runstone.journal.spool import About, Damage, Spool, list_spools, remove_unfinished
from runstone.naming import now_ms
from runstone.stores.base import Write
from runstone.tracking.base import Tracking

__all__ = [
    "Outcome",
    "Recovered",
    "may_be_at_work",
    "recover",
    "recover_one",
]

SILENT_MS = 10 * 60 * 1000
"""A writer on another machine that has not been heard of for so long is taken for dead."""

Outcome = Literal["delivered", "alive", "open", "damaged", "refused", "blocked"]
"""What came of a spool:

- delivered: all of it, and it is gone
- alive: its writer is at work on this machine, or another recoverer is
- open: delivered as far as it is whole; its writer may be at work elsewhere
- damaged: delivered up to the damage; the rest is set aside
- refused: the store has refused some of it, which is kept
- blocked: nothing can be delivered until a person has done something
"""


class Recovered(NamedTuple):
    """What came of one spool: points and events delivered now, and why not all of them. `folder` is where it is now."""

    folder: Path
    run_id: str
    host: str
    records: int
    outcome: Outcome
    error: str | None = None


def recover(
    journal: Path,
    find_tracking: Callable[[About], Tracking | None],
    *,
    on_progress: Callable[[int], None] = lambda records: None,
) -> list[Recovered]:
    """Deliver every spool whose writer is not at work. `find_tracking` says to whom, None to leave one alone.

    Raises StoreError where a store cannot be reached: the others of that store would fare no better.
    """
    remove_unfinished(journal)
    results = []
    for folder in list_spools(journal):
        result = recover_one(folder, find_tracking, on_progress=on_progress)
        if result is not None:
            results.append(result)
    return results


def recover_one(
    folder: Path,
    find_tracking: Callable[[About], Tracking | None],
    *,
    on_progress: Callable[[int], None] = lambda records: None,
) -> Recovered | None:
    """Deliver one spool; None where it has gone meanwhile, or is not to be delivered.

    Raises what `find_tracking` raises, and what the store raises that cannot be reached.
    """
    try:
        spool = Spool.open(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Recovered(folder, folder.parent.name, "", 0, "blocked", _reading(error))
    try:
        if not spool.lock():
            return _recovered(spool, 0, "alive")
        if not folder.exists():
            return None  # another recoverer was faster
        tracking = find_tracking(spool.about)
        return None if tracking is None else _deliver(spool, tracking, on_progress)
    except StoreError:
        raise
    except OSError as error:
        return _recovered(spool, 0, "blocked", _reading(error)) if folder.exists() else None
    finally:
        spool.close()


def _reading(error: OSError) -> str:
    return str(error) if isinstance(error, StoreError) else f"{error.filename or 'the journal'}: {error.strerror}"


def _recovered(spool: Spool, records: int, outcome: Outcome, error: str | None = None) -> Recovered:
    return Recovered(spool.folder, spool.about.run_id, spool.about.host, records, outcome, error)


def _deliver(spool: Spool, tracking: Tracking, on_progress: Callable[[int], None]) -> Recovered:
    has_died = _has_died_here(spool)
    is_over = has_died or not may_be_at_work(spool)
    refusals: list[str] = []

    def hear(first: int, last: int, error: RunstoneError) -> bool:
        refusals.append(str(error))
        return False

    courier = Courier(spool, tracking, hear)
    try:
        _bring_over(courier, is_over, on_progress)
    except Damage as damage:
        if not is_over:
            return _recovered(spool, courier.done, "open")  # the rest of a copy that is being made, perhaps
        if spool.about.owns and not spool.is_copy:
            _fail_run(courier, tracking, damage)
        aside = spool.set_aside(str(damage))
        why = f"{damage}; what was before it is delivered, the rest is in {aside}"
        return _recovered(spool, courier.done, "damaged", why)._replace(folder=aside)
    except Blocked as error:
        return _recovered(spool, courier.done, "blocked", str(error))
    if is_over:
        courier.store_grown_files()
    if has_died and spool.about.owns:
        _end_run(courier, tracking)
    if not is_over:
        return _recovered(spool, courier.done, "refused" if refusals else "open", "; ".join(refusals) or None)
    spool.end()
    kept = spool.remove()
    if kept is None:
        return _recovered(spool, courier.done, "delivered")
    why = f"{'; '.join(refusals) or 'the store has refused some of it'}; what was refused is kept in {kept}"
    return _recovered(spool, courier.done, "refused", why)._replace(folder=kept)


def _bring_over(courier: Courier, is_over: bool, on_progress: Callable[[int], None]) -> None:
    """Deliver all that is there, and raise what has kept the rest from being read."""
    spool = courier.spool
    spool.load()
    is_whole = all(before.end == after.first for before, after in pairwise(spool.segments))
    if spool.is_copy and (not is_whole or any(segment.lost for segment in spool.segments)):
        raise Blocked(f"{spool.folder} is an incomplete copy: points are missing in its files; copy it again")
    last, told = spool.last_slot() if is_over else None, 0
    while courier.deliver(last):
        on_progress(courier.done - told)
        told = courier.done
    if spool.damage is not None:
        raise spool.damage


def _has_died_here(spool: Spool) -> bool:
    """Whether its process was one of this machine, and ended without a word. The lock tells, but not a copy's."""
    about = spool.about
    if spool.is_ended or about.host != host_name():
        return False
    return not spool.is_copy or about.boot != boot_id() or not _is_running(about.pid)


def may_be_at_work(spool: Spool) -> bool:
    """Whether the writer may be alive though the lock is free: on another machine, or beside the original of a copy."""
    return not (spool.is_ended or _has_died_here(spool)) and now_ms() - spool.heartbeat < SILENT_MS


def _is_running(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill would end it there
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True


def _end_run(courier: Courier, tracking: Tracking) -> None:
    """The process that had started the run has died without ending it."""
    if _is_forsaken(courier, tracking):
        tags, heartbeat = reasons(courier.spool), courier.spool.heartbeat
        courier.say_last(
            Write(run_id=courier.run_id, status=RunStatus.FAILED, end_time=heartbeat or now_ms(), tags=tags)
        )


def _fail_run(courier: Courier, tracking: Tracking, damage: Damage) -> None:
    """How the run ended is lost. Not as the writer's word: an undamaged copy may yet say it."""
    if _is_forsaken(courier, tracking):
        tracking.log_batch(courier.run_id, tags={tag_names.END_REASON: f"the journal is damaged: {damage}"})
        tracking.update_run(courier.run_id, status=RunStatus.FAILED, end_time=courier.spool.heartbeat or now_ms())


def _is_forsaken(courier: Courier, tracking: Tracking) -> bool:
    """Whether the run goes on as far as the store knows, and no process that has resumed it is at work."""
    try:
        run = tracking.get_run(courier.run_id)
    except (StoreError, AccessDenied):
        raise
    except RunstoneError:
        return False
    own = courier.spool.folder
    others = [folder for folder in own.parent.iterdir() if folder.is_dir() and folder != own]
    return run.info.status is RunStatus.RUNNING and not any(map(_is_owned_and_alive, others))


def _is_owned_and_alive(folder: Path) -> bool:
    """Whether a process is at work there that has taken the run over, by resuming it."""
    try:
        spool = Spool.open(folder)
    except OSError:
        return False
    try:
        return spool.about.owns and not spool.lock()
    finally:
        spool.close()
