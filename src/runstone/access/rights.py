"""What one principal may do, as one answer for each thing."""

from __future__ import annotations

from typing import Protocol

from runstone.entities.access import Level, Principal

__all__ = ["Rights"]


class Rights(Protocol):
    """What one principal may do with which experiment and registered model, as it stood a few seconds ago at most.

    Levels are already capped by role and scope. Cheap to ask: a look into memory, no statement.
    """

    @property
    def principal(self) -> Principal:
        """Who asks."""

    def on_experiment(self, experiment_id: str) -> Level:
        """The level on an experiment; NONE too where there is no such experiment."""

    def on_registered_model(self, name: str) -> Level:
        """The level on a registered model; NONE too where there is no such model."""

    def readable_experiments(self) -> frozenset[str] | None:
        """The ids of the experiments that may be read; None for all."""

    def readable_models(self) -> frozenset[str] | None:
        """The names of the registered models that may be read; None for all."""

    def renewed(self) -> Rights:
        """The same as it stands now, by a few statements: before what may just have been granted is denied."""
