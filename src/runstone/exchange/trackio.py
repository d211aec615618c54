"""Databases of trackio (a file of SQLite a project) as a Source: a project is an experiment.

trackio keeps a row of JSON for each call of `log`. What is no number there (texts, tables, media) is left out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from runstone.artifacts.base import ArtifactOpener
from runstone.artifacts.uris import DirectArtifacts
from runstone.entities import Experiment, LoggedModel, Run, RunData, RunInfo, RunStatus
from runstone.errors import InvalidInput
from runstone.exchange.legality import as_key
from runstone.exchange.source import RegistryEntry
from runstone.exchange.sql_reader import SqliteReader
from runstone.filters.times import time_ms
from runstone.series.points import MetricBatch

__all__ = ["TrackioFiles", "is_trackio_folder"]

_ROWS_AT_ONCE = 50_000
_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def is_trackio_folder(folder: Path) -> bool:
    """Whether the folder holds databases of trackio."""
    return any(_is_trackio(path) for path in folder.glob("*.db"))


def _is_trackio(path: Path) -> bool:
    with closing(SqliteReader(path)) as reader:
        return bool(reader.columns("configs")) and "metrics" in reader.columns("metrics")


class TrackioFiles:
    """A Source: one project's database, or a folder of them. Raises InvalidInput where there is none."""

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self.artifacts: ArtifactOpener = DirectArtifacts()
        files = sorted(path.glob("*.db")) if path.is_dir() else [path]
        self._readers = {file.stem: SqliteReader(file) for file in files if _is_trackio(file)}
        self._left_out: dict[str, int] = {}
        if not self._readers:
            raise InvalidInput(f"{path} is no database of trackio, and no folder of them; check its path")

    def close(self) -> None:
        """See Source."""
        for reader in self._readers.values():
            reader.close()

    def list_problems(self) -> list[tuple[str, str]]:
        """See Source."""
        reason = "of trackio's data only numbers and settings are imported"
        return [(f"{count:,} values of run '{name}'", reason) for name, count in self._left_out.items()]

    def list_experiments(self) -> list[Experiment]:
        """See Source."""
        return [
            Experiment(experiment_id=str(number), name=name, artifact_location="")
            for number, name in enumerate(self._readers)
        ]

    def count_runs(self, experiment: Experiment) -> int:
        """See Source."""
        return len(self._run_rows(experiment))

    def _run_rows(self, experiment: Experiment) -> list[tuple[str, str, str, str]]:
        """The id and name of each run, with its first and its last time. The oldest versions have no ids."""
        reader = self._readers[experiment.name]
        run = _id_column(reader)
        rows = reader.rows(
            f"SELECT {run}, MAX(run_name), MIN(timestamp), MAX(timestamp) FROM metrics GROUP BY {run} ORDER BY 3, 1"
        )
        return [(str(run_id), str(name), str(first), str(last)) for run_id, name, first, last in rows]

    def read_runs(self, experiment: Experiment) -> Iterator[Run]:
        """See Source."""
        reader = self._readers[experiment.name]
        run = _id_column(reader)
        configs: dict[Any, Any] = dict(reader.rows(f"SELECT {run}, config FROM configs"))
        for run_id, name, first, last in self._run_rows(experiment):
            config = _decoded(configs.get(run_id))
            group, user = config.pop("_Group", None), config.pop("_Username", None)
            params = {key: str(value) for key, value in _flat(config) if not key.startswith("_")}
            tags = {"trackio.id": run_id}
            if group:
                tags["trackio.group"] = str(group)
            yield Run(
                info=RunInfo(
                    run_id=run_id if run == "run_id" else _made_id(experiment.name, run_id),
                    experiment_id=experiment.experiment_id,
                    run_name=name,
                    status=RunStatus.FINISHED,
                    user_id=str(user or ""),
                    start_time=_time_ms(first),
                    end_time=_time_ms(last),
                    artifact_uri="",
                ),
                data=RunData(params=params, tags=tags),
            )

    def read_points(self, run: Run) -> Iterator[MetricBatch]:
        """See Source. Measurements of the machine have no step: they are counted."""
        reader = list(self._readers.values())[int(run.info.experiment_id)]
        column, owner = _id_column(reader), run.data.tags["trackio.id"]
        statement = f"SELECT step, timestamp, metrics FROM metrics WHERE {column} = ? ORDER BY id"
        yield from self._batches(run, "", reader.pieces(statement, (owner,), _ROWS_AT_ONCE))
        if reader.columns("system_metrics"):
            statement = (
                "SELECT ROW_NUMBER() OVER (ORDER BY id) - 1, timestamp, metrics FROM system_metrics "
                f"WHERE {column} = ? ORDER BY id"
            )
            yield from self._batches(run, "system/", reader.pieces(statement, (owner,), _ROWS_AT_ONCE))

    def _batches(self, run: Run, prefix: str, pieces: Iterator[list[Any]]) -> Iterator[MetricBatch]:
        for rows in pieces:
            keys, steps, timestamps, values = [], [], [], []
            for step, timestamp, text in rows:
                moment = _time_ms(timestamp)
                for key, value in _flat(_decoded(text)):
                    number = _NUMBERS.get(value, value) if isinstance(value, str) else value
                    if not isinstance(number, int | float):
                        self._left_out[run.info.run_name] = self._left_out.get(run.info.run_name, 0) + 1
                        continue
                    keys.append(prefix + key)
                    steps.append(step)
                    timestamps.append(moment)
                    values.append(float(number))
            if keys:
                yield MetricBatch.of_lists(keys, steps, timestamps, values)

    def read_logged_models(self, experiment: Experiment) -> Iterator[LoggedModel]:
        """See Source: there are none."""
        return iter(())

    def read_registry(self) -> Iterator[RegistryEntry]:
        """See Source: there is none."""
        return iter(())


def _id_column(reader: SqliteReader) -> str:
    return "run_id" if "run_id" in reader.columns("metrics") else "run_name"


def _made_id(project: str, name: str) -> str:
    return sha256(f"{project}\n{name}".encode()).hexdigest()[:32]


def _decoded(text: str | bytes | None) -> dict[str, Any]:
    with contextlib.suppress(msgspec.DecodeError):
        found = msgspec.json.decode(text or b"{}")
        if isinstance(found, dict):
            return found
    return {}


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values with those of mappings inside, their keys joined by dots; media are one value."""
    for key, value in values.items():
        if isinstance(value, dict) and "_type" not in value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield as_key(prefix + key), value


def _time_ms(text: str) -> int:
    return time_ms(text) or 0
