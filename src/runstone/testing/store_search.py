"""The part of StoreSuite that is about finding: filters, orders, pages, views, columns.

A few of each; that every filter means what `filters.match` says is for property tests against MemoryStore.
"""

from __future__ import annotations

import base64
import math

import msgspec
import pytest

from runstone.entities import Experiment, LifecycleStage, Run, RunStatus, ViewType
from runstone.errors import InvalidInput
from runstone.filters import parse_experiment_filter, parse_experiment_order, parse_run_filter, parse_run_order
from runstone.filters.parser import MAX_ORDER_TERMS
from runstone.stores.base import ExperimentQuery, RunQuery, Store
from runstone.stores.tables import table_of_runs
from runstone.testing.store_records import add_run, batch, read

__all__ = ["StoreSearchSuite"]

DELETED = LifecycleStage.DELETED
ALL = RunQuery(experiment_ids=("0",), view=ViewType.ALL)


def find(store: Store, text: str = "", *order: str, view: ViewType = ViewType.ACTIVE_ONLY) -> list[str]:
    query = RunQuery(
        experiment_ids=("0",), filter=parse_run_filter(text), order=parse_run_order(list(order)), view=view
    )
    return [run.info.run_id for run in store.search_runs(query)]


def find_experiments(store: Store, text: str = "", *order: str, view: ViewType = ViewType.ACTIVE_ONLY) -> list[str]:
    query = ExperimentQuery(filter=parse_experiment_filter(text), order=parse_experiment_order(list(order)), view=view)
    return [one.name for one in store.search_experiments(query)]


def pages_of_runs(store: Store, query: RunQuery, size: int) -> list[list[Run]]:
    """Every page."""
    pages = [store.search_runs(msgspec.structs.replace(query, max_results=size))]
    while token := pages[-1].token:
        pages.append(store.search_runs(msgspec.structs.replace(query, max_results=size, page_token=token)))
    return [list(page) for page in pages]


class StoreSearchSuite:
    """Needs a fixture `store`: a fresh, empty Store."""

    # -- experiments

    @pytest.fixture
    def named(self, store: Store) -> Store:
        """A store with three experiments beside Default."""
        for now, (name, team) in enumerate([("vision", "blue"), ("Speech", "red"), ("text", "blue")], 1):
            tags = {"team": team} if name != "text" else {}
            number = store.create_experiment(name, artifact_location=None, tags=tags, now=now << 50)
        store.set_experiment_stage(number, DELETED, now=10 << 50)
        return store

    def test_experiments_come_newest_first(self, named: Store) -> None:
        assert find_experiments(named, view=ViewType.ALL) == ["text", "Speech", "vision", "Default"]

    def test_experiments_of_one_moment_come_by_id_newest_first(self, store: Store) -> None:
        for name in "abc":
            store.create_experiment(name, artifact_location=None, tags={}, now=1 << 50)
        assert find_experiments(store) == ["c", "b", "a", "Default"]

    def test_a_view_shows_active_or_deleted_experiments_or_all(self, named: Store) -> None:
        assert find_experiments(named) == ["Speech", "vision", "Default"]
        assert find_experiments(named, view=ViewType.DELETED_ONLY) == ["text"]

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("name = 'vision'", {"vision"}),
            ("name LIKE '%i%'", {"vision"}),
            ("name ILIKE 's%' OR tags.team = 'blue'", {"Speech", "vision"}),
            ("tags.team IS NULL", {"Default"}),
            ("NOT tags.team = 'red'", {"Default", "vision"}),
            (f"creation_time > {1 << 50}", {"Speech"}),
            ("attribute.experiment_id IN ('0', '1')", {"Default", "vision"}),
        ],
    )
    def test_a_filter_chooses_experiments(self, named: Store, text: str, names: set[str]) -> None:
        assert set(find_experiments(named, text)) == names

    def test_an_order_sorts_experiments(self, named: Store) -> None:
        assert find_experiments(named, "", "name ASC") == ["Default", "Speech", "vision"]
        assert find_experiments(named, "", "tags.team DESC", "name") == ["Speech", "vision", "Default"]

    @pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
    def test_pages_of_experiments_make_up_the_whole(self, named: Store, size: int) -> None:
        query = ExperimentQuery(view=ViewType.ALL, order=parse_experiment_order(["tags.team"]), max_results=size)
        found: list[Experiment] = []
        token: str | None = None
        while token or not found:
            page = named.search_experiments(msgspec.structs.replace(query, page_token=token))
            assert 0 < len(page) <= size
            found += page
            token = page.token
        whole = named.search_experiments(msgspec.structs.replace(query, max_results=100))
        assert found == whole
        assert len(whole) == 4

    # -- runs

    @pytest.fixture
    def recorded(self, store: Store) -> Store:
        """Five runs: a to d, which have something of everything, and e, which has nothing."""
        rows = [("a", 40, "0.1", 1.0), ("b", 30, "1e-1", math.nan), ("c", 20, "sgd", -math.inf), ("d", 20, "10", 2.0)]
        for run_id, start, lr, loss in rows:
            add_run(store, run_id, start_time=start, name=f"run-{run_id.upper()}", tags={"team": run_id * 2})
            store.log_batch(run_id, params={"lr": lr}, metrics=batch(loss=[(0, 0, 5.0), (1, 1, loss)]))
        store.log_inputs("a", [read("iris", **{"mlflow.data.context": "train"}), read("wine")])
        store.set_run_status("a", RunStatus.FINISHED, end_time=50)
        add_run(store, "e", start_time=None)
        return store

    def test_runs_come_by_start_time_newest_first_then_by_id(self, recorded: Store) -> None:
        assert find(recorded) == ["a", "b", "c", "d", "e"]

    @pytest.mark.parametrize(
        ("text", "ids"),
        [
            ("metrics.loss > 0", "ad"),
            ("metrics.loss != 1", "cd"),
            ("NOT metrics.loss != 1", "abe"),
            ("metrics.loss IS NOT NULL", "abcd"),
            ("min(metrics.loss) < 2", "ac"),
            ("max(metrics.loss) = 5 AND first(metrics.loss) = 5", "abcd"),
            ("count(metrics.loss) = 2", "abcd"),
            ("params.lr = 0.1", "ab"),
            ("params.lr = '0.1'", "a"),
            ("params.lr > 0.5", "d"),
            ("params.lr IN (0.1, 10)", "abd"),
            ("tags.team LIKE 'A%'", ""),
            ("tags.team ILIKE 'A%'", "a"),
            ("tags.team RLIKE '^[ab]'", "ab"),
            ("status = 'FINISHED'", "a"),
            ("end_time IS NULL", "bcde"),
            ("start_time <= 20 OR end_time > 49", "acd"),
            ("start_time IS NULL", "e"),
            ("run_name = 'run-B'", "b"),
            ("run_id IN ('a', 'e')", "ae"),
            ("datasets.name = 'wine'", "a"),
            ("datasets.context = 'train' AND datasets.name != 'iris'", "a"),
            ("datasets.name IS NULL", "bcde"),
            ("artifact_uri LIKE 'file:///root/0/a/%'", "a"),
            ("(tags.team = 'aa' OR tags.team = 'bb') AND NOT run_id = 'b'", "a"),
        ],
    )
    def test_a_filter_chooses_runs(self, recorded: Store, text: str, ids: str) -> None:
        assert find(recorded, text) == list(ids)

    @pytest.mark.parametrize(
        ("order", "ids"),
        [
            (["metrics.loss"], "cadbe"),
            (["metrics.loss DESC"], "dacbe"),
            (["params.lr"], "abdce"),
            (["params.lr DESC"], "dabce"),
            (["tags.team DESC"], "dcbae"),
            (["end_time"], "abcde"),
            (["start_time", "run_id DESC"], "dcbae"),
            (["artifact_uri DESC"], "edcba"),
            (["count(metrics.loss)", "run_name DESC"], "dcbae"),
        ],
    )
    def test_an_order_sorts_runs_and_puts_what_is_missing_last(
        self, recorded: Store, order: list[str], ids: str
    ) -> None:
        assert "".join(find(recorded, "", *order)) == ids

    def test_an_order_may_be_as_long_as_the_parser_allows_also_page_by_page(self, recorded: Store) -> None:
        order = ["artifact_uri"] * 5 + [f"{kind}.t{number}" for number in range(7) for kind in ("params", "metrics")]
        query = RunQuery(experiment_ids=("0",), order=parse_run_order([*order, "run_id DESC"]))
        assert len(query.order) == MAX_ORDER_TERMS
        found = [run.info.run_id for page in pages_of_runs(recorded, query, 2) for run in page]
        assert found == ["a", "b", "c", "d", "e"]

    def test_a_view_shows_active_or_deleted_runs_or_all(self, recorded: Store) -> None:
        recorded.set_run_stage("b", DELETED, now=1)
        assert find(recorded) == ["a", "c", "d", "e"]
        assert find(recorded, view=ViewType.DELETED_ONLY) == ["b"]
        assert find(recorded, view=ViewType.ALL) == ["a", "b", "c", "d", "e"]

    def test_only_the_experiments_asked_for_are_searched(self, recorded: Store) -> None:
        other = recorded.create_experiment("other", artifact_location=None, tags={}, now=1)
        add_run(recorded, "f", experiment_id=other, start_time=25)
        found = {
            ids: [run.info.run_id for run in recorded.search_runs(RunQuery(experiment_ids=ids))]
            for ids in ((), (other,), ("0", other), (other, other), ("77", other))
        }
        assert found == {
            (): [],
            (other,): ["f"],
            ("0", other): ["a", "b", "f", "c", "d", "e"],
            (other, other): ["f"],
            ("77", other): ["f"],
        }

    def test_runs_are_found_with_all_their_data(self, recorded: Store) -> None:
        for run in recorded.search_runs(ALL):
            assert repr(run) == repr(recorded.get_run(run.info.run_id))

    @pytest.mark.parametrize("order", [[], ["metrics.loss"], ["params.lr DESC"], ["end_time", "tags.team DESC"]])
    @pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
    def test_pages_make_up_the_whole(self, recorded: Store, order: list[str], size: int) -> None:
        query = RunQuery(experiment_ids=("0",), order=parse_run_order(order))
        pages = pages_of_runs(recorded, query, size)
        assert repr([run for page in pages for run in page]) == repr(list(recorded.search_runs(query)))
        assert all(len(page) == size for page in pages[:-1])
        assert pages[-1]

    def test_a_chain_of_pages_has_no_gap_and_no_repeat_while_runs_come_and_go(self, store: Store) -> None:
        for number in range(20):
            add_run(store, f"old{number:02}", start_time=100 + number // 3)
        query = RunQuery(experiment_ids=("0",), max_results=3)
        found: list[str] = []
        page = store.search_runs(query)
        while True:
            found += [run.info.run_id for run in page]
            add_run(store, f"new{len(found)}", start_time=1_000)
            store.set_run_stage(found[-1], DELETED, now=1)
            if page.token is None:
                break
            page = store.search_runs(msgspec.structs.replace(query, page_token=page.token))
        assert found == sorted(found, key=lambda run_id: (-(int(run_id[3:]) // 3), run_id))
        assert len(found) == len(set(found)) == 20

    @pytest.mark.parametrize("token", ["rubbish", "e30=", "[]", "W10=", "é", "a" * 5_000, "gaE=", "lKFh", "\0"])
    def test_a_token_that_is_none_is_refused(self, recorded: Store, token: str) -> None:
        with pytest.raises(InvalidInput, match="page token"):
            recorded.search_runs(msgspec.structs.replace(ALL, page_token=token))
        with pytest.raises(InvalidInput, match="page token"):
            recorded.search_experiments(ExperimentQuery(page_token=token))

    def test_a_token_of_another_query_is_refused(self, recorded: Store) -> None:
        query = RunQuery(experiment_ids=("0",), max_results=1)
        token = recorded.search_runs(query).token
        others = (
            {"experiment_ids": ("0", "1")},
            {"view": ViewType.ALL},
            {"filter": parse_run_filter("status = 'RUNNING'")},
            {"order": parse_run_order(["run_id"])},
        )
        for change in others:
            with pytest.raises(InvalidInput, match="another search"):
                recorded.search_runs(msgspec.structs.replace(query, page_token=token, **change))
        with pytest.raises(InvalidInput, match="another search"):
            recorded.search_experiments(ExperimentQuery(page_token=token))
        recorded.search_run_table(msgspec.structs.replace(query, page_token=token, max_results=3))

    def test_a_token_whose_position_was_changed_is_refused(self, recorded: Store) -> None:
        query = RunQuery(experiment_ids=("0",), max_results=1)
        token = recorded.search_runs(query).token
        fingerprint = msgspec.msgpack.decode(base64.urlsafe_b64decode(token or ""))[0]
        for position in ([], [1] * 9, [1 << 63, 0, 0], [[1], 0, 0]):
            forged = base64.urlsafe_b64encode(msgspec.msgpack.encode([fingerprint, *position])).decode()
            with pytest.raises(InvalidInput):
                recorded.search_runs(msgspec.structs.replace(query, page_token=forged))

    # -- columns

    @pytest.mark.parametrize("size", [2, 100])
    def test_a_table_is_the_same_page_as_columns(self, recorded: Store, size: int) -> None:
        query = RunQuery(experiment_ids=("0",), order=parse_run_order(["params.lr"]), max_results=size)
        table, runs = recorded.search_run_table(query), recorded.search_runs(query)
        assert repr(table) == repr(table_of_runs(runs))
        assert len(table) == len(runs) == min(size, 5)

    def test_a_table_has_nan_or_none_where_a_run_lacks_a_key(self, recorded: Store) -> None:
        recorded.log_batch("d", params={"only": "d"}, metrics=batch(acc=[(0, 0, 1.0)]))
        table = recorded.search_run_table(RunQuery(experiment_ids=("0",)))
        assert table.run_id == ["a", "b", "c", "d", "e"]
        assert list(table.metrics) == ["acc", "loss"]
        assert repr(table.metrics["acc"]) == "[nan, nan, nan, 1.0, nan]"
        assert repr(table.metrics["loss"]) == "[1.0, nan, -inf, 2.0, nan]"
        assert table.params["only"] == [None, None, None, "d", None]
        assert table.tags["team"] == ["aa", "bb", "cc", "dd", None]
        assert table.end_time == [50, None, None, None, None]

    def test_a_table_of_no_runs_has_no_keys(self, recorded: Store) -> None:
        table = recorded.search_run_table(RunQuery(experiment_ids=("0",), filter=parse_run_filter("run_id = 'x'")))
        assert (len(table), table.metrics, table.params, table.tags, table.token) == (0, {}, {}, {}, None)
