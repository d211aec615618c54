"""Whether a database is sound: its tables are those of the schema, its points can be read, its rows belong together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import msgspec

from runstone.errors import StoreCorrupt
from runstone.series.codec import decode_chunk
from runstone.series.frame import decode_frames
from runstone.series.points import MetricBatch, Points
from runstone.series.summary import Summary, summarize
from runstone.stores.sql import migrations, series
from runstone.stores.sql.database import Maintained, Transaction

__all__ = ["MAX_PROBLEMS", "Check", "check"]

MAX_PROBLEMS = 100
"""Beyond so many the check stops: more of them say nothing new."""
_PAGE = 200
_SERIES = 200
_OWNED = {
    "runs": ("params", "tags", "series", "chunks", "batches", "writers", "inputs", "input_tags", "run_models"),
    "experiments": ("runs", "experiment_tags", "datasets", "logged_models"),
}
"""Tables by the table whose ids stand in their column, which has its name without the s."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A database's revision, the one this Runstone needs, and what is wrong; nothing if it is sound.

    `checked_chunks` of `chunks` were decoded, and `checked_series` compared with their summaries.
    """

    revision: str
    needed_revision: str
    problems: tuple[str, ...]
    chunks: int = 0
    checked_chunks: int = 0
    checked_series: int = 0


def check(
    database: Maintained,
    *,
    looks_at_rows: bool = True,
    max_chunks: int | None = 10_000,
    on_progress: Callable[[int, int], None] | None = None,
) -> Check:
    """Look for damage. At most `max_chunks` chunks are decoded (None: all), spread evenly over the database.

    Without `looks_at_rows` only the file and its tables are looked at, which is quick.
    `on_progress` is told how many are done, and of how many. Raises StoreCorrupt for what is not ours, StoreVersion.
    """
    revision = database.version()
    problems = database.find_damage()
    chunks = checked_chunks = checked_series = 0
    if revision == migrations.HEAD and not problems:
        problems += [f"the tables differ from the schema: {difference}" for difference in _differences(database)]
    if revision == migrations.HEAD and not problems and looks_at_rows:
        problems += _find_orphans(database)
        chunks, checked_chunks = _check_chunks(
            database, max_chunks, problems, on_progress or (lambda done, total: None)
        )
        _check_batches(database, max_chunks, problems)
        checked_series = _check_summaries(database, problems)
    return Check(
        revision=revision,
        needed_revision=migrations.HEAD,
        problems=tuple(problems[:MAX_PROBLEMS]),
        chunks=chunks,
        checked_chunks=checked_chunks,
        checked_series=checked_series,
    )


def _differences(database: Maintained) -> list[str]:
    with (
        database.driver_connection() as connection,
        migrations.sqlalchemy_connection(database.alchemy_name, connection) as alchemy,
    ):
        return [_describe(one) for one in migrations.check(alchemy)]


def _describe(difference: object) -> str:
    """Alembic gives one difference as a tuple, those of one column as a list of tuples."""
    if isinstance(difference, list):
        return ", ".join(map(_describe, difference))
    parts = difference if isinstance(difference, tuple) else (difference,)
    return " ".join(str(getattr(part, "name", part)) for part in parts if part is not None)


def _find_orphans(database: Maintained) -> Iterator[str]:
    for owner, tables in _OWNED.items():
        for table in tables:
            column = owner[:-1]
            with database.read() as tx:
                row = tx.row(
                    f"SELECT count(*) FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM {owner} o WHERE o.id = t.{column})"
                )
            if row and row[0]:
                yield f"{row[0]} rows of {table} belong to no {column} that is there"


def _check_chunks(
    database: Maintained, max_chunks: int | None, problems: list[str], on_progress: Callable[[int, int], None]
) -> tuple[int, int]:
    """How many chunks there are, and how many were decoded."""
    with database.read() as tx:
        row = tx.row("SELECT count(*) FROM chunks")
    total = int(row[0]) if row else 0
    stride = _stride(total, max_chunks)
    wanted, done, last = -(-total // stride), 0, 0
    while len(problems) < MAX_PROBLEMS:
        # A page a transaction: the check of a large database holds up no clean-up of old pages.
        with database.read() as tx:
            rows = tx.rows(
                "SELECT id, run, key, count, first_step, last_step, data FROM chunks "
                f"WHERE id > ? AND id % {stride} = 0 ORDER BY id LIMIT {_PAGE}",
                (last,),
            )
            for number, run, key, *expected, data in rows:
                fault = _chunk_fault(data, expected)
                if fault:
                    problems.append(f"chunk {number} of the series '{key}' of run '{_run_id(tx, run)}': {fault}")
        if not rows:
            break
        last, done = rows[-1][0], done + len(rows)
        on_progress(done, max(wanted, done))
    return total, done


def _stride(total: int, wanted: int | None) -> int:
    return 1 if wanted is None else max(1, -(-total // max(1, wanted)))


def _chunk_fault(data: bytes, expected: list[int]) -> str | None:
    try:
        points = decode_chunk(data)
    except StoreCorrupt as error:
        return str(error)
    found = [len(points), int(points.step[0]), int(points.step[-1])] if len(points) else [0, 0, 0]
    if found != expected:
        return "it holds {} points from step {} to {}, not {} from {} to {}".format(*found, *expected)
    return None


def _run_id(tx: Transaction, run: int) -> str:
    row = tx.row("SELECT run_id FROM runs WHERE id = ?", (run,))
    return str(row[0]) if row else f"number {run}"


def _check_batches(database: Maintained, max_batches: int | None, problems: list[str]) -> None:
    with database.read() as tx:
        stride = _stride(tx.rows("SELECT count(*) FROM batches")[0][0], max_batches)
    last = 0
    while len(problems) < MAX_PROBLEMS:
        with database.read() as tx:
            rows = tx.rows(
                f"SELECT id, run, data FROM batches WHERE id > ? AND id % {stride} = 0 ORDER BY id LIMIT {_PAGE}",
                (last,),
            )
            for number, run, data in rows:
                try:
                    for _ in decode_frames([data]):
                        pass
                except StoreCorrupt as error:
                    problems.append(f"batch {number} of run '{_run_id(tx, run)}': {error}")
        if not rows:
            return
        last = rows[-1][0]


def _check_summaries(database: Maintained, problems: list[str]) -> int:
    """Compare some series with their summaries; how many."""
    with database.read() as tx:
        row = tx.row("SELECT count(*) FROM series")
        stride = max(1, (int(row[0]) if row else 0) // _SERIES)
        some = tx.rows(f"SELECT run, key FROM series WHERE run % {stride} = 0 ORDER BY run, key LIMIT {_SERIES}")
    for run, key in some:
        if len(problems) >= MAX_PROBLEMS:
            break
        with database.read() as tx:
            facts = series.summary_row(tx, run, key)
            try:
                fault = facts and _summary_fault(*facts, series.read(tx, run, key))
            except StoreCorrupt:
                continue  # told with its chunk
            if fault:
                problems.append(f"the summary of the series '{key}' of run '{_run_id(tx, run)}' says {fault}")
    return len(some)


def _summary_fault(is_count_exact: bool, stored: Summary, points: Points) -> str | None:
    if not len(points):
        return f"{stored.count} points, and there are none"
    found = summarize(MetricBatch.of_points("key", points))["key"]
    for name in Summary.__struct_fields__:
        expected, actual = getattr(stored, name), getattr(found, name)
        is_same = expected == actual or (math.isnan(expected) and math.isnan(actual))
        if not is_same and (name != "count" or is_count_exact):
            return f"{name} {expected}, and its points {actual}"
    return None
