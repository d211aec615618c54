"""What every Tracking must do, as tests. For plug-ins, too.

Derive a class named `Test...` from TrackingSuite and give it a fixture `tracking`: a fresh tracker, with nothing in it
but the experiment `Default`.
"""

from __future__ import annotations

import io
import json
import math
import threading
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
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
    ParamChanged,
)
from runstone.naming import now_ms
from runstone.series.points import MetricBatch
from runstone.stores.base import Write
from runstone.tracking.base import MAX_PAGE, Tracking

__all__ = ["TrackingSuite"]

UNKNOWN_RUN = "0f" * 16
NO_RUN_IDS: tuple[Any, ...] = ("", "../x", "a/b", "a b", "%2e", "é" * 40, "a" * 300, "abc\n", None, 7, b"ab")
NO_EXPERIMENT_IDS: tuple[Any, ...] = ("", "x", "-1", "1.0", "0x1", " 1", "1\n", "9" * 30, None, True, 1.0)
BAD_KEYS: tuple[Any, ...] = ("", "a%b", "a*", "../a", "/a", "a/", "a//b", "a/../b", ".", "..", "a\n", "a\0", None, 3)


def last_values(tracking: Tracking, run_id: str) -> dict[str, float]:
    """The latest value of each metric of the run."""
    return tracking.get_run(run_id).data.metrics


def log_value(tracking: Tracking, run_id: str, value: Any) -> float:
    """What is kept of a metric's value."""
    tracking.log_batch(run_id, metrics=[Metric("value", value, 1, 0)])
    return last_values(tracking, run_id)["value"]


def log_point(tracking: Tracking, run_id: str, **point: Any) -> tuple[int, int]:
    """The step and timestamp that are kept of a point."""
    tracking.log_batch(run_id, metrics=[Metric(**{"key": "m", "value": 1.0, "timestamp": 1, "step": 0, **point})])
    points = tracking.read_series(run_id, "m")
    return int(points.step[-1]), int(points.timestamp[-1])


class TrackingSuite:
    """The contract of Tracking. Needs a fixture `tracking`: a fresh tracker for each test."""

    @pytest.fixture
    def run(self, tracking: Tracking) -> Run:
        """A run of the default experiment."""
        return tracking.create_run("0")

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
        tracking.delete_experiment(b)
        for name in ("a", "b"):
            with pytest.raises(AlreadyExists, match=name):
                tracking.create_experiment(name)
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
            run = tracking.create_run("0", **given)  # type: ignore[arg-type]
            assert (run.info.run_name, run.data.tags[tag_names.RUN_NAME]) == ("a", "a")
        tracking.update_run(run.info.run_id, run_name="b")
        renamed = tracking.get_run(run.info.run_id)
        assert (renamed.info.run_name, renamed.data.tags[tag_names.RUN_NAME]) == ("b", "b")
        tracking.log_batch(run.info.run_id, tags={tag_names.RUN_NAME: "c"})
        assert tracking.get_run(run.info.run_id).info.run_name == "c"

    def test_two_different_names_for_a_run_are_refused(self, tracking: Tracking) -> None:
        with pytest.raises(InvalidInput, match="'a'.*'b'"):
            tracking.create_run("0", run_name="a", tags={tag_names.RUN_NAME: "b"})
        assert tracking.search_runs(["0"]) == []
        assert tracking.create_run("0", run_name="a", tags={tag_names.RUN_NAME: "a"}).info.run_name == "a"

    def test_an_empty_name_is_made_up(self, tracking: Tracking) -> None:
        assert tracking.create_run("0", run_name="", tags={tag_names.RUN_NAME: ""}).info.run_name

    @pytest.mark.parametrize("time", [-1, 1.5, "1", True.__class__, 1 << 62], ids=repr)
    def test_what_is_no_time_is_refused(self, tracking: Tracking, run: Run, time: Any) -> None:
        with pytest.raises(InvalidInput, match="start time"):
            tracking.create_run("0", start_time=time)
        with pytest.raises(InvalidInput, match="end time"):
            tracking.update_run(run.info.run_id, end_time=time)

    def test_a_time_may_be_a_whole_number_of_numpy(self, tracking: Tracking) -> None:
        assert tracking.create_run("0", start_time=np.int64(7)).info.start_time == 7  # type: ignore[arg-type]

    @pytest.mark.parametrize("run_id", NO_RUN_IDS, ids=lambda run_id: repr(run_id)[:20])
    def test_what_is_no_run_id_is_refused_everywhere(self, tracking: Tracking, run_id: Any) -> None:
        for act in [*self._acts_on(tracking, run_id), lambda: tracking.create_run("0", run_id=run_id)]:
            if run_id is not None or act is not None:
                with pytest.raises(InvalidInput, match="run id") if run_id is not None else _refused_or_made():
                    act()

    def test_an_unknown_run_is_not_found(self, tracking: Tracking) -> None:
        for act in self._acts_on(tracking, UNKNOWN_RUN):
            with pytest.raises(NotFound, match=UNKNOWN_RUN):
                act()
