"""Writes to Runstone's own route `append`, many in one request, each counted once however often it arrives.

Knows how much goes into a request; not what a write means, and not whether the server has the route.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from runstone.errors import RunstoneError, StoreError, StoreUnavailable
from runstone.remote.calls import call_route
from runstone.remote.transport import HttpSession
from runstone.series.frame import encode_frame
from runstone.series.points import MetricBatch
from runstone.stores.base import Write
from runstone.tracking.checks import find_fault
from runstone.wire.convert_models import figure_requests
from runstone.wire.faults import error_of_fault
from runstone.wire.schemas.native import Append, AppendAnswer, AppendedWrite

__all__ = ["append_writes"]

BODY_BYTES = 8 << 20
"""A request holds no more than this, unless one write alone is larger."""
MAX_BODY_WRITES = 500
"""A server takes no more than some thousands at once, from all of its clients together."""
MAX_WRITE_POINTS = 2_000_000
"""48 MB, beyond which servers refuse a body: a larger write is cut, and is then not all or nothing."""


class _Piece(NamedTuple):
    """A write, or a part of it, and the number of the write."""

    number: int
    body: AppendedWrite
    size_bytes: int


def append_writes(session: HttpSession, writes: Sequence[Write]) -> list[RunstoneError | None]:
    """The error of each write, or None. Raises StoreError where none of them could be recorded."""
    errors = [find_fault(write) for write in writes]
    lost: StoreError | None = None
    recorded = False
    for pieces in _groups(_pieces(writes, errors)):
        group = [piece for piece in pieces if errors[piece.number] is None]  # no more of a write that was refused
        if not group:
            continue
        if lost is None:
            try:
                outcomes = _append(session, [piece.body for piece in group])
            except StoreError as failure:
                # The server is gone: the others would each wait as long again to find that out.
                lost = failure
            except RunstoneError as refusal:
                outcomes = [refusal] * len(group)
        if lost is not None:
            outcomes = [lost] * len(group)
        for piece, outcome in zip(group, outcomes, strict=True):
            recorded = recorded or outcome is None
            errors[piece.number] = outcome or errors[piece.number]
    if lost is not None and not recorded:
        raise lost
    return errors


def _append(session: HttpSession, bodies: list[AppendedWrite]) -> list[RunstoneError | None]:
    answer: AppendAnswer = call_route(session, "append", Append(writes=bodies))
    if len(answer.errors) != len(bodies):
        raise StoreUnavailable(
            f"{session.address.url} answered {len(bodies)} writes with {len(answer.errors)} results; check what stands "
            "between here and there"
        )
    return [None if fault is None else error_of_fault(fault) for fault in answer.errors]


def _groups(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    """What goes into each request; no more than one is held in memory."""
    group: list[_Piece] = []
    size_bytes = 0
    for piece in pieces:
        if group and (size_bytes + piece.size_bytes > BODY_BYTES or len(group) == MAX_BODY_WRITES):
            yield group
            group, size_bytes = [], 0
        group.append(piece)
        size_bytes += piece.size_bytes
    if group:
        yield group


def _pieces(writes: Sequence[Write], errors: Sequence[RunstoneError | None]) -> Iterator[_Piece]:
    """The writes that have no error, in order."""
    for number, write in enumerate(writes):
        for part in _parts(write) if errors[number] is None else ():
            body = _body(part)
            yield _Piece(number, body, len(msgspec.msgpack.encode(body)))


def _parts(write: Write) -> Iterator[Write]:
    """The write itself, or its params and tags with its first points, then the others; the status with the last.

    One that has a place in a sequence stays whole: its parts would have none.
    """
    metrics = write.metrics
    if metrics is None or len(metrics) <= MAX_WRITE_POINTS or write.sequenced:
        yield write
        return
    first, *others, last = _cut(metrics, MAX_WRITE_POINTS)
    yield msgspec.structs.replace(write, metrics=first, deleted_tags=(), status=None, end_time=None)
    for part in others:
        yield Write(run_id=write.run_id, metrics=part)
    yield msgspec.structs.replace(write, metrics=last, params={}, tags={}, model_metrics=())


def _cut(batch: MetricBatch, size: int) -> Iterator[MetricBatch]:
    key_rows = np.repeat(np.arange(len(batch.keys)), np.diff(batch.starts))
    for start in range(0, len(batch), size):
        rows = slice(start, start + size)
        yield MetricBatch.of_columns(batch.keys, key_rows[rows], batch.points[rows])


def _body(write: Write) -> AppendedWrite:
    place = write.sequenced
    return AppendedWrite(
        run_id=write.run_id,
        frame=encode_frame(write.metrics) if write.metrics else None,
        params=dict(write.params),
        tags=dict(write.tags),
        deleted_tags=list(write.deleted_tags),
        status=None if write.status is None else write.status.value,
        end_time=write.end_time,
        model_metrics=figure_requests(write.model_metrics),
        writer=place.writer if place else None,
        first=place.first if place else 0,
        last=place.last if place else 0,
        ends=place.ends if place else False,
    )
