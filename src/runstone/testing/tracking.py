"""What every Tracking must do, as tests. For plug-ins, too.

Derive a class named `Test...` from TrackingSuite and give it a fixture `tracking`: a fresh tracker, with nothing in it
but the experiment `Default`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from runstone import tag_names
from runstone.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    Metric,
    Run,
    RunStatus,
    ViewType,
)
from runstone.errors import (
    AlreadyExists,
    FilterError,
    InvalidInput,
    NotActive,
    NotFound,
)
from runstone.naming import now_ms
from runstone.testing.tracking_records import UNKNOWN_RUN, RecordsSuite
from runstone.tracking.base import MAX_PAGE, MAX_TABLE, Tracking

__all__ = ["TrackingSuite"]

NO_RUN_IDS: tuple[Any, ...] = ("", "../x", "a/b", "a b", "%2e", "é" * 40, "a" * 300, "abc\n", None, 7, b"ab")
NO_EXPERIMENT_IDS: tuple[Any, ...] = ("", "x", "-1", "1.0", "0x1", " 1", "1\n", "9" * 30, None, True, 1.0)


class TrackingSuite(RecordsSuite):
    """The contract of Tracking. Needs a fixture `tracking`: a fresh tracker for each test."""

    # -- experiments

    def test_the_default_experiment_is_there(self, tracking: Tracking) -> None:
        experiment = tracking.get_experiment("0")
        assert (experiment.experiment_id, experiment.name) == ("0", "Default")
        assert experiment.lifecycle_stage is LifecycleStage.ACTIVE

    def test_an_experiment_comes_back_as_it_was_created(self, tracking: Tracking) -> None:
        before = now_ms()
        experiment_id = tracking.create_experiment("vision", tags={"team": "blue", "size": 3})
        experiment = tracking.get_experiment(experiment_id)
        assert (experiment.experiment_id, experiment.name) == (experiment_id, "vision")
        assert experiment.tags == {"team": "blue", "size": "3"}
        assert before <= (experiment.creation_time or 0) == experiment.last_update_time
        assert tracking.find_experiment("vision") == experiment

    def test_an_experiment_id_may_be_an_int(self, tracking: Tracking) -> None:
        number = int(tracking.create_experiment("a"))
        tracking.set_experiment_tags(number, {"k": "v"})
        tracking.rename_experiment(number, "b")
        assert tracking.get_experiment(number).name == "b"
        assert tracking.create_run(number).info.experiment_id == str(number)
        assert len(tracking.search_runs([number])) == 1
        assert len(tracking.search_run_table([number])) == 1
        tracking.delete_experiment_tag(number, "k")
        tracking.delete_experiment(number)
        tracking.restore_experiment(number)
        assert tracking.get_experiment(number).tags == {}

    @pytest.mark.parametrize("experiment_id", NO_EXPERIMENT_IDS, ids=repr)
    def test_what_is_no_experiment_id_is_refused_everywhere(self, tracking: Tracking, experiment_id: Any) -> None:
        acts: list[Callable[[], object]] = [
            lambda: tracking.get_experiment(experiment_id),
            lambda: tracking.rename_experiment(experiment_id, "x"),
            lambda: tracking.delete_experiment(experiment_id),
            lambda: tracking.restore_experiment(experiment_id),
            lambda: tracking.set_experiment_tags(experiment_id, {"a": "b"}),
            lambda: tracking.delete_experiment_tag(experiment_id, "a"),
            lambda: tracking.create_run(experiment_id),
            lambda: tracking.search_runs([experiment_id]),
        ]
        for act in acts:
            with pytest.raises(InvalidInput, match="experiment id"):
                act()

    def test_an_unknown_experiment_is_not_found(self, tracking: Tracking) -> None:
        acts: list[Callable[[], object]] = [
            lambda: tracking.get_experiment("77"),
            lambda: tracking.rename_experiment("77", "x"),
            lambda: tracking.delete_experiment("77"),
            lambda: tracking.restore_experiment("77"),
            lambda: tracking.set_experiment_tags("77", {"a": "b"}),
            lambda: tracking.delete_experiment_tag("77", "a"),
            lambda: tracking.create_run("77"),
        ]
        for act in acts:
            with pytest.raises(NotFound, match="77"):
                act()
        assert tracking.find_experiment("nothing of this name") is None
        assert tracking.search_runs(["77"]) == []

    @pytest.mark.parametrize("name", ["", "  ", None, 5, "x" * 501], ids=lambda name: repr(name)[:20])
    def test_what_cannot_name_an_experiment_is_refused(self, tracking: Tracking, name: Any) -> None:
        for act in (tracking.create_experiment, lambda name: tracking.rename_experiment("0", name)):
            with pytest.raises(InvalidInput, match="experiment name"):
                act(name)
        assert [one.name for one in tracking.search_experiments()] == ["Default"]

    def test_an_experiments_name_is_taken_once(self, tracking: Tracking) -> None:
        a, b = tracking.create_experiment("a"), tracking.create_experiment("b")
        with pytest.raises(AlreadyExists, match="'a'"):
            tracking.create_experiment("a")
        tracking.delete_experiment(b)
        again = tracking.create_experiment("b")
        with pytest.raises(AlreadyExists, match=f"rename {again} "):
            tracking.restore_experiment(b)
        with pytest.raises(AlreadyExists, match="Default"):
            tracking.rename_experiment(a, "Default")
        tracking.rename_experiment(a, "a")

    def test_a_deleted_experiment_can_be_found_but_not_changed(self, tracking: Tracking) -> None:
        experiment_id = tracking.create_experiment("a", tags={"t": "1"})
        tracking.delete_experiment(experiment_id)
        tracking.delete_experiment(experiment_id)
        assert tracking.get_experiment(experiment_id).lifecycle_stage is LifecycleStage.DELETED
        found = tracking.find_experiment("a")
        assert found is not None and found.lifecycle_stage is LifecycleStage.DELETED
        acts: list[Callable[[], object]] = [
            lambda: tracking.rename_experiment(experiment_id, "b"),
            lambda: tracking.set_experiment_tags(experiment_id, {"t": "2"}),
            lambda: tracking.delete_experiment_tag(experiment_id, "t"),
            lambda: tracking.create_run(experiment_id),
        ]
        for act in acts:
            with pytest.raises(NotActive, match="restore"):
                act()

    def test_the_default_experiment_cannot_be_deleted(self, tracking: Tracking) -> None:
        for default in ("0", 0):
            with pytest.raises(InvalidInput, match="default experiment"):
                tracking.delete_experiment(default)
        assert tracking.get_experiment("0").lifecycle_stage is LifecycleStage.ACTIVE

    def test_the_runs_of_a_deleted_experiment_go_and_come_back_with_it(self, tracking: Tracking) -> None:
        experiment_id = tracking.create_experiment("a")
        kept, thrown = (tracking.create_run(experiment_id).info.run_id for _ in range(2))
        tracking.delete_run(thrown)
        tracking.delete_experiment(experiment_id)
        assert tracking.get_run(kept).info.lifecycle_stage is LifecycleStage.DELETED
        tracking.restore_experiment(experiment_id)
        assert tracking.get_run(kept).info.lifecycle_stage is LifecycleStage.ACTIVE
        assert tracking.get_run(thrown).info.lifecycle_stage is LifecycleStage.DELETED

    def test_experiment_tags_are_set_one_by_one_and_deleted(self, tracking: Tracking) -> None:
        tracking.set_experiment_tags("0", {"a": 1, "b": None})
        tracking.set_experiment_tags("0", {"a": 2})
        assert tracking.get_experiment("0").tags == {"a": "2", "b": "None"}
        tracking.delete_experiment_tag("0", "a")
        assert tracking.get_experiment("0").tags == {"b": "None"}
        with pytest.raises(NotFound, match="'a'"):
            tracking.delete_experiment_tag("0", "a")

    def test_a_relative_artifact_location_stays_where_it_was_meant(
        self, tracking: Tracking, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        experiment_id = tracking.create_experiment("a", artifact_location="files/")
        assert tracking.get_experiment(experiment_id).artifact_location == (tmp_path / "files").as_uri()
        run = tracking.create_run(experiment_id)
        assert run.info.artifact_uri.startswith((tmp_path / "files").as_uri())

    def test_an_artifact_location_that_cannot_be_opened_is_refused_at_once(self, tracking: Tracking) -> None:
        with pytest.raises(InvalidInput, match="nosuchscheme"):
            tracking.create_experiment("a", artifact_location="nosuchscheme://bucket/x")
        assert tracking.find_experiment("a") is None

    def test_experiments_are_searched_by_view_filter_and_order_page_by_page(self, tracking: Tracking) -> None:
        ids = [tracking.create_experiment(f"e{number}", tags={"odd": number % 2}) for number in range(5)]
        tracking.delete_experiment(ids[4])
        names = [one.name for one in tracking.search_experiments(filter_string="tags.odd = '0'", order_by=["name"])]
        assert names == ["e0", "e2"]
        assert [one.name for one in tracking.search_experiments(view=ViewType.DELETED_ONLY)] == ["e4"]
        assert len(tracking.search_experiments(view=3)) == 6
        first = tracking.search_experiments(max_results=3, order_by=["name DESC"])
        rest = tracking.search_experiments(max_results=3, order_by=["name DESC"], page_token=first.token)
        assert [one.name for one in [*first, *rest]] == ["e3", "e2", "e1", "e0", "Default"]
        assert rest.token is None
        with pytest.raises(InvalidInput, match="another search"):
            tracking.search_experiments(page_token=first.token)

    # -- creating runs

    def test_a_run_has_defaults(self, tracking: Tracking) -> None:
        before = now_ms()
        run = tracking.create_run("0")
        info = run.info
        assert before <= (info.start_time or 0) <= now_ms()
        assert (info.experiment_id, info.status, info.end_time) == ("0", RunStatus.RUNNING, None)
        assert (info.user_id, info.lifecycle_stage) == ("", LifecycleStage.ACTIVE)
        assert info.run_name
        assert run.data.tags == {tag_names.RUN_NAME: info.run_name}
        assert (run.data.params, run.data.metrics) == ({}, {})
        assert info.run_id in info.artifact_uri
        assert tracking.get_run(info.run_id) == run

    def test_a_run_comes_back_as_it_was_created(self, tracking: Tracking) -> None:
        run = tracking.create_run(
            "0", run_id="my-run_1", run_name="first", start_time=5, user_id="ada", tags={"a": 1, "b": "é"}
        )
        assert run == tracking.get_run("my-run_1")
        assert (run.info.run_id, run.info.run_name, run.info.start_time, run.info.user_id) == (
            "my-run_1",
            "first",
            5,
            "ada",
        )
        assert run.data.tags == {"a": "1", "b": "é", tag_names.RUN_NAME: "first"}

    def test_a_runs_user_is_said_by_its_tag_unless_given(self, tracking: Tracking) -> None:
        assert tracking.create_run("0", tags={tag_names.USER: "ada"}).info.user_id == "ada"
        assert tracking.create_run("0", tags={tag_names.USER: "ada"}, user_id="eve").info.user_id == "eve"

    def test_a_run_id_is_taken_once(self, tracking: Tracking, run: Run) -> None:
        with pytest.raises(AlreadyExists, match=run.info.run_id):
            tracking.create_run("0", run_id=run.info.run_id)

    def test_run_ids_that_are_made_up_sort_by_creation(self, tracking: Tracking) -> None:
        first = tracking.create_run("0").info.run_id
        while now_ms() <= int(first[:12], 16):
            pass
        assert first < tracking.create_run("0").info.run_id

    def test_the_name_and_its_tag_are_one_fact(self, tracking: Tracking) -> None:
        for given in ({"run_name": "a"}, {"tags": {tag_names.RUN_NAME: "a"}}):
            run = tracking.create_run("0", **given)
            assert (run.info.run_name, run.data.tags[tag_names.RUN_NAME]) == ("a", "a")
        tracking.update_run(run.info.run_id, run_name="b")
        renamed = tracking.get_run(run.info.run_id)
        assert (renamed.info.run_name, renamed.data.tags[tag_names.RUN_NAME]) == ("b", "b")
        tracking.log_batch(run.info.run_id, tags={tag_names.RUN_NAME: "c"})
        assert tracking.get_run(run.info.run_id).info.run_name == "c"

    def test_two_different_names_for_a_run_are_refused(self, tracking: Tracking) -> None:
        with pytest.raises(InvalidInput, match=r"'a'.*'b'"):
            tracking.create_run("0", run_name="a", tags={tag_names.RUN_NAME: "b"})
        assert tracking.search_runs(["0"]) == []
        assert tracking.create_run("0", run_name="a", tags={tag_names.RUN_NAME: "a"}).info.run_name == "a"

    def test_an_empty_name_is_made_up(self, tracking: Tracking) -> None:
        assert tracking.create_run("0", run_name="", tags={tag_names.RUN_NAME: ""}).info.run_name

    @pytest.mark.parametrize("time", [-1, 1.5, "1", 1 << 62], ids=repr)
    def test_what_is_no_time_is_refused(self, tracking: Tracking, run: Run, time: Any) -> None:
        with pytest.raises(InvalidInput, match="start time"):
            tracking.create_run("0", start_time=time)
        with pytest.raises(InvalidInput, match="end time"):
            tracking.update_run(run.info.run_id, end_time=time)

    def test_a_time_may_be_a_whole_number_of_numpy(self, tracking: Tracking) -> None:
        assert tracking.create_run("0", start_time=np.int64(7)).info.start_time == 7  # type: ignore[arg-type]

    @pytest.mark.parametrize("run_id", NO_RUN_IDS, ids=lambda run_id: repr(run_id)[:20])
    def test_what_is_no_run_id_is_refused_everywhere(self, tracking: Tracking, run_id: Any) -> None:
        for act in _acts_on(tracking, run_id):
            with pytest.raises(InvalidInput, match="run id"):
                act()
        if run_id is not None:
            with pytest.raises(InvalidInput, match="run id"):
                tracking.create_run("0", run_id=run_id)

    def test_an_unknown_run_is_not_found(self, tracking: Tracking) -> None:
        for act in _acts_on(tracking, UNKNOWN_RUN):
            with pytest.raises(NotFound, match=UNKNOWN_RUN):
                act()

    # -- the life of a run

    @pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
    def test_a_status_that_ends_a_run_sets_its_end_time(self, tracking: Tracking, run: Run, status: str) -> None:
        before = now_ms()
        tracking.update_run(run.info.run_id, status=status)
        info = tracking.get_run(run.info.run_id).info
        assert info.status == RunStatus(status)
        assert before <= (info.end_time or 0) <= now_ms()
        tracking.update_run(run.info.run_id, status=status, end_time=9)
        assert tracking.get_run(run.info.run_id).info.end_time == 9

    @pytest.mark.parametrize("status", [RunStatus.RUNNING, "SCHEDULED"])
    def test_a_status_that_ends_nothing_clears_the_end_time(
        self, tracking: Tracking, run: Run, status: RunStatus | str
    ) -> None:
        tracking.update_run(run.info.run_id, status="FINISHED")
        tracking.update_run(run.info.run_id, status=status)
        info = tracking.get_run(run.info.run_id).info
        assert (info.status, info.end_time) == (RunStatus(status), None)

    def test_what_is_not_given_stays(self, tracking: Tracking, run: Run) -> None:
        tracking.update_run(run.info.run_id, status="FAILED", end_time=5)
        tracking.update_run(run.info.run_id, run_name="b")
        tracking.update_run(run.info.run_id)
        info = tracking.get_run(run.info.run_id).info
        assert (info.status, info.end_time, info.run_name) == ("FAILED", 5, "b")
        tracking.update_run(run.info.run_id, end_time=6)
        info = tracking.get_run(run.info.run_id).info
        assert (info.status, info.end_time) == ("FAILED", 6)
        assert info.start_time == run.info.start_time

    def test_an_update_with_a_fault_changes_nothing(self, tracking: Tracking, run: Run) -> None:
        for fault in ({"status": "DONE"}, {"status": "FINISHED", "end_time": -1}):
            with pytest.raises(InvalidInput):
                tracking.update_run(run.info.run_id, run_name="b", **fault)
        assert tracking.get_run(run.info.run_id) == run

    def test_a_deleted_run_can_be_read_but_not_written(self, tracking: Tracking, run: Run) -> None:
        run_id = run.info.run_id
        tracking.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 0)], params={"p": 1}, tags={"t": "1"})
        tracking.delete_run(run_id)
        tracking.delete_run(run_id)
        assert tracking.get_run(run_id).info.lifecycle_stage is LifecycleStage.DELETED
        assert len(tracking.read_series(run_id, "m")) == 1
        acts: list[Callable[[], object]] = [
            lambda: tracking.log_batch(run_id, tags={"t": "2"}),
            lambda: tracking.delete_tag(run_id, "t"),
            lambda: tracking.update_run(run_id, status="FINISHED"),
            lambda: tracking.update_run(run_id, run_name="b"),
            lambda: tracking.record_logged_model(run_id, {}),
            lambda: tracking.log_inputs(run_id, [DatasetInput(Dataset("d", "1", "local", "x"))]),
        ]
        for act in acts:
            with pytest.raises(NotActive, match="restore"):
                act()
        assert tracking.search_runs(["0"]) == []
        assert [one.info.run_id for one in tracking.search_runs(["0"], view=ViewType.DELETED_ONLY)] == [run_id]
        tracking.restore_run(run_id)
        tracking.restore_run(run_id)
        assert tracking.get_run(run_id).data.tags["t"] == "1"
        assert len(tracking.search_runs(["0"])) == 1

    def test_a_run_of_a_deleted_experiment_is_restored_with_that_alone(self, tracking: Tracking) -> None:
        experiment_id = tracking.create_experiment("a")
        run_id = tracking.create_run(experiment_id).info.run_id
        tracking.delete_experiment(experiment_id)
        with pytest.raises(NotActive, match=f"experiments restore {experiment_id}"):
            tracking.restore_run(run_id)
        assert tracking.get_run(run_id).info.lifecycle_stage is LifecycleStage.DELETED

    # -- searching runs

    def test_runs_are_searched_by_filter_in_order_and_by_default_the_latest_first(self, tracking: Tracking) -> None:
        ids = [tracking.create_run("0", start_time=start).info.run_id for start in (10, 30, 20)]
        for number, run_id in enumerate(ids):
            tracking.log_batch(run_id, metrics=[Metric("m", float(number), 1, 0)], params={"p": number})
        assert [one.info.start_time for one in tracking.search_runs(["0"])] == [30, 20, 10]
        found = tracking.search_runs(["0"], filter_string="metrics.m < 2 and params.p != '9'", order_by=["metrics.m"])
        assert [one.info.run_id for one in found] == ids[:2]
        assert tracking.search_runs([]) == []

    def test_a_search_gives_the_same_page_as_runs_and_as_columns(self, tracking: Tracking) -> None:
        for number in range(5):
            run_id = tracking.create_run("0", start_time=number, run_name=f"r{number}").info.run_id
            tracking.log_batch(run_id, metrics=[Metric("m", float(number), 1, 0)], params={f"p{number % 2}": "x"})
        token = table_token = None
        seen = []
        while True:
            page = tracking.search_runs(["0"], max_results=2, page_token=token)
            table = tracking.search_run_table(["0"], max_results=2, page_token=table_token)
            assert table.run_id == [one.info.run_id for one in page]
            assert table.metrics["m"] == [one.data.metrics["m"] for one in page]
            assert table.tags[tag_names.RUN_NAME] == [one.info.run_name for one in page]
            seen += [one.info.run_name for one in page]
            token, table_token = page.token, table.token
            assert (token is None) == (table_token is None)
            if token is None:
                break
        assert seen == ["r4", "r3", "r2", "r1", "r0"]

    @pytest.mark.parametrize("size", [0, -1, MAX_PAGE + 1, "10", 2.5, None, True], ids=repr)
    def test_a_page_has_1_to_50000_results(self, tracking: Tracking, size: Any) -> None:
        searches: list[Callable[[], object]] = [
            lambda: tracking.search_runs(["0"], max_results=size),
            lambda: tracking.search_experiments(max_results=size),
        ]
        for search in searches:
            with pytest.raises(InvalidInput, match=r"max_results.*1 to 50000"):
                search()

    @pytest.mark.parametrize("size", [0, -1, MAX_TABLE + 1, "10", 2.5, None, True], ids=repr)
    def test_a_table_has_1_to_a_million_rows(self, tracking: Tracking, size: Any) -> None:
        with pytest.raises(InvalidInput, match=r"max_results.*1 to 1000000"):
            tracking.search_run_table(["0"], max_results=size)

    def test_the_largest_page_is_allowed(self, tracking: Tracking, run: Run) -> None:
        assert len(tracking.search_runs(["0"], max_results=MAX_PAGE)) == 1
        assert len(tracking.search_run_table(["0"], max_results=MAX_TABLE)) == 1
        assert len(tracking.search_experiments(max_results=MAX_PAGE)) == 1

    @pytest.mark.parametrize("token", ["x", "AAAA", "é", "[]"])
    def test_a_page_token_that_is_none_is_refused(self, tracking: Tracking, token: str) -> None:
        with pytest.raises(InvalidInput, match="page token"):
            tracking.search_runs(["0"], page_token=token)

    def test_a_filter_that_cannot_be_read_says_where(self, tracking: Tracking) -> None:
        with pytest.raises(FilterError, match="column 13") as caught:
            tracking.search_runs(["0"], filter_string="metrics.a > ")
        assert caught.value.column == 12
        with pytest.raises(FilterError, match="column 1"):
            tracking.search_runs(["0"], order_by=["nonsense.a"])
        with pytest.raises(FilterError, match="column 1"):
            tracking.search_experiments(filter_string="metrics.a = 1")

    def test_what_is_no_list_of_experiments_or_no_view_is_refused(self, tracking: Tracking) -> None:
        for ids in ("0", 0):
            with pytest.raises(InvalidInput, match="list of ids"):
                tracking.search_runs(ids)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="view type"):
            tracking.search_runs(["0"], view=7)

    # -- models, datasets, files

    def test_the_tag_of_logged_models_is_a_list_that_grows(self, tracking: Tracking, run: Run) -> None:
        models = [{"artifact_path": f"model-{number}", "signature": "x" * 900} for number in range(12)]
        for model in models:
            tracking.record_logged_model(run.info.run_id, model)
        tags = tracking.get_run(run.info.run_id).data.tags
        assert json.loads(tags[tag_names.LOGGED_MODELS]) == models

    def test_datasets_are_linked_to_a_run(self, tracking: Tracking, run: Run) -> None:
        link = DatasetInput(
            Dataset("digits", "abc", "local", "{}", schema="{}"), (InputTag(tag_names.DATASET_CONTEXT, "train"),)
        )
        tracking.log_inputs(run.info.run_id, [link])
        assert tracking.get_run(run.info.run_id).inputs.dataset_inputs == (link,)
        assert len(tracking.search_runs(["0"], filter_string="datasets.context = 'train'")) == 1
        for name, digest in (("", "abc"), ("digits", "")):
            with pytest.raises(InvalidInput, match="dataset's"):
                tracking.log_inputs(run.info.run_id, [DatasetInput(Dataset(name, digest, "local", "{}"))])

    def test_each_run_has_files_of_its_own(self, tracking: Tracking, run: Run) -> None:
        other = tracking.create_run("0").info.run_id
        tracking.open_artifacts(run.info.run_id).put_stream(io.BytesIO(b"one"), "a/b.txt")
        with tracking.open_artifacts(run.info.run_id).open("a/b.txt") as file:
            assert file.read() == b"one"
        assert tracking.open_artifacts(other).list() == []


def _acts_on(tracking: Tracking, run_id: Any) -> list[Callable[[], object]]:
    return [
        lambda: tracking.get_run(run_id),
        lambda: tracking.update_run(run_id),
        lambda: tracking.update_run(run_id, status="FINISHED"),
        lambda: tracking.update_run(run_id, run_name="a"),
        lambda: tracking.delete_run(run_id),
        lambda: tracking.restore_run(run_id),
        lambda: tracking.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 0)]),
        lambda: tracking.log_batch(run_id),
        lambda: tracking.delete_tag(run_id, "t"),
        lambda: tracking.record_logged_model(run_id, {}),
        lambda: tracking.log_inputs(run_id, []),
        lambda: tracking.list_series(run_id),
        lambda: tracking.read_series(run_id, "m"),
        lambda: tracking.open_artifacts(run_id),
    ]
