"""What MLflow of three major versions has written, compared by value with what is there after an import."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from runstone.connect import open_store
from runstone.exchange.report import Report
from runstone.exchange.selection import Selection
from runstone.tracking.local import LocalTracking
from runstone.transfers import copy_runs, open_source
from tests.exchange.conftest import Written
from tests.exchange.facts import all_facts

pytestmark = pytest.mark.xdist_group("exchange-mlflow")

Writer = Callable[[str, str], Written]
READ = [
    *("experiments", "experiment_tags", "runs", "metrics", "params", "tags", "datasets", "inputs", "input_tags"),
    *("logged_models", "logged_model_params", "logged_model_tags", "logged_model_metrics"),
    *("registered_models", "registered_model_tags", "registered_model_aliases", "model_versions", "model_version_tags"),
]
"""The tables that an import reads."""
STORES = [(major, kind) for major in "123" for kind in ("folder", "sqlite")]
LARGEST = repr(1.7976931348623157e308)


def bring(place: object, target: str, **selection: Any) -> Report:
    with open_source(str(place)) as source:
        return copy_runs(source, target, Selection(**selection))


def of_mlflow(run: dict[str, Any]) -> dict[str, Any]:
    """A run as MLflow has read it, in our order of points and with the infinities that its databases cannot keep."""
    infinities = {LARGEST: "inf", f"-{LARGEST}": "-inf"}
    history = {
        key: sorted([step, time, infinities.get(value, value)] for step, time, value in points)
        for key, points in run["history"].items()
    }
    if "f1" in history:
        history["f1"][0][0] = 3  # of a point on a dataset, MLflow's file store reads back the step 0
    # The runs of a deleted experiment are deleted with it, which MLflow 1.x does not say of them.
    stage = "deleted" if run["experiment"] == "gone" else run["stage"]
    return {**run, "history": history, "stage": stage}


@pytest.mark.parametrize(("major", "kind"), STORES)
def test_all_that_mlflow_has_recorded_comes_along(
    written: Writer, major: str, kind: str, target: str, tracking: LocalTracking
) -> None:
    store = written(major, kind)
    report = bring(store.place, target)
    assert report.problems == []
    facts = all_facts(tracking)
    assert facts["experiments"] == sorted(
        (one["name"], one["stage"], one["tags"]) for one in store.facts["experiments"]
    )
    runs = {run_id: {key: run[key] for key in store.facts["runs"][0]} for run_id, run in facts["runs"].items()}
    assert runs == {run["run_id"]: of_mlflow(run) for run in store.facts["runs"]}
    (parent,) = (run for run in facts["runs"].values() if run["run_name"] == "the parent")
    assert [value for *_, value in parent["history"]["loss"]] == ["1.0", "nan", "inf", "-inf", "0.25"]
    assert parent["files"] == {"notes/report.txt": b"all is well\n"}
    assert sum(run["tags"].get("mlflow.parentRunId") == parent["run_id"] for run in runs.values()) == 1
    if major >= "2":
        assert parent["datasets"] == [
            (
                "iris",
                "abc123",
                '{"uri": "iris.csv"}',
                '{"columns": 4}',
                '{"rows": 150}',
                {"mlflow.data.context": "training"},
            )
        ]
    if (major, kind) != ("1", "folder"):
        check_registry(facts["registry"], parent["run_id"], major)
    if major == "3":
        check_models(facts, parent)


def check_registry(registry: dict[str, Any], run_id: str, major: str) -> None:
    net = registry["net"]
    assert (net["description"], net["tags"]) == ("a net", {"kind": "cnn"})
    assert net["aliases"] == ({"best": "3"} if major >= "2" else {})
    files = {"report.txt": b"all is well\n"}
    first = ("first", run_id, "", "Production", {"size": "small"}, files)
    third = ("third", run_id, "", "None", {"size": "small"}, files)
    assert {number: net["versions"][number] for number in ("1", "3")} == {"1": first, "3": third}
    assert net["versions"].keys() == ({"1", "3", "4"} if major == "3" else {"1", "3"})


def check_models(facts: dict[str, Any], parent: dict[str, Any]) -> None:
    ((model_id, model),) = facts["models"].items()
    assert model == {
        "name": "cnn",
        "model_type": "net",
        "source_run_id": parent["run_id"],
        "params": {"depth": "3"},
        "tags": {"a": "b"},
        "status": "READY",
        "metrics": [("f1", 0.5, 1_700_000_000_060, 3, parent["run_id"], "iris", "abc123")],
        "files": {"MLmodel": b"flavors: {}\n"},
    }
    assert parent["models"] == ([model_id], [(model_id, 3)])
    _, run_id, of_version, *_, files = facts["registry"]["net"]["versions"]["4"]
    assert (run_id, of_version, files) == (parent["run_id"], model_id, model["files"])


@pytest.mark.parametrize(("major", "kind"), [("1", "folder"), ("3", "folder"), ("3", "sqlite")])
def test_a_second_import_changes_nothing(
    written: Writer, major: str, kind: str, target: str, tracking: LocalTracking
) -> None:
    store = written(major, kind)
    bring(store.place, target)
    before, revision = all_facts(tracking), tracking.list_changed_runs(0).revision
    again = bring(store.place, target)
    assert (again.runs, again.completed, again.points, again.files) == (0, 0, 0, 0)
    assert again.skipped == len(before["runs"])
    assert (again.experiments, again.logged_models, again.registered_models, again.model_versions) == (0, 0, 0, 0)
    assert tracking.list_changed_runs(revision).runs == []
    assert all_facts(tracking) == before


def test_a_folder_that_was_moved_brings_its_files(
    written: Writer, tmp_path: Path, target: str, tracking: LocalTracking
) -> None:
    store = written("3", "folder")
    bring(store.place, target)
    facts = all_facts(tracking)
    moved = store.place.rename(store.place.with_name("moved"))
    try:
        elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        assert bring(moved, elsewhere).files == 2
    finally:
        moved.rename(store.place)
    assert facts["runs"]


def test_runs_may_refer_to_their_files_where_they_are(
    written: Writer, target: str, tracking: LocalTracking, tmp_path: Path
) -> None:
    store = written("3", "sqlite")
    report = bring(store.place, target, artifacts="reference")
    assert (report.files, report.problems) == (0, [])
    facts = all_facts(tracking)
    (parent,) = (run for run in facts["runs"].values() if run["run_name"] == "the parent")
    assert parent["files"] == {"notes/report.txt": b"all is well\n"}
    check_models(facts, parent)
    assert not (tmp_path / "target-artifacts").exists()


def test_a_run_that_went_on_is_completed(written: Writer, tmp_path: Path, target: str, tracking: LocalTracking) -> None:
    copy = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(written("3", "sqlite").place)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
    bring(copy, target)
    with closing(sqlite3.connect(copy)) as database:
        (run_id,) = database.execute("SELECT run_uuid FROM runs WHERE experiment_id = 0").fetchone()
        database.execute(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('late', 1.5, 7, ?, 3, 0)",
            (run_id,),
        )
        database.execute("UPDATE runs SET status = 'FINISHED', end_time = 99 WHERE run_uuid = ?", (run_id,))
        database.commit()
    report = bring(copy, target)
    assert (report.runs, report.completed, report.points) == (0, 1, 1)
    run = tracking.get_run(run_id)
    assert (run.info.status, run.info.end_time, run.data.metrics) == ("FINISHED", 99, {"late": 1.5})


def test_a_database_of_postgresql_is_read_as_one_of_sqlite(
    written: Writer, empty_url: str, target: str, tracking: LocalTracking, tmp_path: Path
) -> None:
    store = written("3", "sqlite")
    copy_to_postgres(store.place, empty_url)
    assert bring(empty_url, target).problems == []
    other = f"sqlite:///{tmp_path / 'other.db'}"
    bring(store.place, other)
    with closing(LocalTracking(open_store(other))) as from_file:
        assert all_facts(tracking) == all_facts(from_file)


def copy_to_postgres(path: Path, url: str) -> None:
    """The same tables and rows, with PostgreSQL's own types."""
    source = sqlalchemy.create_engine(f"sqlite:///{path}")
    target = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    metadata = sqlalchemy.MetaData()
    metadata.reflect(source, only=READ, resolve_fks=False)
    for table in metadata.tables.values():
        table.constraints = {one for one in table.constraints if isinstance(one, sqlalchemy.PrimaryKeyConstraint)}
        table.indexes.clear()
        for column in table.columns:
            column.server_default = None
            column.foreign_keys.clear()
    with source.connect() as reader, target.begin() as writer:
        metadata.create_all(writer)
        for table in metadata.tables.values():
            rows = [dict(row) for row in reader.execute(table.select()).mappings()]
            if rows:
                writer.execute(table.insert(), rows)
    source.dispose()
    target.dispose()
