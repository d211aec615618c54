"""Tags from SLURM's environment variables."""

from __future__ import annotations

import os

import pytest

from runstone.context import collect_tags


@pytest.fixture(autouse=True)
def outside_of_any_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)


def slurm_tags() -> dict[str, str]:
    return {key: value for key, value in collect_tags().items() if key.startswith("slurm.")}


def test_outside_of_a_job_there_are_no_slurm_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_NAME", "left over")
    assert slurm_tags() == {}


def test_a_job_tells_its_number_name_nodes_and_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_JOB_NAME", "resnet")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "gpu[01-04]")
    monkeypatch.setenv("SLURM_JOB_PARTITION", "a100")
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "hal")
    monkeypatch.setenv("SLURM_PROCID", "3")
    assert slurm_tags() == {
        "slurm.job_id": "4711",
        "slurm.job_name": "resnet",
        "slurm.nodelist": "gpu[01-04]",
        "slurm.partition": "a100",
        "slurm.cluster_name": "hal",
        "slurm.procid": "3",
    }


def test_a_task_of_an_array_tells_the_array_and_its_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4713")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    assert slurm_tags() == {
        "slurm.job_id": "4713",
        "slurm.array_job_id": "4711",
        "slurm.array_task_id": "2",
    }


def test_the_older_name_of_the_node_list_and_empty_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("SLURM_NODELIST", "n1")
    monkeypatch.setenv("SLURM_JOB_PARTITION", "")
    assert slurm_tags() == {"slurm.job_id": "1", "slurm.nodelist": "n1"}
