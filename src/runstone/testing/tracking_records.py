"""What every Tracking must do with what runs record: params, tags, metrics. A part of TrackingSuite."""

from __future__ import annotations

import math
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from runstone import tag_names
from runstone.entities import Metric, Run, RunStatus
from runstone.errors import InvalidInput, NotFound, ParamChanged
from runstone.naming import now_ms
from runstone.series.curves import CurveQuery
from runstone.series.points import MetricBatch
from runstone.stores.base import Write
from runstone.tracking.base import Tracking

__all__ = ["UNKNOWN_RUN", "RecordsSuite"]

UNKNOWN_RUN = "0f" * 16
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


class RecordsSuite:
    """The contract of Tracking for what runs record. Needs a fixture `tracking`: a fresh tracker for each test."""

    @pytest.fixture
    def run(self, tracking: Tracking) -> Run:
        """A run of the default experiment."""
        return tracking.create_run("0")

    # -- params and tags

    def test_values_of_params_and_tags_become_texts(self, tracking: Tracking, run: Run) -> None:
        values = {"none": None, "list": [1, "a"], "float": 1e-3, "bool": True, "empty": "", "numpy": np.float64(0.5)}
        tracking.log_batch(run.info.run_id, params=values, tags=values)
        data = tracking.get_run(run.info.run_id).data
        texts = {"none": "None", "list": "[1, 'a']", "float": "0.001", "bool": "True", "empty": "", "numpy": "0.5"}
        assert data.params == texts
        assert data.tags == texts | {tag_names.RUN_NAME: run.info.run_name}

    def test_a_param_is_written_once(self, tracking: Tracking, run: Run) -> None:
        tracking.log_batch(run.info.run_id, params={"lr": 0.1})
        tracking.log_batch(run.info.run_id, params={"lr": "0.1"})
        with pytest.raises(ParamChanged, match=r"'lr'.*'0\.1'.*'0\.2'"):
            tracking.log_batch(run.info.run_id, params={"new": 1, "lr": 0.2}, tags={"t": "1"})
        data = tracking.get_run(run.info.run_id).data
        assert data.params == {"lr": "0.1"}
        assert "t" not in data.tags

    def test_a_tag_is_overwritten_and_deleted(self, tracking: Tracking, run: Run) -> None:
        tracking.log_batch(run.info.run_id, tags={"t": 1})
        tracking.log_batch(run.info.run_id, tags={"t": 2})
        assert tracking.get_run(run.info.run_id).data.tags["t"] == "2"
        tracking.delete_tag(run.info.run_id, "t")
        with pytest.raises(NotFound, match="'t'"):
            tracking.delete_tag(run.info.run_id, "t")

    @pytest.mark.parametrize("given", [["a"], "a", [("a", 1)], 5], ids=repr)
    def test_params_and_tags_are_dictionaries(self, tracking: Tracking, run: Run, given: Any) -> None:
        for kind in ("params", "tags"):
            with pytest.raises(InvalidInput, match=f"The {kind} must be a dictionary"):
                tracking.log_batch(run.info.run_id, **{kind: given})

    # -- limits

    def test_the_longest_keys_and_values_are_kept_whole(self, tracking: Tracking, run: Run) -> None:
        key = "k" * 250
        tracking.log_batch(
            run.info.run_id,
            metrics=[Metric(key, 1.0, 1, 0)],
            params={key: "é" * 6_000},
            tags={key: "é" * 8_000},
        )
        data = tracking.get_run(run.info.run_id).data
        assert (data.metrics, data.params, data.tags[key]) == ({key: 1.0}, {key: "é" * 6_000}, "é" * 8_000)

    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            ({"metrics": [Metric("k" * 251, 1.0, 1, 0)]}, "metric name.*251 characters, at most 250"),
            ({"params": {"k" * 251: 1}}, "param name.*251 characters, at most 250"),
            ({"tags": {"k" * 251: 1}}, "tag name.*251 characters, at most 250"),
            ({"params": {"long": "v" * 6_001}}, "param 'long' has 6001 characters, at most 6000"),
            ({"tags": {"long": "v" * 8_001}}, "tag 'long' has 8001 characters, at most 8000"),
        ],
        ids=["metric key", "param key", "tag key", "param", "tag"],
    )
    def test_what_is_too_long_is_an_error_and_nothing_is_stored(
        self, tracking: Tracking, run: Run, fault: dict[str, Any], message: str
    ) -> None:
        sound: dict[str, Any] = {"metrics": [Metric("m", 1.0, 1, 0)], "params": {"p": "1"}, "tags": {"t": "1"}}
        for kind, given in fault.items():
            both = [*sound["metrics"], *given] if kind == "metrics" else sound[kind] | given
            with pytest.raises(InvalidInput, match=message):
                tracking.log_batch(run.info.run_id, **sound | {kind: both})
        assert tracking.get_run(run.info.run_id) == run

    def test_a_new_run_with_a_tag_or_name_that_is_too_long_is_not_created(self, tracking: Tracking) -> None:
        for given in ({"tags": {"t": "v" * 8_001}}, {"run_name": "n" * 8_001}):
            with pytest.raises(InvalidInput, match="8001"):
                tracking.create_run("0", **given)
        assert tracking.search_runs(["0"]) == []

    @pytest.mark.parametrize("key", BAD_KEYS, ids=repr)
    def test_what_cannot_be_a_key_is_refused(self, tracking: Tracking, run: Run, key: Any) -> None:
        for fault in ({"metrics": [Metric(key, 1.0, 1, 0)]}, {"params": {key: "1"}}, {"tags": {key: "1"}}):
            with pytest.raises(InvalidInput, match="name"):
                tracking.log_batch(run.info.run_id, **fault)
        with pytest.raises(InvalidInput, match="name"):
            tracking.read_series(run.info.run_id, key)
        assert tracking.get_run(run.info.run_id) == run

    @pytest.mark.parametrize("key", ["a/b.c-d_e f:g", "ä", "損失", "a" * 250, "1", ".a", "a.."])
    def test_letters_of_any_alphabet_make_keys(self, tracking: Tracking, run: Run, key: str) -> None:
        tracking.log_batch(run.info.run_id, metrics=[Metric(key, 1.0, 1, 0)], params={key: "1"}, tags={key: "1"})
        data = tracking.get_run(run.info.run_id).data
        assert (data.metrics[key], data.params[key], data.tags[key]) == (1.0, "1", "1")

    @pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=repr)
    def test_a_text_that_no_store_can_hold_is_refused(self, tracking: Tracking, run: Run, text: str) -> None:
        for kind in ("params", "tags"):
            with pytest.raises(InvalidInput, match="NUL or an unpaired surrogate"):
                tracking.log_batch(run.info.run_id, **{kind: {"a": text}})  # type: ignore[arg-type]

    # -- metrics

    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            (3, 3.0),
            (True, 1.0),
            (np.float32(0.5), 0.5),
            (np.int8(-3), -3.0),
            (np.bool_(True), 1.0),
            (np.array(2.5), 2.5),
            (Decimal("0.1"), 0.1),
            (Fraction(1, 4), 0.25),
            ("1.5", 1.5),
            (10**400, math.inf),
            (-(10**400), -math.inf),
            (math.inf, math.inf),
            (-math.inf, -math.inf),
            (5e-324, 5e-324),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_a_value_is_whatever_float_takes(self, tracking: Tracking, run: Run, value: Any, kept: float) -> None:
        assert log_value(tracking, run.info.run_id, value) == kept

    @pytest.mark.parametrize("value", [math.nan, np.float64("nan"), "nan", Decimal("NaN")], ids=repr)
    def test_nan_is_kept(self, tracking: Tracking, run: Run, value: Any) -> None:
        assert math.isnan(log_value(tracking, run.info.run_id, value))
        assert math.isnan(tracking.read_series(run.info.run_id, "value").value[0])

    @pytest.mark.parametrize("value", ["x", None, 1j, [1.0], {}, np.array([1.0, 2.0]), object], ids=repr)
    def test_a_value_that_is_no_number_is_refused(self, tracking: Tracking, run: Run, value: Any) -> None:
        with pytest.raises(InvalidInput, match="metric 'm': please specify a number"):
            tracking.log_batch(run.info.run_id, metrics=[Metric("a", 1.0, 1, 0), Metric("m", value, 1, 0)])
        assert last_values(tracking, run.info.run_id) == {}

    @pytest.mark.parametrize(
        "number", [3, -3, 3.0, np.int32(3), np.float32(3), np.array(3), Decimal(3), True], ids=repr
    )
    def test_a_step_or_timestamp_is_any_whole_number(self, tracking: Tracking, run: Run, number: Any) -> None:
        assert log_point(tracking, run.info.run_id, step=number) == (int(number), 1)
        other = tracking.create_run("0").info.run_id
        assert log_point(tracking, other, timestamp=number) == (0, int(number))

    @pytest.mark.parametrize("number", [(1 << 63) - 1, -(1 << 63)])
    def test_steps_and_timestamps_have_64_bits(self, tracking: Tracking, run: Run, number: int) -> None:
        assert log_point(tracking, run.info.run_id, step=number, timestamp=number) == (number, number)
        beyond = number + (1 if number > 0 else -1)
        for name in ("step", "timestamp"):
            with pytest.raises(InvalidInput, match=f"{name}.*64 bits"):
                log_point(tracking, run.info.run_id, **{name: beyond})

    @pytest.mark.parametrize("number", [2.5, "3", None, math.nan, math.inf, 1j, [3], np.array([3, 4])], ids=repr)
    def test_a_step_or_timestamp_that_is_no_whole_number_is_refused(
        self, tracking: Tracking, run: Run, number: Any
    ) -> None:
        for name in ("step", "timestamp"):
            with pytest.raises(InvalidInput, match=f"Invalid {name}.*metric 'm': expected a whole number"):
                log_point(tracking, run.info.run_id, **{name: number})
        assert last_values(tracking, run.info.run_id) == {}

    def test_the_latest_value_is_that_of_the_largest_step(self, tracking: Tracking, run: Run) -> None:
        points = [(3, 1, 0.3), (5, 1, 0.5), (5, 2, 0.6), (4, 9, 0.4)]
        tracking.log_batch(run.info.run_id, metrics=[Metric("m", value, at, step) for step, at, value in points])
        assert last_values(tracking, run.info.run_id) == {"m": 0.6}
        assert list(tracking.read_series(run.info.run_id, "m").rows()) == sorted(points)
        summary = tracking.list_series(run.info.run_id)["m"]
        assert (summary.count, summary.last, summary.min, summary.max) == (4, 0.6, 0.3, 0.6)

    def test_a_series_is_read_by_steps_both_ends_included(self, tracking: Tracking, run: Run) -> None:
        tracking.log_batch(run.info.run_id, metrics=[Metric("m", float(step), 1, step) for step in range(10)])
        points = tracking.read_series(run.info.run_id, "m", from_step=3, to_step=5)
        assert points.step.tolist() == [3, 4, 5]
        assert len(tracking.read_series(run.info.run_id, "none")) == 0

    def test_curves_have_the_extremes_of_their_buckets(self, tracking: Tracking, run: Run) -> None:
        tracking.log_batch(run.info.run_id, metrics=[Metric("m", abs(step - 6.0), 1, step) for step in range(10)])
        query = CurveQuery(run_ids=(run.info.run_id,), keys=("m", "none"), buckets=2)
        (curve,) = tracking.read_curves(query)
        assert (curve.key, curve.low, curve.high, curve.x.tolist()) == ("m", 0, 9, [4, 9])
        assert (curve.buckets.min.tolist(), curve.buckets.max.tolist()) == ([2.0, 0.0], [6.0, 3.0])
        with pytest.raises(InvalidInput, match="0 buckets"):
            tracking.read_curves(CurveQuery(run_ids=(run.info.run_id,), keys=("m",), buckets=0))
        with pytest.raises(NotFound):
            tracking.read_curves(CurveQuery(run_ids=("0" * 32,), keys=("m",)))

    def test_series_are_listed_by_key(self, tracking: Tracking, run: Run) -> None:
        tracking.log_batch(run.info.run_id, metrics=[Metric(key, 1.0, 1, 0) for key in ("b", "a", "c")])
        assert list(tracking.list_series(run.info.run_id)) == ["a", "b", "c"]

    def test_metrics_may_come_from_a_generator_and_be_none_at_all(self, tracking: Tracking, run: Run) -> None:
        tracking.log_batch(run.info.run_id, metrics=(Metric("m", 1.0, 1, step) for step in range(3)))
        tracking.log_batch(run.info.run_id)
        assert len(tracking.read_series(run.info.run_id, "m")) == 3

    def test_points_logged_by_several_threads_are_all_kept(self, tracking: Tracking, run: Run) -> None:
        def log(number: int) -> None:
            for step in range(20):
                tracking.log_batch(run.info.run_id, metrics=[Metric(f"m{number}", 1.0, 1, step)])

        threads = [threading.Thread(target=log, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(tracking.read_series(run.info.run_id, f"m{number}")) for number in range(4)] == [20] * 4

    def test_writes_to_many_runs_succeed_or_fail_each_on_its_own(self, tracking: Tracking, run: Run) -> None:
        other = tracking.create_run("0").info.run_id
        batch = MetricBatch.of_metrics([Metric("m", 1.0, 1, 0)])
        results = tracking.log_batches(
            [
                Write(run_id=run.info.run_id, metrics=batch, params={"p": "1"}),
                Write(run_id=UNKNOWN_RUN, metrics=batch),
                Write(run_id="../x", metrics=batch),
                Write(run_id=other, metrics=batch, params={"p": "v" * 6_001}),
                Write(run_id=run.info.run_id, params={"p": "2"}),
                Write(run_id=other, tags={"t": "1"}),
            ]
        )
        kinds = [type(None), NotFound, InvalidInput, InvalidInput, ParamChanged, type(None)]
        assert [type(result) for result in results] == kinds
        assert tracking.get_run(run.info.run_id).data.params == {"p": "1"}
        assert last_values(tracking, other) == {}
        assert tracking.get_run(other).data.tags["t"] == "1"

    def test_a_write_sets_a_status_last_and_an_end_time_if_that_ends_the_run(
        self, tracking: Tracking, run: Run
    ) -> None:
        run_id, before = run.info.run_id, now_ms()
        batch = MetricBatch.of_metrics([Metric("m", 1.0, 1, 0)])
        for status in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED):
            assert tracking.log_batches([Write(run_id=run_id, metrics=batch, status=status)]) == [None]
            info = tracking.get_run(run_id).info
            assert info.status is status
            assert before <= (info.end_time or 0) <= now_ms()
        assert tracking.log_batches([Write(run_id=run_id, status=RunStatus.FINISHED, end_time=9)]) == [None]
        assert tracking.get_run(run_id).info.end_time == 9
        assert last_values(tracking, run_id) == {"m": 1.0}
        assert tracking.log_batches([Write(run_id=run_id, status=RunStatus.RUNNING)]) == [None]
        info = tracking.get_run(run_id).info
        assert (info.status, info.end_time) == (RunStatus.RUNNING, None)

    def test_a_write_deletes_tags_that_need_not_be_there(self, tracking: Tracking, run: Run) -> None:
        run_id = run.info.run_id
        tracking.log_batch(run_id, tags={"old": "1", "kept": "1"})
        write = Write(run_id=run_id, tags={"new": "1", "both": "1"}, deleted_tags=["old", "both", "never there"])
        assert tracking.log_batches([write, write]) == [None, None]
        tags = tracking.get_run(run_id).data.tags
        assert tags == {"kept": "1", "new": "1", tag_names.RUN_NAME: run.info.run_name}

    @pytest.mark.parametrize(
        "fault",
        [
            {"end_time": 5},
            {"status": RunStatus.FINISHED, "end_time": -1},
            {"status": RunStatus.FINISHED, "deleted_tags": ["../x"]},
        ],
        ids=["an end time alone", "no time", "no tag's name"],
    )
    def test_a_write_with_a_senseless_end_is_refused_whole(
        self, tracking: Tracking, run: Run, fault: dict[str, Any]
    ) -> None:
        (error,) = tracking.log_batches([Write(run_id=run.info.run_id, params={"p": "1"}, **fault)])
        assert isinstance(error, InvalidInput)
        assert tracking.get_run(run.info.run_id) == run

    def test_no_writer_has_written_to_a_new_run(self, tracking: Tracking, run: Run) -> None:
        assert tracking.last_sequence(run.info.run_id, "w") == 0
