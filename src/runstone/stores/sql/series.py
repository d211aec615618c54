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
from msgspec.structs import astuple

from runstone.errors import StoreCorrupt
from runstone.series.codec import ChunkEncoder, decode_chunk, split_chunks
from runstone.series.frame import encode_frame, frame_points
from runstone.series.points import MetricBatch, Points
from runstone.series.summary import Summary, merge, summarize, summarize_points
from runstone.stores.sql.database import Row, Transaction

__all__ = [
    "CHUNK_COLUMNS",
    "CHUNK_FACTS",
    "Additions",
    "Arrival",
    "ChunkRow",
    "chunk_rows",
    "has_exact_counts",
    "list_summaries",
    "naming",
    "prepare",
    "read",
    "summary_row",
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


class Additions:
    """What writes of one transaction add to series, which is written at its end by `store`: few statements for many.

    Nothing else in the transaction may read series.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[tuple[int, str], tuple[Summary, bool]] = {}
        """The summaries as they will be, and whether their counts are exact."""
        self._looked_up: set[tuple[int, str]] = set()
        self._changed: set[tuple[int, str]] = set()
        self._chunks: list[Row] = []
        self._frames: list[Row] = []

    def append(self, run: int, arrival: Arrival) -> int:
        """Add a batch to a run, and its points to the summaries; how many points are left to be folded."""
        self._look_up(run, arrival.summaries)
        unfolded = arrival.frame_points
        if arrival.frame is not None:
            self._frames.append((run, arrival.frame_points, arrival.frame))
        for key, new in arrival.summaries.items():
            is_later = self._merge(run, key, new)
            if key in arrival.chunks:
                points, made = arrival.chunks[key]
                if is_later:
                    self._chunks += [(run, key, *row) for row in made]
                else:
                    unfolded += len(points)
                    self._frames.append((run, len(points), encode_frame(MetricBatch.of_points(key, points))))
        return unfolded

    def _look_up(self, run: int, keys: Collection[str]) -> None:
        missing = [key for key in keys if (run, key) not in self._looked_up]
        if missing:
            self._looked_up.update((run, key) for key in missing)
            for key, exact, *summary in _series_rows(self._tx, run, missing):
                self._known[run, key] = _summary(summary), exact

    def _merge(self, run: int, key: str, new: Summary) -> bool:
        """Whether the points come after all others: then they are new; else they may be there already, and folding
        will tell.
        """
        name, is_later = (run, key), True
        if name in self._known:
            old, exact = self._known[name]
            is_later = (new.first_step, new.first_timestamp) > (old.last_step, old.last_timestamp)
            self._known[name] = merge(old, new), exact and is_later
        else:
            self._known[name] = new, True
        self._changed.add(name)
        return is_later

    def store(self) -> None:
        """Write it."""
        changed = [(*name, *self._known[name]) for name in sorted(self._changed)]
        self._tx.run_many(_UPSERT_SERIES, [(run, key, *_columns(new), exact) for run, key, new, exact in changed])
        self._tx.insert_many("chunks", CHUNK_COLUMNS, self._chunks)
        self._tx.insert_many("batches", ("run", "points", "data"), self._frames)


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
    if None in columns:
        columns = [math.nan if value is None else value for value in columns]
    return Summary(*columns)  # type: ignore[arg-type]


def _columns(summary: Summary) -> list[float | None]:
    """The columns of SUMMARY; SQLite would turn NaN into NULL by itself, PostgreSQL would keep and sort it."""
    return [None if value != value else value for value in astuple(summary)]


def list_summaries(tx: Transaction, run: int) -> dict[str, Summary]:
    """The summary of each series of a run, by key in order. Series that are not folded yet are counted by reading."""
    rows = tx.rows(f"SELECT key, is_count_exact, {SUMMARY} FROM series WHERE run = ? ORDER BY key", (run,))
    return {
        key: _summary(columns) if exact else _summary([len(read(tx, run, key)), *columns[1:]])
        for key, exact, *columns in rows
    }


def summary_row(tx: Transaction, run: int, key: str) -> tuple[bool, Summary] | None:
    """Whether the count of a series is exact, and its summary as it is stored."""
    row = tx.row(f"SELECT is_count_exact, {SUMMARY} FROM series WHERE run = ? AND key = ?", (run, key))
    return (bool(row[0]), _summary(row[1:])) if row else None


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
"""A chunk without its run and key, the first two of CHUNK_COLUMNS."""
CHUNK_FACTS = (
    "count", "first_step", "first_timestamp", "last_step", "last_timestamp", "min", "max", "last", "min_timestamp",
    "max_timestamp", "has_nan",
)  # fmt: skip
"""As `Stretch` has them."""
CHUNK_COLUMNS = ("run", "key", *CHUNK_FACTS, "data")


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
