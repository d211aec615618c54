"""Bodies of Runstone's own routes, in MessagePack (https://msgpack.org). Columns are raw little-endian bytes.

They carry what MLflow's format cannot: batches with a writer's position, runs as columns, series as columns.
"""

from __future__ import annotations

import msgspec

from runstone.wire.faults import FaultBody
from runstone.wire.schemas.common import Answer, Request
from runstone.wire.schemas.runs import Metric, SearchRuns

__all__ = [
    "Append",
    "AppendAnswer",
    "AppendedWrite",
    "ChangedRun",
    "ChangesAnswer",
    "LastSequence",
    "LastSequenceAnswer",
    "ListChanges",
    "ListSeries",
    "ReadSeries",
    "SearchRunTable",
    "SeriesAnswer",
    "SeriesBuckets",
    "SeriesColumns",
    "SeriesFacts",
    "SeriesName",
    "SummariesAnswer",
    "TableAnswer",
]


class AppendedWrite(msgspec.Struct, kw_only=True):
    """What is recorded in one run, all or nothing. `frame` is as `runstone.series.frame` lays it out.

    With a `writer`, its records `first` to `last` are stored once, however often they arrive. `model_metrics` are those
    points that are figures of logged models, too. `deleted_tags` need not be there; they and `status` come after all
    else; `end_time` (ms) goes with a status. `ends`: nothing more is to be expected from the writer; one that goes on
    says so by repeating its last record (0 to 0 where there is none) without content.
    """

    run_id: str
    frame: bytes | None = None
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    deleted_tags: list[str] = []
    status: str | None = None
    end_time: int | None = None
    model_metrics: list[Metric] = []
    writer: str | None = None
    first: int = 0
    last: int = 0
    ends: bool = False


class Append(Request, kw_only=True):
    """Writes of one or many runs, recorded in order."""

    writes: list[AppendedWrite]


class AppendAnswer(Answer, kw_only=True):
    """The error of each write, or nil."""

    errors: list[FaultBody | None]


class LastSequence(Request, kw_only=True):
    """A writer of a run."""

    run_id: str
    writer: str


class LastSequenceAnswer(Answer, kw_only=True):
    """The writer's last record that is stored; 0 for none."""

    last: int


class SearchRunTable(SearchRuns, kw_only=True):
    """A search for runs, answered as columns."""


class CountRuns(SearchRuns, kw_only=True):
    """How many runs a search finds; its order and page do not matter."""


class CountAnswer(Answer, kw_only=True):
    """The number; `is_estimate` where a sample told it."""

    runs: int
    is_estimate: bool


class TableAnswer(Answer, kw_only=True):
    """A page of runs as columns of one length; what a run lacks is NaN or nil. Times in ms."""

    run_id: list[str]
    experiment_id: list[str]
    status: list[str]
    artifact_uri: list[str]
    start_time: list[int | None]
    end_time: list[int | None]
    metrics: dict[str, list[float]]
    params: dict[str, list[str | None]]
    tags: dict[str, list[str | None]]
    token: str | None = None


class ListChanges(Request, kw_only=True):
    """The runs that were changed after a revision; 0 for all."""

    since: int = 0
    max_results: int = 1000


class ChangedRun(msgspec.Struct):
    """A run that has changed in some way."""

    run_id: str
    experiment_id: str


class ChangesAnswer(Answer, kw_only=True):
    """Changed runs, the first to change first, and the revision from which to go on."""

    revision: int
    runs: list[ChangedRun] = []


class ListSeries(Request, kw_only=True):
    """The summaries of all series of a run."""

    run_id: str


class SeriesFacts(msgspec.Struct, array_like=True):
    """What is known of a series without its points; timestamps in ms."""

    count: int
    last: float
    last_step: int
    last_timestamp: int
    first: float
    first_step: int
    first_timestamp: int
    min: float
    min_step: int
    max: float
    max_step: int


class SummariesAnswer(Answer, kw_only=True):
    """By key in order."""

    series: dict[str, SeriesFacts] = {}


class SeriesName(msgspec.Struct):
    """One series."""

    run_id: str
    key: str


class ReadSeries(Request, kw_only=True):
    """Several series, within a range of steps (both ends included); with `buckets`, at most so many of each.

    With `arrow`, all points as one table.
    """

    series: list[SeriesName]
    from_step: int | None = None
    to_step: int | None = None
    buckets: int | None = None
    arrow: bool = False


class SeriesColumns(msgspec.Struct, kw_only=True):
    """All points of a series: `step` and `timestamp` (ms) int64, `value` float64, ordered by the three."""

    run_id: str
    key: str
    step: bytes
    timestamp: bytes
    value: bytes


class SeriesBuckets(msgspec.Struct, kw_only=True):
    """A series as buckets of equal width: `step`, `timestamp` (ms) and `count` int64, the others float32.

    `step`, `timestamp` and `last` are those of a bucket's last point; no spike is lost, it is in `min` or `max`.
    """

    run_id: str
    key: str
    step: bytes
    timestamp: bytes
    count: bytes
    min: bytes
    max: bytes
    last: bytes


class SeriesAnswer(Answer, kw_only=True):
    """The series in the order of the request: whole, or as buckets, or as an Arrow stream.

    The stream (https://arrow.apache.org/docs/format/Columnar.html) is a table of `run_id`, `key`, `step`,
    `timestamp`, `value`.
    """

    columns: list[SeriesColumns] = []
    buckets: list[SeriesBuckets] = []
    arrow: bytes | None = None
