"""Series in SQL: append as it comes, read chunks and batches as one.

The short series of an appended batch are one row, whatever the number of their keys, until they are folded into chunks
(see `folding`); a long series becomes chunks at once, unless some of its points may be there already. Chunks of a
series do not overlap, but may share a (step, timestamp) where they meet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from runstone.errors import StoreCorrupt
from runstone.series.codec import ChunkEncoder, decode_chunk, split_chunks
from runstone.series.frame import encode_frame, frame_points
from runstone.series.points import MetricBatch, Points
from runstone.series.summary import Summary, merge, summarize, summarize_points
from runstone.stores.sql.database import Row, Transaction

__all__ = [
    "CHUNK_FACTS",
    "INSERT_CHUNK",
    "Arrival",
    "ChunkRow",
    "append",
    "chunk_rows",
    "has_exact_counts",
    "list_summaries",
    "naming",
    "prepare",
    "read",
    "unfolded",
]

MIN_CHUNK_POINTS = 512
"""From how many points on a series of a batch becomes chunks at once, at half the cost of folding it."""

SUMMARY = "count, last, last_step, last_timestamp, first, first_step, first_timestamp, min, min_step, max, max_step"


class Arrival(NamedTuple):
    """A batch as it will be kept, made before the transaction that keeps it."""

    summaries: dict[str, Summary]
    frame: bytes | None
    """The short series, together."""
    frame_points: int
    chunks: dict[str, tuple[Points, list[ChunkRow]]]
    """The long series, which need no folding: their points, and the chunks of these."""


def prepare(batch: MetricBatch) -> Arrival:
    """Encode a batch."""
    is_long = np.diff(batch.starts) >= MIN_CHUNK_POINTS if len(batch) >= MIN_CHUNK_POINTS else None
    if is_long is None or not is_long.any():
        return Arrival(summarize(batch), encode_frame(batch), len(batch), {})
    encode = ChunkEncoder().encode
    long, short = batch.select(is_long), batch.select(~is_long)
    return Arrival(
        summarize(batch),
        encode_frame(short) if short else None,
        len(short),
        {key: (points, chunk_rows(points, encode)) for key, points in long.series()},
    )


def append(tx: Transaction, run: int, arrival: Arrival) -> int:
    """Add a batch to a run, and its points to the summaries; how many points are left to be folded."""
    known = {key: (_summary(summary), exact) for key, exact, *summary in _series_rows(tx, run, arrival.summaries)}
    rows = []
    chunks: list[tuple[object, ...]] = []
    frames = [] if arrival.frame is None else [(run, arrival.frame_points, arrival.frame)]
    for key, new in arrival.summaries.items():
        old, exact = known.get(key, (None, True))
        is_later = True
        if old is not None:
            # Points that come after all others are new; any other may be there already, which folding will tell.
            is_later = (new.first_step, new.first_timestamp) > (old.last_step, old.last_timestamp)
            exact = exact and is_later
            new = merge(old, new)
        rows.append((run, key, *_columns(new), exact))
        if key in arrival.chunks:
            points, made = arrival.chunks[key]
            if is_later:
                chunks += [(run, key, *row) for row in made]
            else:
                frames.append((run, len(points), encode_frame(MetricBatch.of_points(key, points))))
    tx.run_many(_UPSERT_SERIES, rows)
    if chunks:
        tx.run_many(INSERT_CHUNK, chunks)
    for frame in frames:
        tx.run("INSERT INTO batches (run, points, data) VALUES (?, ?, ?)", frame)
    return sum(points for _, points, _ in frames)


def _series_rows(tx: Transaction, run: int, keys: Collection[str]) -> list[Row]:
    """What is known of some series."""
    select = f"SELECT key, is_count_exact, {SUMMARY} FROM series WHERE run = ? AND"
    if len(keys) == 1:  # a third of the time that a list takes
        return tx.rows(f"{select} key = ?", (run, *keys))
    return tx.rows(f"{select} {tx.dialect.is_member('key')}", (run, tx.dialect.list_argument(list(keys))))


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
    with naming(tx, run, f"the series '{key}'"):
        parts = [decode_chunk(data) for (data,) in chunks]
        fresh = [frame_points(data, key) for (data,) in batches]
    return Points.join([*parts, *(points for points in fresh if points is not None)]).between(from_step, to_step)


@contextmanager
def naming(tx: Transaction, run: int, what: str) -> Iterator[None]:
    """What cannot be decoded in the block is `what`, of this run."""
    try:
        yield
    except StoreCorrupt as error:
        row = tx.row("SELECT run_id FROM runs WHERE id = ?", (run,))
        raise StoreCorrupt(f"Cannot read {what} of run '{row[0] if row else run}': {error}") from error


# -- chunks

ChunkRow = tuple[object, ...]
"""A chunk without its run and key, as INSERT_CHUNK has it."""
CHUNK_FACTS = (
    "count, first_step, first_timestamp, last_step, last_timestamp, min, max, last, min_timestamp, max_timestamp, "
    "has_nan"
)
"""As `Stretch` has them."""
INSERT_CHUNK = f"INSERT INTO chunks (run, key, {CHUNK_FACTS}, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def chunk_rows(points: Points, encode: Callable[[Points], bytes]) -> list[ChunkRow]:
    """The chunks that hold these points, which are in order."""
    rows: list[ChunkRow] = []
    for chunk in split_chunks(points):
        summary = summarize_points(chunk)
        low, high, last = (None if value != value else value for value in (summary.min, summary.max, summary.last))
        rows.append((
            summary.count, summary.first_step, summary.first_timestamp, summary.last_step, summary.last_timestamp,
            low, high, last, int(chunk.timestamp.min()), int(chunk.timestamp.max()), bool(np.isnan(chunk.value).any()),
            encode(chunk),
        ))  # fmt: skip
    return rows
