"""Where the interpreters are: Runstone's is the running one, the others have environments of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from benchmarks.trials import Library, Side

__all__ = ["CACHE", "PYTHON_VARIABLE", "find_sides"]

PYTHON_VARIABLE = "RUNSTONE_BENCH_MLFLOW_PYTHON"
_ROOT = Path(__file__).resolve().parents[1]

CACHE = _ROOT / "build" / "benchmarks"
"""Filled databases that take minutes to make."""


def find_sides(libraries: Collection[Library], mlflow_python: str | None = None) -> tuple[Side, ...]:
    """Runstone, and those others that are in `libraries`.

    MLflow is in `mlflow_python`, else in the interpreter that the environment names; else, as FastTrackML, in `build/`,
    where it is made if it is missing or older than its lock file, by the Makefile's own rule.
    """
    sides = [Side(library="runstone", python=sys.executable)]
    if "mlflow" in libraries:
        python = mlflow_python or os.environ.get(PYTHON_VARIABLE) or _build("mlflow")
        sides.append(Side(library="mlflow", python=python))
    if "fasttrackml" in libraries:
        sides.append(Side(library="fasttrackml", python=_build("fasttrackml")))
    return tuple(sides)


def _build(library: Library) -> str:
    print(f"Making the environment of {library} where it is missing; the first time takes minutes", file=sys.stderr)
    stamp = f"build/{library}/locked.stamp"
    subprocess.run(["make", "--quiet", stamp, f"PYTHON={sys.executable}"], cwd=_ROOT, check=True, stdout=2)
    return str(_ROOT / "build" / library / "bin" / "python")
