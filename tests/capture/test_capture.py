"""What a run records beside what its script does, in real processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from runstone.capture.environment import MASK, environment_document, masked_command
from runstone.client import Client
from runstone.entities import Run
from runstone.settings import CAPTURE
from tests.fluent.conftest import Scripts

TRAIN = """
    import time
    with mlflow.start_run():
        mlflow.log_metric("loss", 0.5)
        time.sleep(0.3)
"""


def run_of(folder: Path) -> tuple[Client, Run]:
    client = Client(folder / ".runstone")
    [run] = client.search_runs(["0"])
    return client, run


def read(client: Client, run: Run, path: str) -> bytes:
    return Path(client.download_artifacts(run.info.run_id, path)).read_bytes()


def git(folder: Path, *arguments: str) -> bytes:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    return subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True).stdout


def test_nothing_is_captured_unless_that_is_asked_for(scripts: Scripts) -> None:
    scripts.run(TRAIN)
    client, run = run_of(scripts.folder)
    assert client.list_artifacts(run.info.run_id) == []
    assert set(run.data.metrics) == {"loss"}


def test_system_metrics_have_mlflows_names(scripts: Scripts) -> None:
    scripts.run(TRAIN, MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="true", MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL="0.05")
    client, run = run_of(scripts.folder)
    names = {name for name in run.data.metrics if not name.startswith("system/gpu")} - {"loss"}
    assert names == {
        f"system/{name}"
        for name in (
            "cpu_utilization_percentage",
            "system_memory_usage_megabytes",
            "system_memory_usage_percentage",
            "disk_usage_percentage",
            "disk_usage_megabytes",
            "disk_available_megabytes",
            "network_receive_megabytes",
            "network_transmit_megabytes",
        )
    }
    points = client.get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")
    assert [point.step for point in points] == list(range(len(points)))
    assert len(points) > 1
    assert all(0 <= point.value <= 100 for point in points)
    [memory] = client.get_metric_history(run.info.run_id, "system/system_memory_usage_percentage")[:1]
    assert 0 < memory.value < 100


def test_a_short_run_has_one_sample_of_the_machine(scripts: Scripts) -> None:
    scripts.run("with mlflow.start_run(log_system_metrics=True): pass", RUNSTONE_SYSTEM_METRICS_NODE_ID="worker-1")
    client, run = run_of(scripts.folder)
    points = client.get_metric_history(run.info.run_id, "system/worker-1/cpu_utilization_percentage")
    assert [point.step for point in points] == [0]


def test_samples_are_recorded_as_their_mean(scripts: Scripts) -> None:
    program = """
        import time
        mlflow.enable_system_metrics_logging()
        mlflow.set_system_metrics_sampling_interval(0.02)
        mlflow.set_system_metrics_samples_before_logging(1000)
        with mlflow.start_run(): time.sleep(0.2)
        mlflow.set_system_metrics_samples_before_logging(None)
        mlflow.disable_system_metrics_logging()
        with mlflow.start_run(experiment_id=mlflow.create_experiment("other")): pass
    """
    scripts.run(program)
    client, run = run_of(scripts.folder)
    assert len(client.get_metric_history(run.info.run_id, "system/disk_usage_percentage")) == 1
    experiment = client.get_experiment_by_name("other")
    assert experiment is not None
    [other] = client.search_runs([experiment.experiment_id])
    assert other.data.metrics == {}


def test_what_is_not_committed_is_kept_as_a_diff_that_applies(scripts: Scripts, tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text("rate = 1\n")
    (tmp_path / "data.bin").write_bytes(bytes(range(256)))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "code.py", "data.bin")
    git(tmp_path, "commit", "-q", "-m", "first")
    code.write_text("rate = 2\n")
    (tmp_path / "data.bin").write_bytes(bytes(range(255)))
    scripts.run(TRAIN, RUNSTONE_CAPTURE="code")
    client, run = run_of(tmp_path)
    diff = read(client, run, "source/uncommitted.diff")
    assert b"# not added: train.py" in diff
    git(tmp_path, "checkout", "-q", "code.py", "data.bin")
    (tmp_path / "kept.diff").write_bytes(diff)
    git(tmp_path, "apply", "kept.diff")
    assert code.read_text() == "rate = 2\n"
    assert (tmp_path / "data.bin").read_bytes() == bytes(range(255))


def test_code_outside_of_a_repository_has_no_diff(scripts: Scripts) -> None:
    scripts.run(TRAIN, RUNSTONE_CAPTURE="code,environment", GIT_CEILING_DIRECTORIES=str(scripts.folder.parent))
    client, run = run_of(scripts.folder)
    assert [found.path for found in client.list_artifacts(run.info.run_id)] == ["environment.json"]


def test_the_environment_is_kept_without_its_secrets(scripts: Scripts) -> None:
    scripts.run(
        TRAIN,
        RUNSTONE_CAPTURE="environment",
        OMP_NUM_THREADS="3",
        HF_TOKEN="hush",
        MLFLOW_TRACKING_PASSWORD="hush",
        TORCH_HOME="https://ada:hush@example.org/x",
        SOMETHING_ELSE="hush",
    )
    client, run = run_of(scripts.folder)
    text = read(client, run, "environment.json")
    assert b"hush" not in text
    found = json.loads(text)
    assert found["variables"]["OMP_NUM_THREADS"] == "3"
    assert found["variables"]["HF_TOKEN"] == MASK
    assert found["variables"]["TORCH_HOME"] == f"https://{MASK}@example.org/x"
    assert found["packages"]["numpy"]
    assert found["command"][-1].endswith("train.py")


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        (["t.py", "--api-key", "hush", "--lr", "1"], ["t.py", "--api-key", MASK, "--lr", "1"]),
        (["t.py", "--token=hush", "--lr=1"], ["t.py", f"--token={MASK}", "--lr=1"]),
        (["t.py", "--use-auth", "--lr", "1"], ["t.py", "--use-auth", "--lr", "1"]),
        (["t.py", "s3://a:hush@b/c"], ["t.py", f"s3://{MASK}@b/c"]),
    ],
)
def test_secrets_on_the_command_line_are_masked(given: list[str], masked: list[str]) -> None:
    assert masked_command(given) == masked


def test_the_environment_is_a_json_document() -> None:
    assert set(json.loads(environment_document())) == {
        "python", "platform", "host", "command", "folder", "packages", "variables",
    }  # fmt: skip


def test_a_resumed_run_keeps_what_was_captured_at_its_start(scripts: Scripts) -> None:
    scripts.run(TRAIN, RUNSTONE_CAPTURE="environment", OMP_NUM_THREADS="3")
    client, run = run_of(scripts.folder)
    again = f"with mlflow.start_run(run_id='{run.info.run_id}'): pass"
    scripts.run(again, RUNSTONE_CAPTURE="environment", OMP_NUM_THREADS="4")
    assert json.loads(read(client, run, "environment.json"))["variables"]["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("all", {"code", "console", "environment", "system"}),
        ("all,-system,-console", {"code", "environment"}),
        (" System , code", {"code", "system"}),
        ("none", set()),
        ("all,-all", set()),
    ],
)
def test_kinds_are_chosen_by_one_setting(text: str, kinds: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTONE_CAPTURE", text)
    assert CAPTURE.get() == kinds


def test_a_kind_that_is_none_is_told(scripts: Scripts) -> None:
    done = scripts.run(TRAIN, expect=1, RUNSTONE_CAPTURE="gpu")
    assert (
        "RUNSTONE_CAPTURE='gpu' cannot be read: 'gpu' is not one of all, none, code, console, environment, system"
        in done.stderr
    )


def test_a_kind_that_is_none_leaves_no_run(scripts: Scripts) -> None:
    program = """
        try:
            mlflow.start_run()
        except mlflow.MlflowException:
            assert mlflow.active_run() is None
            assert mlflow.MlflowClient().search_runs(["0"]) == []
    """
    scripts.run(program, RUNSTONE_CAPTURE="gpu")


def test_what_cannot_be_captured_does_not_fail_the_run(scripts: Scripts) -> None:
    done = scripts.run(TRAIN, RUNSTONE_CAPTURE="system", RUNSTONE_SYSTEM_METRICS_SAMPLING_INTERVAL="often")
    assert "not captured: InvalidInput" in done.stderr
    _, run = run_of(scripts.folder)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"loss": 0.5})


def test_a_machine_without_psutil_records_the_run_all_the_same(scripts: Scripts) -> None:
    program = "import sys; sys.modules['psutil'] = None\nwith mlflow.start_run(): mlflow.log_metric('a', 1)"
    done = scripts.run(program, RUNSTONE_CAPTURE="system")
    assert "pip install 'runstone[system]'" in done.stderr
    _, run = run_of(scripts.folder)
    assert run.data.metrics == {"a": 1}


def test_a_forked_child_does_not_end_its_parents_capture(scripts: Scripts) -> None:
    program = """
        import os, time
        with mlflow.start_run():
            child = os.fork()
            if not child:
                mlflow.log_metric("child", 1)
                mlflow.flush()
                os._exit(0)
            os.waitpid(child, 0)
            time.sleep(0.2)
    """
    scripts.run(program, RUNSTONE_CAPTURE="system", RUNSTONE_SYSTEM_METRICS_SAMPLING_INTERVAL="0.02")
    client, run = run_of(scripts.folder)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["child"] == 1
    assert len(client.get_metric_history(run.info.run_id, "system/disk_usage_percentage")) > 2
