"""The Target protocol, and the target that keeps everything: a store that this process has open.

Knows nothing of a source. A target is asked by the ids of the source, and says whether it has a run as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from runstone.entities import Experiment, Run, RunStatus
from runstone.errors import NotFound, RunstoneError
from runstone.naming import now_ms
from runstone.stores.base import NewRun, Sequenced, Write
from runstone.stores.models import ModelStore
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking

__all__ = ["WRITER", "Found", "StoreTarget", "Target", "whole_mark"]

WRITER = "import"
"""Who says of a run that all of it has arrived: a writer whose last sequence is above 0."""


class Found(NamedTuple):
    """A run of the source that the target has."""

    run_id: str
    """Its id there."""
    run: Run
    is_whole: bool


class Target(Protocol):
    """A place to copy to. Not for several threads. Every method may raise StoreError."""

    @property
    def place(self) -> str:
        """Where it is, without a password."""

    @property
    def tracking(self) -> Tracking:
        """The tracker there."""

    @property
    def models(self) -> ModelStore | None:
        """Where models can be made anew as they were, under their own ids; None where they cannot."""

    @property
    def refers(self) -> bool:
        """Whether a run may have its files at a place of its own."""

    def create_experiment(self, experiment: Experiment) -> str:
        """Create an experiment of that name, tags and time; its id."""

    def find_run(self, experiment_id: str, run_id: str) -> Found | None:
        """The run of that id in the source, if it is there. `experiment_id` is the target's."""

    def create_run(self, experiment_id: str, run: Run, artifact_uri: str | None) -> str:
        """Create it, RUNNING, with its tags; its id there."""

    def record(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        """As `Tracking.log_batches`, of what is known to be legal."""

    def mark_whole(self, run_ids: Sequence[str]) -> list[RunstoneError | None]:
        """Note that all of these runs has arrived."""


class StoreTarget:
    """A store, which keeps ids and times. The LocalTracking is the caller's to close."""

    refers = True

    def __init__(self, tracking: LocalTracking, place: str) -> None:
        self.tracking = tracking
        self.place = place
        self._store = tracking.store
        self.models: ModelStore = tracking.store.models

    def create_experiment(self, experiment: Experiment) -> str:
        """See Target."""
        now = experiment.creation_time or now_ms()
        return self._store.create_experiment(experiment.name, artifact_location=None, tags=experiment.tags, now=now)

    def find_run(self, experiment_id: str, run_id: str) -> Found | None:
        """See Target."""
        try:
            run = self._store.get_run(run_id)
        except NotFound:
            return None
        return Found(run_id, run, self._store.last_sequence(run_id, WRITER) > 0)

    def create_run(self, experiment_id: str, run: Run, artifact_uri: str | None) -> str:
        """See Target."""
        info = run.info
        new = NewRun(
            run_id=info.run_id,
            experiment_id=experiment_id,
            run_name=info.run_name,
            user_id=info.user_id,
            status=RunStatus.RUNNING,
            start_time=info.start_time,
            tags=run.data.tags,
            artifact_uri=artifact_uri,
        )
        self._store.create_run(new)
        return info.run_id

    def record(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        """See Target."""
        return self._store.log_batches(writes)

    def mark_whole(self, run_ids: Sequence[str]) -> list[RunstoneError | None]:
        """See Target."""
        return self._store.log_batches([whole_mark(self._store.last_sequence(one, WRITER), one) for one in run_ids])


def whole_mark(last: int, run_id: str) -> Write:
    """What says of a run that all of it has arrived, for the first time or again. The writer is never heard again."""
    return Write(run_id=run_id, sequenced=Sequenced(WRITER, last + 1, last + 1, ends=True))
