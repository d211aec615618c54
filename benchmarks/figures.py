"""What was measured: figures, goals, comparisons, and the result of a benchmark as it stands in `results/`.

Knows no benchmark, and nothing of how it was run.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

__all__ = ["Comparison", "Figure", "Goal", "Machine", "Result", "read_results", "write_result"]

FOLDER = Path(__file__).parent / "results"
_DIGITS = 4


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """The median and the extremes of some repeats, to four digits."""

    median: float
    lowest: float
    highest: float
    repeats: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure:
        values = list(values)
        return cls(
            median=_rounded(statistics.median(values)),
            lowest=_rounded(min(values)),
            highest=_rounded(max(values)),
            repeats=len(values),
        )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


class Goal(msgspec.Struct, frozen=True):
    """What Runstone's median must reach; `times` means: times better than MLflow's median.

    `fasttrackml` says how many times better than FastTrackML's it must be as well.
    """

    kind: Literal["at least", "at most", "times"]
    limit: float
    fasttrackml: float | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quantity on all sides; `others` are those it was measured on beside Runstone, by their names.

    `short` names it where there is no room.
    """

    what: str
    short: str = ""
    unit: str
    better: Literal["more", "less"]
    runstone: Figure
    others: Mapping[str, Figure] = {}
    goal: Goal | None = None

    def times_better(self, than: str = "mlflow") -> float | None:
        """How many times better Runstone's median is, below 1 where it is worse; None where that has no meaning."""
        other = self.others.get(than)
        if other is None:
            return None
        numerator, denominator = self.runstone.median, other.median
        if self.better == "less":
            numerator, denominator = denominator, numerator
        return numerator / denominator if numerator > 0 and denominator > 0 else None

    def meets_goal(self) -> bool | None:
        """Whether the goal is met; None without a goal, or without the peer that it needs."""
        if self.goal is None:
            return None
        if self.goal.kind == "times":
            wanted = [(self.times_better("mlflow"), self.goal.limit)]
            if self.goal.fasttrackml is not None:
                wanted.append((self.times_better("fasttrackml"), self.goal.fasttrackml))
            reached = [None if times is None else times >= limit for times, limit in wanted]
            return None if None in reached else all(reached)
        value = self.runstone.median
        return value >= self.goal.limit if self.goal.kind == "at least" else value <= self.goal.limit


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured. `load` is the load average of the minute before; above 0.5 figures are noisy."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    sqlite: str
    load: float
    versions: dict[str, str]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a benchmark. `scales` says how much each side did; `measured_at` is a date and time, UTC.

    `versions` of its machine are those of libraries, `scales` and figures stand under the names of sides.
    """

    benchmark: str
    measured_at: str
    command: str
    machine: Machine
    scales: dict[str, str]
    comparisons: list[Comparison]


def write_result(result: Result, path: Path) -> None:
    """Write it as JSON that people can read and compare."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def read_results(names: Iterable[str], folder: Path = FOLDER) -> list[Result]:
    """The results that are there, in the order of `names`."""
    paths = [folder / f"{name}.json" for name in names]
    return [msgspec.json.decode(path.read_bytes(), type=Result) for path in paths if path.exists()]
