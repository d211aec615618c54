"""The Source protocol: a place from which runs can be copied, told in our own entities. Knows nothing of a target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
import numpy as np

from runstone.artifacts.base import ArtifactOpener
from runstone.entities import Experiment, LoggedModel, ModelVersion, RegisteredModel, Run
from runstone.series.points import MetricBatch, Points

__all__ = ["RegistryEntry", "Source", "restore_infinities"]

_LARGEST = np.finfo(np.float64).max


class RegistryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model with all its versions, the first one first."""

    model: RegisteredModel
    versions: Sequence[ModelVersion]


class Source(Protocol):
    """A place to copy from. Not for several threads. Methods raise StoreError where it cannot be read.

    Ids of experiments are the source's own. URIs of files are as `artifacts` can open them.
    """

    @property
    def place(self) -> str:
        """Where it is, without a password."""

    @property
    def artifacts(self) -> ArtifactOpener:
        """Opens the artifact URIs of its runs and models."""

    def list_experiments(self) -> list[Experiment]:
        """All of them, deleted ones too."""

    def count_runs(self, experiment: Experiment) -> int:
        """How many runs `read_runs` will yield, at least about."""

    def read_runs(self, experiment: Experiment) -> Iterator[Run]:
        """The runs of an experiment, deleted ones too: by start time, so that a parent comes before its children.

        Their metrics are not in them: see `read_points`.
        """

    def read_points(self, run: Run) -> Iterator[MetricBatch]:
        """All points of a run, in pieces of bounded size; a series may go over several."""

    def read_logged_models(self, experiment: Experiment) -> Iterator[LoggedModel]:
        """The logged models of an experiment."""

    def read_registry(self) -> Iterator[RegistryEntry]:
        """The registered models."""

    def list_problems(self) -> list[tuple[str, str]]:
        """What was found so far and cannot be told in entities, each with the reason."""

    def close(self) -> None:
        """Release files and connections."""


def restore_infinities(points: Points) -> Points:
    """MLflow keeps an infinity in its databases as the largest float, which nobody logs: this undoes it."""
    largest = np.abs(points.value) == _LARGEST
    if not largest.any():
        return points
    return Points(points.step, points.timestamp, np.where(largest, np.sign(points.value) * np.inf, points.value))
