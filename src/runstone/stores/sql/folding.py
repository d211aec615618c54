"""Folding: the batches of a run become chunks of its series.

Reads and compresses outside the write transaction, and gives up without a trace where another process has folded the
same batches meanwhile; then it begins again. Folding changes no answer.
"""

from __future__ import annotations

from typing import NamedTuple

from runstone.series.codec import ChunkEncoder, decode_chunk, plan_merge
from runstone.series.frame import decode_frames
from runstone.series.points import Points
from runstone.stores.sql import runs
from runstone.stores.sql.database import Database, Row, Transaction
from runstone.stores.sql.series import CHUNK_COLUMNS, chunk_rows, naming, unfolded

__all__ = ["fold", "fold_inexact"]


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
    encode = ChunkEncoder().encode
    inserts = [(run, rewrite.key, *row) for rewrite in rewrites for row in chunk_rows(rewrite.points, encode)]
    try:
        with database.write(locks_runs=True) as tx:
            runs.lock(tx, [run], by="id")
            _delete(tx, "batches", run, batches)
            _delete(tx, "chunks", run, [number for rewrite in rewrites for number in rewrite.removed])
            tx.insert_many("chunks", CHUNK_COLUMNS, inserts)
            tx.run_many(
                "UPDATE series SET count = count - ? WHERE run = ? AND key = ?",
                [(rewrite.repeated, run, rewrite.key) for rewrite in rewrites if rewrite.repeated],
            )
            if not unfolded(tx, run):
                tx.run("UPDATE series SET is_count_exact = ? WHERE run = ? AND NOT is_count_exact", (True, run))
    except _FoldedElsewhere:
        return False
    return True


def _delete(tx: Transaction, table: str, run: int, ids: list[int]) -> None:
    # The run says in which part of a partitioned table they are.
    condition = f"{tx.dialect.is_member('id')} AND {tx.dialect.beside('run')} = ?"
    deleted = tx.run(f"DELETE FROM {table} WHERE {condition}", (tx.dialect.list_argument(ids), run))
    if deleted != len(ids):
        raise _FoldedElsewhere


def fold_inexact(database: Database) -> None:
    """Fold the runs in which repeated points may have been counted twice."""
    with database.read() as tx:
        inexact = tx.rows("SELECT DISTINCT run FROM series WHERE NOT is_count_exact")
    for (run,) in inexact:
        fold(database, run)


def _plan_fold(tx: Transaction, run: int) -> tuple[list[int], list[_Rewrite]]:
    rows = tx.rows("SELECT id, data FROM batches WHERE run = ? ORDER BY id", (run,))
    fresh: dict[str, list[Points]] = {}
    with naming(tx, run, "a batch"):
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
    with naming(tx, run, f"the series '{key}'"):
        old = [decode_chunk(data) for (data,) in _chunk_data(tx, run, [chunk.id for chunk in removed])]
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


def _chunk_data(tx: Transaction, run: int, ids: list[int]) -> list[Row]:
    if not ids:
        return []
    condition = f"{tx.dialect.is_member('id')} AND {tx.dialect.beside('run')} = ?"
    return tx.rows(f"SELECT data FROM chunks WHERE {condition}", (tx.dialect.list_argument(ids), run))
