"""Where the interpreters are: Runstone's is the running one, MLflow's has an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.trials import Side

__all__ = ["CACHE", "PYTHON_VARIABLE", "find_sides"]

PYTHON_VARIABLE = "RUNSTONE_BENCH_MLFLOW_PYTHON"
_ROOT = Path(__file__).resolve().parents[1]
_MLFLOW_STAMP = "build/mlflow/locked.stamp"

CACHE = _ROOT / "build" / "benchmarks"
"""Filled databases that take minutes to make."""


def find_sides(*, with_peers: bool, mlflow_python: str | None = None) -> tuple[Side, ...]:
    """Runstone, and MLflow in `mlflow_python`, else in the interpreter that the environment names, else in `build/`.

    That last one is made where it is missing or older than `requirements/mlflow.txt`, by the Makefile's own rule.
    """
    runstone = Side(library="runstone", python=sys.executable)
    if not with_peers:
        return (runstone,)
    python = mlflow_python or os.environ.get(PYTHON_VARIABLE) or _build_mlflow()
    return runstone, Side(library="mlflow", python=python)


def _build_mlflow() -> str:
    print("Making MLflow's environment where it is missing; the first time takes minutes", file=sys.stderr)
    subprocess.run(["make", "--quiet", _MLFLOW_STAMP, f"PYTHON={sys.executable}"], cwd=_ROOT, check=True, stdout=2)
    return str(_ROOT / "build" / "mlflow" / "bin" / "python")
