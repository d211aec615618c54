"""LocalModels: the suite, and what it alone can meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.errors import InvalidInput
from runstone.stores.memory import MemoryStore
from runstone.testing.tracking_models import ModelsSuite
from runstone.tracking.local import LocalTracking


@pytest.fixture
def tracking(tmp_path: Path) -> Iterator[LocalTracking]:
    tracking = LocalTracking(MemoryStore((tmp_path / "artifacts").as_uri()))
    yield tracking
    tracking.close()


class TestInTheProcess(ModelsSuite):
    """The contract, over the reference store."""


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


def test_files_of_a_logged_model_lie_beside_those_of_runs(tracking: LocalTracking) -> None:
    model = tracking.models.create_logged_model(0)
    assert model.name
    assert (
        model.artifact_location == f"{tracking.get_experiment('0').artifact_location}/models/{model.model_id}/artifacts"
    )
    assert tracking.models.open_logged_model_artifacts(model.model_id).root_uri == model.artifact_location
