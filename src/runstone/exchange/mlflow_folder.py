"""A folder of MLflow's file store (`mlruns/`), of versions 1.x to 3.x, as a Source.

A file or folder that cannot be read is left out, and told among the problems; the rest comes along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
)
from runstone.errors import InvalidInput
from runstone.exchange import mlflow_words
from runstone.exchange.mlflow_file_registry import read_registry
from runstone.exchange.mlflow_files import Yaml, folders_in, read_columns, read_lines, read_texts
from runstone.exchange.source import RegistryEntry
from runstone.series.points import MetricBatch, Points

__all__ = ["MlflowFolder", "is_mlflow_folder"]

_TRASH = ".trash"
_POINTS_AT_ONCE = 500_000


def is_mlflow_folder(folder: Path) -> bool:
    """Whether MLflow keeps runs in the folder: there is an experiment in it."""
    return folder.is_dir() and any((one / "meta.yaml").is_file() for one in _experiment_folders(folder))


class MlflowFolder:
    """A Source. Raises InvalidInput where PyYAML is missing, or the folder is not one of MLflow's."""

    def __init__(self, root: Path) -> None:
        self.place = str(root)
        self.artifacts: ArtifactOpener = DirectArtifacts()
        self._root = root
        self._problems: list[tuple[str, str]] = []
        self._yaml = Yaml(self._problems)
        self._folders: dict[str, Path] = {}
        if not is_mlflow_folder(root):
            raise InvalidInput(f"{root} is no folder of MLflow's file store: no folder in it has a meta.yaml")

    def close(self) -> None:
        """See Source."""

    def list_problems(self) -> list[tuple[str, str]]:
        """See Source."""
        return self._problems

    def list_experiments(self) -> list[Experiment]:
        """See Source."""
        found = []
        for folder in _experiment_folders(self._root):
            facts = self._yaml.read(folder / "meta.yaml")
            if facts is None or "name" not in facts:
                continue
            number = str(facts.get("experiment_id", folder.name))
            self._folders[number] = folder
            found.append(
                Experiment(
                    experiment_id=number,
                    name=str(facts["name"]),
                    artifact_location=facts.get("artifact_location") or "",
                    # Versions 1.x say it by the place alone.
                    lifecycle_stage=mlflow_words.stage(
                        "deleted" if folder.parent.name == _TRASH else facts.get("lifecycle_stage")
                    ),
                    tags=read_texts(folder / "tags", self._problems),
                    creation_time=facts.get("creation_time"),
                    last_update_time=facts.get("last_update_time"),
                )
            )
        return found

    def count_runs(self, experiment: Experiment) -> int:
        """See Source."""
        return sum(1 for _ in self._run_folders(experiment))

    def _run_folders(self, experiment: Experiment) -> Iterator[Path]:
        special = {"models", "datasets", "tags", "traces"}
        folder = self._folders[experiment.experiment_id]
        return (one for one in folders_in(folder) if one.name not in special and (one / "meta.yaml").is_file())

    # -- runs

    def read_runs(self, experiment: Experiment) -> Iterator[Run]:
        """See Source."""
        found = []
        for folder in self._run_folders(experiment):
            facts = self._yaml.read(folder / "meta.yaml")
            if facts is not None:
                found.append((facts.get("start_time") or 0, folder.name, facts, folder))
        for *_, facts, folder in sorted(found, key=lambda one: one[:2]):
            yield self._run(experiment, facts, folder)

    def _run(self, experiment: Experiment, facts: dict[str, Any], folder: Path) -> Run:
        tags = mlflow_words.with_columns(
            read_texts(folder / "tags", self._problems), facts.get("source_name"), facts.get("source_type")
        )
        # The folder may have been moved since the URI was written.
        files = folder / "artifacts"
        return Run(
            info=RunInfo(
                run_id=str(facts.get("run_id") or facts.get("run_uuid") or folder.name),
                experiment_id=experiment.experiment_id,
                run_name=str(facts.get("run_name") or facts.get("name") or tags.get("mlflow.runName", "")),
                status=mlflow_words.run_status(facts.get("status")),
                user_id=str(facts.get("user_id") or ""),
                start_time=facts.get("start_time"),
                end_time=facts.get("end_time"),
                lifecycle_stage=mlflow_words.stage(facts.get("lifecycle_stage")),
                artifact_uri=files.absolute().as_uri() if files.is_dir() else facts.get("artifact_uri") or "",
            ),
            data=RunData(params=read_texts(folder / "params", self._problems), tags=tags),
            inputs=self._inputs(folder),
            outputs=RunOutputs(
                model_outputs=tuple(
                    LoggedModelOutput(str(link["destination_id"]), int(link.get("step") or 0))
                    for link in self._links(folder / "outputs")
                )
            ),
        )

    def _links(self, folder: Path) -> list[dict[str, Any]]:
        found = (self._yaml.read(one / "meta.yaml") for one in folders_in(folder))
        return [link for link in found if link is not None]

    def _inputs(self, folder: Path) -> RunInputs:
        datasets, models = [], []
        for link in self._links(folder / "inputs"):
            if link.get("source_type") == "DATASET":
                facts = self._yaml.read(folder.parent / "datasets" / str(link["source_id"]) / "meta.yaml")
                if facts is not None:
                    datasets.append(_dataset_input(facts, link.get("tags") or {}))
            else:
                models.append(LoggedModelInput(str(link["source_id"])))
        datasets.sort(key=lambda one: (one.dataset.name, one.dataset.digest))
        return RunInputs(dataset_inputs=tuple(datasets), model_inputs=tuple(models))

    def read_points(self, run: Run) -> Iterator[MetricBatch]:
        """See Source."""
        folder = self._folders[run.info.experiment_id] / run.info.run_id / "metrics"
        waiting: list[tuple[str, Points]] = []
        count = 0
        for key, path in _files_below(folder):
            for points in read_columns(path, _POINTS_AT_ONCE, self._problems):
                waiting.append((key, points))
                count += len(points)
                if count >= _POINTS_AT_ONCE:
                    yield _batch(waiting)
                    waiting, count = [], 0
        if waiting:
            yield _batch(waiting)

    # -- models

    def read_logged_models(self, experiment: Experiment) -> Iterator[LoggedModel]:
        """See Source."""
        for folder in folders_in(self._folders[experiment.experiment_id] / "models"):
            facts = self._yaml.read(folder / "meta.yaml")
            if facts is None or facts.get("lifecycle_stage") == "deleted":
                continue
            files, model_id = folder / "artifacts", str(facts["model_id"])
            yield LoggedModel(
                model_id=model_id,
                experiment_id=experiment.experiment_id,
                name=str(facts["name"]),
                artifact_location=files.absolute().as_uri() if files.is_dir() else facts["artifact_location"],
                creation_timestamp=facts["creation_timestamp"],
                last_updated_timestamp=facts["last_updated_timestamp"],
                model_type=facts.get("model_type") or "",
                source_run_id=facts.get("source_run_id") or "",
                status=mlflow_words.model_status(facts.get("status")),
                status_message=facts.get("status_message") or "",
                params=read_texts(folder / "params", self._problems),
                tags=read_texts(folder / "tags", self._problems),
                metrics=tuple(self._figures(folder / "metrics", model_id)),
            )

    def _figures(self, folder: Path, model_id: str) -> Iterable[ModelMetric]:
        for key, path in _files_below(folder):
            for timestamp, value, step, *rest in read_lines(path, self._problems):
                run_id, name, digest = (*rest, "", "", "")[:3]
                yield ModelMetric(
                    model_id=model_id,
                    key=key,
                    value=float(value),
                    timestamp=int(timestamp),
                    step=int(step),
                    run_id=run_id,
                    dataset_name=name,
                    dataset_digest=digest,
                )

    def read_registry(self) -> Iterator[RegistryEntry]:
        """See Source."""
        yield from read_registry(self._root / "models", self._yaml, self._problems)


def _experiment_folders(root: Path) -> list[Path]:
    """The folders of experiments, those of deleted ones too; `models` is the registry."""
    places = (root, root / _TRASH)
    found = [one for place in places for one in folders_in(place) if one.name not in (_TRASH, "models")]
    return [one for one in found if (one / "meta.yaml").is_file()]


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each file with its path below the folder, which is the key of a metric."""
    if folder.is_dir():
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            yield path.relative_to(folder).as_posix(), path


def _batch(parts: list[tuple[str, Points]]) -> MetricBatch:
    keys = tuple(dict.fromkeys(key for key, _ in parts))
    numbers = {key: number for number, key in enumerate(keys)}
    rows = np.repeat([numbers[key] for key, _ in parts], [len(points) for _, points in parts])
    columns = (np.concatenate([getattr(points, name) for _, points in parts]) for name in Points.__slots__)
    named = dict(zip(Points.__slots__, columns, strict=True))
    return MetricBatch.of_columns(keys, rows.astype(np.int64), Points(**named))


def _dataset_input(facts: dict[str, Any], tags: dict[str, Any]) -> DatasetInput:
    dataset = Dataset(
        name=str(facts["name"]),
        digest=str(facts["digest"]),
        source_type=facts.get("source_type") or "",
        source=facts.get("source") or "",
        schema=facts.get("schema"),
        profile=facts.get("profile"),
    )
    return DatasetInput(dataset, tuple(InputTag(str(key), str(value)) for key, value in sorted(tags.items())))
