"""Trials: a program for each library in turn, in a fresh process and a fresh folder each time.

Knows how to start programs, not what they measure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.figures import Comparison, Figure, Goal

__all__ = ["Answer", "BenchmarkFailed", "Samples", "Side", "Size", "Sizes", "Trials"]

Size = Literal["full", "tiny"]
Answer = Mapping[str, Any]
Sizes = Mapping[Size, Mapping[str, Mapping[str, Any]]]
"""What each side is given to do, by its name, as parameters of its programs; one that is missing takes no part."""

_PROGRAMS = Path(__file__).parent / "programs"
_TIMEOUT_S = 3600
_PREFIXES = ("MLFLOW_", "RUNSTONE_", "TRACKIO_", "WANDB_")


class BenchmarkFailed(Exception):
    """A program ended badly; the message holds what it said."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A library, the way it is used, and the interpreter that has it."""

    library: str
    python: str
    mode: str = ""

    @property
    def name(self) -> str:
        """Its name in sizes and results."""
        return f"{self.library}_{self.mode}" if self.mode else self.library

    def run(self, program: str, **parameters: object) -> Answer:
        """Run a program of `programs/` and return its answer. Raises BenchmarkFailed."""
        arguments = [f"--{name}={value}" for name, value in {"library": self.library, **parameters}.items()]
        command = [self.python, str(_PROGRAMS / f"{program}.py"), *arguments]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S, env=self.environment()
        )
        if done.returncode:
            raise BenchmarkFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        answer: Answer = json.loads(done.stdout.splitlines()[-1])
        return answer

    def environment(self) -> dict[str, str]:
        """The environment without what changes a library, and without what keeps Python from compiling."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES)}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        if self.library != "runstone":
            kept.pop("PYTHONPATH", None)
        # NumPy on one core: its idle threads would spin, and count as the library's.
        return kept | {"OPENBLAS_NUM_THREADS": "1", "RUNSTONE_QUIET": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}


class Samples:
    """The answers of all repeats, by side."""

    def __init__(self, answers: Mapping[str, list[Answer]]) -> None:
        self._answers = answers

    def compare(
        self,
        what: str,
        unit: str,
        better: Literal["more", "less"],
        value: Callable[[Answer], float],
        *,
        goal: Goal | None = None,
        short: str = "",
    ) -> Comparison:
        """One quantity, worked out of each answer."""
        figures = {name: Figure.of(map(value, answers)) for name, answers in self._answers.items()}
        return Comparison(
            what=what,
            short=short,
            unit=unit,
            better=better,
            runstone=figures.pop("runstone"),
            others=figures,
            goal=goal,
        )

    def alone(self) -> Samples:
        """Runstone's answers without the others': for what says nothing about a side."""
        return Samples({"runstone": self._answers["runstone"]})

    def beside(self, others: Samples) -> Samples:
        """Runstone's answers of these, the other sides' of `others`: where only Runstone has a way to do something."""
        return Samples({**others._answers, "runstone": self._answers["runstone"]})


@dataclass(frozen=True, kw_only=True)
class Trials:
    """How to try: which sides, how often, at which size."""

    sides: tuple[Side, ...]
    size: Size
    repeats: int
    cache: Path
    """Where what takes long to make is kept for the next time."""

    @property
    def client(self) -> Side:
        """Whose interpreter runs programs that measure a server from outside: the same for all servers."""
        return next(side for side in self.sides if side.library == "runstone")

    def only(self, *names: str) -> Trials:
        """The same with these sides alone."""
        return replace(self, sides=tuple(side for side in self.sides if side.name in names))

    def kept(self, name: str, fill: Callable[[Path], object]) -> Path:
        """The folder of that name which `fill` has filled, now or at an earlier time."""
        folder = self.cache / name
        if not folder.exists():
            half = folder.with_name(folder.name + ".half")
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir(parents=True)
            fill(half)
            half.rename(folder)
        return folder

    def each(
        self, once: Callable[[Side, Path], Answer], *, peer_repeats: int | None = None, warm_up: bool = False
    ) -> Samples:
        """Try all sides in turn, so that they share the machine's good and bad moments.

        `once` gets a side and an empty folder. A slow peer may be tried `peer_repeats` times only. With `warm_up` a
        try more goes before, which does not count.
        """
        answers: dict[str, list[Answer]] = {side.name: [] for side in self.sides}
        for number in range(-1 if warm_up else 0, self.repeats):
            for side in self.sides:
                if side.library != "runstone" and peer_repeats is not None and number >= peer_repeats:
                    continue
                self._say(f"  {side.name} {f'{number + 1}/{self.repeats}' if number >= 0 else 'warm-up'}")
                with tempfile.TemporaryDirectory(prefix="runstone-bench-") as folder:
                    answer = once(side, Path(folder))
                if number >= 0:
                    answers[side.name].append(answer)
        return Samples(answers)

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
