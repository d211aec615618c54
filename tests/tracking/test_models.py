"""What LocalModels adds to its store in a process of the user; the rest is tested through the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.errors import InvalidInput, NotFound
from runstone.stores.memory import MemoryStore
from runstone.tracking.local import LocalTracking


@pytest.fixture
def tracking(tmp_path: Path) -> Iterator[LocalTracking]:
    tracking = LocalTracking(MemoryStore((tmp_path / "artifacts").as_uri()))
    yield tracking
    tracking.close()


def test_a_user_may_register_any_folder_of_the_machine(
    tracking: LocalTracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "MLmodel").write_text("flavors: {}")
    monkeypatch.chdir(tmp_path)
    tracking.models.create_registered_model("net")
    for source in ("net", str(tmp_path / "net"), (tmp_path / "net").as_uri()):
        version = tracking.models.create_model_version("net", source)
        assert (version.source, version.storage_location) == (source, (tmp_path / "net").as_uri())
        files = tracking.models.open_version_artifacts("net", version.version)
        with files.open("MLmodel") as file:
            assert file.read() == b"flavors: {}"


def test_a_version_of_a_runs_files_stays_with_the_run(tracking: LocalTracking) -> None:
    run_id = tracking.create_run("0").info.run_id
    tracking.models.create_registered_model("net")
    version = tracking.models.create_model_version("net", f"runs:/{run_id}/model", run_id=run_id)
    assert version.storage_location == f"runs:/{run_id}/model"
    opened = tracking.models.open_version_artifacts("net", 1)
    assert opened.root_uri == f"{tracking.get_run(run_id).info.artifact_uri}/model"
    with pytest.raises(InvalidInput, match=r"\.\."):
        tracking.models.create_model_version("net", f"runs:/{run_id}/../other", run_id=run_id)


def test_a_version_may_be_named_by_number_or_text(tracking: LocalTracking) -> None:
    tracking.models.create_registered_model("net")
    tracking.models.create_model_version("net", "s3://bucket/m")
    assert tracking.models.get_model_version("net", 1) == tracking.models.get_model_version("net", "1")
    with pytest.raises(NotFound):
        tracking.models.get_model_version("net", "99999999999999999")
    for version in (True, 1.0, None, "9" * 30, "²"):
        with pytest.raises(InvalidInput, match="must be an integer"):
            tracking.models.get_model_version("net", version)  # type: ignore[arg-type]


def test_files_of_a_logged_model_lie_beside_those_of_runs(tracking: LocalTracking) -> None:
    model = tracking.models.create_logged_model(0)
    assert model.name
    assert (
        model.artifact_location == f"{tracking.get_experiment('0').artifact_location}/models/{model.model_id}/artifacts"
    )
    assert tracking.models.open_logged_model_artifacts(model.model_id).root_uri == model.artifact_location


@pytest.mark.parametrize("field", ["metrics.my loss", "params.a b", "tags.x y", "metrics.`my loss`", "name"])
def test_an_order_takes_names_with_spaces_without_quotes(tracking: LocalTracking, field: str) -> None:
    model = tracking.models.create_logged_model(0, params={"a b": 1}, tags={"x y": "z"})
    found = tracking.models.search_logged_models([0], order_by=[{"field_name": field, "ascending": False}])
    assert found == [model]


def test_texts_that_no_store_can_hold_are_refused(tracking: LocalTracking) -> None:
    tracking.models.create_registered_model("net")
    for bad in ("a\0b", "\ud800"):
        with pytest.raises(InvalidInput):
            tracking.models.create_registered_model(bad)
        with pytest.raises(InvalidInput):
            tracking.models.create_model_version("net", f"s3://{bad}")
        with pytest.raises(InvalidInput):
            tracking.models.set_registered_model_tags("net", {"k": bad})
        with pytest.raises(InvalidInput):
            tracking.models.create_logged_model(0, model_type=bad)
