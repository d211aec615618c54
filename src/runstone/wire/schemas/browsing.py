"""Bodies of the routes that the web UI is drawn from: JSON, and columns as `runstone.wire.columns` lays them out."""

from __future__ import annotations

from typing import Literal

import msgspec

from runstone.wire.schemas.common import Answer, FileInfo, Float, ListRequest, Request

__all__ = [
    "BulkAnswer",
    "BulkError",
    "Capabilities",
    "CapabilitiesAnswer",
    "ChangedColumns",
    "ChangedColumnsAnswer",
    "Chart",
    "ChartCurve",
    "CheckFilter",
    "Column",
    "ColumnType",
    "ColumnsAnswer",
    "CurvesAnswer",
    "DescribeRun",
    "DownloadFolder",
    "DownloadRuns",
    "ExperimentOverview",
    "FilterAnswer",
    "ImportanceAnswer",
    "KeyCount",
    "Keys",
    "KeysAnswer",
    "MetricColumn",
    "OverviewAnswer",
    "OverviewExperiments",
    "ParamColumn",
    "ParamImportance",
    "PrimaryMetric",
    "ReadCurves",
    "RunColumnsAnswer",
    "RunDescription",
    "RunDetails",
    "RunIds",
    "RunInputDetails",
    "RunModels",
    "RunReference",
    "SearchRunColumns",
    "SeriesSummary",
    "TagRuns",
    "TextColumn",
    "Texts",
    "ValueCount",
    "Values",
    "ValuesAnswer",
    "WeighParams",
]

ColumnType = Literal["f4", "f8", "i8", "u1", "u2", "u4"]
View = Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]
AggregateName = Literal["last", "min", "max", "first", "count", "last_step", "last_time"]


# -- columns


class Column(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where a column of `length` numbers lies behind the head: `at` bytes from its end."""

    type: ColumnType
    length: int
    at: int = 0


class Texts(msgspec.Struct, kw_only=True):
    """A column of texts. Code 0 is none, code k is `values[k - 1]`."""

    values: list[str]
    codes: Column


class ColumnsAnswer(Answer, kw_only=True):
    """Base of heads. `body` holds the columns, which follow the head and are never in it."""

    body: bytes = b""


class MetricColumn(msgspec.Struct, kw_only=True):
    """A metric's columns, by aggregate; NaN where a run has none."""

    key: str
    values: dict[str, Column]


class ParamColumn(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A param's column; `numbers` are those that `values` stand for, where any of them does."""

    key: str
    values: list[str]
    codes: Column
    numbers: list[float | None] | None = None


class TextColumn(msgspec.Struct, kw_only=True):
    """A tag's column."""

    key: str
    values: list[str]
    codes: Column


# -- the server


class Capabilities(Request, kw_only=True):
    """What the server is and can do."""


class CapabilitiesAnswer(Answer, kw_only=True):
    """What the server is and can do. `auth`: whether it asks who one is."""

    version: str
    read_only: bool
    serves_artifacts: bool
    max_page: int
    max_series: int
    auth: bool = False


# -- experiments


class OverviewExperiments(ListRequest, kw_only=True):
    """A page of experiments with what happens in them. `sparkline`: the most values of one."""

    view_type: View = "ACTIVE_ONLY"
    max_results: int = 100
    sparkline: int = 24


class PrimaryMetric(msgspec.Struct, kw_only=True):
    """The metric that an experiment's runs are told apart by; `guessed` where no tag of it says which.

    `best` is the best value of any active run's whole history. `sparkline` has the best of each of some groups of
    equal count of the latest runs, in the order of their start.
    """

    key: str
    direction: Literal["min", "max"]
    guessed: bool
    best: Float | None = None
    best_run_id: str | None = None
    sparkline: list[Float] = []


class ExperimentOverview(Answer, kw_only=True):
    """An experiment. `runs` and `live` count active runs; `last_activity` is in ms."""

    experiment_id: str
    name: str
    stage: str
    artifact_location: str
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: dict[str, str] = {}
    runs: int = 0
    live: int = 0
    last_activity: int | None = None
    primary: PrimaryMetric | None = None


class OverviewAnswer(Answer, kw_only=True):
    """A page of experiments."""

    experiments: list[ExperimentOverview] = []
    next_page_token: str | None = None


# -- runs as columns


class SearchRunColumns(ListRequest, kw_only=True):
    """A search for runs as chosen columns; keys that are not given are all. `precise`: metrics as float64.

    With `keys` and `count` the answer has these of all that the search goes through, not of the page alone.
    """

    experiment_ids: list[str]
    run_view_type: View = "ACTIVE_ONLY"
    max_results: int = 1000
    metrics: list[str] | None = None
    aggregates: tuple[AggregateName, ...] = ("last",)
    params: list[str] | None = None
    tags: list[str] | None = None
    precise: bool = False
    keys: bool = False
    count: bool = False


class KeyCount(msgspec.Struct):
    """A key, and how many active runs have it."""

    key: str
    runs: int


class KeysAnswer(Answer, kw_only=True):
    """The keys of experiments, in order."""

    metrics: list[KeyCount] = []
    params: list[KeyCount] = []
    tags: list[KeyCount] = []


class RunColumnsAnswer(ColumnsAnswer, kw_only=True):
    """A page of runs. Times are ms (NaN: none); `parents` are run ids.

    What changes after the page was read has a revision later than `revision`.
    """

    rows: int
    run_ids: list[str]
    names: list[str]
    experiments: Texts
    status: Texts
    stage: Texts
    users: Texts
    parents: Texts
    start_time: Column
    end_time: Column
    revision: int
    metrics: list[MetricColumn] = []
    params: list[ParamColumn] = []
    tags: list[TextColumn] = []
    next_page_token: str | None = None
    count: int | None = None
    count_is_estimate: bool = False
    keys: KeysAnswer | None = None


class ChangedColumns(SearchRunColumns, kw_only=True):
    """The runs of a search that were changed after a revision."""

    since: int


class ChangedColumnsAnswer(RunColumnsAnswer, kw_only=True):
    """Changed runs that are found by the search; `gone` are those that are not. `more`: ask again at once."""

    gone: list[str] = []
    more: bool = False


# -- curves


class ReadCurves(Request, kw_only=True):
    """Series of runs as buckets for charts, one for each key. `x` decides the unit of the range (steps or ms)."""

    run_ids: list[str]
    keys: list[str]
    x: Literal["step", "time", "relative"] = "step"
    from_x: int | None = None
    to_x: int | None = None
    buckets: int = 300


class ChartCurve(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A line: buckets that hold a point. `x` counts from the chart's `x0`; `points` are those in the range."""

    run_id: str
    points: int
    x: Column
    min: Column
    max: Column
    last: Column
    last_value: Float
    has_nan: bool = False


class Chart(msgspec.Struct, kw_only=True):
    """The lines of a key, whose buckets divide `from_x` to `to_x`."""

    key: str
    from_x: int
    to_x: int
    x0: int
    curves: list[ChartCurve]


class CurvesAnswer(ColumnsAnswer, kw_only=True):
    """A chart for each key that has a point."""

    charts: list[Chart] = []


# -- one run


class DescribeRun(Request, kw_only=True):
    """All that a page about a run shows."""

    run_id: str
    artifacts: bool = False


class RunDetails(Answer, kw_only=True):
    """What a run is."""

    run_id: str
    experiment_id: str
    run_name: str
    status: str
    stage: str
    user_id: str
    artifact_uri: str
    start_time: int | None = None
    end_time: int | None = None


class SeriesSummary(msgspec.Struct, kw_only=True):
    """What is known of a series; timestamps in ms."""

    key: str
    count: int
    last: Float
    last_step: int
    last_timestamp: int
    first: Float
    first_step: int
    first_timestamp: int
    min: Float
    min_step: int
    max: Float
    max_step: int


class RunReference(Answer, kw_only=True):
    """Another run."""

    run_id: str
    run_name: str
    status: str
    start_time: int | None = None


class RunInputDetails(Answer, kw_only=True):
    """A dataset that a run has read."""

    name: str
    digest: str
    source_type: str
    context: str | None = None


class RunModels(Answer, kw_only=True):
    """Ids of logged models that a run has read, and made."""

    inputs: list[str] = []
    outputs: list[str] = []


class RunDescription(Answer, kw_only=True):
    """A run with all its data. `children` are the latest of its nested runs."""

    info: RunDetails
    experiment_name: str
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: list[SeriesSummary] = []
    inputs: list[RunInputDetails] = []
    models: RunModels | None = None
    parent: RunReference | None = None
    children: list[RunReference] = []
    more_children: bool = False
    artifacts: list[FileInfo] = []


# -- the filter language


class CheckFilter(Request, kw_only=True):
    """A filter and an order for runs, to be read and not run."""

    filter: str | None = None
    order_by: list[str] = []


class FilterAnswer(Answer, kw_only=True):
    """Whether a filter can be read; if not, where in `text` (0-based) which fault is."""

    ok: bool
    message: str | None = None
    text: str | None = None
    column: int | None = None
    expected: str | None = None


class Keys(Request, kw_only=True):
    """The keys that active runs of experiments have."""

    experiment_ids: list[str]


class Values(Request, kw_only=True):
    """The values of a param or tag that begin with a text."""

    experiment_ids: list[str]
    kind: Literal["param", "tag"]
    key: str
    prefix: str = ""
    max_results: int = 50


class ValueCount(msgspec.Struct):
    """A value, and how many active runs have it."""

    value: str
    runs: int


class ValuesAnswer(Answer, kw_only=True):
    """Values, the most frequent first."""

    values: list[ValueCount] = []


# -- many runs at once


class RunIds(Request, kw_only=True):
    """Some runs."""

    run_ids: list[str]


class TagRuns(RunIds, kw_only=True):
    """Tags to set and to delete in each of some runs; those to be deleted need not be there."""

    tags: dict[str, str] = {}
    deleted_tags: list[str] = []


class BulkError(msgspec.Struct, kw_only=True):
    """What went wrong with one run."""

    run_id: str
    error_code: str
    message: str


class BulkAnswer(Answer, kw_only=True):
    """How many runs were done, and the errors of the others."""

    done: int
    errors: list[BulkError] = []


# -- which param matters


class WeighParams(Request, kw_only=True):
    """How much of a metric each param explains, over the runs of a search."""

    experiment_ids: list[str]
    metric: str
    filter: str | None = None
    run_view_type: View = "ACTIVE_ONLY"
    aggregate: Literal["last", "min", "max"] = "last"


class ParamImportance(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`share` of the variance of the metric's ranks that a param alone explains; the first three are always there."""

    key: str
    share: float
    kind: Literal["number", "text"]
    runs: int
    distinct: int
    p_value: float
    correlation: float | None = None


class ImportanceAnswer(Answer, kw_only=True):
    """The params, the largest share first. `is_sample`: there are more runs than were looked at."""

    runs: int
    is_sample: bool
    method: str
    params: list[ParamImportance]


# -- downloads


class DownloadRuns(Request, kw_only=True):
    """The runs of a search as CSV."""

    experiment_ids: list[str]
    filter: str | None = None
    run_view_type: View = "ACTIVE_ONLY"
    order_by: list[str] = []


class DownloadFolder(Request, kw_only=True):
    """The files of a run, or of one folder of it, as ZIP."""

    run_id: str
    path: str | None = None
