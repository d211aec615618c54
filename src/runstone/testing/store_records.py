"""The part of StoreSuite that is about what a run records: batches, tags, datasets, series."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from runstone import tag_names
from runstone.entities import Dataset, DatasetInput, InputTag, LifecycleStage, Metric, RunStatus
from runstone.errors import InvalidInput, NotActive, NotFound, ParamChanged, StoreError
from runstone.filters import parse_run_filter
from runstone.series.curves import CurveQuery
from runstone.series.points import MetricBatch
from runstone.series.summary import Summary
from runstone.stores.base import NewRun, RunQuery, Sequenced, Store, Write
from runstone.validation import INT64_MAX, INT64_MIN

__all__ = ["RUN_ID", "StoreRecordsSuite", "add_run", "batch", "log", "rows"]

RUN_ID = "0123456789abcdef0123456789abcdef"

Row = tuple[int, int, float]
"""(step, timestamp, value)"""


def add_run(
    store: Store,
    run_id: str = RUN_ID,
    *,
    experiment_id: str = "0",
    name: str = "quiet-granite-417",
    start_time: int | None = 1_000,
    status: RunStatus = RunStatus.RUNNING,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Create a run and return its id."""
    new = NewRun(
        run_id=run_id,
        experiment_id=experiment_id,
        run_name=name,
        user_id="ada",
        status=status,
        start_time=start_time,
        tags={tag_names.RUN_NAME: name, **(tags or {})},
    )
    return store.create_run(new).info.run_id


def batch(**series: Iterable[Row]) -> MetricBatch:
    """Points by key."""
    return MetricBatch.of_metrics(
        Metric(key, value, timestamp, step) for key, points in series.items() for step, timestamp, value in points
    )


def log(store: Store, run_id: str = RUN_ID, /, **series: Iterable[Row]) -> None:
    """Record points by key."""
    store.log_batch(run_id, metrics=batch(**series))


def rows(store: Store, run_id: str = RUN_ID, key: str = "loss") -> list[Row]:
    """The points of a series as they come back."""
    return list(store.read_series(run_id, key).rows())


def line(steps: Iterable[int]) -> list[Row]:
    """A point for each step."""
    return [(step, 10 * step, step / 2) for step in steps]


class StoreRecordsSuite:
    """Needs a fixture `store`: a fresh, empty Store."""

    # -- log_batch

    def test_a_batch_of_everything_comes_back_in_order_of_keys(self, store: Store) -> None:
        add_run(store)
        store.log_batch(
            RUN_ID,
            metrics=batch(loss=[(0, 5, 0.5)], acc=[(3, 6, 0.25)]),
            params={"lr": "0.1", "depth": "3"},
            tags={"team": "blue", "a": ""},
        )
        data = store.get_run(RUN_ID).data
        assert data.latest_metrics == (Metric("acc", 0.25, 6, 3), Metric("loss", 0.5, 5, 0))
        assert list(data.params.items()) == [("depth", "3"), ("lr", "0.1")]
        assert list(data.tags.items()) == [("a", ""), (tag_names.RUN_NAME, "quiet-granite-417"), ("team", "blue")]

    def test_an_empty_batch_changes_nothing(self, store: Store) -> None:
        add_run(store)
        before = store.get_run(RUN_ID)
        store.log_batch(RUN_ID)
        store.log_batch(RUN_ID, metrics=batch(), params={}, tags={})
        assert store.get_run(RUN_ID) == before

    def test_a_param_that_is_there_with_the_same_value_changes_nothing(self, store: Store) -> None:
        add_run(store)
        store.log_batch(RUN_ID, params={"lr": "0.1"})
        store.log_batch(RUN_ID, params={"lr": "0.1", "depth": "3"})
        assert store.get_run(RUN_ID).data.params == {"depth": "3", "lr": "0.1"}

    def test_a_batch_with_a_changed_param_stores_nothing_of_itself(self, store: Store) -> None:
        add_run(store)
        store.log_batch(RUN_ID, params={"lr": "0.1"})
        before = store.get_run(RUN_ID)
        with pytest.raises(ParamChanged, match=r"'lr'.*'0\.1'.*'0\.2'"):
            store.log_batch(
                RUN_ID,
                metrics=batch(loss=[(0, 0, 1.0)]),
                params={"new": "1", "lr": "0.2"},
                tags={"team": "blue", tag_names.RUN_NAME: "renamed"},
                sequenced=Sequenced("w", 1, 1),
            )
        assert store.get_run(RUN_ID) == before
        assert rows(store) == []
        assert store.list_series(RUN_ID) == {}
        assert store.last_sequence(RUN_ID, "w") == 0

    def test_tags_are_overwritten(self, store: Store) -> None:
        add_run(store)
        store.log_batch(RUN_ID, tags={"team": "blue", "other": "1"})
        store.log_batch(RUN_ID, tags={"team": "red"})
        tags = store.get_run(RUN_ID).data.tags
        assert (tags["team"], tags["other"]) == ("red", "1")

    def test_the_tag_of_the_name_is_the_runs_name(self, store: Store) -> None:
        add_run(store)
        store.log_batch(RUN_ID, tags={tag_names.RUN_NAME: "bold-otter-1"})
        run = store.get_run(RUN_ID)
        assert run.info.run_name == run.data.tags[tag_names.RUN_NAME] == "bold-otter-1"

    def test_texts_of_any_alphabet_and_length_come_back_unchanged(self, store: Store) -> None:
        add_run(store)
        texts = {"ключ/α": "значение", "한국어": "😀\n\t'\"\\%_", "long": "é" * 100_000, "empty": ""}
        store.log_batch(RUN_ID, params=texts, tags=texts, metrics=batch(**{key: [(0, 0, 1.0)] for key in texts}))
        data = store.get_run(RUN_ID).data
        assert data.params == texts
        assert {key: data.tags[key] for key in texts} == texts
        assert set(data.metrics) == set(texts)
        store.log_batch(RUN_ID, params=texts, tags=texts)

    def test_thousands_of_keys_in_one_batch_are_kept(self, store: Store) -> None:
        add_run(store)
        texts = {f"key/{number:04}": str(number) for number in range(2_000)}
        store.log_batch(
            RUN_ID, params=texts, tags=texts, metrics=batch(**{key: [(0, 0, float(v))] for key, v in texts.items()})
        )
        data = store.get_run(RUN_ID).data
        assert data.params == texts
        assert data.metrics == {key: float(value) for key, value in texts.items()}
        assert len(store.list_series(RUN_ID)) == 2_000

    def test_an_unknown_run_cannot_be_written_to(self, store: Store) -> None:
        writes: tuple[Callable[[], object], ...] = (
            lambda: store.log_batch("nobody", tags={"a": "1"}),
            lambda: store.delete_tag("nobody", "a"),
            lambda: store.append_to_list_tag("nobody", "a", 1),
            lambda: store.log_inputs("nobody", [read("train")]),
            lambda: store.set_run_status("nobody", RunStatus.FINISHED, end_time=1),
        )
        for write in writes:
            with pytest.raises(NotFound, match="nobody"):
                write()

    def test_a_deleted_run_cannot_be_written_to_and_stays_readable(self, store: Store) -> None:
        add_run(store)
        store.log_batch(RUN_ID, metrics=batch(loss=[(0, 0, 1.0)]), tags={"a": "[]"})
        store.set_run_stage(RUN_ID, LifecycleStage.DELETED, now=1)
        before = store.get_run(RUN_ID)
        writes: tuple[Callable[[], object], ...] = (
            lambda: store.log_batch(RUN_ID, tags={"a": "1"}),
            lambda: store.delete_tag(RUN_ID, "a"),
            lambda: store.append_to_list_tag(RUN_ID, "a", 1),
            lambda: store.log_inputs(RUN_ID, [read("train")]),
            lambda: store.set_run_status(RUN_ID, RunStatus.FINISHED, end_time=1),
        )
        for write in writes:
            with pytest.raises(NotActive, match=RUN_ID):
                write()
        assert store.get_run(RUN_ID) == before
        assert rows(store) == [(0, 0, 1.0)]
        assert list(store.list_series(RUN_ID)) == ["loss"]

    # -- log_batches

    def test_each_write_of_several_succeeds_or_fails_by_itself(self, store: Store) -> None:
        add_run(store)
        add_run(store, "other")
        errors = store.log_batches(
            [
                Write(run_id=RUN_ID, params={"lr": "1"}, metrics=batch(loss=[(0, 0, 1.0)])),
                Write(run_id="nobody", tags={"a": "1"}),
                Write(run_id=RUN_ID, params={"lr": "2"}, tags={"lost": "1"}, metrics=batch(lost=[(0, 0, 1.0)])),
                Write(run_id="other", tags={"a": "1"}),
                Write(run_id="other", tags={"a": "2"}, sequenced=Sequenced("w", 5, 6)),
                Write(run_id=RUN_ID, metrics=batch(loss=[(1, 1, 2.0)])),
            ]
        )
        assert [None if error is None else type(error) for error in errors] == [
            None, NotFound, ParamChanged, None, InvalidInput, None,
        ]  # fmt: skip
        data = store.get_run(RUN_ID).data
        assert (data.params, data.metrics) == ({"lr": "1"}, {"loss": 2.0})
        assert "lost" not in data.tags
        assert rows(store) == [(0, 0, 1.0), (1, 1, 2.0)]
        assert store.get_run("other").data.tags["a"] == "1"

    def test_no_writes_have_no_errors(self, store: Store) -> None:
        assert store.log_batches([]) == []

    # -- tags

    def test_a_tag_is_deleted_once(self, store: Store) -> None:
        add_run(store)
        store.log_batch(RUN_ID, tags={"team": "blue", "other": "1"})
        store.delete_tag(RUN_ID, "team")
        assert "team" not in store.get_run(RUN_ID).data.tags
        assert store.get_run(RUN_ID).data.tags["other"] == "1"
        with pytest.raises(NotFound, match="team"):
            store.delete_tag(RUN_ID, "team")

    def test_a_list_tag_grows_from_nothing(self, store: Store) -> None:
        add_run(store)
        for item in ({"path": "model", "flavors": ["a"]}, "text", None):
            store.append_to_list_tag(RUN_ID, "history", item)
        held = json.loads(store.get_run(RUN_ID).data.tags["history"])
        assert held == [{"path": "model", "flavors": ["a"]}, "text", None]

    @pytest.mark.parametrize("text", ["plain", "{}", "1", '"[]"', "[1"])
    def test_what_holds_no_list_is_not_appended_to(self, store: Store, text: str) -> None:
        add_run(store, tags={"history": text})
        with pytest.raises(InvalidInput, match="history"):
            store.append_to_list_tag(RUN_ID, "history", 1)
        assert store.get_run(RUN_ID).data.tags["history"] == text

    # -- datasets

    def test_datasets_come_back_in_order_of_name_and_digest(self, store: Store) -> None:
        add_run(store)
        wine = Dataset("wine", "d1", "http", "https://example.org/wine.csv", '{"a": 1}', '{"rows": 5}')
        store.log_inputs(RUN_ID, [DatasetInput(wine, (InputTag("b", "2"), InputTag("a", "1"))), read("iris")])
        store.log_inputs(RUN_ID, [read("iris", "d0")])
        assert store.get_run(RUN_ID).inputs.dataset_inputs == (
            read("iris", "d0"),
            read("iris"),
            DatasetInput(wine, (InputTag("a", "1"), InputTag("b", "2"))),
        )

    def test_tags_of_a_link_that_is_there_are_overwritten(self, store: Store) -> None:
        add_run(store)
        store.log_inputs(RUN_ID, [read("iris", use="train", owner="ada")])
        store.log_inputs(RUN_ID, [read("iris", use="test")])
        assert store.get_run(RUN_ID).inputs.dataset_inputs == (read("iris", owner="ada", use="test"),)

    def test_a_dataset_is_known_by_name_and_digest_within_an_experiment(self, store: Store) -> None:
        add_run(store)
        add_run(store, "same")
        add_run(store, "else", experiment_id=store.create_experiment("e", artifact_location=None, tags={}, now=1))
        first = DatasetInput(Dataset("iris", "d1", "local", "here"))
        second = DatasetInput(Dataset("iris", "d1", "http", "there"))
        store.log_inputs(RUN_ID, [first])
        store.log_inputs("same", [second])
        store.log_inputs("else", [second])
        assert store.get_run("same").inputs.dataset_inputs == (first,)
        assert store.get_run("else").inputs.dataset_inputs == (second,)

    # -- series

    def test_points_come_back_in_order_whatever_the_order_of_logging(self, store: Store) -> None:
        add_run(store)
        log(store, loss=[(5, 50, 0.5), (1, 10, 0.1), (1, 9, 0.9)])
        log(store, loss=[(3, 30, 0.3), (1, 10, 0.05)])
        assert rows(store) == [(1, 9, 0.9), (1, 10, 0.05), (1, 10, 0.1), (3, 30, 0.3), (5, 50, 0.5)]

    def test_a_repeated_point_is_one_point(self, store: Store) -> None:
        add_run(store)
        points = [(0, 0, 1.0), (0, 0, math.nan), (0, 1, 1.0), (1, 0, 1.0)]
        for _ in range(3):
            log(store, loss=points)
            store.fold(RUN_ID)
            log(store, loss=points[:2])
        assert repr(rows(store)) == repr([(0, 0, 1.0), (0, 0, math.nan), (0, 1, 1.0), (1, 0, 1.0)])
        assert store.list_series(RUN_ID)["loss"].count == 4

    def test_every_float_and_every_int64_is_kept(self, store: Store) -> None:
        add_run(store)
        values = [math.inf, -math.inf, math.nan, 5e-324, -1.7976931348623157e308, 0.1 + 0.2]
        log(store, loss=[(step, INT64_MIN + step, value) for step, value in enumerate(values)])
        log(store, wide=[(INT64_MIN, INT64_MAX, 1.0), (INT64_MAX, INT64_MIN, 2.0), (0, 0, -0.0)])
        for _ in range(2):
            assert repr([value for _, _, value in rows(store)]) == repr(values)
            assert rows(store, key="wide") == [(INT64_MIN, INT64_MAX, 1.0), (0, 0, 0.0), (INT64_MAX, INT64_MIN, 2.0)]
            assert store.get_run(RUN_ID).data.latest_metrics[1] == Metric("wide", 2.0, INT64_MIN, INT64_MAX)
            store.fold(RUN_ID)

    @pytest.mark.parametrize(
        ("points", "latest"),
        [
            ([(1, 0, 1.0), (2, 0, 2.0)], (2, 0, 2.0)),
            ([(2, 0, 2.0), (1, 9, 1.0)], (2, 0, 2.0)),
            ([(1, 9, 1.0), (1, 5, 2.0)], (1, 9, 1.0)),
            ([(1, 5, 3.0), (1, 5, 2.0)], (1, 5, 3.0)),
            ([(1, 5, math.nan), (1, 5, 2.0)], (1, 5, math.nan)),
            ([(1, 5, -math.inf), (1, 5, math.inf)], (1, 5, math.inf)),
        ],
    )
    def test_the_latest_value_is_that_of_the_largest_step_then_timestamp_then_value(
        self, store: Store, points: list[Row], latest: Row
    ) -> None:
        add_run(store)
        for point in points:
            log(store, loss=[point])
        (metric,) = store.get_run(RUN_ID).data.latest_metrics
        assert repr((metric.step, metric.timestamp, metric.value)) == repr(latest)

    def test_summaries_tell_count_last_first_and_extremes(self, store: Store) -> None:
        add_run(store)
        log(store, loss=[(2, 20, 0.5), (0, 1, math.nan), (1, 10, 3.0)], none=[(4, 4, math.nan)])
        log(store, loss=[(5, 50, 0.5), (6, 60, -math.inf)], acc=[(0, 0, 1.0)])
        summaries = store.list_series(RUN_ID)
        assert list(summaries) == ["acc", "loss", "none"]
        assert repr(summaries["loss"]) == repr(Summary(5, -math.inf, 6, 60, math.nan, 0, 1, -math.inf, 6, 3.0, 1))
        assert repr(summaries["none"]) == repr(Summary(1, math.nan, 4, 4, math.nan, 4, 4, math.nan, 0, math.nan, 0))
        assert summaries["acc"] == Summary(1, 1.0, 0, 0, 1.0, 0, 0, 1.0, 0, 1.0, 0)

    def test_a_count_is_exact_after_repeated_and_late_points(self, store: Store) -> None:
        add_run(store)
        log(store, loss=line(range(10)))
        log(store, loss=line(range(5, 15)))  # half of them are there
        assert store.list_series(RUN_ID)["loss"].count == 15
        log(store, loss=line(range(15, 20)))
        log(store, loss=[(3, 7, 0.0), *line([18])])  # one is late, one is there
        assert store.list_series(RUN_ID)["loss"].count == 21 == len(rows(store))
        add_run(store, "other")
        log(store, "other", loss=line(range(21)))
        log(store, "other", loss=line(range(21)))
        query = RunQuery(experiment_ids=("0",), filter=parse_run_filter("count(metrics.loss) = 21"))
        assert {run.info.run_id for run in store.search_runs(query)} == {RUN_ID, "other"}

    @pytest.mark.parametrize(
        ("from_step", "to_step", "found"),
        [
            (None, None, range(20)),
            (5, None, range(5, 20)),
            (None, 5, range(6)),
            (5, 5, [5]),
            (7, 12, range(7, 13)),
            (20, None, []),
            (None, -1, []),
            (9, 3, []),
            (INT64_MIN, INT64_MAX, range(20)),
        ],
    )
    def test_a_range_of_steps_includes_both_ends(
        self, store: Store, from_step: int | None, to_step: int | None, found: Iterable[int]
    ) -> None:
        add_run(store)
        log(store, loss=line(range(10)))
        store.fold(RUN_ID)
        log(store, loss=line(range(10, 20)))
        points = store.read_series(RUN_ID, "loss", from_step=from_step, to_step=to_step)
        assert list(points.rows()) == line(found)

    def test_a_series_that_is_not_there_has_no_points(self, store: Store) -> None:
        add_run(store)
        log(store, loss=line(range(3)))
        assert rows(store, key="other") == []
        store.fold(RUN_ID)
        assert rows(store, key="other") == []

    def test_series_of_an_unknown_run_are_not_found(self, store: Store) -> None:
        for ask in (
            store.list_series,
            store.fold,
            lambda run_id: store.read_series(run_id, "loss"),
            lambda run_id: store.read_curves(CurveQuery(run_ids=(run_id,), keys=("loss",))),
        ):
            with pytest.raises(NotFound, match="nobody"):
                ask("nobody")
        with pytest.raises(NotFound, match="nobody"):
            store.last_sequence("nobody", "w")

    def test_curves_of_several_runs_share_their_buckets(self, store: Store) -> None:
        add_run(store)
        add_run(store, "b" * 32, start_time=40)
        log(store, loss=line(range(100)), acc=line([7]))
        log(store, "b" * 32, loss=line(range(20, 30)))
        query = CurveQuery(run_ids=("b" * 32, RUN_ID), keys=("loss", "none", "acc"), buckets=10)
        for _ in range(2):
            curves = store.read_curves(query)
            assert [(one.key, one.run_id, one.low, one.high) for one in curves] == [
                ("loss", "b" * 32, 0, 99),
                ("loss", RUN_ID, 0, 99),
                ("acc", RUN_ID, 7, 7),
            ]
            assert [one.x.tolist() for one in curves] == [[29], list(range(9, 100, 10)), [7]]
            assert curves[0].buckets.min.tolist() == [10.0]
            assert curves[0].buckets.max.tolist() == curves[0].buckets.last.tolist() == [14.5]
            for run_id in query.run_ids:
                store.fold(run_id)
        (curve,) = store.read_curves(CurveQuery(run_ids=("b" * 32,), keys=("loss",), axis="relative", from_x=205))
        assert (curve.low, curve.high, curve.x.tolist()) == (205, 250, [210, 220, 230, 240, 250])
        assert store.read_curves(CurveQuery(run_ids=(RUN_ID,), keys=("loss",), from_x=100)) == []

    def test_folding_changes_no_answer(self, store: Store) -> None:
        add_run(store)
        for start in (0, 9_000, 4_000, 20_000, 12_000):
            log(store, loss=line(range(start, start + 9_000)), acc=line([start]), **{f"k{start}": line([1, 2])})
        answers = []
        for _ in range(3):
            answers.append(
                (
                    store.get_run(RUN_ID),
                    store.list_series(RUN_ID),
                    [rows(store, key=key) for key in store.list_series(RUN_ID)],
                    list(store.read_series(RUN_ID, "loss", from_step=8_990, to_step=12_001).rows()),
                )
            )
            store.fold(RUN_ID)
        assert answers[0] == answers[1] == answers[2]
        assert len(answers[0][2][-1]) == 29_000 == answers[0][1]["loss"].count

    def test_many_small_batches_are_one_series(self, store: Store) -> None:
        add_run(store)
        for step in range(1_300):
            log(store, loss=line([step]), acc=line([step]))
        assert rows(store) == rows(store, key="acc") == line(range(1_300))
        store.set_run_status(RUN_ID, RunStatus.FINISHED, end_time=1)
        assert rows(store) == line(range(1_300))
        assert store.list_series(RUN_ID)["loss"].count == 1_300

    # -- threads and closing

    def test_eight_threads_log_and_search_at_once_and_nothing_is_lost(self, store: Store) -> None:
        add_run(store)
        start = threading.Barrier(8)

        def work(number: int) -> None:
            start.wait()
            own = add_run(store, f"run{number}")
            for step in range(20):
                store.log_batch(RUN_ID, metrics=batch(shared=[(step, number, float(number))]), tags={"t": str(step)})
                log(store, own, loss=line([step]))
                found = store.search_runs(RunQuery(experiment_ids=("0",), filter=parse_run_filter("metrics.loss >= 0")))
                assert own in {run.info.run_id for run in found}
                if step == 10:
                    store.fold(RUN_ID)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert rows(store, key="shared") == [(step, number, float(number)) for step in range(20) for number in range(8)]
        assert [rows(store, f"run{number}") for number in range(8)] == [line(range(20))] * 8

    def test_a_closed_store_answers_nothing(self, store: Store) -> None:
        add_run(store)
        store.close()
        store.close()
        calls: tuple[Callable[[], object], ...] = (
            lambda: store.get_run(RUN_ID),
            lambda: store.get_experiment("0"),
            lambda: store.find_experiment("Default"),
            lambda: store.search_runs(RunQuery(experiment_ids=("0",))),
            lambda: store.create_experiment("e", artifact_location=None, tags={}, now=1),
            lambda: log(store, loss=line([1])),
            lambda: store.list_series(RUN_ID),
            lambda: store.read_series(RUN_ID, "loss"),
            lambda: store.last_sequence(RUN_ID, "w"),
            lambda: store.fail_silent_runs(heard_before=1),
            lambda: store.fold(RUN_ID),
        )
        for call in calls:
            with pytest.raises(StoreError, match="closed"):
                call()


def read(name: str, digest: str = "d1", **tags: str) -> DatasetInput:
    """A dataset that was read."""
    found = Dataset(name, digest, "local", f"/data/{name}")
    return DatasetInput(found, tuple(InputTag(key, value) for key, value in sorted(tags.items())))
