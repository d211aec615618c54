"""Files of runs: as a run records them, and as they are found again."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

import runstone as mlflow
from runstone.errors import ArtifactError, InvalidInput, NotFound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    return folder


def paths(run_id: str, path: str | None = None) -> list[str]:
    """All files of a run, folder by folder."""
    found = []
    for info in mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path=path):
        found += paths(run_id, info.path) if info.is_dir else [info.path]
    return found


# -- recording


def test_a_file_is_stored_under_its_name(folder: Path) -> None:
    with mlflow.start_run() as run:
        mlflow.log_artifact(folder / "a.txt")
        mlflow.log_artifact(str(folder / "a.txt"), "x/y")
    assert paths(run.info.run_id) == ["a.txt", "x/y/a.txt"]
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/x/y/a.txt") == "a"


def test_a_folder_is_stored_under_its_name_or_without_it(folder: Path) -> None:
    with mlflow.start_run() as run:
        mlflow.log_artifact(f"{folder}/")
        mlflow.log_artifacts(folder, "x")
        mlflow.log_artifacts(str(folder))
    stored = ["a.txt", "sub/b.txt"]
    assert sorted(paths(run.info.run_id)) == sorted(
        [*stored, *(f"{at}/{one}" for at in ("out", "x") for one in stored)]
    )


def test_a_file_or_folder_that_is_not_there_is_an_error(folder: Path) -> None:
    with mlflow.start_run() as run:
        for act, path in ((mlflow.log_artifact, "none.txt"), (mlflow.log_artifacts, "none")):
            with pytest.raises(NotFound, match="none"):
                act(folder / path)
        with pytest.raises(NotFound, match="log_artifact takes a single file"):
            mlflow.log_artifacts(folder / "a.txt")
    assert paths(run.info.run_id) == []


@pytest.mark.parametrize("path", ["..", "../x", "/x", "a/../../x"])
def test_a_path_cannot_leave_the_run(folder: Path, path: str) -> None:
    mlflow.start_run()
    acts = [
        lambda: mlflow.log_artifact(folder / "a.txt", path),
        lambda: mlflow.log_artifacts(folder, path),
        lambda: mlflow.log_text("x", path),
        lambda: mlflow.log_dict({}, path),
        lambda: mlflow.get_artifact_uri(path),
    ]
    for act in acts:
        with pytest.raises(InvalidInput, match="Invalid path"):
            act()


def test_a_text_is_stored_as_utf_8(home: Path) -> None:
    with mlflow.start_run() as run:
        mlflow.log_text("größe\r\n損失", "notes/x.txt")
        for no_text in (b"bytes", 5, None):
            with pytest.raises(InvalidInput, match="log_text takes a text"):
                mlflow.log_text(no_text, "y.txt")  # type: ignore[arg-type]
    place = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="notes/x.txt")
    assert Path(place).read_bytes() == "größe\r\n損失".encode()
    assert Path(place).is_relative_to(home)


def test_a_dictionary_is_stored_as_json_or_yaml_by_its_name() -> None:
    given = {"a": 1, 2: [True, None, 0.5], "nested": {"ä": "x"}, "array": np.arange(3), "one": np.float32(0.5)}
    with mlflow.start_run() as run:
        for name in ("d.json", "d.yaml", "d.YML", "d"):
            mlflow.log_dict(given, name)
    texts = {name: mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/{name}") for name in paths(run.info.run_id)}
    as_json = {"a": 1, "2": [True, None, 0.5], "nested": {"ä": "x"}, "array": [0, 1, 2], "one": 0.5}
    as_yaml = {2 if key == "2" else key: value for key, value in as_json.items()}
    assert json.loads(texts["d.json"]) == json.loads(texts["d"]) == as_json
    assert yaml.safe_load(texts["d.yaml"]) == yaml.safe_load(texts["d.YML"]) == as_yaml
    assert "ä" in texts["d.json"] and "ä" in texts["d.yaml"]
    for name, expected in (("d.json", as_json), ("d.yaml", as_yaml)):
        assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/{name}") == expected


def test_what_a_format_does_not_know_becomes_its_text() -> None:
    given = {"path": Path("a/b"), "day": date(2026, 1, 2), "tuple": (1, 2), "set": {3}}
    with mlflow.start_run() as run:
        mlflow.log_dict(given, "d.json")
        mlflow.log_dict(given, "d.yaml")
    read = mlflow.artifacts.load_dict
    assert read(f"runs:/{run.info.run_id}/d.json") == {
        "path": "a/b",
        "day": "2026-01-02",
        "tuple": [1, 2],
        "set": "{3}",
    }
    assert read(f"runs:/{run.info.run_id}/d.yaml") == {
        "path": "a/b",
        "day": date(2026, 1, 2),
        "tuple": [1, 2],
        "set": [3],
    }


@pytest.mark.parametrize("name", ["d.json", "d.yaml"])
def test_a_dictionary_that_cannot_be_written_is_refused(name: str) -> None:
    endless: dict[str, object] = {}
    endless["self"] = endless
    with mlflow.start_run() as run, pytest.raises(InvalidInput, match=f"'{name}' cannot be written"):
        mlflow.log_dict(endless, name)
    assert paths(run.info.run_id) == []


def test_the_uri_of_artifacts() -> None:
    with mlflow.start_run() as run:
        assert mlflow.get_artifact_uri() == run.info.artifact_uri
        assert mlflow.get_artifact_uri("a b/ä.txt") == f"{run.info.artifact_uri}/a%20b/%C3%A4.txt"
        mlflow.log_text("x", "a b/ä.txt")
        assert mlflow.artifacts.load_text(mlflow.get_artifact_uri("a b/ä.txt")) == "x"


def test_an_experiment_may_keep_its_files_elsewhere(tmp_path: Path) -> None:
    experiment_id = mlflow.create_experiment("a", artifact_location=str(tmp_path / "elsewhere"))
    with mlflow.start_run(experiment_id=experiment_id) as run:
        mlflow.log_text("x", "a.txt")
    assert (tmp_path / "elsewhere" / run.info.run_id / "artifacts" / "a.txt").read_text() == "x"


# -- finding


@pytest.fixture
def run_id(folder: Path) -> str:
    with mlflow.start_run() as run:
        mlflow.log_artifacts(folder)
    return run.info.run_id


def test_artifacts_are_listed_by_run_or_uri(run_id: str, folder: Path) -> None:
    listed = mlflow.artifacts.list_artifacts
    top = listed(run_id=run_id)
    assert [(one.path, one.is_dir, one.file_size) for one in top] == [("a.txt", False, 1), ("sub", True, None)]
    assert top == listed(f"runs:/{run_id}") == listed(f"runs:/{run_id}/")
    assert [one.path for one in listed(f"runs:/{run_id}/sub")] == ["sub/b.txt"]
    assert [one.path for one in listed(run_id=run_id, artifact_path="sub")] == ["sub/b.txt"]
    assert [one.path for one in listed(str(folder))] == ["out/a.txt", "out/sub"]
    assert [one.path for one in listed(folder.as_uri())] == ["out/a.txt", "out/sub"]
    assert listed(run_id=run_id, artifact_path="a.txt") == listed(run_id=run_id, artifact_path="none") == []


def test_what_is_on_this_machine_is_not_copied_unless_asked(run_id: str, home: Path, tmp_path: Path) -> None:
    fetch = mlflow.artifacts.download_artifacts
    place = Path(fetch(f"runs:/{run_id}/sub"))
    assert place.is_relative_to(home)
    assert place == Path(fetch(run_id=run_id, artifact_path="sub"))
    assert place.parent == Path(fetch(run_id=run_id))
    copy = Path(fetch(f"runs:/{run_id}/sub", dst_path=tmp_path / "new" / "folder"))
    assert copy == tmp_path / "new" / "folder" / "sub"
    assert (copy / "b.txt").read_text() == "b"
    everything = Path(fetch(run_id=run_id, dst_path=str(tmp_path / "all")))
    assert (everything / "sub" / "b.txt").read_text() == "b"


def test_files_outside_runs_have_uris_too(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for uri in (str(folder / "a.txt"), "out/a.txt", (folder / "a.txt").as_uri(), "file:out/a.txt"):
        assert mlflow.artifacts.load_text(uri) == "a"
    (folder / "100% ä.txt").write_text("odd")
    assert mlflow.artifacts.load_text((folder / "100% ä.txt").as_uri()) == "odd"
    assert mlflow.artifacts.load_text(str(folder / "100% ä.txt")) == "odd"
    assert mlflow.artifacts.download_artifacts(str(folder), dst_path=tmp_path / "x") == str(tmp_path / "x" / "out")


def test_files_of_runs_elsewhere_are_found_by_the_tracking_uri(run_id: str, tmp_path: Path) -> None:
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tmp_path / "elsewhere")
    with pytest.raises(NotFound, match=run_id):
        mlflow.artifacts.list_artifacts(run_id=run_id)
    assert len(mlflow.artifacts.list_artifacts(run_id=run_id, tracking_uri=before)) == 2
    assert Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/a.txt", tracking_uri=before)).read_text() == "a"


def test_what_is_not_there_is_not_found(run_id: str, tmp_path: Path) -> None:
    for uri in (f"runs:/{run_id}/none.txt", str(tmp_path / "none.txt")):
        for act in (mlflow.artifacts.load_text, mlflow.artifacts.load_dict, mlflow.artifacts.download_artifacts):
            with pytest.raises(NotFound, match=r"none\.txt"):
                act(uri)
    with pytest.raises(NotFound, match="0" * 32):
        mlflow.artifacts.list_artifacts(run_id="0" * 32)


def test_arguments_that_name_nothing_or_two_things_are_refused(run_id: str) -> None:
    for act in (mlflow.artifacts.download_artifacts, mlflow.artifacts.list_artifacts):
        for arguments in ({}, {"run_id": run_id, "artifact_uri": "x"}, {"artifact_path": "a.txt"}):
            with pytest.raises(InvalidInput, match="exactly one"):
                act(**arguments)
        with pytest.raises(InvalidInput, match="artifact_path"):
            act("out", artifact_path="a.txt")
        for uri in ("runs:", "runs:/", "runs:x/y"):
            with pytest.raises(InvalidInput, match="runs:/RUN_ID/path"):
                act(uri)
        with pytest.raises(InvalidInput, match="models"):
            act("models:/m/1")


def test_a_file_that_is_no_text_or_no_dictionary_is_refused(folder: Path) -> None:
    (folder / "x.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match=r"'x\.bin' is no text"):
        mlflow.artifacts.load_text(str(folder / "x.bin"))
    for name in ("x.json", "x.yaml"):
        (folder / name).write_text("{a: [")
        with pytest.raises(InvalidInput, match="cannot be read as a dictionary"):
            mlflow.artifacts.load_dict(str(folder / name))


def test_a_folder_that_cannot_be_made_is_named(run_id: str, folder: Path) -> None:
    with pytest.raises(ArtifactError, match=r"a\.txt/x"):
        mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=folder / "a.txt" / "x")


def test_without_a_yaml_library_json_serves_which_is_yaml_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with mlflow.start_run() as run:
        mlflow.log_dict({"a": [1, {"b": "ä"}]}, "d.yaml")
        assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/d.yaml") == {"a": [1, {"b": "ä"}]}
    monkeypatch.undo()
    with mlflow.start_run(run_id=run.info.run_id):
        assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/d.yaml") == {"a": [1, {"b": "ä"}]}
