"""One write to a run in SQL: everything that it records, or nothing. Functions over a transaction."""

from __future__ import annotations

from runstone.errors import RunstoneError, StoreError
from runstone.stores import records
from runstone.stores.base import Write
from runstone.stores.sql import logged_models, runs, writers
from runstone.stores.sql.database import Row, Transaction
from runstone.stores.sql.series import Additions, Arrival

__all__ = ["record"]


def record(tx: Transaction, additions: Additions, write: Write, arrival: Arrival | None) -> RunstoneError | int:
    """Record one write, or return why it cannot be: every check comes before the first change that can be read.

    `arrival` is what `series.prepare` made of its metrics; it goes to `additions`, to be stored with those of other
    writes. Returns how many points are left to be folded.

    Only the revision of a run may move for nothing, which costs whoever follows changes one look.
    """
    word = write.sequenced
    try:
        place = None if word is None else writers.find_place(tx, write.run_id, word.writer)
        run = runs.touch(tx, write.run_id) if place is None else place.run
        is_repeat = word is not None and place is not None and records.is_stored(write.run_id, place.last, word)
        params = [] if is_repeat else _check(tx, run, write)
    except StoreError:
        raise
    except RunstoneError as error:
        return error
    if word is None or place is None:
        return _change(tx, additions, run, write, params, arrival)
    writers.revive(tx, place, write)
    unfolded = 0
    if not is_repeat:
        runs.note_change(tx, run)
        unfolded = _change(tx, additions, run, write, params, arrival)
    writers.hear(tx, place, word, write.heard_at)
    return unfolded


def _check(tx: Transaction, run: int, write: Write) -> list[Row]:
    """The rows of the params that are new. Raises what is wrong with the write."""
    params = runs.new_params(tx, write.run_id, run, write.params) if write.params else []
    if write.model_metrics:
        logged_models.check_metrics(tx, write.model_metrics)
    return params


def _change(
    tx: Transaction, additions: Additions, run: int, write: Write, params: list[Row], arrival: Arrival | None
) -> int:
    if params:
        runs.insert_params(tx, params)
    if write.tags:
        runs.set_tags(tx, run, write.tags)
    unfolded = 0 if arrival is None else additions.append(run, arrival)
    if write.model_metrics:
        logged_models.record_metrics(tx, write.model_metrics)
    if write.deleted_tags:
        runs.delete_tags(tx, run, write.deleted_tags)
    if write.status is not None:
        runs.write_status(tx, run, write.status, write.end_time)
    return unfolded
