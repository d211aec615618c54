"""What every Store must do, as tests. For plug-ins, too.

Derive a class named `Test...` from StoreSuite and give it a fixture `store`: a fresh Store, whose artifact root is
`file:///root`, with nothing in it but the experiment `Default`. What a store keeps of models is in ModelStoreSuite.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runstone import tag_names
from runstone.entities import LifecycleStage, RunStatus, ViewType
from runstone.errors import AlreadyExists, NotActive, NotFound
from runstone.stores.base import ExperimentQuery, NewRun, RunQuery, Store
from runstone.testing.store_columns import StoreColumnsSuite
from runstone.testing.store_records import RUN_ID, StoreRecordsSuite, add_run, log
from runstone.testing.store_removal import StoreRemovalSuite
from runstone.testing.store_search import StoreSearchSuite
from runstone.testing.store_writers import StoreWritersSuite

__all__ = ["StoreSuite"]

ACTIVE, DELETED = LifecycleStage.ACTIVE, LifecycleStage.DELETED
NO_EXPERIMENTS = ("7", "-1", "00", "+0", "0 ", "x", "", "٣", "9" * 19, "9" * 40)


def add_experiment(store: Store, name: str = "vision", *, now: int = 5, **tags: str) -> str:
    return store.create_experiment(name, artifact_location=None, tags=tags, now=now)


def stage(store: Store, run_id: str) -> LifecycleStage:
    return store.get_run(run_id).info.lifecycle_stage


class StoreSuite(StoreRecordsSuite, StoreWritersSuite, StoreSearchSuite, StoreColumnsSuite, StoreRemovalSuite):
    """The contract of Store. Needs a fixture `store`: a fresh Store for each test."""

    # -- experiments

    def test_there_is_a_default_experiment(self, store: Store) -> None:
        experiment = store.get_experiment("0")
        assert (experiment.name, experiment.artifact_location) == ("Default", "file:///root/0")
        assert store.find_experiment("Default") == experiment

    def test_an_experiment_comes_back_as_it_was_created(self, store: Store) -> None:
        plain = add_experiment(store, team="blue", a="1")
        placed = store.create_experiment("placed", artifact_location="s3://bucket/x", tags={}, now=6)
        experiment = store.get_experiment(plain)
        assert (experiment.experiment_id, experiment.name, experiment.lifecycle_stage) == (plain, "vision", ACTIVE)
        assert (experiment.creation_time, experiment.last_update_time) == (5, 5)
        assert list(experiment.tags.items()) == [("a", "1"), ("team", "blue")]
        assert experiment.artifact_location == f"file:///root/{plain}"
        assert store.get_experiment(placed).artifact_location == "s3://bucket/x"
        assert store.find_experiment("vision") == experiment
        assert plain != placed

    @pytest.mark.parametrize("experiment_id", NO_EXPERIMENTS)
    def test_an_experiment_that_is_not_there_is_not_found(self, store: Store, experiment_id: str) -> None:
        with pytest.raises(NotFound):
            store.get_experiment(experiment_id)
        with pytest.raises(NotFound):
            store.set_experiment_stage(experiment_id, DELETED, now=1)
        with pytest.raises(NotFound):
            add_run(store, experiment_id=experiment_id)
        assert store.search_runs(RunQuery(experiment_ids=(experiment_id,))) == []

    @pytest.mark.parametrize("name", ["nothing", "default", "VISION", "", "vision ", "0"])
    def test_a_name_that_no_experiment_has_finds_none(self, store: Store, name: str) -> None:
        add_experiment(store)
        assert store.find_experiment(name) is None

    def test_a_name_is_taken_by_one_active_experiment_and_free_when_that_is_deleted(self, store: Store) -> None:
        first = add_experiment(store)
        with pytest.raises(AlreadyExists, match="vision"):
            add_experiment(store)
        store.set_experiment_stage(first, DELETED, now=6)
        second = add_experiment(store)
        with pytest.raises(AlreadyExists, match="vision"):
            add_experiment(store)
        assert second != first
        found = store.search_experiments(ExperimentQuery(view=ViewType.ALL))
        assert sorted(one.name for one in found) == ["Default", "vision", "vision"]

    def test_a_name_finds_the_active_experiment_else_the_newest_deleted_one(self, store: Store) -> None:
        first, other = add_experiment(store), add_experiment(store, "other")
        store.set_experiment_stage(first, DELETED, now=6)
        second = add_experiment(store)
        found = store.find_experiment("vision")
        assert found == store.get_experiment(second)
        store.rename_experiment(second, "speech", now=7)
        assert store.find_experiment("vision") == store.get_experiment(first)
        store.rename_experiment(other, "vision", now=7)
        store.set_experiment_stage(other, DELETED, now=8)
        assert store.find_experiment("vision") == store.get_experiment(other)

    def test_an_experiment_whose_name_was_taken_meanwhile_is_not_restored(self, store: Store) -> None:
        first = add_experiment(store)
        add_run(store, experiment_id=first)
        store.set_experiment_stage(first, DELETED, now=6)
        second = add_experiment(store)
        with pytest.raises(AlreadyExists, match=rf"id {first}\).*runstone experiments rename {second} "):
            store.set_experiment_stage(first, ACTIVE, now=7)
        assert store.get_experiment(first).lifecycle_stage == DELETED
        assert stage(store, RUN_ID) == DELETED
        store.rename_experiment(second, "vision 2", now=8)
        store.set_experiment_stage(first, ACTIVE, now=9)
        assert store.find_experiment("vision") == store.get_experiment(first)
        assert stage(store, RUN_ID) == ACTIVE

    def test_an_experiment_is_renamed(self, store: Store) -> None:
        number = add_experiment(store)
        store.rename_experiment(number, "speech", now=9)
        experiment = store.get_experiment(number)
        assert (experiment.name, experiment.creation_time, experiment.last_update_time) == ("speech", 5, 9)
        assert store.find_experiment("vision") is None
        store.rename_experiment(number, "speech", now=10)
        assert add_experiment(store, "vision") != number

    def test_a_name_that_is_taken_is_no_new_name(self, store: Store) -> None:
        number = add_experiment(store)
        deleted = add_experiment(store, "deleted")
        store.set_experiment_stage(deleted, DELETED, now=6)
        with pytest.raises(AlreadyExists, match="Default"):
            store.rename_experiment(number, "Default", now=9)
        assert store.get_experiment(number).name == "vision"
        store.rename_experiment(number, "deleted", now=9)
        assert store.get_experiment(number).name == "deleted"

    def test_tags_of_an_experiment_are_set_and_deleted(self, store: Store) -> None:
        number = add_experiment(store, team="blue", other="1")
        store.set_experiment_tags(number, {"team": "red", "new": ""}, now=8)
        assert store.get_experiment(number).tags == {"team": "red", "other": "1", "new": ""}
        assert store.get_experiment(number).last_update_time == 8
        store.delete_experiment_tag(number, "team", now=9)
        assert store.get_experiment(number).tags == {"other": "1", "new": ""}
        assert store.get_experiment(number).last_update_time == 9
        with pytest.raises(NotFound, match="team"):
            store.delete_experiment_tag(number, "team", now=10)
        assert store.get_experiment(number).last_update_time == 9

    def test_a_deleted_experiment_is_readable_and_cannot_be_changed(self, store: Store) -> None:
        number = add_experiment(store, team="blue")
        store.set_experiment_stage(number, DELETED, now=7)
        before = store.get_experiment(number)
        assert (before.lifecycle_stage, before.last_update_time) == (DELETED, 7)
        changes: tuple[Callable[[], object], ...] = (
            lambda: store.rename_experiment(number, "speech", now=8),
            lambda: store.set_experiment_tags(number, {"team": "red"}, now=8),
            lambda: store.delete_experiment_tag(number, "team", now=8),
            lambda: add_run(store, experiment_id=number),
        )
        for change in changes:
            with pytest.raises(NotActive, match=r"vision.*restore"):
                change()
        assert store.get_experiment(number) == before == store.find_experiment("vision")

    def test_an_experiment_is_restored(self, store: Store) -> None:
        number = add_experiment(store)
        store.set_experiment_stage(number, DELETED, now=7)
        store.set_experiment_stage(number, ACTIVE, now=9)
        experiment = store.get_experiment(number)
        assert (experiment.lifecycle_stage, experiment.last_update_time) == (ACTIVE, 9)
        add_run(store, experiment_id=number)

    def test_deleting_or_restoring_an_experiment_twice_changes_nothing(self, store: Store) -> None:
        number = add_experiment(store)
        add_run(store, experiment_id=number)
        for target in (DELETED, ACTIVE):
            store.set_experiment_stage(number, target, now=7)
            before = store.get_experiment(number), store.get_run(RUN_ID)
            store.set_experiment_stage(number, target, now=8)
            assert (store.get_experiment(number), store.get_run(RUN_ID)) == before

    def test_runs_go_and_come_back_with_their_experiment_but_not_those_deleted_before(self, store: Store) -> None:
        number = add_experiment(store)
        add_run(store, "active", experiment_id=number)
        add_run(store, "deleted", experiment_id=number)
        add_run(store, "elsewhere")
        store.set_run_stage("deleted", DELETED, now=6)
        store.set_experiment_stage(number, DELETED, now=7)
        assert [stage(store, run) for run in ("active", "deleted", "elsewhere")] == [DELETED, DELETED, ACTIVE]
        with pytest.raises(NotActive):
            log(store, "active", loss=[(0, 0, 0.0)])
        store.set_experiment_stage(number, ACTIVE, now=8)
        assert [stage(store, run) for run in ("active", "deleted", "elsewhere")] == [ACTIVE, DELETED, ACTIVE]
        log(store, "active", loss=[(0, 0, 0.0)])

    # -- runs

    def test_a_run_comes_back_as_it_was_created(self, store: Store) -> None:
        number = add_experiment(store)
        new = NewRun(
            run_id=RUN_ID,
            experiment_id=number,
            run_name="bold-otter-1",
            user_id="ada",
            status=RunStatus.SCHEDULED,
            start_time=77,
            tags={tag_names.RUN_NAME: "bold-otter-1", "team": "blue"},
        )
        run = store.create_run(new)
        assert run == store.get_run(RUN_ID)
        info = run.info
        assert (info.run_id, info.experiment_id, info.run_name) == (RUN_ID, number, "bold-otter-1")
        assert (info.user_id, info.status, info.start_time, info.end_time) == ("ada", RunStatus.SCHEDULED, 77, None)
        assert info.lifecycle_stage is ACTIVE
        assert info.artifact_uri == f"file:///root/{number}/{RUN_ID}/artifacts"
        assert run.data.tags == new.tags
        assert (run.data.params, run.data.metrics, run.inputs.dataset_inputs) == ({}, {}, ())

    def test_artifacts_of_a_run_lie_below_its_experiment(self, store: Store) -> None:
        number = store.create_experiment("placed", artifact_location="s3://bucket/x", tags={}, now=6)
        add_run(store, experiment_id=number)
        assert store.get_run(RUN_ID).info.artifact_uri == f"s3://bucket/x/{RUN_ID}/artifacts"

    def test_a_run_may_have_its_files_at_a_place_of_its_own(self, store: Store) -> None:
        new = NewRun(
            run_id=RUN_ID,
            experiment_id="0",
            run_name="r",
            user_id="",
            status=RunStatus.RUNNING,
            start_time=1,
            tags={},
            artifact_uri="file:///elsewhere/files",
        )
        assert store.create_run(new) == store.get_run(RUN_ID)
        assert store.get_run(RUN_ID).info.artifact_uri == "file:///elsewhere/files"

    def test_the_id_of_a_run_is_taken_once_also_by_a_deleted_run(self, store: Store) -> None:
        add_run(store)
        number = add_experiment(store)
        for _ in range(2):
            with pytest.raises(AlreadyExists, match=RUN_ID):
                add_run(store, experiment_id=number, name="other")
            store.set_run_stage(RUN_ID, DELETED, now=1)
        assert store.get_run(RUN_ID).data.tags[tag_names.RUN_NAME] == "quiet-granite-417"

    def test_a_run_that_is_not_there_is_not_found(self, store: Store) -> None:
        add_run(store)
        for run_id in ("nobody", "", RUN_ID.upper(), RUN_ID[:-1]):
            with pytest.raises(NotFound):
                store.get_run(run_id)
            with pytest.raises(NotFound):
                store.set_run_stage(run_id, DELETED, now=1)

    def test_status_and_end_time_are_set_and_cleared(self, store: Store) -> None:
        add_run(store)
        for status, end_time in (
            (RunStatus.FINISHED, 99),
            (RunStatus.RUNNING, None),
            (RunStatus.FAILED, 5),
            (RunStatus.FAILED, 4),
        ):
            store.set_run_status(RUN_ID, status, end_time=end_time)
            info = store.get_run(RUN_ID).info
            assert (info.status, info.end_time, info.start_time) == (status, end_time, 1_000)

    def test_a_run_without_a_start_time_has_none(self, store: Store) -> None:
        add_run(store, start_time=None)
        assert store.get_run(RUN_ID).info.start_time is None

    def test_a_run_is_deleted_and_restored(self, store: Store) -> None:
        add_run(store)
        log(store, loss=[(0, 0, 1.0)])
        before = store.get_run(RUN_ID)
        for target in (DELETED, DELETED, ACTIVE, ACTIVE):
            store.set_run_stage(RUN_ID, target, now=1)
            assert stage(store, RUN_ID) is target
        assert store.get_run(RUN_ID) == before

    def test_deleting_a_run_that_is_deleted_with_its_experiment_changes_nothing(self, store: Store) -> None:
        number = add_experiment(store)
        add_run(store, experiment_id=number)
        store.set_experiment_stage(number, DELETED, now=1)
        store.set_run_stage(RUN_ID, DELETED, now=2)
        store.set_experiment_stage(number, ACTIVE, now=3)
        assert stage(store, RUN_ID) is ACTIVE

    # -- changes

    def test_a_search_for_experiments_keeps_within_the_ids_that_are_given(self, store: Store) -> None:
        ids = [store.create_experiment(name, artifact_location=None, tags={}, now=1) for name in "abcd"]
        within = frozenset({ids[0], ids[1], ids[3], "987654"})
        first = store.search_experiments(ExperimentQuery(max_results=2, within=within))
        rest = store.search_experiments(ExperimentQuery(max_results=2, within=within, page_token=first.token))
        assert [one.experiment_id for one in [*first, *rest]] == [ids[3], ids[1], ids[0]]
        assert not store.search_experiments(ExperimentQuery(within=frozenset()))

    def test_runs_tell_their_experiments(self, store: Store) -> None:
        experiment_id = store.create_experiment("other", artifact_location=None, tags={}, now=1)
        add_run(store)
        add_run(store, run_id="1" * 32, experiment_id=experiment_id)
        assert store.find_run_experiments([RUN_ID, "1" * 32, "2" * 32]) == {RUN_ID: "0", "1" * 32: experiment_id}

    def test_changed_runs_are_told_once_each_in_order_of_their_last_change(self, store: Store) -> None:
        for run_id in ("a", "b", "c"):
            add_run(store, run_id)
        log(store, "a", loss=[(0, 0, 0.0)])
        changes = store.list_changed_runs(0, max_results=10)
        assert changes.runs == [("b", "0"), ("c", "0"), ("a", "0")]
        assert store.list_changed_runs(changes.revision, max_results=10).runs == []
        store.set_run_stage("c", DELETED, now=1)
        store.set_run_stage("b", ACTIVE, now=1)  # it is active already
        store.log_batch("a", tags={"x": "1"})
        since = store.list_changed_runs(changes.revision, max_results=10)
        assert since.runs == [("c", "0"), ("a", "0")]

    def test_changed_runs_come_page_by_page(self, store: Store) -> None:
        for number in range(5):
            add_run(store, f"run{number}")
        revision, seen = 0, []
        while (page := store.list_changed_runs(revision, max_results=2)).runs:
            revision = page.revision
            seen += page.runs
        assert seen == [(f"run{number}", "0") for number in range(5)]

    def test_every_change_of_a_run_counts(self, store: Store) -> None:
        number = add_experiment(store)
        add_run(store, experiment_id=number, tags={"a": "1"})
        changes: tuple[Callable[[], object], ...] = (
            lambda: log(store, loss=[(0, 0, 0.0)]),
            lambda: store.log_batch(RUN_ID, params={"p": "1"}),
            lambda: store.delete_tag(RUN_ID, "a"),
            lambda: store.append_to_list_tag(RUN_ID, "l", 1),
            lambda: store.set_run_status(RUN_ID, RunStatus.FINISHED, end_time=1),
            lambda: store.set_run_stage(RUN_ID, DELETED, now=1),
            lambda: store.set_run_stage(RUN_ID, ACTIVE, now=1),
            lambda: store.set_experiment_stage(number, DELETED, now=1),
            lambda: store.set_experiment_stage(number, ACTIVE, now=1),
        )
        revision = store.list_changed_runs(0, max_results=10).revision
        for change in changes:
            change()
            found = store.list_changed_runs(revision, max_results=10)
            assert found.runs == [(RUN_ID, number)]
            assert found.revision > revision
            revision = found.revision
