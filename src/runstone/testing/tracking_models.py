"""What every Models must do, as tests. For plug-ins, too.

Derive a class named `Test...` from ModelsSuite and give it a fixture `tracking`: a fresh tracker.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from runstone.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus, ModelMetric, ModelStage
from runstone.errors import AlreadyExists, FilterError, InvalidInput, NotActive, NotFound, ParamChanged
from runstone.naming import now_ms
from runstone.series.points import MetricBatch
from runstone.stores.base import Write
from runstone.testing.tracking_records import UNKNOWN_RUN
from runstone.tracking.base import Tracking
from runstone.tracking.models import Models

__all__ = ["ModelsSuite"]

UNKNOWN_MODEL = "m-" + "0f" * 16
NO_MODEL_NAMES: tuple[Any, ...] = ("", " ", "a/b", "a:b", None, 7, "a\0b", "\ud800", "x" * 300)
NO_VERSIONS: tuple[Any, ...] = (True, 1.0, None, "9" * 30, "²", "-1", "")


def measure(tracking: Tracking, run_id: str, *figures: ModelMetric) -> None:
    """Record points that are figures of logged models, too."""
    points = MetricBatch.of_lists(
        [one.key for one in figures],
        [one.step for one in figures],
        [one.timestamp for one in figures],
        [one.value for one in figures],
    )
    (error,) = tracking.log_batches([Write(run_id=run_id, metrics=points, model_metrics=figures)])
    if error is not None:
        raise error


def add_file(tracking: Tracking, run_id: str, path: str, content: bytes = b"weights") -> None:
    tracking.open_artifacts(run_id).put_stream(io.BytesIO(content), path)


class ModelsSuite:
    """The contract of Models. Needs a fixture `tracking`: a fresh tracker for each test."""

    @pytest.fixture
    def models(self, tracking: Tracking) -> Models:
        return tracking.models

    # -- registered models

    def test_a_name_comes_back_as_it_was_registered(self, models: Models) -> None:
        before = now_ms()
        created = models.create_registered_model("my net", tags={"team": "blue", "size": 3}, description="what")
        assert created == models.get_registered_model("my net")
        assert (created.name, created.description) == ("my net", "what")
        assert created.tags == {"team": "blue", "size": "3"}
        assert before <= created.creation_timestamp == created.last_updated_timestamp
        with pytest.raises(AlreadyExists):
            models.create_registered_model("my net")

    def test_a_name_is_changed_described_and_deleted_with_its_versions(self, models: Models) -> None:
        models.create_registered_model("a", description="old")
        models.create_registered_model("taken")
        models.create_model_version("a", "s3://bucket/m")
        assert models.rename_registered_model("a", "b").name == "b"
        with pytest.raises(AlreadyExists):
            models.rename_registered_model("b", "taken")
        assert models.describe_registered_model("b", "new").description == "new"
        assert models.describe_registered_model("b", None).description == ""
        assert models.get_model_version("b", 1).name == "b"
        models.delete_registered_model("b")
        for name in ("a", "b"):
            with pytest.raises(NotFound):
                models.get_registered_model(name)
        with pytest.raises(NotFound):
            models.get_model_version("b", 1)

    def test_tags_of_a_name_change_and_go(self, models: Models) -> None:
        models.create_registered_model("net", tags={"a": "1"})
        models.set_registered_model_tags("net", {"a": 2, "b": "3", "c/d": "é"})
        models.delete_registered_model_tag("net", "b")
        models.delete_registered_model_tag("net", "b")
        assert models.get_registered_model("net").tags == {"a": "2", "c/d": "é"}
        with pytest.raises(NotFound):
            models.set_registered_model_tags("none", {"a": "1"})

    def test_names_are_searched_page_by_page(self, models: Models) -> None:
        for number in range(5):
            models.create_registered_model(f"net{number}", tags={"odd": str(number % 2)})
        names, token = [], None
        for _ in range(3):
            page = models.search_registered_models(max_results=2, page_token=token)
            names += [model.name for model in page]
            token = page.token
        assert (names, token) == ([f"net{number}" for number in range(5)], None)
        found = models.search_registered_models(filter_string="tags.odd = '1'", order_by=["name DESC"])
        assert [model.name for model in found] == ["net3", "net1"]

    @pytest.mark.parametrize("name", NO_MODEL_NAMES, ids=repr)
    def test_what_is_no_name_is_refused(self, models: Models, name: Any) -> None:
        models.create_registered_model("net")
        acts: list[Callable[[], object]] = [
            lambda: models.create_registered_model(name),
            lambda: models.rename_registered_model("net", name),
            lambda: models.set_registered_model_tags(name, {"a": "1"}),
            lambda: models.set_registered_model_tags(name, {}),
            lambda: models.create_model_version(name, "s3://bucket/m"),
            lambda: models.get_model_version(name, 1),
            lambda: models.get_version_by_alias(name, "best"),
        ]
        for act in acts:
            with pytest.raises(InvalidInput):
                act()
        assert [model.name for model in models.search_registered_models()] == ["net"]

    # -- versions

    def test_versions_are_counted_from_one(self, models: Models) -> None:
        models.create_registered_model("net")
        first = models.create_model_version("net", "s3://bucket/a", description="d", run_link="l", tags={"k": 1})
        second = models.create_model_version("net", "s3://bucket/b/")
        assert (first.version, second.version) == ("1", "2")
        assert (first.source, first.description, first.run_link, first.tags) == ("s3://bucket/a", "d", "l", {"k": "1"})
        assert (second.source, second.status, second.current_stage) == ("s3://bucket/b/", "READY", ModelStage.NONE)
        assert models.get_model_version("net", 1) == models.get_model_version("net", "1") == first
        assert models.get_registered_model("net").latest_versions == (second,)

    @pytest.mark.parametrize("version", NO_VERSIONS, ids=repr)
    def test_what_is_no_version_is_refused(self, models: Models, version: Any) -> None:
        models.create_registered_model("net")
        acts: list[Callable[[], object]] = [
            lambda: models.get_model_version("net", version),
            lambda: models.set_alias("net", "best", version),
            lambda: models.set_model_version_stage("net", version, "Staging"),
            lambda: models.set_model_version_tags("net", version, {"a": "1"}),
            lambda: models.delete_model_version("net", version),
        ]
        for act in acts:
            with pytest.raises(InvalidInput, match="must be an integer"):
                act()

    def test_a_version_that_is_not_there_is_not_found(self, models: Models) -> None:
        models.create_registered_model("net")
        for version in (1, "99999999999999999"):
            with pytest.raises(NotFound):
                models.get_model_version("net", version)
            with pytest.raises(NotFound):
                models.open_version_artifacts("net", version)
        with pytest.raises(NotFound):
            models.create_model_version("none", "s3://bucket/m")

    def test_a_version_is_described_tagged_and_deleted(self, models: Models) -> None:
        models.create_registered_model("net")
        models.create_model_version("net", "s3://bucket/m", tags={"a": "1"})
        assert models.describe_model_version("net", 1, "new").description == "new"
        models.set_model_version_tags("net", 1, {"a": 2, "b": "3"})
        models.delete_model_version_tag("net", 1, "b")
        models.delete_model_version_tag("net", 1, "b")
        assert models.get_model_version("net", 1).tags == {"a": "2"}
        models.delete_model_version("net", 1)
        with pytest.raises(NotFound):
            models.get_model_version("net", 1)

    def test_an_alias_leads_to_a_version(self, models: Models) -> None:
        models.create_registered_model("net")
        for number in (1, 2):
            models.create_model_version("net", f"s3://bucket/{number}")
        models.set_alias("net", "best", 1)
        models.set_alias("net", "best", "2")
        assert models.get_version_by_alias("net", "best").version == "2"
        assert models.get_model_version("net", 2).aliases == ("best",)
        assert models.get_registered_model("net").aliases == {"best": "2"}
        models.delete_alias("net", "best")
        models.delete_alias("net", "best")
        with pytest.raises(InvalidInput):
            models.get_version_by_alias("net", "best")
        for alias in ("", "latest", "v1", "a b", None):
            with pytest.raises(InvalidInput):
                models.set_alias("net", alias, 1)  # type: ignore[arg-type]

    def test_versions_go_through_stages(self, models: Models) -> None:
        models.create_registered_model("net")
        for number in (1, 2, 3):
            models.create_model_version("net", f"s3://bucket/{number}")
        assert models.set_model_version_stage("net", 1, "production").current_stage is ModelStage.PRODUCTION
        models.set_model_version_stage("net", 2, "Production", archive_existing=True)
        latest = models.list_latest_versions("net")
        assert {version.current_stage.value: version.version for version in latest} == {
            "Archived": "1",
            "Production": "2",
            "None": "3",
        }
        assert [version.version for version in models.list_latest_versions("net", ["PRODUCTION"])] == ["2"]
        for stage, archive in (("nowhere", False), ("Archived", True)):
            with pytest.raises(InvalidInput):
                models.set_model_version_stage("net", 1, stage, archive_existing=archive)

    def test_versions_are_searched_page_by_page(self, models: Models) -> None:
        for name in ("a", "b"):
            models.create_registered_model(name)
            for number in range(3):
                models.create_model_version(name, f"s3://bucket/{name}{number}")
        asked: dict[str, Any] = {"filter_string": "name = 'a'", "order_by": ["version_number ASC"], "max_results": 2}
        first = models.search_model_versions(**asked)
        rest = models.search_model_versions(**asked, page_token=first.token)
        assert [one.source for one in (*first, *rest)] == [f"s3://bucket/a{number}" for number in range(3)]
        assert rest.token is None
        assert len(models.search_model_versions()) == 6

    def test_files_of_a_version_are_those_of_its_run(self, tracking: Tracking, models: Models) -> None:
        info = tracking.create_run("0").info
        add_file(tracking, info.run_id, "model/a b.bin")
        models.create_registered_model("net")
        sources = (f"{info.artifact_uri}/model", f"runs:/{info.run_id}/model", "models:/net/1", "models:/net@best")
        for source in sources:
            version = models.create_model_version("net", source, run_id=info.run_id)
            models.set_alias("net", "best", version.version)
            assert (version.source, version.run_id) == (source, info.run_id)
            with models.open_version_artifacts("net", version.version).open("a b.bin") as file:
                assert file.read() == b"weights"
        for source in (f"runs:/{info.run_id}/../other", f"runs:/{UNKNOWN_RUN}/model", "models:/net", "https://x/m", ""):
            with pytest.raises(InvalidInput):
                models.create_model_version("net", source, run_id=info.run_id)

    # -- logged models

    def test_a_logged_model_comes_back_as_it_was_created(self, tracking: Tracking, models: Models) -> None:
        run_id = tracking.create_run("0").info.run_id
        created = models.create_logged_model(
            0, name="net", source_run_id=run_id, model_type="agent", params={"lr": 0.1}, tags={"a": 1}
        )
        assert created == models.get_logged_model(created.model_id)
        assert (created.experiment_id, created.name, created.source_run_id) == ("0", "net", run_id)
        assert (created.model_type, created.params, created.tags) == ("agent", {"lr": "0.1"}, {"a": "1"})
        assert created.status is LoggedModelStatus.PENDING
        assert models.create_logged_model("0").name  # made up

    def test_a_logged_model_gets_its_files_and_is_ready_then(self, models: Models) -> None:
        model_id = models.create_logged_model("0").model_id
        models.open_logged_model_artifacts(model_id).put_stream(io.BytesIO(b"x"), "MLmodel")
        assert models.finalize_logged_model(model_id, "READY").status is LoggedModelStatus.READY
        assert [info.path for info in models.open_logged_model_artifacts(model_id).list()] == ["MLmodel"]
        models.create_registered_model("net")
        version = models.create_model_version("net", f"models:/{model_id}", model_id=model_id)
        assert version.model_id == model_id
        assert [info.path for info in models.open_version_artifacts("net", 1).list()] == ["MLmodel"]
        with pytest.raises(InvalidInput):
            models.finalize_logged_model(model_id, "DONE")

    def test_tags_of_a_logged_model_change_and_params_do_not(self, models: Models) -> None:
        model_id = models.create_logged_model("0", params={"lr": 0.1}, tags={"a": "1"}).model_id
        models.set_logged_model_tags(model_id, {"a": 2, "b": "3"})
        models.delete_logged_model_tag(model_id, "b")
        with pytest.raises(NotFound):
            models.delete_logged_model_tag(model_id, "b")
        models.log_logged_model_params(model_id, {"lr": 0.1, "depth": 3})
        with pytest.raises(ParamChanged):
            models.log_logged_model_params(model_id, {"new": 1, "lr": 0.2})
        found = models.get_logged_model(model_id)
        assert (found.tags, found.params) == ({"a": "2"}, {"depth": "3", "lr": "0.1"})

    def test_a_deleted_logged_model_is_not_found(self, models: Models) -> None:
        model_id = models.create_logged_model("0").model_id
        models.delete_logged_model(model_id)
        models.delete_logged_model(model_id)
        for number in (model_id, UNKNOWN_MODEL):
            with pytest.raises(NotFound):
                models.get_logged_model(number)
        for text in ("", "../x", "a/b", None, 7):
            with pytest.raises(InvalidInput):
                models.get_logged_model(text)  # type: ignore[arg-type]
        assert models.search_logged_models(["0"]) == []

    def test_logged_models_are_found_and_ordered_by_their_figures(self, tracking: Tracking, models: Models) -> None:
        run_id = tracking.create_run("0").info.run_id
        ids = [models.create_logged_model("0", name=f"net{number}").model_id for number in range(3)]
        for number, model_id in enumerate(ids):
            common: dict[str, Any] = {"model_id": model_id, "key": "acc", "timestamp": 1, "run_id": run_id}
            measure(
                tracking,
                run_id,
                ModelMetric(**common, value=number / 10),
                ModelMetric(**common, step=1, value=1 - number / 10, dataset_name="test", dataset_digest="x"),
            )
        assert [one.value for one in models.get_logged_model(ids[1]).metrics] == [0.1, 0.9]

        def found(**asked: Any) -> list[str]:
            return [model.name for model in models.search_logged_models(["0"], **asked)]

        on_test = {"dataset_name": "test", "dataset_digest": "x"}
        assert sorted(found(filter_string="metrics.acc > 0.85", datasets=[on_test])) == ["net0", "net1"]
        assert found(order_by=[{"field_name": "metrics.acc", "ascending": True, **on_test}]) == ["net2", "net1", "net0"]
        assert found(order_by=[{"field_name": "name", "ascending": False}], max_results=2) == ["net2", "net1"]
        assert found(datasets=[{"dataset_name": "other"}]) == []
        page = models.search_logged_models(["0"], max_results=2)
        assert len(models.search_logged_models(["0"], max_results=2, page_token=page.token)) == 1
        for wrong in ({"datasets": [{"dataset_digest": "x"}]}, {"order_by": [{"ascending": True}]}):
            with pytest.raises(InvalidInput):
                found(**wrong)

    @pytest.mark.parametrize("field", ["metrics.my loss", "params.a b", "tags.x y", "metrics.`my loss`", "name"])
    def test_an_order_takes_names_with_spaces_without_quotes(self, models: Models, field: str) -> None:
        model = models.create_logged_model(0, params={"a b": 1}, tags={"x y": "z"})
        assert models.search_logged_models([0], order_by=[{"field_name": field, "ascending": False}]) == [model]

    def test_a_run_tells_which_models_it_read_and_made(self, tracking: Tracking, models: Models) -> None:
        run_id = tracking.create_run("0").info.run_id
        read, made = (models.create_logged_model("0").model_id for _ in range(2))
        models.log_model_inputs(run_id, [LoggedModelInput(read)])
        models.log_model_outputs(run_id, [LoggedModelOutput(made, 3)])
        run = tracking.get_run(run_id)
        assert run.inputs.model_inputs == (LoggedModelInput(read),)
        assert run.outputs.model_outputs == (LoggedModelOutput(made, 3),)
        tracking.delete_run(run_id)
        with pytest.raises(NotActive):
            models.log_model_inputs(run_id, [LoggedModelInput(read)])
        with pytest.raises(NotFound):
            models.log_model_outputs(UNKNOWN_RUN, [LoggedModelOutput(made)])

    # -- all of them

    def test_a_fault_in_a_filter_or_order_is_pointed_at(self, models: Models) -> None:
        searches: list[Callable[..., object]] = [
            models.search_registered_models,
            models.search_model_versions,
            lambda **asked: models.search_logged_models(["0"], **asked),
        ]
        for search in searches:
            with pytest.raises(FilterError, match="column 8"):
                search(filter_string="name = ")
            with pytest.raises(InvalidInput):
                search(filter_string=5)
            with pytest.raises(InvalidInput):
                search(max_results=0)
        for search in searches[:2]:
            for order_by in ("name", [5], ["name SIDEWAYS"]):
                with pytest.raises(InvalidInput):
                    search(order_by=order_by)

    def test_texts_that_no_store_can_hold_are_refused(self, models: Models) -> None:
        models.create_registered_model("net")
        for bad in ("a\0b", "\ud800"):
            with pytest.raises(InvalidInput):
                models.create_model_version("net", f"s3://{bad}")
            with pytest.raises(InvalidInput):
                models.set_registered_model_tags("net", {"k": bad})
            with pytest.raises(InvalidInput):
                models.create_logged_model(0, model_type=bad)
