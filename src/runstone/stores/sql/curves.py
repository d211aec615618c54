"""Curves in SQL: what chunks say of themselves stands for those that need not be decoded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from runstone.series.codec import decode_chunk
from runstone.series.curves import Curve, CurveQuery, Line, Stretch, draw_curves, find_origin
from runstone.series.frame import decode_frames
from runstone.series.points import Points
from runstone.stores import records
from runstone.stores.sql.database import Row, Transaction
from runstone.stores.sql.series import CHUNK_FACTS, naming

__all__ = ["read_curves"]


_Decode = Callable[[Sequence[int]], "list[Points]"]


class _Run(NamedTuple):
    number: int
    run_id: str
    start_time: int | None


def read_curves(tx: Transaction, query: CurveQuery) -> list[Curve]:
    """Raises NotFound for an unknown run, and StoreCorrupt."""
    lines = [line for run in _find_runs(tx, query.run_ids) for line in _lines(tx, run, query)]
    return list(draw_curves(lines, query))


def _find_runs(tx: Transaction, run_ids: Sequence[str]) -> list[_Run]:
    rows = tx.rows(
        f"SELECT id, run_id, start_time FROM runs WHERE {tx.dialect.is_member('run_id')}",
        (tx.dialect.list_argument(run_ids),),
    )
    found = {row[1]: _Run(*row) for row in rows}
    for run_id in run_ids:
        if run_id not in found:
            raise records.run_not_found(run_id)
    return [found[run_id] for run_id in dict.fromkeys(run_ids)]


def _lines(tx: Transaction, run: _Run, query: CurveQuery) -> Iterator[Line]:
    chunks: dict[str, list[tuple[int, Stretch]]] = {}
    for number, key, *facts in _chunks(tx, run, query):
        chunks.setdefault(key, []).append((number, _stretch(facts)))
    fresh = _fresh_points(tx, run.number, query.keys)
    origins = _first_timestamps(tx, run.number, query.keys) if query.axis == "relative" else {}
    for key in dict.fromkeys(query.keys):
        decode = _decoder(tx, run.number, key)
        known = [(number, one) for number, one in chunks.get(key, ()) if one.span(query.axis) is not None]
        unknown = [number for number, one in chunks.get(key, ()) if one.span(query.axis) is None]
        yield Line(
            run_id=run.run_id,
            key=key,
            points=Points.join([*decode(unknown), *fresh.get(key, ())]),
            stretches=[one for _, one in known],
            read=_by_place(decode, [number for number, _ in known]),
            origin=find_origin(query.axis, run.start_time, origins.get(key, 0)),
        )


def _chunks(tx: Transaction, run: _Run, query: CurveQuery) -> list[Row]:
    """The number, key and facts of every chunk that may have points in the range, by key in order."""
    conditions, arguments = ["run = ?", tx.dialect.is_member("key")], [run.number, tx.dialect.list_argument(query.keys)]
    if query.axis == "step":
        if query.from_x is not None:
            conditions.append("last_step >= ?")
            arguments.append(query.from_x)
        if query.to_x is not None:
            conditions.append("first_step <= ?")
            arguments.append(query.to_x)
    return tx.rows(
        f"SELECT id, key, {CHUNK_FACTS} FROM chunks WHERE {' AND '.join(conditions)} "
        "ORDER BY key, first_step, first_timestamp, id",
        arguments,
    )


def _stretch(facts: Sequence[Any]) -> Stretch:
    stretch = Stretch(*facts)
    low, high, last = (math.nan if value is None else value for value in (stretch.min, stretch.max, stretch.last))
    return stretch._replace(min=low, max=high, last=last)


def _fresh_points(tx: Transaction, run: int, keys: Sequence[str]) -> dict[str, list[Points]]:
    """The points of some series that are not folded yet."""
    wanted = set(keys)
    batches = tx.rows("SELECT data FROM batches WHERE run = ? ORDER BY id", (run,))
    fresh: dict[str, list[Points]] = {}
    with naming(tx, run, "a batch"):
        for key, points in decode_frames(data for (data,) in batches):
            if key in wanted:
                fresh.setdefault(key, []).append(points)
    return fresh


def _first_timestamps(tx: Transaction, run: int, keys: Sequence[str]) -> dict[str, int]:
    return dict(
        tx.rows(
            f"SELECT key, first_timestamp FROM series WHERE run = ? AND {tx.dialect.is_member('key')}",
            (run, tx.dialect.list_argument(keys)),
        )
    )


def _by_place(decode: _Decode, numbers: Sequence[int]) -> Callable[[Sequence[int]], Iterable[Points]]:
    return lambda places: decode([numbers[place] for place in places])


def _decoder(tx: Transaction, run: int, key: str) -> _Decode:
    """Decodes chunks of a series by number."""

    def decode(numbers: Sequence[int]) -> list[Points]:
        if not numbers:
            return []
        chosen = tx.dialect.is_member("id")
        rows = tx.rows(f"SELECT data FROM chunks WHERE {chosen}", (tx.dialect.list_argument(numbers),))
        with naming(tx, run, f"the series '{key}'"):
            return [decode_chunk(data) for (data,) in rows]

    return decode
