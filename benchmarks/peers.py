"""Where the interpreters are: Runstone's is the running one, the others have environments of their own."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from benchmarks.sides import PARTICIPANTS
from benchmarks.trials import Side

__all__ = ["CACHE", "PYTHON_VARIABLE", "find_sides"]

PYTHON_VARIABLE = "RUNSTONE_BENCH_MLFLOW_PYTHON"
_ROOT = Path(__file__).resolve().parents[1]

CACHE = _ROOT / "build" / "benchmarks"
"""Filled databases that take minutes to make."""


def find_sides(names: Collection[str], mlflow_python: str | None = None) -> tuple[Side, ...]:
    """The sides of these names, in the order of PARTICIPANTS.

    MLflow is in `mlflow_python`, else in the interpreter that the environment names; else, as all others but Runstone,
    in `build/`, where it is made if it is missing or older than its lock file, by the Makefile's own rule.
    """
    given = {"": sys.executable}
    if chosen := mlflow_python or os.environ.get(PYTHON_VARIABLE):
        given["mlflow"] = chosen
    return tuple(
        Side(library=one.library, mode=one.mode, python=given.get(one.environment) or _build(one.environment))
        for name, one in PARTICIPANTS.items()
        if name in names
    )


@functools.cache
def _build(environment: str) -> str:
    print(f"Making the environment {environment} where it is missing; the first time takes minutes", file=sys.stderr)
    stamp = f"build/{environment}/locked.stamp"
    subprocess.run(["make", "--quiet", stamp, f"PYTHON={sys.executable}"], cwd=_ROOT, check=True, stdout=2)
    return str(_ROOT / "build" / environment / "bin" / "python")
