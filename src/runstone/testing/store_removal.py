"""What every Store must do where something is removed for good. Part of StoreSuite."""

from __future__ import annotations

import pytest

from runstone import tag_names
from runstone.entities import LifecycleStage, RunStatus
from runstone.errors import NotActive, NotFound
from runstone.stores.base import RunQuery, Store
from runstone.stores.models import NewLoggedModel, NewModelVersion
from runstone.testing.store_records import add_run, log

__all__ = ["StoreRemovalSuite"]

ACTIVE, DELETED = LifecycleStage.ACTIVE, LifecycleStage.DELETED


def delete(store: Store, *run_ids: str, now: int = 7) -> None:
    for run_id in run_ids:
        store.set_run_stage(run_id, DELETED, now=now)


def add_version(store: Store, *, source: str = "s", run_id: str = "", model_id: str = "") -> None:
    store.models.create_model_version(
        NewModelVersion(
            name="model", source=source, storage_location=source, run_id=run_id, run_link="", model_id=model_id,
            description="", user_id="", tags={},
        ),
        now=1,
    )  # fmt: skip


class StoreRemovalSuite:
    """The part of Store's contract that is about `removal`."""

    def test_a_removed_run_is_gone_with_all_that_was_recorded_in_it(self, store: Store) -> None:
        add_run(store, "gone", tags={"a": "1"})
        store.log_batch("gone", params={"p": "1"})
        log(store, "gone", loss=[(step, step, 0.5) for step in range(2000)])
        delete(store, "gone")
        assert store.removal.remove_runs(["gone", "never there"]) == 1
        with pytest.raises(NotFound):
            store.get_run("gone")
        assert store.removal.list_runs() == []
        assert store.removal.remove_runs(["gone"]) == 0
        # Its id is free, and nothing of the old run comes back with it.
        again = add_run(store, "gone")
        assert store.get_run(again).data.params == {}
        assert len(store.read_series(again, "loss")) == 0
        assert store.list_series(again) == {}

    def test_removing_a_run_takes_nothing_from_another(self, store: Store) -> None:
        for run_id in ("a", "b", "c"):
            add_run(store, run_id, tags={"t": run_id})
            store.log_batch(run_id, params={"p": run_id})
            log(store, run_id, loss=[(step, step, 0.5) for step in range(1000)])
            log(store, run_id, acc=[(0, 0, 0.1)])
        before = [store.get_run(one) for one in ("a", "c")]
        delete(store, "b")
        store.removal.remove_runs(["b"])
        assert [store.get_run(one) for one in ("a", "c")] == before
        assert [len(store.read_series(one, "loss")) for one in ("a", "c")] == [1000, 1000]
        assert [one.info.run_id for one in store.search_runs(RunQuery(experiment_ids=("0",)))] == ["a", "c"]

    def test_an_active_run_is_not_removed_nor_any_that_is_named_with_it(self, store: Store) -> None:
        add_run(store, "active")
        add_run(store, "deleted")
        delete(store, "deleted")
        with pytest.raises(NotActive, match=r"'active' is not in the 'deleted' state"):
            store.removal.remove_runs(["deleted", "active"])
        assert store.get_run("deleted").info.lifecycle_stage == DELETED

    def test_runs_are_listed_with_what_decides_about_them(self, store: Store) -> None:
        number = store.create_experiment("e", artifact_location=None, tags={}, now=1)
        add_run(store, "parent", experiment_id=number, start_time=3)
        add_run(store, "child", tags={tag_names.PARENT_RUN_ID: "parent", tag_names.KEEP: ""}, experiment_id=number)
        store.set_run_status("parent", RunStatus.FAILED, end_time=9)
        delete(store, "parent", now=11)
        parent, child = store.removal.list_runs()
        assert (parent.run_id, parent.experiment_id, parent.status) == ("parent", number, RunStatus.FAILED)
        assert (parent.start_time, parent.end_time, parent.deleted_time) == (3, 9, 11)
        assert (parent.parent_run_id, parent.has_keep_tag, parent.owns_files) == (None, False, True)
        assert parent.artifact_uri == f"file:///root/{number}/parent/artifacts"
        assert (child.parent_run_id, child.has_keep_tag, child.deleted_time) == ("parent", True, None)
        removal = store.removal
        assert [one.run_id for one in removal.list_runs(is_deleted=True)] == ["parent"]
        assert [one.run_id for one in removal.list_runs(is_deleted=False, experiment_ids=[number])] == ["child"]
        assert [one.run_id for one in removal.list_runs(run_ids=["child", "x"])] == ["child"]
        assert removal.list_runs(experiment_ids=["0"]) == removal.list_runs(run_ids=[]) == []

    def test_runs_deleted_with_their_experiment_were_deleted_then(self, store: Store) -> None:
        number = store.create_experiment("e", artifact_location=None, tags={}, now=1)
        for run_id in ("before", "with"):
            add_run(store, run_id, experiment_id=number)
        delete(store, "before", now=5)
        store.set_experiment_stage(number, DELETED, now=8)
        assert [one.deleted_time for one in store.removal.list_runs()] == [5, 8]
        store.set_experiment_stage(number, ACTIVE, now=9)
        assert [one.deleted_time for one in store.removal.list_runs()] == [5, None]

    def test_a_deleted_experiment_without_runs_is_removed_and_its_id_is_not_given_again(self, store: Store) -> None:
        number = store.create_experiment("e", artifact_location=None, tags={"a": "1"}, now=1)
        add_run(store, "run", experiment_id=number)
        for attempt in range(2):
            with pytest.raises(NotActive, match=f"id {number} "):
                store.removal.remove_experiment(number)
            store.set_experiment_stage(number, DELETED, now=5 + attempt)
        store.removal.remove_runs(["run"])
        assert store.removal.remove_experiment(number) is True
        assert store.removal.remove_experiment(number) is False
        with pytest.raises(NotFound):
            store.get_experiment(number)
        assert store.find_experiment("e") is None
        again = store.create_experiment("e", artifact_location=None, tags={}, now=1)
        assert again != number
        assert store.get_experiment(again).tags == {}

    def test_the_models_of_an_experiment_are_listed_and_go_with_it(self, store: Store) -> None:
        number = store.create_experiment("e", artifact_location=None, tags={}, now=1)
        new = NewLoggedModel(
            model_id="m-1",
            experiment_id=number,
            name="net",
            model_type="",
            source_run_id="",
            params={"p": "1"},
            tags={},
        )
        store.models.create_logged_model(new, now=1)
        (place,) = store.removal.list_models(number)
        assert (place.model_id, place.artifact_uri) == ("m-1", f"file:///root/{number}/models/m-1/artifacts")
        store.set_experiment_stage(number, DELETED, now=5)
        store.removal.remove_experiment(number)
        assert store.removal.list_models(number) == []

    def test_what_versions_of_registered_models_name_is_known(self, store: Store) -> None:
        by_id, by_source, by_model = "a" * 32, "b" * 32, "c" * 32
        for run_id in (by_id, by_source, by_model, "d" * 32):
            add_run(store, run_id)
        model_id = f"m-{'e' * 32}"
        new = NewLoggedModel(
            model_id=model_id, experiment_id="0", name="net", model_type="", source_run_id=by_model, params={}, tags={}
        )
        store.models.create_logged_model(new, now=1)
        assert store.removal.list_versioned().runs == frozenset()
        store.models.create_registered_model("model", description="", tags={}, now=1)
        add_version(store, run_id=by_id)
        add_version(store, source=f"file:///root/0/{by_source}/artifacts/net")
        add_version(store, source=f"models:/{model_id}")
        found = store.removal.list_versioned()
        assert found.runs >= {by_id, by_source, by_model}
        assert "d" * 32 not in found.runs
        assert model_id in found.models

    def test_a_run_with_more_points_measures_more(self, store: Store) -> None:
        for run_id, points in (("small", 10), ("large", 20_000)):
            add_run(store, run_id)
            log(store, run_id, loss=[(step, step, step * 0.7 % 1) for step in range(points)])
        sizes = store.removal.measure_runs(["small", "large", "x"])
        assert set(sizes) == {"small", "large"}
        assert 0 < sizes["small"] < sizes["large"]

    def test_compacting_changes_no_answer(self, store: Store) -> None:
        add_run(store, "run")
        log(store, "run", loss=[(step, step, 0.5) for step in range(1000)])
        assert store.removal.compact() >= 0
        assert len(store.read_series("run", "loss")) == 1000
