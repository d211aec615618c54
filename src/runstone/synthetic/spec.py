"""How much to make up. Knows no run."""

from __future__ import annotations

import msgspec

from runstone.errors import InvalidInput

__all__ = ["Spec"]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """So many experiments, each with so many runs, each with so many metrics (`keys`) of so many points.

    The same spec makes the same runs, to the last digit.
    """

    experiments: int = 3
    runs: int = 100
    keys: int = 10
    points: int = 100
    params: int = 8
    tags: int = 4
    seed: int = 0

    @property
    def total_runs(self) -> int:
        """Of all experiments."""
        return self.experiments * self.runs

    def check(self) -> None:
        """Raises InvalidInput for what cannot be made."""
        for name in self.__struct_fields__:
            least = 1 if name in ("experiments", "runs") else 0
            if getattr(self, name) < least:
                raise InvalidInput(f"Invalid value {getattr(self, name)} for '{name}': expected {least} or more")
        if self.keys and not self.points:
            raise InvalidInput("A metric has at least one point: give 'points', or no 'keys'")
