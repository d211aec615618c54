"""Pages of runs, from stores that SQL has filled: what the benchmarks of searches have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import Comparison, Goal
from benchmarks.machine import describe_machine
from benchmarks.trials import Answer, BenchmarkFailed, Samples, Side, Trials

__all__ = ["ask_pages", "compare_pages", "filled_folder"]

_SHAPES = {
    "newest": "the newest runs",
    "by_metric": "ordered by a metric",
    "filtered": "filtered, ordered by a metric",
    "deep": "the page behind that",
    "rare": "a rare filter, ordered by a metric",
}
_GIVEN_UP_S = 60.0
_SCHEMA = 1
"""To be raised when what is filled changes."""


def ask_pages(
    trials: Trials, places: Mapping[str, Path | str], sizes: Mapping[str, Mapping[str, Any]], *, peer_repeats: int
) -> Samples:
    """The answers of all repeats of `search_pages` over the stores at `places`. Raises BenchmarkFailed."""
    found: set[tuple[str, ...]] = set()

    def ask(side: Side, _: Path) -> Answer:
        answer = side.run("search_pages", folder=places[side.library], **sizes[side.library])
        found.add(tuple(answer["found"]))
        return answer

    samples = trials.each(ask, peer_repeats=peer_repeats)
    if len(found - {()}) > 1:
        raise BenchmarkFailed(f"The sides did not find the same runs: {found}")
    return samples


def compare_pages(samples: Samples, goals: Mapping[str, float], *, where: str = "") -> list[Comparison]:
    """A row for each shape of search that has a goal, in milliseconds."""
    return [
        samples.compare(
            f"{where}{_SHAPES[name]}",
            "ms",
            "less",
            lambda answer, name=name: (_GIVEN_UP_S if answer[name] is None else answer[name]) * 1000,  # type: ignore[misc]
            goal=Goal("at most", limit),
            short=f"search: {where}{_SHAPES[name]}" if name == "filtered" else "",
        )
        for name, limit in goals.items()
    ]


def filled_folder(trials: Trials, side: Side, size: Mapping[str, Any]) -> Path:
    """The folder of a store filled by `search_bulk`, made once for a version, a size and a shape of tables."""
    version = describe_machine((side,)).versions[side.library]
    numbers = "-".join(str(number) for number in size.values())
    name = f"scale-{side.library}-{version}-{_tables(side)}-{numbers}"
    return trials.kept(name, lambda folder: side.run("search_bulk", folder=folder, **size))


def _tables(side: Side) -> str:
    """What else than the version says which tables a store has: Runstone's are changed between versions."""
    if side.library != "runstone":
        return str(_SCHEMA)
    from runstone.stores.sql.migrations import HEAD

    return f"{HEAD}-{_SCHEMA}"
