"""A store in one file: what goes in comes out in another store, and a file that is not right changes nothing."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runstone.connect import open_store
from runstone.entities import Dataset, DatasetInput, InputTag, Metric
from runstone.errors import InvalidInput, RunstoneError, StoreCorrupt, StoreVersion
from runstone.exchange.report import Report
from runstone.exchange.selection import Selection
from runstone.tracking.local import LocalTracking
from runstone.transfers import copy_runs, export_bundle, open_source
from tests.exchange.facts import all_facts


@pytest.fixture
def home(tmp_path: Path) -> Iterator[str]:
    """A store with a bit of everything."""
    uri = str(tmp_path / "home")
    with closing(LocalTracking(open_store(uri))) as tracking:
        record_everything(tracking)
    yield uri


def record_everything(tracking: LocalTracking) -> None:
    digits = tracking.create_experiment("digits", tags={"team": "vision"})
    parent = tracking.create_run(digits, run_name="parent", start_time=5, user_id="ada").info.run_id
    values = [1.0, math.nan, math.inf, -math.inf]
    tracking.log_batch(
        parent,
        metrics=[Metric("loss", value, 10 + step, step) for step, value in enumerate(values)],
        params={"lr": 0.1},
        tags={"kind": "test"},
    )
    tracking.log_inputs(parent, [DatasetInput(Dataset("iris", "d1", "local", "{}"), (InputTag("a", "b"),))])
    tracking.open_artifacts(parent).put_file(Path(__file__), "code/this.py")
    tracking.update_run(parent, status="FINISHED", end_time=99)
    child = tracking.create_run(digits, start_time=6, tags={"mlflow.parentRunId": parent}).info.run_id
    tracking.delete_run(child)
    model = tracking.models.create_logged_model(digits, name="cnn", source_run_id=parent, params={"depth": 3})
    tracking.models.open_logged_model_artifacts(model.model_id).put_file(Path(__file__), "MLmodel")
    tracking.models.finalize_logged_model(model.model_id, "READY")
    tracking.models.create_registered_model("net", description="a net")
    tracking.models.create_model_version("net", f"models:/{model.model_id}", model_id=model.model_id)
    tracking.models.set_alias("net", "best", 1)
    tracking.models.create_model_version("net", f"{tracking.get_run(parent).info.artifact_uri}/code", run_id=parent)
    gone = tracking.create_experiment("gone")
    tracking.create_run(gone)
    tracking.delete_experiment(gone)


def facts_at(uri: str) -> dict[str, object]:
    with closing(LocalTracking(open_store(uri))) as tracking:
        return all_facts(tracking)


def merge(file: Path, uri: str) -> Report:
    with open_source(str(file)) as source:
        return copy_runs(source, uri, Selection())


def test_what_goes_into_a_bundle_comes_out_in_another_store(home: str, tmp_path: Path) -> None:
    file, other = tmp_path / "runs.runstone", str(tmp_path / "other")
    assert export_bundle(home, file, Selection()).problems == []
    report = merge(file, other)
    assert (report.runs, report.problems) == (3, [])
    assert facts_at(other) == facts_at(home)
    again = merge(file, other)
    assert (again.runs, again.completed, again.skipped, again.files) == (0, 0, 3, 0)
    assert facts_at(other) == facts_at(home)


def test_a_bundle_that_is_unpacked_is_a_store(home: str, tmp_path: Path) -> None:
    file = tmp_path / "runs.runstone"
    export_bundle(home, file, Selection())
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "attached")
    assert facts_at(str(tmp_path / "attached")) == facts_at(home)


def test_merging_leaves_alone_what_the_other_store_has(home: str, tmp_path: Path) -> None:
    file, other = tmp_path / "runs.runstone", str(tmp_path / "other")
    export_bundle(home, file, Selection())
    with closing(LocalTracking(open_store(other))) as tracking:
        digits = tracking.create_experiment("digits", tags={"team": "mine"})
        own = tracking.create_run(digits, run_name="own").info.run_id
        before = all_facts(tracking)["runs"][own]
        merge(file, other)
        facts = all_facts(tracking)
    assert facts["runs"][own] == before
    assert ("digits", "active", {"team": "mine"}) in facts["experiments"]
    assert sum(run["experiment"] == "digits" for run in facts["runs"].values()) == 3


def test_a_bundle_is_never_written_over_a_file(home: str, tmp_path: Path) -> None:
    file = tmp_path / "runs.runstone"
    file.write_text("mine")
    with pytest.raises(InvalidInput, match="exists already"):
        export_bundle(home, file, Selection())
    assert file.read_text() == "mine"


@pytest.mark.parametrize("damage", ["truncated", "flipped in the store", "flipped in a file", "empty", "no zip"])
def test_a_damaged_bundle_is_refused_as_a_whole(home: str, tmp_path: Path, damage: str) -> None:
    file, other = tmp_path / "runs.runstone", tmp_path / "other"
    export_bundle(home, file, Selection())
    data = bytearray(file.read_bytes())
    if damage == "truncated":
        del data[len(data) // 2 :]
    elif damage.startswith("flipped"):
        with zipfile.ZipFile(file) as archive:
            name = "runstone.db" if "store" in damage else next(n for n in archive.namelist() if n.endswith("this.py"))
            info = archive.getinfo(name)
        data[info.header_offset + 30 + len(name) + info.compress_size // 2] ^= 0xFF
    else:
        data = bytearray(b"" if damage == "empty" else b"something else")
    file.write_bytes(data)
    with pytest.raises(StoreCorrupt, match=r"runs\.runstone"):
        merge(file, str(other))
    assert not other.exists()


@pytest.mark.parametrize("name", ["../evil", "artifacts/../../evil", "/evil", "artifacts/..\\..\\evil", "evil"])
def test_a_bundle_with_a_file_that_would_leave_its_folder_is_refused(home: str, tmp_path: Path, name: str) -> None:
    file, other = tmp_path / "runs.runstone", tmp_path / "other"
    export_bundle(home, file, Selection())
    with zipfile.ZipFile(file, "a") as archive:
        info = zipfile.ZipInfo("x" * len(name))
        info.filename = name
        archive.writestr(info, b"evil")
    with pytest.raises(RunstoneError, match=r"no place in a bundle|damaged"):
        merge(file, str(other))
    assert not other.exists()
    assert not list(tmp_path.rglob("evil"))


def test_a_link_in_a_bundle_is_refused(home: str, tmp_path: Path) -> None:
    file = tmp_path / "runs.runstone"
    export_bundle(home, file, Selection())
    with zipfile.ZipFile(file, "a") as archive:
        info = zipfile.ZipInfo("artifacts/link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(StoreCorrupt, match="no place in a bundle"):
        merge(file, str(tmp_path / "other"))


def test_a_bundle_of_a_later_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "runs.runstone"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("runstone.json", '{"format": "runstone bundle", "version": 2}')
        archive.writestr("runstone.db", b"")
    with pytest.raises(StoreVersion, match="version 2"):
        merge(file, str(tmp_path / "other"))
