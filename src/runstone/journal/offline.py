"""What can be said of experiments and runs while no store can be asked. Knows no tracker."""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path

import msgspec

from runstone import tag_names
from runstone.entities import Experiment, LifecycleStage, Run, RunData, RunInfo, RunStatus
from runstone.errors import StoreCorrupt, StoreUnavailable
from runstone.journal.events import CreateRun
from runstone.journal.spool import Happening, Spool, list_spools
from runstone.naming import now_ms

__all__ = ["ProvisionalExperiments", "find_creation", "run_of"]

_FIRST_ID = 9_000_000_000_000_000_000
"""Experiments of a store are counted from 0; none will get so far."""
_LOOKED_AT = 16
"""A run's creation is among the first slots of its writer."""


class ProvisionalExperiments:
    """Experiments known by name alone, each under an id that stands for it; on disk, for child processes too."""

    def __init__(self, journal: Path) -> None:
        self._path = journal / "experiments.json"
        self._names: dict[str, str] = {}

    def experiment_of(self, name: str) -> Experiment:
        """An experiment of that name, as if it were there. Raises StoreUnavailable where it cannot be noted."""
        experiment_id = self.id_of(name)
        self._names = {**self._read(), experiment_id: name}
        whole = self._path.with_name(f"experiments.{os.getpid()}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            whole.write_bytes(msgspec.json.encode(self._names))
            whole.replace(self._path)
        except OSError as error:
            raise StoreUnavailable(f"Cannot record offline in {self._path.parent}: {error.strerror}") from error
        return self._experiment(experiment_id, name)

    @staticmethod
    def id_of(name: str) -> str:
        """The id that stands for a name."""
        return str(_FIRST_ID + zlib.crc32(name.encode()))

    def find(self, experiment_id: str) -> Experiment | None:
        """The experiment of an id that `experiment_of` has given; None for any other id."""
        name = self.name_of(experiment_id)
        return None if name is None else self._experiment(experiment_id, name)

    def name_of(self, experiment_id: str) -> str | None:
        """The name that such an id stands for."""
        if not (experiment_id.isdecimal() and int(experiment_id) >= _FIRST_ID):
            return None
        if experiment_id not in self._names:
            self._names = self._read()
        return self._names.get(experiment_id)

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):
            return {}

    def _experiment(self, experiment_id: str, name: str) -> Experiment:
        now = now_ms()
        return Experiment(
            experiment_id=experiment_id,
            name=name,
            artifact_location=self._path.parent.as_uri(),
            lifecycle_stage=LifecycleStage.ACTIVE,
            tags={},
            creation_time=now,
            last_update_time=now,
        )


def find_creation(journal: Path, run_id: str) -> CreateRun | None:
    """How a run was started offline on this machine, if it was, and is not delivered yet."""
    for folder in list_spools(journal, run_id):
        with contextlib.suppress(OSError, StoreCorrupt):
            spool = Spool.open(folder)
            try:
                spool.load()
                for item in spool.read(1, _LOOKED_AT):
                    if isinstance(item, Happening) and isinstance(item.event, CreateRun):
                        return item.event
            finally:
                spool.close()
    return None


def run_of(run_id: str, experiment_id: str, event: CreateRun, files: Path) -> Run:
    """The run that an event is going to create. Its files lie in `files` for the time being."""
    info = RunInfo(
        run_id=run_id,
        experiment_id=experiment_id,
        run_name=event.tags.get(tag_names.RUN_NAME, ""),
        status=RunStatus.RUNNING,
        user_id=event.user_id,
        start_time=event.start_time,
        artifact_uri=files.as_uri(),
    )
    return Run(info=info, data=RunData(tags=dict(event.tags)))
