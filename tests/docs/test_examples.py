"""The examples run, each in a folder of its own, and record what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runstone import Client
from tests.docs.pages import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SAYS = {
    "asyncio_runs.py": "of 10 walks went further than 5",
    "best_run.py": "rate 0.5, wobble 0.0",
    "resume.py": "interrupted is FINISHED after step 19",
    "sklearn_digits.py": "logistic regression: accuracy 0.9",
    "sweep_nested.py": "best: x=-1.0 y=2.0 with 0.0; failed: 3",
    "training_loop.py": "params.learning_rate",
}


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_example_records_runs_and_says_what_came_out(example: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    shutil.copy(example, tmp_path)
    settings = ("RUNSTONE_", "MLFLOW_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    done = subprocess.run(
        [sys.executable, "-W", "error", example.name],
        cwd=tmp_path,
        env={**environment, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SAYS[example.name] in done.stdout
    client = Client(tmp_path / ".runstone")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    assert {run.info.status for run in client.search_runs(experiments)} <= {"FINISHED", "FAILED"}


def test_every_example_stands_in_the_table_of_examples() -> None:
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [example.name for example in EXAMPLES if f"[{example.name}]" not in table] == []
    assert set(SAYS) == {example.name for example in EXAMPLES}
