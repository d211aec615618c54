"""A database of MLflow, of versions 1.x to 3.x, as a Source: whatever tables and columns are there are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runstone.artifacts.base import ArtifactOpener
from runstone.artifacts.uris import DirectArtifacts
from runstone.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    ModelMetric,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
)
from runstone.errors import InvalidInput
from runstone.exchange import mlflow_words
from runstone.exchange.mlflow_registry import read_registry
from runstone.exchange.source import RegistryEntry, restore_infinities
from runstone.exchange.sql_reader import Reader, Row
from runstone.series.points import MetricBatch, Points

__all__ = ["MlflowDatabase"]

_RUNS_AT_ONCE = 200
_POINTS_AT_ONCE = 500_000
_UNREAD = {
    "trace_info": "traces",
    "evaluation_datasets": "evaluation datasets",
    "scorers": "scorers",
    "webhooks": "webhooks",
    "assessments": "assessments of traces",
}
"""Tables with a user's own data for which there is no place here."""


class MlflowDatabase:
    """A Source. Owns the reader."""

    def __init__(self, reader: Reader, place: str, folder: Path) -> None:
        """`folder` is where MLflow was started, from which relative paths of files count."""
        self.place = place
        self.artifacts: ArtifactOpener = DirectArtifacts()
        self._folder = folder
        self._reader = reader
        self._columns: dict[str, frozenset[str]] = {}
        missing = [table for table in ("experiments", "runs", "metrics", "params", "tags") if not self._has(table)]
        if missing:
            raise InvalidInput(
                f"{place} is no database of MLflow: it has no table {', '.join(missing)}; check its name, or open it "
                "with `mlflow db upgrade` first if it is older than MLflow 1.0"
            )

    def close(self) -> None:
        """See Source."""
        self._reader.close()

    def _located(self, uri: str | None) -> str:
        if not uri or ":" in uri or uri.startswith("/"):
            return uri or ""
        return str(self._folder / uri)

    def _has(self, table: str) -> bool:
        if table not in self._columns:
            self._columns[table] = self._reader.columns(table)
        return bool(self._columns[table])

    def _select(self, table: str, names: Sequence[str], rest: str = "", arguments: Sequence[object] = ()) -> list[Row]:
        """Rows of a table, with None for a column that this version does not have; none if it lacks the table."""
        if not self._has(table):
            return []
        known = self._columns[table]
        columns = ", ".join(name if name in known else f"NULL AS {name}" for name in names)
        return self._reader.rows(f"SELECT {columns} FROM {table} {rest}", arguments)

    # -- experiments

    def list_experiments(self) -> list[Experiment]:
        """See Source."""
        tags = _texts(self._select("experiment_tags", ("experiment_id", "key", "value")))
        rows = self._select(
            "experiments",
            (
                "experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time", "last_update_time",
                "workspace",
            ),
            "ORDER BY experiment_id",
        )  # fmt: skip
        return [
            Experiment(
                experiment_id=str(number),
                name=name if workspace in (None, "default") else f"{workspace}/{name}",
                artifact_location=self._located(location),
                lifecycle_stage=mlflow_words.stage(stage),
                tags=tags.get(number, {}),
                creation_time=created,
                last_update_time=updated,
            )
            for number, name, location, stage, created, updated, workspace in rows
        ]

    def count_runs(self, experiment: Experiment) -> int:
        """See Source."""
        arguments = (int(experiment.experiment_id),)
        return int(self._reader.rows("SELECT COUNT(*) FROM runs WHERE experiment_id = ?", arguments)[0][0])

    # -- runs

    def read_runs(self, experiment: Experiment) -> Iterator[Run]:
        """See Source."""
        rows = self._select(
            "runs",
            (
                "run_uuid", "name", "user_id", "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri",
                "source_name", "source_type",
            ),
            "WHERE experiment_id = ? ORDER BY start_time, run_uuid",
            (int(experiment.experiment_id),),
        )  # fmt: skip
        for start in range(0, len(rows), _RUNS_AT_ONCE):
            yield from self._runs(experiment, rows[start : start + _RUNS_AT_ONCE])

    def _runs(self, experiment: Experiment, rows: Sequence[Row]) -> Iterator[Run]:
        ids = [row[0] for row in rows]
        among = f"WHERE run_uuid IN ({', '.join('?' * len(ids))})"
        tags = _texts(self._select("tags", ("run_uuid", "key", "value"), among, ids))
        params = _texts(self._select("params", ("run_uuid", "key", "value"), among, ids))
        datasets, inputs, outputs = self._datasets(ids), self._model_inputs(ids), self._model_outputs(ids)
        for run_id, name, user, status, start, end, stage, uri, source_name, source_type in rows:
            its_tags = mlflow_words.with_columns(tags.get(run_id, {}), source_name, source_type)
            yield Run(
                info=RunInfo(
                    run_id=run_id,
                    experiment_id=experiment.experiment_id,
                    run_name=name or its_tags.get("mlflow.runName", ""),
                    status=RunStatus(status or "RUNNING"),
                    user_id=user or "",
                    start_time=start,
                    end_time=end,
                    lifecycle_stage=mlflow_words.stage(stage),
                    artifact_uri=self._located(uri),
                ),
                data=RunData(params=params.get(run_id, {}), tags=its_tags),
                inputs=RunInputs(
                    dataset_inputs=tuple(datasets.get(run_id, ())), model_inputs=tuple(inputs.get(run_id, ()))
                ),
                outputs=RunOutputs(model_outputs=tuple(outputs.get(run_id, ()))),
            )

    def _datasets(self, run_ids: Sequence[str]) -> dict[str, list[DatasetInput]]:
        if not (self._has("inputs") and self._has("datasets")):
            return {}
        among = ", ".join("?" * len(run_ids))
        found: dict[str, list[DatasetInput]] = {}
        rows = self._reader.rows(
            "SELECT i.destination_id, i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, "
            "d.dataset_schema, d.dataset_profile FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id "
            f"WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id IN ({among}) "
            "ORDER BY i.destination_id, d.name, d.digest",
            run_ids,
        )
        links = [row[1] for row in rows]
        among = f"WHERE input_uuid IN ({', '.join('?' * len(links))}) ORDER BY name"
        tags = _texts(self._select("input_tags", ("input_uuid", "name", "value"), among, links)) if links else {}
        for run_id, link, *facts in rows:
            labels = tuple(InputTag(key, value) for key, value in tags.get(link, {}).items())
            found.setdefault(run_id, []).append(DatasetInput(Dataset(*facts), labels))
        return found

    def _links(self, kind: str, run_ids: Sequence[str]) -> list[Row]:
        among = ", ".join("?" * len(run_ids))
        names = ("source_id", "destination_id", "step")
        rest = f"WHERE source_type = '{kind}' AND source_id IN ({among}) ORDER BY source_id, step, destination_id"
        return self._select("inputs", names, rest, run_ids)

    def _model_inputs(self, run_ids: Sequence[str]) -> dict[str, list[LoggedModelInput]]:
        found: dict[str, list[LoggedModelInput]] = {}
        for run_id, model_id, _ in self._links("RUN_INPUT", run_ids):
            found.setdefault(run_id, []).append(LoggedModelInput(model_id))
        return found

    def _model_outputs(self, run_ids: Sequence[str]) -> dict[str, list[LoggedModelOutput]]:
        found: dict[str, list[LoggedModelOutput]] = {}
        for run_id, model_id, step in self._links("RUN_OUTPUT", run_ids):
            found.setdefault(run_id, []).append(LoggedModelOutput(model_id, step or 0))
        return found

    def read_points(self, run: Run) -> Iterator[MetricBatch]:
        """See Source."""
        self._has("metrics")
        known = self._columns["metrics"]
        step, nan = ("step" if "step" in known else "0"), ("is_nan" if "is_nan" in known else "0")
        statement = f"SELECT key, {step}, timestamp, value, {nan} FROM metrics WHERE run_uuid = ?"
        for rows in self._reader.pieces(statement, (run.info.run_id,), _POINTS_AT_ONCE):
            yield _batch(rows)

    # -- models

    def read_logged_models(self, experiment: Experiment) -> Iterator[LoggedModel]:
        """See Source. Deleted ones are left out: they cannot be restored in MLflow."""
        number = (int(experiment.experiment_id),)
        params = _texts(
            self._select(
                "logged_model_params", ("model_id", "param_key", "param_value"), "WHERE experiment_id = ?", number
            )
        )
        tags = _texts(
            self._select("logged_model_tags", ("model_id", "tag_key", "tag_value"), "WHERE experiment_id = ?", number)
        )
        metrics = self._model_metrics(number)
        rows = self._select(
            "logged_models",
            (
                "model_id", "name", "artifact_location", "creation_timestamp_ms", "last_updated_timestamp_ms",
                "model_type", "source_run_id", "status", "status_message",
            ),
            "WHERE experiment_id = ? AND lifecycle_stage = 'active' ORDER BY creation_timestamp_ms, model_id",
            number,
        )  # fmt: skip
        for model_id, name, location, created, updated, kind, run_id, status, message in rows:
            yield LoggedModel(
                model_id=model_id,
                experiment_id=experiment.experiment_id,
                name=name,
                artifact_location=self._located(location),
                creation_timestamp=created,
                last_updated_timestamp=updated,
                model_type=kind or "",
                source_run_id=run_id or "",
                status=mlflow_words.model_status(status),
                status_message=message or "",
                params=params.get(model_id, {}),
                tags=tags.get(model_id, {}),
                metrics=tuple(metrics.get(model_id, ())),
            )

    def _model_metrics(self, number: tuple[int]) -> dict[str, list[ModelMetric]]:
        found: dict[str, list[ModelMetric]] = {}
        for model_id, key, timestamp, step, value, run_id, name, digest in self._select(
            "logged_model_metrics",
            (
                "model_id", "metric_name", "metric_timestamp_ms", "metric_step", "metric_value", "run_id",
                "dataset_name", "dataset_digest",
            ),
            "WHERE experiment_id = ? ORDER BY model_id, metric_name, metric_timestamp_ms, metric_step",
            number,
        ):  # fmt: skip
            metric = ModelMetric(
                model_id=model_id,
                key=key,
                value=float("nan") if value is None else value,
                timestamp=timestamp,
                step=step,
                run_id=run_id or "",
                dataset_name=name or "",
                dataset_digest=digest or "",
            )
            found.setdefault(model_id, []).append(metric)
        return found

    def read_registry(self) -> Iterator[RegistryEntry]:
        """See Source."""
        yield from read_registry(self._select, self._located)

    def list_problems(self) -> list[tuple[str, str]]:
        """See Source."""
        counts = {
            words: self._reader.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
            for table, words in _UNREAD.items()
            if self._has(table)
        }
        return [(f"{count:,} {words}", "Runstone has no place for them") for words, count in counts.items() if count]


def _texts(rows: Iterable[Row]) -> dict[Any, dict[str, str]]:
    """Key-value rows by their owner."""
    found: dict[Any, dict[str, str]] = {}
    for owner, key, value in rows:
        found.setdefault(owner, {})[key] = value or ""
    return found


def _batch(rows: Sequence[Row]) -> MetricBatch:
    keys, steps, timestamps, values, nans = zip(*rows, strict=True)
    value = np.array(values, np.float64)
    value[np.array(nans, np.bool_)] = np.nan
    points = restore_infinities(Points(np.array(steps, np.int64), np.array(timestamps, np.int64), value))
    distinct = tuple(dict.fromkeys(keys))
    numbers = dict(zip(distinct, range(len(distinct)), strict=True))
    return MetricBatch.of_columns(distinct, np.array([numbers[key] for key in keys], np.int64), points)
