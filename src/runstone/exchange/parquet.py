"""Runs as files of Parquet: a table each of runs, params, tags, metrics and datasets. Streams: memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstone import tag_names
from runstone.entities import Experiment, Run
from runstone.errors import InvalidInput
from runstone.exchange.report import Report
from runstone.exchange.selection import Selection, run_matches
from runstone.exchange.source import Source
from runstone.series.points import MetricBatch

if TYPE_CHECKING:
    import pyarrow

__all__ = ["TABLES", "write_parquet"]

TABLES = ("runs", "params", "tags", "metrics", "datasets")

_ROWS_AT_ONCE = 50_000
_POINTS_AT_ONCE = 1_000_000
_RUN_COLUMNS = (
    "run_id", "experiment_id", "experiment", "run_name", "parent_run_id", "status", "user_id", "start_time", "end_time",
    "lifecycle_stage", "artifact_uri",
)  # fmt: skip
_DATASET_COLUMNS = ("run_id", "name", "digest", "source_type", "source", "schema", "profile", "context")


def write_parquet(
    source: Source,
    folder: Path,
    selection: Selection,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Write what is selected into `runs.parquet`, `params.parquet` and so on; each appears when all are whole.

    Raises InvalidInput where pyarrow is missing, or one of the files is there and is not to be overwritten.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise InvalidInput(
            "Writing Parquet needs the package pyarrow; install it with `pip install 'runstone[arrow]'`"
        ) from None
    there = [name for name in TABLES if (folder / f"{name}.parquet").exists()]
    if there and not overwrite:
        raise InvalidInput(f"{folder} holds {there[0]}.parquet already; choose another folder, or say --overwrite")
    folder.mkdir(parents=True, exist_ok=True)
    report = Report(source=source.place, target=str(folder))
    parts = {name: folder / f".{name}.parquet.part" for name in TABLES}
    try:
        with ExitStack() as stack:
            tables = {name: stack.enter_context(_Table(parts[name], _schema(name))) for name in TABLES}
            _write(source, selection, tables, report, on_progress)
        for name, part in parts.items():
            part.replace(folder / f"{name}.parquet")
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return report


def _write(
    source: Source,
    selection: Selection,
    tables: dict[str, _Table],
    report: Report,
    on_progress: Callable[[int, int], None],
) -> None:
    node = selection.filter()
    experiments = [one for one in source.list_experiments() if selection.has_experiment(one)]
    total = sum(map(source.count_runs, experiments))
    done = 0
    for experiment in experiments:
        report.experiments += 1
        for run in source.read_runs(experiment):
            done += 1
            on_progress(done, total)
            pieces: Iterator[MetricBatch] | list[MetricBatch] = source.read_points(run)
            if node is not None:
                pieces = list(pieces)
            if not selection.has_time(run) or (node is not None and not run_matches(node, run, list(pieces))):
                report.filtered += 1
                continue
            report.runs += 1
            _write_texts(experiment, run, tables)
            for piece in pieces:
                report.points += len(piece)
                tables["metrics"].add_columns(_metric_columns(run.info.run_id, piece), len(piece))


def _write_texts(experiment: Experiment, run: Run, tables: dict[str, _Table]) -> None:
    info, run_id = run.info, run.info.run_id
    parent = run.data.tags.get(tag_names.PARENT_RUN_ID)
    tables["runs"].add_row(
        (
            run_id, experiment.experiment_id, experiment.name, info.run_name, parent, info.status.value, info.user_id,
            info.start_time, info.end_time, info.lifecycle_stage.value, info.artifact_uri,
        )
    )  # fmt: skip
    for name, texts in (("params", run.data.params), ("tags", run.data.tags)):
        for key, value in texts.items():
            tables[name].add_row((run_id, key, value))
    for link in run.inputs.dataset_inputs:
        context = {tag.key: tag.value for tag in link.tags}.get(tag_names.DATASET_CONTEXT)
        one = link.dataset
        tables["datasets"].add_row(
            (run_id, one.name, one.digest, one.source_type, one.source, one.schema, one.profile, context)
        )


def _metric_columns(run_id: str, batch: MetricBatch) -> list[Any]:
    import numpy as np
    import pyarrow as pa

    numbers = np.repeat(np.arange(len(batch.keys), dtype=np.int32), np.diff(batch.starts))
    keys = pa.DictionaryArray.from_arrays(numbers, pa.array(batch.keys, pa.string())).cast(pa.string())
    points = batch.points
    times = pa.array(points.timestamp).cast(pa.timestamp("ms", tz="UTC"))
    runs = pa.repeat(pa.scalar(run_id, pa.string()), len(batch))
    return [runs, keys, pa.array(points.step), times, pa.array(points.value)]


def _schema(name: str) -> pyarrow.Schema:
    import pyarrow as pa

    text, time = pa.string(), pa.timestamp("ms", tz="UTC")
    if name == "metrics":
        columns = [("run_id", text), ("key", text), ("step", pa.int64()), ("timestamp", time), ("value", pa.float64())]
    elif name == "runs":
        columns = [(one, time if one.endswith("_time") else text) for one in _RUN_COLUMNS]
    elif name == "datasets":
        columns = [(one, text) for one in _DATASET_COLUMNS]
    else:
        columns = [("run_id", text), ("key", text), ("value", text)]
    return pa.schema(columns)


class _Table:
    """One file on its way: rows gather until they are a row group."""

    def __init__(self, path: Path, schema: pyarrow.Schema) -> None:
        import pyarrow.parquet as pq

        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._rows: list[tuple[Any, ...]] = []
        self._parts: list[Any] = []
        self._points = 0

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._flush_rows()
            self._flush_parts()
        finally:
            self._writer.close()

    def add_row(self, row: tuple[Any, ...]) -> None:
        """Add a row, its values as the schema has them."""
        self._rows.append(row)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush_rows()

    def add_columns(self, columns: list[Any], count: int) -> None:
        """Add many rows as columns."""
        import pyarrow as pa

        self._parts.append(pa.table(columns, schema=self._schema))
        self._points += count
        if self._points >= _POINTS_AT_ONCE:
            self._flush_parts()

    def _flush_rows(self) -> None:
        import pyarrow as pa

        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)]
            self._writer.write_table(pa.table(arrays, schema=self._schema))
            self._rows = []

    def _flush_parts(self) -> None:
        import pyarrow as pa

        if self._parts:
            self._writer.write_table(pa.concat_tables(self._parts), row_group_size=_POINTS_AT_ONCE)
            self._parts, self._points = [], 0
