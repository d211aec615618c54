"""Rights from plain data: a principal, and the levels that were granted. Knows no store; see `access.snapshots`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runstone.access.rights import Rights
from runstone.entities.access import Level, Principal, Role

__all__ = ["GrantedRights"]


class GrantedRights:
    """Rights of one principal. `experiments` (by id) and `models` (by name) hold what was granted, not capped yet.

    `renew` reads it again; without it nothing ever changes.
    """

    def __init__(
        self,
        principal: Principal,
        experiments: Mapping[str, Level],
        models: Mapping[str, Level] | None = None,
        renew: Callable[[], Rights] | None = None,
    ) -> None:
        self._principal = principal
        self._is_everywhere = principal.role is Role.ADMIN
        self._experiments = dict(experiments)
        self._models = dict(models or {})
        self._renew = renew
        self._readable_experiments = _readable(self._experiments)
        self._readable_models = _readable(self._models)

    @property
    def principal(self) -> Principal:
        return self._principal

    def on_experiment(self, experiment_id: str) -> Level:
        return self._capped(self._experiments, experiment_id)

    def on_registered_model(self, name: str) -> Level:
        return self._capped(self._models, name)

    def readable_experiments(self) -> frozenset[str] | None:
        return None if self._is_everywhere else self._readable_experiments

    def readable_models(self) -> frozenset[str] | None:
        return None if self._is_everywhere else self._readable_models

    def renewed(self) -> Rights:
        return self if self._renew is None else self._renew()

    def _capped(self, levels: Mapping[str, Level], thing: str) -> Level:
        ceiling = self._principal.ceiling
        return ceiling if self._is_everywhere else min(ceiling, levels.get(thing, Level.NONE))


def _readable(levels: Mapping[str, Level]) -> frozenset[str]:
    return frozenset(thing for thing, level in levels.items() if level >= Level.READ)
