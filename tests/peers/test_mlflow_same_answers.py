"""The same session with Runstone and with MLflow 3.17 gives the same answers (see scenario.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runstone

SCENARIO = Path(__file__).with_name("scenario.py")
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


def play(python: Path, module: str, folder: Path) -> dict[str, Any]:
    """What the scenario answers in that interpreter."""
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if name in KEPT}
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONUTF8": "1"}
    if module == "runstone":
        environment["PYTHONPATH"] = str(Path(runstone.__file__).parents[1])
    process = subprocess.Popen(
        [str(python), str(SCENARIO), module],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    answers: dict[str, Any] = json.loads(out)
    return answers


def agrees(ours: Any, theirs: Any) -> bool:
    """Equal; a refusal of ours may say more, and have a code where MLflow's has none that means something."""
    if not (isinstance(theirs, dict) and "said" in theirs):
        return bool(ours == theirs)
    if not (isinstance(ours, dict) and ours["caught"] and set(theirs["said"]) <= set(ours["said"])):
        return False
    return not theirs["caught"] or theirs["code"] in (ours["code"], "INTERNAL_ERROR")


@pytest.mark.slow
def test_runstone_answers_as_mlflow_does(mlflow_python: Path, tmp_path: Path) -> None:
    ours = play(Path(sys.executable), "runstone", tmp_path / "ours")
    theirs = play(mlflow_python, "mlflow", tmp_path / "theirs")
    assert list(ours) == list(theirs)
    differing = {name: (ours[name], theirs[name]) for name in ours if not agrees(ours[name], theirs[name])}
    assert differing == {}
