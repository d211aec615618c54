"""The part of StoreSuite that is about what a screen shows of many runs."""

from __future__ import annotations

import math

from runstone.entities import LifecycleStage, RunStatus, ViewType
from runstone.filters import parse_run_filter, parse_run_order
from runstone.stores.base import RunQuery, Sequenced, Store, Write
from runstone.stores.columns import AGGREGATES, ColumnChoice, ExperimentActivity, RunColumns
from runstone.testing.store_records import add_run, batch, log

__all__ = ["StoreColumnsSuite"]

NOTHING = ColumnChoice(metrics=(), params=(), tags=())


def add_three(store: Store) -> None:
    """Runs a, b, c, the latest first; b has lost its loss and c is a child of a."""
    for number, run_id in enumerate("cba"):
        tags = {"team": "red", "mlflow.user": "ada"} | ({"mlflow.parentRunId": "a"} if run_id == "c" else {})
        add_run(store, run_id, start_time=number, name=f"run {run_id}", tags=tags)
        store.log_batch(run_id, params={"lr": f"0.{number}", "depth": "3"} if run_id != "b" else {"depth": "4"})
    log(store, "a", loss=[(0, 10, 3.0), (1, 20, 1.0), (2, 30, 2.0)], acc=[(5, 50, 0.5)])
    log(store, "b", loss=[(0, 10, math.nan)])
    log(store, "c", acc=[(1, 1, 0.25)])


def columns(store: Store, choice: ColumnChoice, text: str | None = None, **query: object) -> RunColumns:
    return store.search_run_columns(
        RunQuery(experiment_ids=("0",), filter=parse_run_filter(text), **query),  # type: ignore[arg-type]
        choice,
    )


class StoreColumnsSuite:
    """Columns, keys, counts. Needs the fixture `store`."""

    def test_columns_have_a_row_for_each_run_of_the_page(self, store: Store) -> None:
        add_three(store)
        store.set_run_status("b", RunStatus.FINISHED, end_time=77)
        found = columns(store, ColumnChoice())
        assert (found.run_ids, found.names) == (["a", "b", "c"], ["run a", "run b", "run c"])
        assert found.experiment_ids == ["0"] * 3
        assert found.status == ["RUNNING", "FINISHED", "RUNNING"]
        assert (found.users, found.stages) == (["ada"] * 3, ["active"] * 3)
        assert (found.start_time, found.end_time) == ([2, 1, 0], [None, 77, None])
        assert found.parents == [None, None, "a"]
        assert found.params == {"depth": ["3", "4", "3"], "lr": ["0.2", None, "0.0"]}
        assert found.tags == {"team": ["red"] * 3}
        assert {key: list(map(str, column["last"].tolist())) for key, column in found.metrics.items()} == {
            "acc": ["0.5", "nan", "0.25"],
            "loss": ["2.0", "nan", "nan"],
        }

    def test_columns_are_those_that_were_chosen(self, store: Store) -> None:
        add_three(store)
        found = columns(store, NOTHING)
        assert (found.metrics, found.params, found.tags) == ({}, {}, {})
        choice = ColumnChoice(
            metrics=("loss", "none"), aggregates=AGGREGATES, params=("lr", "none"), tags=("mlflow.user",)
        )
        found = columns(store, choice, "attributes.run_id = 'a'")
        assert {one: column.tolist() for one, column in found.metrics["loss"].items()} == {
            "last": [2.0], "min": [1.0], "max": [3.0], "first": [3.0], "count": [3.0], "last_step": [2.0],
            "last_time": [30.0],
        }  # fmt: skip
        assert (list(found.metrics), found.params) == (["loss"], {"lr": ["0.2"]})
        assert found.tags == {"mlflow.user": ["ada"]}

    def test_columns_of_no_runs_are_empty(self, store: Store) -> None:
        found = columns(store, ColumnChoice())
        assert (len(found), found.parents, found.metrics, found.revision) == (0, [], {}, 0)

    def test_columns_come_in_pages_in_the_order_of_the_search(self, store: Store) -> None:
        add_three(store)
        order = parse_run_order(["params.depth DESC", "start_time ASC"])
        first = columns(store, ColumnChoice(params=("depth",)), order=order, max_results=2)
        rest = columns(store, ColumnChoice(params=("lr",)), order=order, max_results=2, page_token=first.token)
        assert (first.run_ids, first.params) == (["b", "c"], {"depth": ["4", "3"]})
        assert (rest.run_ids, rest.params, rest.token) == (["a"], {"lr": ["0.2"]}, None)

    def test_what_changes_after_columns_were_read_has_a_later_revision(self, store: Store) -> None:
        add_three(store)
        revision = columns(store, NOTHING).revision
        assert store.list_changed_runs(revision, max_results=10).runs == []
        log(store, "b", loss=[(1, 1, 1.0)])
        changes = store.list_changed_runs(revision, max_results=10)
        assert changes.runs == [("b", "0")]
        assert columns(store, NOTHING).revision == changes.revision

    def test_deleted_runs_say_so(self, store: Store) -> None:
        add_three(store)
        store.set_run_stage("b", LifecycleStage.DELETED, now=9)
        assert columns(store, NOTHING).run_ids == ["a", "c"]
        assert columns(store, NOTHING, view=ViewType.ALL).stages == ["active", "deleted", "active"]

    def test_keys_and_values_are_counted_over_active_runs(self, store: Store) -> None:
        add_three(store)
        assert store.count_keys(["0"]).metrics == {"acc": 2, "loss": 2}
        store.set_run_stage("b", LifecycleStage.DELETED, now=9)
        found = store.count_keys(["0", "7"])
        assert (found.metrics, found.params) == ({"acc": 2, "loss": 1}, {"depth": 2, "lr": 2})
        assert list(found.tags) == ["mlflow.parentRunId", "mlflow.runName", "mlflow.user", "team"]
        assert store.count_keys([]).metrics == store.count_keys(["7"]).metrics == {}
        add_run(store, "d", tags={"team": "rot%"})
        values = [("red", 2), ("rot%", 1)]
        assert store.count_values(["0"], "tag", "team", prefix="r", limit=9) == values
        assert store.count_values(["0"], "tag", "team", prefix="r", limit=1) == values[:1]
        assert store.count_values(["0"], "tag", "team", prefix="rot%", limit=9) == values[1:]
        assert store.count_values(["0"], "param", "lr", prefix="", limit=9) == [("0.0", 1), ("0.2", 1)]
        assert store.count_values(["0"], "param", "team", prefix="%", limit=9) == []

    def test_an_experiment_says_what_happens_in_it(self, store: Store) -> None:
        empty = store.create_experiment("empty", artifact_location=None, tags={}, now=1)
        add_three(store)
        store.set_run_status("a", RunStatus.FINISHED, end_time=40)
        word = Write(run_id="b", metrics=batch(loss=[(9, 9, 1.0)]), sequenced=Sequenced("w", 1, 1), heard_at=50)
        for heard, last_time in ((False, 40), (True, 50)):
            if heard:
                assert store.log_batches([word]) == [None]
            revision = columns(store, NOTHING).revision
            assert store.summarize_experiments(["0", empty, "7"]) == {
                "0": ExperimentActivity(runs=3, live=2, last_time=last_time, revision=revision)
            }
        store.set_run_stage("b", LifecycleStage.DELETED, now=60)
        after = store.summarize_experiments(["0"])["0"]
        assert (after.runs, after.live, after.last_time) == (2, 1, 40)
        assert after.revision > revision
