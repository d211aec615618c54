"""The writers of runs in SQL: how far each has come, when it was last heard, and runs that fall silent.

Functions over a transaction. A writer of which nothing more is expected has no time (`heard_at` is NULL).
"""

from __future__ import annotations

from typing import NamedTuple

from runstone import tag_names
from runstone.entities import RunStatus
from runstone.stores import records
from runstone.stores.base import Sequenced, Write
from runstone.stores.sql.database import Row, Transaction

__all__ = [
    "Place",
    "fail_silent_runs",
    "find_place",
    "find_silent_runs",
    "forget_silence",
    "hear",
    "last_sequence",
    "revive",
]


class Place(NamedTuple):
    """Where a writer stands: the number and status of its run, and its last stored sequence there, 0 for none."""

    run: int
    status: str
    last: int


def find_place(tx: Transaction, run_id: str, writer: str) -> Place:
    """Where a writer stands in a run that may be written to. Raises NotFound and NotActive."""
    row = tx.row(
        # Not a join, for which PostgreSQL might go through all writers, or all parts of a table in parts.
        "SELECT id, status, coalesce((SELECT sequence FROM writers WHERE run = runs.id AND writer = ?), 0), "
        "deleted_time FROM runs WHERE run_id = ?",
        (writer, run_id),
    )
    if row is None:
        raise records.run_not_found(run_id)
    *place, deleted_time = row
    if deleted_time is not None:
        raise records.run_deleted(run_id)
    return Place(*place)


def last_sequence(tx: Transaction, run: int, writer: str) -> int:
    """The last stored sequence of a writer, 0 for none."""
    row = tx.row("SELECT sequence FROM writers WHERE run = ? AND writer = ?", (run, writer))
    return int(row[0]) if row else 0


def hear(tx: Transaction, place: Place, word: Sequenced, heard_at: int | None) -> None:
    """Note how far a writer has come, and that it lives, or has said its last word."""
    tx.run(
        "INSERT INTO writers (run, writer, sequence, heard_at) VALUES (?, ?, ?, ?) ON CONFLICT (run, writer) "
        "DO UPDATE SET sequence = excluded.sequence, heard_at = excluded.heard_at",
        (place.run, word.writer, max(place.last, word.last), None if word.ends else heard_at),
    )


# -- silence


def find_silent_runs(tx: Transaction, heard_before: int) -> list[Row]:
    """The number and id of each run that has fallen silent, and when it was last heard; the first run first."""
    # The status is part of the text, for the index that holds running runs alone.
    return tx.rows(
        "SELECT runs.id, runs.run_id, MAX(writers.heard_at) FROM runs JOIN writers ON writers.run = runs.id "
        "WHERE runs.status = 'RUNNING' AND runs.deleted_time IS NULL "
        "GROUP BY runs.id HAVING MAX(writers.heard_at) < ? ORDER BY runs.id",
        (heard_before,),
    )


def fail_silent_runs(tx: Transaction, heard_before: int) -> list[str]:
    """End those runs at the time of their last word, and say why; their ids."""
    found = find_silent_runs(tx, heard_before)
    for run, _, heard_at in found:
        _set_status(tx, run, RunStatus.FAILED, heard_at)
    tx.run_many(
        "INSERT INTO tags (run, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
        [(run, tag_names.END_REASON, records.silence(heard_at)) for run, _, heard_at in found],
    )
    return [run_id for _, run_id, _ in found]


def revive(tx: Transaction, place: Place, write: Write) -> None:
    """Let a run go on that was taken for silent, if the write shows that it does."""
    if place.status != RunStatus.FAILED or not records.revives(write):
        return
    row = tx.row("SELECT value FROM tags WHERE run = ? AND key = ?", (place.run, tag_names.END_REASON))
    if row is not None and row[0].startswith(records.SILENT):
        _set_status(tx, place.run, RunStatus.RUNNING, None)


def _set_status(tx: Transaction, run: int, status: RunStatus, end_time: int | None) -> None:
    tx.run(
        "UPDATE runs SET status = ?, end_time = ?, revision = ? WHERE id = ?",
        (status.value, end_time, tx.revision(), run),
    )
    forget_silence(tx, run)


def forget_silence(tx: Transaction, run: int) -> None:
    """Whoever sets a run's status answers for it: nothing more is expected of its writers until they are heard."""
    tx.run("UPDATE writers SET heard_at = NULL WHERE run = ?", (run,))
    tx.run(
        f"DELETE FROM tags WHERE run = ? AND key = ? AND {tx.dialect.like('value')}",
        (run, tag_names.END_REASON, f"{records.SILENT}%"),
    )
