"""Any Tracking as a Source: a store, a server of ours or of MLflow. Asks page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from runstone import tag_names
from runstone.artifacts.base import ArtifactOpener
from runstone.entities import (
    Experiment,
    LoggedModel,
    ModelVersion,
    PagedList,
    RegisteredModel,
    Run,
    ViewType,
)
from runstone.errors import InvalidInput, NotFound, RunstoneError, StoreError
from runstone.exchange.source import RegistryEntry, restore_infinities
from runstone.series.points import MetricBatch
from runstone.tracking.base import Tracking

__all__ = ["TrackingSource"]

T = TypeVar("T")

_RUNS_AT_ONCE = 200


class TrackingSource:
    """A Source. The Tracking is the caller's to close.

    `clamps_infinities`: the tracker is a server of MLflow, which has the largest floats instead of them.
    """

    def __init__(self, tracking: Tracking, place: str, *, clamps_infinities: bool = False) -> None:
        self.place = place
        self.artifacts: ArtifactOpener = tracking.artifacts
        self._tracking = tracking
        self._clamps_infinities = clamps_infinities
        self._problems: list[tuple[str, str]] = []

    def close(self) -> None:
        """See Source."""

    def list_problems(self) -> list[tuple[str, str]]:
        """See Source."""
        return self._problems

    def list_experiments(self) -> list[Experiment]:
        """See Source."""
        found = _all(lambda token: self._tracking.search_experiments(view=ViewType.ALL, page_token=token))
        return sorted(found, key=lambda one: int(one.experiment_id))

    def count_runs(self, experiment: Experiment) -> int:
        """See Source. A server is not asked for the number, which it gives only with the runs themselves."""
        return 0

    def read_runs(self, experiment: Experiment) -> Iterator[Run]:
        """See Source."""
        return _all(
            lambda token: self._tracking.search_runs(
                [experiment.experiment_id],
                view=ViewType.ALL,
                order_by=["start_time ASC"],
                max_results=_RUNS_AT_ONCE,
                page_token=token,
            )
        )

    def read_points(self, run: Run) -> Iterator[MetricBatch]:
        """See Source. One series is one piece."""
        for metric in run.data.latest_metrics:
            try:
                points = self._tracking.read_series(run.info.run_id, metric.key)
            except InvalidInput as error:  # of the key
                self._problems.append((f"metric '{metric.key[:80]}' of run '{run.info.run_id}'", str(error)))
                continue
            if len(points):
                yield MetricBatch.of_points(
                    metric.key, restore_infinities(points) if self._clamps_infinities else points
                )

    def read_logged_models(self, experiment: Experiment) -> Iterator[LoggedModel]:
        """See Source."""
        order = [{"field_name": "creation_timestamp", "ascending": True}]

        def ask(token: str | None) -> PagedList[LoggedModel]:
            return self._tracking.models.search_logged_models(
                [experiment.experiment_id], order_by=order, page_token=token
            )

        yield from self._told("logged models", lambda: list(_all(ask)))

    def read_registry(self) -> Iterator[RegistryEntry]:
        """See Source."""
        # Prompts are registered models that a server leaves out of a search, unless it asks for them.
        names = [*self._names(None), *self._names(f"tags.`{tag_names.IS_PROMPT}` = 'true'")]
        for name in dict.fromkeys(names):
            versions = sorted(self._versions(name), key=lambda one: int(one.version))
            yield RegistryEntry(model=self._tracking.models.get_registered_model(name), versions=versions)

    def _names(self, filter_string: str | None) -> list[str]:
        def ask(token: str | None) -> PagedList[RegisteredModel]:
            return self._tracking.models.search_registered_models(filter_string=filter_string, page_token=token)

        return self._told("registered models", lambda: [one.name for one in _all(ask)])

    def _versions(self, name: str) -> Iterator[ModelVersion]:
        quoted = name.replace("'", "''")
        return _all(
            lambda token: self._tracking.models.search_model_versions(
                filter_string=f"name = '{quoted}'", page_token=token
            )
        )

    def _told(self, what: str, ask: Callable[[], list[T]]) -> list[T]:
        """What is asked for; nothing, and a problem, where the server does not know such a thing."""
        try:
            return ask()
        except (StoreError, NotFound):
            raise
        except RunstoneError as error:
            problem = (what, f"{self.place} does not tell them: {error}")
            if problem not in self._problems:
                self._problems.append(problem)
            return []


def _all(ask: Callable[[str | None], PagedList[T]]) -> Iterator[T]:
    """What all pages hold."""
    token: str | None = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return
