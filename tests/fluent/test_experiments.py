"""Experiments, and which of them a new run belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

import runstone as mlflow
from runstone.errors import AlreadyExists, InvalidInput, NotActive, NotFound
from tests.fluent.conftest import Scripts


def experiment_of_a_new_run(**arguments: str) -> str:
    with mlflow.start_run(**arguments) as run:
        return run.info.experiment_id


def test_set_experiment_creates_what_is_missing_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    experiment = mlflow.set_experiment("vision")
    assert experiment.name == "vision"
    told = capsys.readouterr()
    assert told.out == ""
    assert (
        told.err == f"runstone: experiment 'vision' did not exist; created it with the id {experiment.experiment_id}\n"
    )
    assert mlflow.set_experiment("vision") == experiment
    assert capsys.readouterr().err == ""
    assert experiment_of_a_new_run() == experiment.experiment_id


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTONE_QUIET", "1")
    mlflow.set_experiment("vision")
    experiment_of_a_new_run()
    assert capsys.readouterr().err == ""


def test_set_experiment_refuses_a_deleted_one_and_says_how_to_restore_it() -> None:
    experiment_id = mlflow.create_experiment("old")
    mlflow.delete_experiment(experiment_id)
    with pytest.raises(NotActive, match=rf"deleted experiment 'old'.*experiments restore {experiment_id}"):
        mlflow.set_experiment(experiment_id=experiment_id)
    assert experiment_of_a_new_run() == "0"
    mlflow.restore_experiment(experiment_id)
    assert mlflow.set_experiment("old").experiment_id == experiment_id


def test_the_name_of_a_deleted_experiment_is_given_to_a_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    deleted = mlflow.create_experiment("old")
    mlflow.delete_experiment(deleted)
    found = mlflow.set_experiment("old")
    assert found.experiment_id != deleted
    assert f"'old' was deleted (id {deleted}); created it" in capsys.readouterr().err
    assert experiment_of_a_new_run() == found.experiment_id
    assert mlflow.set_experiment("old").experiment_id == found.experiment_id


def test_set_experiment_by_id() -> None:
    experiment_id = mlflow.create_experiment("a")
    assert mlflow.set_experiment(experiment_id=experiment_id).name == "a"
    assert experiment_of_a_new_run() == experiment_id
    assert mlflow.set_experiment(experiment_id=int(experiment_id)).name == "a"
    with pytest.raises(NotFound, match="'77'"):
        mlflow.set_experiment(experiment_id="77")
    assert experiment_of_a_new_run() == experiment_id


@pytest.mark.parametrize("chosen", [{}, {"experiment_name": "a", "experiment_id": "0"}], ids=["none", "both"])
def test_set_experiment_takes_a_name_or_an_id(chosen: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="exactly one"):
        mlflow.set_experiment(**chosen)


def test_the_experiment_of_a_new_run_by_precedence(scripts: Scripts) -> None:
    """In a process of its own, because what Databricks tells is kept as long as the process."""
    (scripts.folder / "dbruntime").mkdir()
    (scripts.folder / "dbruntime" / "databricks_repl_context.py").write_text(NOTEBOOK)
    printed = scripts.run(PRECEDENCE, RUNSTONE_QUIET="1").stdout.split()
    assert printed == ["Default", "notebook", "by_id", "by_name", "set", "argument"]


# What a Databricks cluster has: a module that tells the facts of the notebook.
NOTEBOOK = """
from types import SimpleNamespace
import os

def get_context():
    return SimpleNamespace(isInNotebook=True, isInJob=False, clusterId="c", notebookId=os.environ["NOTEBOOK"])
"""
PRECEDENCE = """
import os

ids = {name: mlflow.create_experiment(name) for name in ("argument", "set", "by_name", "by_id", "notebook")}

def look(**arguments):
    with mlflow.start_run(**arguments) as run:
        print(mlflow.get_experiment(run.info.experiment_id).name)

look()
os.environ["NOTEBOOK"] = ids["notebook"]
os.environ["DATABRICKS_RUNTIME_VERSION"] = "15.4"
look()
os.environ["MLFLOW_EXPERIMENT_ID"] = ids["by_id"]
look()
os.environ["MLFLOW_EXPERIMENT_NAME"] = "by_name"
look()
mlflow.set_experiment("set")
look()
look(experiment_id=ids["argument"])
"""


def test_an_experiment_named_in_the_environment_is_created(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "from outside")
    experiment_id = experiment_of_a_new_run()
    assert mlflow.get_experiment(experiment_id).name == "from outside"
    assert "created it" in capsys.readouterr().err
    mlflow.delete_experiment(experiment_id)
    assert experiment_of_a_new_run() != experiment_id


def test_the_chosen_experiment_is_forgotten_where_another_place_is_chosen(tmp_path: Path) -> None:
    mlflow.set_experiment("a")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(before)
    assert experiment_of_a_new_run() != "0"
    mlflow.set_tracking_uri(tmp_path / "elsewhere")
    assert experiment_of_a_new_run() == "0"


def test_experiments_come_and_go() -> None:
    experiment_id = mlflow.create_experiment("a", tags={"team": "blue"})
    assert mlflow.get_experiment(experiment_id).tags == {"team": "blue"}
    assert mlflow.get_experiment_by_name("a") == mlflow.get_experiment(int(experiment_id))
    assert mlflow.get_experiment_by_name("b") is None
    with pytest.raises(AlreadyExists, match="'a'"):
        mlflow.create_experiment("a")
    mlflow.delete_experiment(experiment_id)
    assert mlflow.get_experiment(experiment_id).lifecycle_stage == "deleted"
    mlflow.restore_experiment(experiment_id)
    assert mlflow.get_experiment(experiment_id).lifecycle_stage == "active"


def test_tags_go_to_the_active_experiment() -> None:
    mlflow.set_experiment_tag("default", 1)
    experiment = mlflow.set_experiment("a")
    mlflow.set_experiment_tags({"x": 1, "y": None})
    mlflow.delete_experiment_tag("x")
    assert mlflow.get_experiment("0").tags == {"default": "1"}
    assert mlflow.get_experiment(experiment.experiment_id).tags == {"y": "None"}


def test_search_experiments_gives_all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        mlflow.create_experiment(f"e{number}")
    monkeypatch.setattr("runstone.tracking.pages.MAX_PAGE", 3)
    assert [one.name for one in mlflow.search_experiments()] == [
        *(f"e{number}" for number in range(6, -1, -1)),
        "Default",
    ]
    assert [one.name for one in mlflow.search_experiments(max_results=4, order_by=["name"])] == [
        "Default",
        "e0",
        "e1",
        "e2",
    ]
    assert [one.name for one in mlflow.search_experiments(filter_string="name = 'e3'")] == ["e3"]
    mlflow.delete_experiment(mlflow.search_experiments()[0].experiment_id)
    assert [one.name for one in mlflow.search_experiments(view_type=mlflow.ViewType.DELETED_ONLY)] == ["e6"]
