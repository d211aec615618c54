"""How Runstone's own routes are answered. Functions of (tracking, request), as in `actions`."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from runstone.entities import RunStatus
from runstone.errors import InvalidInput, StoreCorrupt
from runstone.series.downsample import bucket
from runstone.series.frame import decode_frame
from runstone.series.points import MetricBatch
from runstone.server.actions import Action
from runstone.stores.base import Sequenced, Write
from runstone.tracking.base import MAX_PAGE, Tracking
from runstone.tracking.removal import RemovalBatch, RemovalRequest
from runstone.wire import convert
from runstone.wire.convert_models import model_metrics
from runstone.wire.schemas import native, removal
from runstone.wire.schemas.common import Answer

__all__ = ["NATIVE_ACTIONS", "write_of_append"]

MAX_SERIES = 1_000
MAX_BUCKETS = 100_000
MAX_SEQUENCE = (1 << 63) - 1


def write_of_append(write: native.AppendedWrite) -> Write:
    """What an appended write asks to record. Raises InvalidInput for a frame, status or sequence that cannot be."""
    return Write(
        run_id=write.run_id,
        metrics=None if write.frame is None else _batch(write.frame),
        params=write.params,
        tags=write.tags,
        deleted_tags=write.deleted_tags,
        status=None if write.status is None else RunStatus.from_string(write.status),
        end_time=write.end_time,
        model_metrics=model_metrics(write.model_metrics, write.run_id),
        sequenced=_sequenced(write),
    )


def _sequenced(write: native.AppendedWrite) -> Sequenced | None:
    if write.writer is None:
        return None
    if not 1 <= write.first <= write.last <= MAX_SEQUENCE and not _is_first_word(write):
        raise InvalidInput(f"Invalid sequence {write.first} to {write.last} of a write: expected 1 <= first <= last")
    return Sequenced(write.writer, write.first, write.last, write.ends)


def _is_first_word(write: native.AppendedWrite) -> bool:
    """Whether a writer says that it lives, and has nothing to be recorded: what it sent would be lost."""
    has_content = write.frame or write.params or write.tags or write.model_metrics or write.deleted_tags or write.status
    return write.first == write.last == 0 and not has_content


def _batch(frame: bytes) -> MetricBatch:
    try:
        batch = decode_frame(frame)
    except StoreCorrupt as error:
        raise InvalidInput(f"The frame of a write cannot be read: {error}") from error
    starts, keys = batch.starts, batch.keys
    if len(starts) != len(keys) + 1 or len(set(keys)) != len(keys) or starts[0] != 0 or (np.diff(starts) < 0).any():
        raise InvalidInput("The frame of a write is inconsistent: its keys and starts do not belong together")
    # The client's order is not to be relied on.
    return MetricBatch.of_columns(keys, np.repeat(np.arange(len(keys)), np.diff(starts)), batch.points)


def last_sequence(tracking: Tracking, request: native.LastSequence) -> Answer:
    return native.LastSequenceAnswer(last=tracking.last_sequence(request.run_id, request.writer))


def search_run_table(tracking: Tracking, request: native.SearchRunTable) -> Answer:
    table = tracking.search_run_table(
        request.experiment_ids,
        filter_string=request.filter,
        view=convert.view_of(request.run_view_type),
        order_by=request.order_by,
        max_results=min(request.max_results, MAX_PAGE),
        page_token=request.page_token,
    )
    return native.TableAnswer(**msgspec.structs.asdict(table))


def list_series(tracking: Tracking, request: native.ListSeries) -> Answer:
    found = tracking.list_series(request.run_id)
    return native.SummariesAnswer(
        series={key: native.SeriesFacts(*msgspec.structs.astuple(one)) for key, one in found.items()}
    )


def read_series(tracking: Tracking, request: native.ReadSeries) -> Answer:
    if len(request.series) > MAX_SERIES:
        raise InvalidInput(f"At most {MAX_SERIES} series in one request, not {len(request.series)}")
    if request.arrow:
        return native.SeriesAnswer(arrow=_arrow(tracking, request))
    if request.buckets is None:
        return native.SeriesAnswer(columns=[_columns(tracking, request, name) for name in request.series])
    if not 1 <= request.buckets <= MAX_BUCKETS:
        raise InvalidInput(f"Invalid value {request.buckets} for parameter 'buckets': expected 1 to {MAX_BUCKETS}")
    return native.SeriesAnswer(buckets=[_buckets(tracking, request, name) for name in request.series])


def _columns(tracking: Tracking, request: native.ReadSeries, name: native.SeriesName) -> native.SeriesColumns:
    points = tracking.read_series(name.run_id, name.key, from_step=request.from_step, to_step=request.to_step)
    return native.SeriesColumns(
        run_id=name.run_id,
        key=name.key,
        step=_bytes(points.step, "<i8"),
        timestamp=_bytes(points.timestamp, "<i8"),
        value=_bytes(points.value, "<f8"),
    )


def _arrow(tracking: Tracking, request: native.ReadSeries) -> bytes:
    try:
        import pyarrow as pa
    except ImportError:
        raise InvalidInput(
            "This server cannot answer in Arrow: install it with `pip install 'runstone[arrow]'`"
        ) from None
    schema = pa.schema(
        [
            ("run_id", pa.dictionary(pa.int32(), pa.string())),
            ("key", pa.dictionary(pa.int32(), pa.string())),
            ("step", pa.int64()),
            ("timestamp", pa.timestamp("ms", tz="UTC")),
            ("value", pa.float64()),
        ]
    )
    parts = []
    for name in request.series:
        points = tracking.read_series(name.run_id, name.key, from_step=request.from_step, to_step=request.to_step)
        texts = [
            pa.DictionaryArray.from_arrays(np.zeros(len(points), np.int32), [text]) for text in (name.run_id, name.key)
        ]
        times = pa.array(points.timestamp).cast(schema.field("timestamp").type)
        columns = [*texts, pa.array(points.step), times, pa.array(points.value)]
        parts.append(pa.Table.from_arrays(columns, schema=schema))
    table = pa.concat_tables(parts) if parts else schema.empty_table()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table.unify_dictionaries())
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _buckets(tracking: Tracking, request: native.ReadSeries, name: native.SeriesName) -> native.SeriesBuckets:
    points = tracking.read_series(name.run_id, name.key, from_step=request.from_step, to_step=request.to_step)
    found = bucket(points, request.buckets or 1, from_step=request.from_step, to_step=request.to_step)
    return native.SeriesBuckets(
        run_id=name.run_id,
        key=name.key,
        step=_bytes(found.step, "<i8"),
        timestamp=_bytes(found.timestamp, "<i8"),
        count=_bytes(found.count, "<i8"),
        min=_bytes(found.min, "<f4"),
        max=_bytes(found.max, "<f4"),
        last=_bytes(found.last, "<f4"),
    )


def _bytes(column: npt.NDArray[Any], kind: str) -> bytes:
    with np.errstate(over="ignore"):  # beyond float32 a chart's value is infinite
        return column.astype(kind).tobytes()


def list_changes(tracking: Tracking, request: native.ListChanges) -> Answer:
    changes = tracking.list_changed_runs(request.since, max_results=request.max_results)
    return native.ChangesAnswer(revision=changes.revision, runs=[native.ChangedRun(*run) for run in changes.runs])


def plan_removal(tracking: Tracking, request: removal.PlanRemoval) -> Answer:
    asked = msgspec.convert(msgspec.structs.asdict(request), RemovalRequest)
    return msgspec.convert(msgspec.to_builtins(tracking.removal.plan(asked)), removal.PlanAnswer)


def remove(tracking: Tracking, request: removal.Remove) -> Answer:
    batch = msgspec.convert(msgspec.structs.asdict(request), RemovalBatch)
    return msgspec.convert(msgspec.to_builtins(tracking.removal.remove(batch)), removal.RemoveAnswer)


NATIVE_ACTIONS: dict[str, Action] = {
    "last_sequence": last_sequence,
    "list_changes": list_changes,
    "plan_removal": plan_removal,
    "remove": remove,
    "list_series": list_series,
    "search_run_table": search_run_table,
    "read_series": read_series,
}
"""By the name of the row. `append` is missing: `appends` answers it."""
