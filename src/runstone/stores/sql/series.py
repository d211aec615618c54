"""Series in SQL: append as it comes, fold into chunks later, read both as one.

An appended batch is one row, whatever the number of its keys; its points are folded into the chunks of their series
when enough have gathered or the run ends. Chunks of a series do not overlap, but may share a (step, timestamp) where
they meet. Folding reads and compresses outside the write transaction, and gives up without a trace where another
process has folded the same batches meanwhile; then it begins again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from runstone.errors import StoreCorrupt
from runstone.series.codec import decode_chunk, encode_chunk, plan_merge, split_chunks
from runstone.series.frame import decode_frames, encode_frame, frame_points
from runstone.series.points import MetricBatch, Points
from runstone.series.summary import Summary, merge, summarize
from runstone.stores.sql.database import Database, Row, Transaction

__all__ = ["append", "fold", "fold_inexact", "has_exact_counts", "list_summaries", "read", "unfolded"]

SUMMARY = "count, last, last_step, last_timestamp, first, first_step, first_timestamp, min, min_step, max, max_step"


def append(tx: Transaction, run: int, batch: MetricBatch) -> None:
    """Add a batch to a run, and its points to the summaries."""
    member = tx.dialect.is_member("key")
    known = {
        key: (_summary(summary), exact)
        for key, exact, *summary in tx.rows(
            f"SELECT key, is_count_exact, {SUMMARY} FROM series WHERE run = ? AND {member}",
            (run, tx.dialect.list_argument(batch.keys)),
        )
    }
    rows = []
    for key, new in summarize(batch).items():
        old, exact = known.get(key, (None, True))
        if old is not None:
            # Points that come after all others are new; any other may be there already, which folding will tell.
            exact = exact and (new.first_step, new.first_timestamp) > (old.last_step, old.last_timestamp)
            new = merge(old, new)
        rows.append((run, key, *_columns(new), exact))
    tx.run_many(_UPSERT_SERIES, rows)
    tx.run("INSERT INTO batches (run, points, data) VALUES (?, ?, ?)", (run, len(batch), encode_frame(batch)))


_NAMES = [name.strip() for name in (SUMMARY + ", is_count_exact").split(",")]
_UPSERT_SERIES = (
    f"INSERT INTO series (run, key, {', '.join(_NAMES)}) VALUES (?, ?{', ?' * len(_NAMES)}) "
    f"ON CONFLICT (run, key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES)}"
)


def _summary(columns: Sequence[float | None]) -> Summary:
    return Summary(*(math.nan if value is None else value for value in columns))  # type: ignore[arg-type]


def _columns(summary: Summary) -> list[float | None]:
    """The columns of SUMMARY; SQLite would turn NaN into NULL by itself, PostgreSQL would keep and sort it."""
    values = (getattr(summary, name) for name in summary.__struct_fields__)
    return [None if value != value else value for value in values]


def list_summaries(tx: Transaction, run: int) -> dict[str, Summary]:
    """The summary of each series of a run, by key in order. Series that are not folded yet are counted by reading."""
    rows = tx.rows(f"SELECT key, is_count_exact, {SUMMARY} FROM series WHERE run = ? ORDER BY key", (run,))
    return {
        key: _summary(columns) if exact else _summary([len(read(tx, run, key)), *columns[1:]])
        for key, exact, *columns in rows
    }


def has_exact_counts(tx: Transaction, run: int) -> bool:
    """Whether no series of a run may hold points that were counted twice."""
    return tx.row("SELECT 1 FROM series WHERE run = ? AND NOT is_count_exact LIMIT 1", (run,)) is None


def unfolded(tx: Transaction, run: int) -> int:
    """How many batches of a run wait to be folded."""
    row = tx.row("SELECT COUNT(*) FROM batches WHERE run = ?", (run,))
    return int(row[0]) if row else 0


def read(tx: Transaction, run: int, key: str, from_step: int | None = None, to_step: int | None = None) -> Points:
    """The points of a series in order, from its chunks and from what is not folded yet. Raises StoreCorrupt."""
    conditions, arguments = ["run = ?", "key = ?"], [run, key]
    if from_step is not None:
        conditions.append("last_step >= ?")
        arguments.append(from_step)
    if to_step is not None:
        conditions.append("first_step <= ?")
        arguments.append(to_step)
    chunks = tx.rows(
        f"SELECT data FROM chunks WHERE {' AND '.join(conditions)} ORDER BY first_step, first_timestamp, id",
        arguments,
    )
    batches = tx.rows("SELECT data FROM batches WHERE run = ? ORDER BY id", (run,))
    with _naming(tx, run, f"the series '{key}'"):
        parts = [decode_chunk(data) for (data,) in chunks]
        fresh = [frame_points(data, key) for (data,) in batches]
    return Points.join([*parts, *(points for points in fresh if points is not None)]).between(from_step, to_step)


@contextmanager
def _naming(tx: Transaction, run: int, what: str) -> Iterator[None]:
    """What cannot be decoded in the block is `what`, of this run."""
    try:
        yield
    except StoreCorrupt as error:
        row = tx.row("SELECT run_id FROM runs WHERE id = ?", (run,))
        raise StoreCorrupt(f"Cannot read {what} of run '{row[0] if row else run}': {error}") from error


# -- folding


class _Chunk(NamedTuple):
    id: int
    points: int
    first_step: int
    first_timestamp: int
    last_step: int
    last_timestamp: int


class _Rewrite(NamedTuple):
    """What folding does to one series: these chunks go, these points stand in their place."""

    key: str
    removed: list[int]
    points: Points
    repeated: int


class _FoldedElsewhere(Exception):
    """Another process has changed the same batches or chunks."""


def fold(database: Database, run: int) -> None:
    """Turn the batches of a run into chunks. Raises StoreCorrupt."""
    while not _try_fold(database, run):
        pass


def _try_fold(database: Database, run: int) -> bool:
    """Fold, unless another process is faster; whether nothing is left of the batches that were there."""
    with database.read() as tx:
        batches, rewrites = _plan_fold(tx, run)
    if not batches:
        return True
    inserts = [(run, rewrite.key, *row) for rewrite in rewrites for row in _chunk_rows(rewrite.points)]
    try:
        with database.write() as tx:
            _delete(tx, "batches", batches)
            _delete(tx, "chunks", [number for rewrite in rewrites for number in rewrite.removed])
            tx.run_many(
                "INSERT INTO chunks (run, key, count, first_step, first_timestamp, last_step, last_timestamp, "
                "min, max, last, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                inserts,
            )
            tx.run_many(
                "UPDATE series SET count = count - ? WHERE run = ? AND key = ?",
                [(rewrite.repeated, run, rewrite.key) for rewrite in rewrites if rewrite.repeated],
            )
            if not unfolded(tx, run):
                tx.run("UPDATE series SET is_count_exact = ? WHERE run = ? AND NOT is_count_exact", (True, run))
    except _FoldedElsewhere:
        return False
    return True


def _delete(tx: Transaction, table: str, ids: list[int]) -> None:
    deleted = tx.run(f"DELETE FROM {table} WHERE {tx.dialect.is_member('id')}", (tx.dialect.list_argument(ids),))
    if deleted != len(ids):
        raise _FoldedElsewhere


def fold_inexact(database: Database) -> None:
    """Fold the runs in which repeated points may have been counted twice."""
    with database.read() as tx:
        runs = tx.rows("SELECT DISTINCT run FROM series WHERE NOT is_count_exact")
    for (run,) in runs:
        fold(database, run)


def _plan_fold(tx: Transaction, run: int) -> tuple[list[int], list[_Rewrite]]:
    rows = tx.rows("SELECT id, data FROM batches WHERE run = ? ORDER BY id", (run,))
    fresh: dict[str, list[Points]] = {}
    with _naming(tx, run, "a batch"):
        for key, points in decode_frames(data for _, data in rows):
            fresh.setdefault(key, []).append(points)
    return [row[0] for row in rows], [_plan_rewrite(tx, run, key, parts) for key, parts in fresh.items()]


def _plan_rewrite(tx: Transaction, run: int, key: str, parts: list[Points]) -> _Rewrite:
    fresh = Points.join(parts)
    chunks = [
        _Chunk(*row)
        for row in tx.rows(
            "SELECT id, count, first_step, first_timestamp, last_step, last_timestamp FROM chunks "
            "WHERE run = ? AND key = ? ORDER BY first_step, first_timestamp, id",
            (run, key),
        )
    ]
    removed = _chunks_to_rewrite(chunks, fresh)
    with _naming(tx, run, f"the series '{key}'"):
        old = [decode_chunk(data) for (data,) in _chunk_data(tx, [chunk.id for chunk in removed])]
    points = Points.join([*old, fresh])
    arrived = sum(len(part) for part in (*old, *parts))
    return _Rewrite(key, [chunk.id for chunk in removed], points, arrived - len(points))


def _chunks_to_rewrite(chunks: list[_Chunk], fresh: Points) -> list[_Chunk]:
    """The chunks that overlap the fresh points; at the end of the series also small ones before them."""
    first = (int(fresh.step[0]), int(fresh.timestamp[0]))
    last = (int(fresh.step[-1]), int(fresh.timestamp[-1]))
    begin = next((i for i, chunk in enumerate(chunks) if (chunk.last_step, chunk.last_timestamp) >= first), len(chunks))
    end = next((i for i, chunk in enumerate(chunks) if (chunk.first_step, chunk.first_timestamp) > last), len(chunks))
    if end == len(chunks):
        points = len(fresh) + sum(chunk.points for chunk in chunks[begin:])
        begin -= plan_merge([chunk.points for chunk in chunks[:begin]], points)
    return chunks[begin:end]


def _chunk_data(tx: Transaction, ids: list[int]) -> list[Row]:
    if not ids:
        return []
    return tx.rows(f"SELECT data FROM chunks WHERE {tx.dialect.is_member('id')}", (tx.dialect.list_argument(ids),))


def _chunk_rows(points: Points) -> Iterable[tuple[object, ...]]:
    for chunk in split_chunks(points):
        (summary,) = summarize(MetricBatch(("",), np.array([0, len(chunk)], np.int64), chunk)).values()
        low, high, last = (None if value != value else value for value in (summary.min, summary.max, summary.last))
        yield (
            summary.count, summary.first_step, summary.first_timestamp, summary.last_step, summary.last_timestamp,
            low, high, last, encode_chunk(chunk),
        )  # fmt: skip
