"""What is fuzzed: for each target how a case is made, and what is done with it.

A target raises only what its callers expect; whatever else comes out of it is a finding, and so is memory beyond what
an input of that size may take.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
import numpy as np

from runstone.artifacts.paths import check_artifact_path
from runstone.entities import RunStatus
from runstone.errors import InvalidInput, StoreCorrupt
from runstone.filters import parse_run_filter, parse_run_order
from runstone.journal.events import Record
from runstone.journal.records import HEADER_BYTES, RECORD_BYTES
from runstone.journal.spool import Spool
from runstone.series.codec import decode_chunk, encode_chunk
from runstone.series.frame import decode_frame, decode_frames, encode_frame, frame_points
from runstone.series.points import MetricBatch, Points
from runstone.series.seal import SEAL_SIZE, seal
from runstone.server.native import write_of_append
from runstone.wire.codec import decode_body, decode_msgpack
from runstone.wire.schemas.native import Append, AppendedWrite
from runstone.wire.schemas.runs import LogBatch, SearchRuns
from tests.fuzz.mutation import mutated_bytes, mutated_text
from tests.journal.test_spool import make_writer

__all__ = ["TARGETS", "Target"]


class Target(NamedTuple):
    """`make` draws a case, `run` tries it, and `expected` are the errors that it may raise."""

    make: Callable[[random.Random], Any]
    run: Callable[[Any], object]
    expected: tuple[type[Exception], ...]


def _points(count: int) -> Points:
    return Points(np.arange(count), np.arange(count) + 1_700_000_000_000, np.sin(np.arange(count) / 9))


_BATCHES = [
    MetricBatch(("loss",), np.array([0, 1]), _points(1)),
    MetricBatch(("a", "b/é"), np.array([0, 2, 5]), _points(5)),
    MetricBatch.of_rows(("a", "b", "c"), np.arange(4), np.arange(4), np.ones((3, 4))),
]
_FRAMES = [encode_frame(batch) for batch in _BATCHES]
_CHUNKS = [encode_chunk(_points(count)) for count in (1, 5, 6, 300, 8_192)]
_APPENDS = [
    msgspec.msgpack.encode(Append(writes=[AppendedWrite(run_id="r", frame=frame, params={"p": "1"}, tags={"t": "x"})]))
    for frame in _FRAMES
] + [msgspec.msgpack.encode(Append(writes=[AppendedWrite(run_id="r", writer="w", first=1, last=9, status="FINISHED")]))]
_BODIES = [
    b'{"run_id": "r", "metrics": [{"key": "k", "value": "NaN", "timestamp": 1, "step": "7"}], "params": []}',
    b'{"run_id": "r", "params": [{"key": "k", "value": "v"}], "tags": [{"key": "mlflow.x", "value": "\\u00e9"}]}',
    b'{"experiment_ids": ["0"], "filter": "metrics.a > 1", "order_by": ["params.b DESC"], "max_results": 100}',
]
_FILTERS = [
    "metrics.loss < 0.5 and params.lr = '0.1'",
    "attributes.status IN ('FINISHED', 'FAILED') OR NOT (tags.`a b` LIKE '%x_%')",
    'min(metrics."val/loss") <= 1e-3 AND count(metrics.a) > 10',
    "params.x IS NOT NULL AND start_time > '2026-01-01'",
    "tags.k RLIKE '(a|b)+' and dataset.name ILIKE 'Iris%'",
    "((metrics.a = 1))",
    "metrics.`é` != -inf",
]
_ORDERS = ["metrics.loss DESC", "attributes.start_time", "max(metrics.`a b`) asc", "params.lr"]
_PATHS = ["model/MLmodel", "a/b/c.png", "../x", "a/../../b", "%2e%2e/x", "C:\\x", "/etc/passwd", "a//b", ".", "x" * 255]


def _resealed(draw: random.Random, seeds: list[bytes]) -> bytes:
    """Mostly with a checksum that is right, which an attacker can make as well as we."""
    data = mutated_bytes(draw, seeds)
    return seal(data[0], data[SEAL_SIZE:]) if len(data) > SEAL_SIZE and draw.random() < 0.8 else data


def _read_frame(data: bytes) -> None:
    decode_frame(data)
    frame_points(data, "a")
    list(decode_frames([data, data, _FRAMES[0]]))


def _read_append(data: bytes) -> None:
    for write in decode_msgpack(data, Append).writes:
        write_of_append(write)


def _read_body(case: tuple[type[Any], bytes]) -> None:
    decode_body(case[1], case[0], {})


def _parse(case: tuple[str, str]) -> None:
    parse_run_filter(case[0])
    parse_run_order([case[1]])


def _check_path(path: str) -> None:
    plain = check_artifact_path(path)
    for reading in (plain, unquote(plain), plain.replace("\\", "/")):
        parts = PurePosixPath(reading).parts
        assert ".." not in parts
        assert not reading.startswith("/")


class _Journal:
    """A spool with rows, points and events, one of whose files is changed for each case."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="runstone-fuzz-"))
        writer = make_writer(self._folder)
        for step in range(5):
            writer.log("single", step / 7, None, step)
            writer.log_row({"a": 1.0, "b": float(step), "c": 2.0}, None, step)
        writer.log_event(Record(params={"p": "1"}, tags={"t": "x"}, status=RunStatus.RUNNING.value))
        spool = writer.close()
        assert spool is not None
        slots = spool.last_slot() + 20
        spool.close()
        self._files = {path.name: path.read_bytes() for path in spool.folder.iterdir() if path.is_file()}
        self._names = [name for name, data in self._files.items() if data]
        for name in self._names:
            if name.endswith(".points"):
                self._files[name] = self._files[name][: HEADER_BYTES + RECORD_BYTES * slots]

    def make(self, draw: random.Random) -> tuple[str, bytes]:
        name = draw.choice(self._names)
        return name, mutated_bytes(draw, [self._files[name]])

    def run(self, case: tuple[str, bytes]) -> None:
        name, changed = case
        with tempfile.TemporaryDirectory(prefix="runstone-fuzz-") as folder:
            for other, data in self._files.items():
                (Path(folder) / other).write_bytes(changed if other == name else data)
            spool = Spool.open(Path(folder))
            try:
                spool.load()
                cursor, last = 1, spool.last_slot()
                while cursor <= last and (items := spool.read(cursor, 1 << 12, last)):
                    assert items[-1].last >= cursor
                    cursor = items[-1].last + 1
            finally:
                spool.close()


_journal = _Journal()

TARGETS = {
    "filters": Target(
        lambda draw: (mutated_text(draw, _FILTERS), mutated_text(draw, _ORDERS)), _parse, (InvalidInput,)
    ),
    "frames": Target(lambda draw: _resealed(draw, _FRAMES), _read_frame, (StoreCorrupt,)),
    "chunks": Target(lambda draw: _resealed(draw, _CHUNKS), decode_chunk, (StoreCorrupt,)),
    "appends": Target(lambda draw: mutated_bytes(draw, _APPENDS), _read_append, (InvalidInput,)),
    "bodies": Target(
        lambda draw: (draw.choice([LogBatch, SearchRuns]), mutated_bytes(draw, _BODIES)), _read_body, (InvalidInput,)
    ),
    "paths": Target(lambda draw: mutated_text(draw, _PATHS), _check_path, (InvalidInput,)),
    "journal": Target(_journal.make, _journal.run, (StoreCorrupt, InvalidInput)),
}
