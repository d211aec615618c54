"""`runstone demo`, from end to end in processes of its own."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from runstone.client import Client
from tests.cli.conftest import Shell


@pytest.mark.slow
def test_the_demo_records_real_training_and_what_it_suggests_works(folder: Path, bash: Shell) -> None:
    done = bash("runstone demo")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr

    client = Client(folder / ".runstone")
    experiment = client.get_experiment_by_name("digits demo")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], order_by=["metrics.val_accuracy DESC"])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run not in parents]
    assert (len(parents), len(children)) == (1, 7)
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    assert {run.info.status for run in runs} == {"FINISHED"}
    best = children[0]
    assert best.data.metrics["val_accuracy"] > 0.95
    assert best.data.metrics["val_accuracy"] == parents[0].data.metrics["best_val_accuracy"]
    curve = client.get_metric_history(best.info.run_id, "val_loss")
    assert [point.step for point in curve] == list(range(30))
    assert curve[-1].value < curve[0].value
    assert {file.path for file in client.list_artifacts(best.info.run_id)} == {"confusion_matrix.json", "report.txt"}

    ranked = re.findall(r"^ +(\d) ", done.stdout, re.MULTILINE)
    assert ranked == list("1234567")
    suggested = re.findall(r"^  (runstone .*?)  # ", done.stdout, re.MULTILINE)
    assert len(suggested) == 5
    for line in suggested:
        result = bash(line)
        assert (result.returncode, bool(result.stdout)) == (0, True), f"{line}: {result.stderr}"


@pytest.mark.slow
def test_ctrl_c_ends_the_runs_and_says_one_word(folder: Path, environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        ["runstone", "-u", "chosen", "demo"],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever runs the tests in the background has them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert process.stderr is not None
    with process, process.stderr as said:
        assert any("recording run" in line for line in iter(said.readline, ""))
        process.send_signal(signal.SIGINT)
        rest = said.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "Interrupted"
    assert "Traceback" not in rest
    client = Client(folder / "chosen")
    runs = client.search_runs(["0", "1"])
    assert runs
    assert "RUNNING" not in {run.info.status for run in runs}
    assert not (folder / ".runstone").exists()


def test_without_scikit_learn_the_demo_says_what_to_install(folder: Path, bash: Shell) -> None:
    # A broken package of that name stands for none: Python finds it first.
    (folder / "shadow" / "sklearn").mkdir(parents=True)
    (folder / "shadow/sklearn/__init__.py").write_text("raise ModuleNotFoundError('no', name='sklearn')")
    done = bash('PYTHONPATH="$PWD/shadow:$PYTHONPATH" runstone demo')
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The demo trains models of scikit-learn")
    assert "pip install 'runstone[demo]'" in done.stderr
    assert not (folder / ".runstone").exists()
