"""Runstone's own routes: used where a server has them, with the same results as MLflow's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from runstone.entities import Metric, ModelMetric, RunStatus
from runstone.errors import (
    AccessDenied,
    FilterError,
    InvalidInput,
    NotActive,
    NotFound,
    ParamChanged,
    RunstoneError,
    StoreUnavailable,
)
from runstone.remote import appends
from runstone.remote.address import parse_address
from runstone.remote.capabilities import Capabilities
from runstone.remote.tracking import SERIES_AT_ONCE, RemoteTracking
from runstone.remote.transport import HttpSession
from runstone.series.points import MetricBatch
from runstone.stores.base import Sequenced, Write
from runstone.wire.routes import NATIVE_PREFIX, NATIVE_ROUTES
from tests.remote.scripted import CUT, Arrived, Relay, Scene, ScriptedServer, reply

NATIVE = Capabilities(takes_run_ids=True, routes=frozenset(route.name for route in NATIVE_ROUTES))
MLFLOW = Capabilities(takes_run_ids=True)
UNKNOWN_RUN = "0f" * 16


@pytest.fixture
def relay(port: int) -> Iterator[Relay]:
    """What stands between the tracker and its server, and sees every request."""
    relay = Relay(port)
    yield relay
    relay.close()


@pytest.fixture
def tracking(relay: Relay, url: str) -> Iterator[RemoteTracking]:
    """A tracker at a fresh server, behind the relay."""
    address = url.replace(url.split("/")[2], f"127.0.0.1:{relay.port}")
    session = HttpSession(parse_address(address), sleep=lambda wait_s: None)
    tracking = RemoteTracking(address, session=session)
    yield tracking
    tracking.close()


@pytest.fixture
def plain(url: str) -> Iterator[RemoteTracking]:
    """A tracker at the same server that uses MLflow's routes alone."""
    tracking = RemoteTracking(url, capabilities=MLFLOW)
    yield tracking
    tracking.close()


@pytest.fixture
def played() -> Iterator[Callable[..., tuple[RemoteTracking, ScriptedServer]]]:
    """A tracker at a server that plays scenes and has all routes, and that server."""
    made: list[tuple[RemoteTracking, ScriptedServer]] = []

    def play(*scenes: Scene) -> tuple[RemoteTracking, ScriptedServer]:
        server = ScriptedServer(*scenes)
        session = HttpSession(parse_address(server.url), sleep=lambda wait_s: None)
        made.append((RemoteTracking(server.url, session=session, capabilities=NATIVE), server))
        return made[-1]

    yield play
    for tracking, server in made:
        tracking.close()
        server.close()


def new_run(tracking: RemoteTracking) -> str:
    return tracking.create_run("0").info.run_id


def points_of(key: str, steps: range, value: float = 1.0) -> MetricBatch:
    return MetricBatch.of_metrics([Metric(key, value, 1000 + step, step) for step in steps])


def routes_of(relay: Relay) -> list[str]:
    """What has been asked for since, without the server's name and the arguments."""
    found = [request.target.partition("?")[0].split("/", 2)[2] for request in relay.arrived]
    relay.arrived.clear()
    return found


def is_append(request: Arrived) -> bool:
    return request.target.endswith("/append")


def answer(**body: Any) -> Scene:
    return reply(msgspec.msgpack.encode(body))


class TestAppends:
    def test_writes_of_many_runs_are_one_request(self, tracking: RemoteTracking, relay: Relay) -> None:
        runs = [new_run(tracking) for _ in range(3)]
        relay.arrived.clear()
        writes = [
            Write(run_id=run, metrics=points_of("m", range(5)), params={"p": "1"}, tags={"t": "é"}) for run in runs
        ]
        assert tracking.log_batches(writes * 2) == [None] * 6
        assert routes_of(relay) == ["api/runstone/v1/openapi.json", "api/runstone/v1/append"]
        assert tracking.log_batches(writes[:1]) == [None]
        assert tracking.log_batches([]) == []
        assert routes_of(relay) == ["api/runstone/v1/append"]
        for run in runs:
            data = tracking.get_run(run).data
            assert (data.metrics, data.params, data.tags["t"]) == ({"m": 1.0}, {"p": "1"}, "é")
            assert len(tracking.read_series(run, "m")) == 5

    def test_each_write_fails_on_its_own_as_it_does_by_mlflows_routes(
        self, tracking: RemoteTracking, plain: RemoteTracking
    ) -> None:
        deleted = new_run(tracking)
        tracking.delete_run(deleted)
        outcomes = []
        for tracker in (tracking, plain):
            run_id = new_run(tracker)
            batch = points_of("m", range(2))
            results = tracker.log_batches(
                [
                    Write(run_id=run_id, metrics=batch, params={"p": "1"}),
                    Write(run_id=UNKNOWN_RUN, metrics=batch),
                    Write(run_id="../x", metrics=batch),
                    Write(run_id=run_id, params={"p": "2"}, tags={"lost": "1"}),
                    Write(run_id=deleted, tags={"t": "1"}),
                    Write(run_id=run_id, params={"long": "v" * 6_001}),
                    Write(run_id=run_id, metrics=points_of("m", range(2, 4))),
                ]
            )
            assert len(tracker.read_series(run_id, "m")) == 4
            assert "lost" not in tracker.get_run(run_id).data.tags
            outcomes.append([(type(result), str(result).replace(run_id, "RUN")) for result in results])
        assert outcomes[0] == outcomes[1]
        kinds = [kind for kind, _ in outcomes[0]]
        assert kinds == [type(None), NotFound, InvalidInput, ParamChanged, NotActive, InvalidInput, type(None)]

    def test_a_write_whose_answer_is_lost_is_stored_once(self, tracking: RemoteTracking, relay: Relay) -> None:
        run_id = new_run(tracking)
        relay.loses = lambda request: is_append(request) and sum(map(is_append, relay.arrived)) <= 3
        first = Write(run_id=run_id, metrics=points_of("m", range(10)), sequenced=Sequenced("w", 1, 10))
        assert tracking.log_batches([first]) == [None]
        assert sum(map(is_append, relay.arrived)) == 4
        # Other points under the same numbers would show if they were stored.
        again = msgspec.structs.replace(first, metrics=points_of("m", range(10), value=2.0))
        after = Write(run_id=run_id, metrics=points_of("m", range(10, 12)), sequenced=Sequenced("w", 11, 12))
        assert tracking.log_batches([again, after]) == [None, None]
        assert tracking.read_series(run_id, "m").value.tolist() == [1.0] * 12

    def test_a_gap_in_a_sequence_is_an_error(self, tracking: RemoteTracking) -> None:
        run_id = new_run(tracking)
        (error,) = tracking.log_batches(
            [Write(run_id=run_id, metrics=points_of("m", range(2)), sequenced=Sequenced("w", 5, 6))]
        )
        assert isinstance(error, InvalidInput)

    def test_bodies_stay_within_a_bound(
        self, tracking: RemoteTracking, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(appends, "BODY_BYTES", 10_000)
        run_id = new_run(tracking)
        sizes = [100] * 7 + [1_000] + [100] * 4
        steps = iter(range(10_000))
        writes = [
            Write(
                run_id=run_id, metrics=MetricBatch.of_metrics([Metric("m", 1.0, 1, next(steps)) for _ in range(size)])
            )
            for size in sizes
        ]
        assert tracking.log_batches(writes) == [None] * len(sizes)
        bodies = [len(request.body) for request in relay.arrived if is_append(request)]
        assert len(bodies) == 6
        assert sorted(bodies)[-2] < 10_000 < sorted(bodies)[-1] < 25_000  # what is larger by itself goes alone
        assert len(tracking.read_series(run_id, "m")) == sum(sizes)

    def test_many_small_writes_are_more_than_one_request(self, tracking: RemoteTracking, relay: Relay) -> None:
        run_id = new_run(tracking)
        writes = [Write(run_id=run_id, metrics=points_of("m", range(n, n + 1))) for n in range(1_200)]
        assert tracking.log_batches(writes) == [None] * 1_200
        assert sum(map(is_append, relay.arrived)) == 3
        assert len(tracking.read_series(run_id, "m")) == 1_200

    def test_a_large_batch_is_all_or_nothing(self, tracking: RemoteTracking, relay: Relay) -> None:
        run_id = new_run(tracking)
        metrics = [Metric(f"m{step % 3}", 1.0, 1, step) for step in range(5_000)]
        params = {f"p{number}": number for number in range(300)}
        tracking.log_batch(run_id, metrics=metrics, params=params, tags={"a": 1})
        with pytest.raises(ParamChanged):
            tracking.log_batch(run_id, metrics=metrics, params={**params, "new": 1, "p299": "x"}, tags={"b": 1})
        assert sum(map(is_append, relay.arrived)) == 2
        data = tracking.get_run(run_id).data
        assert (len(data.params), "new" in data.params, "b" in data.tags) == (300, False, False)
        assert sum(summary.count for summary in tracking.list_series(run_id).values()) == 5_000

    def test_a_small_batch_goes_to_a_route_that_every_server_has(self, tracking: RemoteTracking, relay: Relay) -> None:
        run_id = new_run(tracking)
        relay.arrived.clear()
        tracking.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 0)])
        assert routes_of(relay) == ["api/2.0/mlflow/runs/log-batch"]

    def test_a_write_that_no_server_takes_at_once_is_cut(
        self, tracking: RemoteTracking, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(appends, "MAX_WRITE_POINTS", 100)
        monkeypatch.setattr(appends, "BODY_BYTES", 1_000)
        run_id = new_run(tracking)
        metrics = [Metric(f"m{step % 3}", step / 2, step, step) for step in range(450)]
        write = Write(run_id=run_id, metrics=MetricBatch.of_metrics(metrics), params={"p": "1"})
        assert tracking.log_batches([write]) == [None]
        for number in range(3):
            assert tracking.read_series(run_id, f"m{number}").metrics(f"m{number}") == metrics[number::3]
        assert sum(map(is_append, relay.arrived)) == 5
        # Its first part, with the params, is refused: none of the others is sent.
        relay.arrived.clear()
        (error,) = tracking.log_batches([msgspec.structs.replace(write, params={"p": "2"})])
        assert isinstance(error, ParamChanged)
        assert sum(map(is_append, relay.arrived)) == 1

    def test_the_status_of_a_write_that_is_cut_comes_with_its_last_part(
        self, tracking: RemoteTracking, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(appends, "MAX_WRITE_POINTS", 100)
        monkeypatch.setattr(appends, "BODY_BYTES", 1_000)
        run_id = new_run(tracking)
        write = Write(
            run_id=run_id,
            metrics=points_of("m", range(250)),
            tags={"t": "1", "u": "1"},
            deleted_tags=["u"],
            status=RunStatus.FINISHED,
            end_time=9,
        )
        assert tracking.log_batches([write]) == [None]
        parts = [msgspec.msgpack.decode(one.body)["writes"][0] for one in relay.arrived if is_append(one)]
        told = [(part["tags"], part["deleted_tags"], part["status"], part["end_time"]) for part in parts]
        assert told == [({"t": "1", "u": "1"}, [], None, None), ({}, [], None, None), ({}, ["u"], "FINISHED", 9)]
        run = tracking.get_run(run_id)
        assert (run.info.status, run.info.end_time, "u" in run.data.tags) == (RunStatus.FINISHED, 9, False)

    def test_how_far_a_writer_has_come_is_asked_where_it_is_known(
        self, tracking: RemoteTracking, plain: RemoteTracking, relay: Relay
    ) -> None:
        run_id = new_run(tracking)
        write = Write(run_id=run_id, metrics=points_of("m", range(3)), sequenced=Sequenced("w", 1, 3))
        assert tracking.log_batches([write]) == [None]
        relay.arrived.clear()
        assert tracking.last_sequence(run_id, "w") == 3
        assert routes_of(relay) == ["api/runstone/v1/writers/last-sequence"]
        assert plain.last_sequence(run_id, "w") == 0

    @pytest.mark.parametrize("route", ["native", "mlflow"])
    def test_points_may_be_figures_of_logged_models(
        self, tracking: RemoteTracking, plain: RemoteTracking, route: str
    ) -> None:
        tracker = tracking if route == "native" else plain
        run_id = new_run(tracker)
        model_id = tracker.models.create_logged_model("0").model_id
        figures = [
            ModelMetric(model_id=model_id, key="acc", value=0.5, timestamp=1001, step=1, run_id=run_id),
            ModelMetric(
                model_id=model_id, key="acc", value=math.inf, timestamp=1002, step=2, run_id=run_id,
                dataset_name="d", dataset_digest="x",
            ),
        ]  # fmt: skip
        batch = MetricBatch.of_metrics([Metric(one.key, one.value, one.timestamp, one.step) for one in figures])
        missing = msgspec.structs.replace(figures[0], model_id="m-" + "0" * 32)
        results = tracker.log_batches(
            [
                Write(run_id=run_id, metrics=batch, model_metrics=figures),
                Write(run_id=run_id, metrics=points_of("lost", range(1)), model_metrics=[missing]),
            ]
        )
        assert [type(result) for result in results] == [type(None), NotFound]
        assert tracker.models.get_logged_model(model_id).metrics == tuple(figures)
        assert tracker.read_series(run_id, "acc").value.tolist() == [0.5, math.inf]
        assert len(tracker.read_series(run_id, "lost")) == 0


class TestAppendsThatFail:
    def write(self, run_id: str) -> Write:
        return Write(run_id=run_id, metrics=points_of("m", range(40)))

    def test_those_before_the_failure_are_told_from_those_after(
        self, played: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(appends, "BODY_BYTES", 1_500)
        tracking, server = played(answer(errors=[None]), *[CUT] * 9)
        results = tracking.log_batches([self.write(name) for name in ("a", "../x", "b", "c")])
        assert [type(result) for result in results] == [type(None), InvalidInput, StoreUnavailable, StoreUnavailable]
        assert results[2] is results[3]  # nobody waits for what is gone
        assert len(server.arrived) == 7

    def test_where_no_write_was_recorded_the_failure_is_raised(self, played: Callable[..., Any]) -> None:
        tracking, _ = played(*[CUT] * 9)
        with pytest.raises(StoreUnavailable):
            tracking.log_batches([self.write("a"), self.write("b")])

    def test_a_refusal_of_the_request_is_one_of_each_write(self, played: Callable[..., Any]) -> None:
        tracking, _ = played(reply(b'{"error_code": "PERMISSION_DENIED", "message": "no"}', 403))
        results = tracking.log_batches([self.write("a"), self.write("b")])
        assert [type(result) for result in results] == [AccessDenied, AccessDenied]

    @pytest.mark.parametrize("scene", [answer(errors=[None]), answer(errors=[1, 2]), reply(b"<html>Hello</html>")])
    def test_an_answer_that_is_none_is_a_failure(self, played: Callable[..., Any], scene: Scene) -> None:
        tracking, _ = played(scene)
        with pytest.raises(StoreUnavailable, match="check"):
            tracking.log_batches([self.write("a"), self.write("b")])

    def test_an_error_that_this_version_does_not_know_is_one_all_the_same(self, played: Callable[..., Any]) -> None:
        tracking, _ = played(answer(errors=[{"error_code": "NEWER", "message": "what", "kind": "Newer"}]))
        (error,) = tracking.log_batches([self.write("a")])
        assert (type(error), str(error)) == (RunstoneError, "what")


class TestReading:
    VALUES = (0.1, math.nan, math.inf, -math.inf, 0.5, 1e308)

    def test_a_table_is_one_request_and_the_same(
        self, tracking: RemoteTracking, plain: RemoteTracking, relay: Relay
    ) -> None:
        for number, value in enumerate(self.VALUES):
            run_id = tracking.create_run("0", run_name=f"r{number}", start_time=number + 1).info.run_id
            tracking.log_batch(run_id, metrics=[Metric("m", value, 1, 0)], params={f"p{number % 2}": number})
            if number % 2:
                tracking.update_run(run_id, status="FINISHED", end_time=50)
        relay.arrived.clear()
        asked: dict[str, Any] = {"filter_string": "attributes.start_time > 1", "order_by": ["start_time"]}
        token = None
        for _ in range(2):
            table = tracking.search_run_table(["0"], max_results=3, page_token=token, **asked)
            assert repr(table) == repr(plain.search_run_table(["0"], max_results=3, page_token=token, **asked))
            token = table.token
        assert routes_of(relay)[1:] == ["api/runstone/v1/runs/table"] * 2
        assert repr(table.metrics) == "{'m': [0.5, 1e+308]}"
        with pytest.raises(FilterError, match="column 13"):
            tracking.search_run_table(["0"], filter_string="metrics.a > ")
        with pytest.raises(InvalidInput, match="page token"):
            tracking.search_run_table(["0"], page_token="x")

    def test_a_series_comes_as_columns_of_the_range_alone(
        self, tracking: RemoteTracking, plain: RemoteTracking, relay: Relay
    ) -> None:
        run_id = new_run(tracking)
        metrics = [Metric("m", value, 5 - step, step) for step, value in enumerate(self.VALUES)]
        tracking.log_batch(run_id, metrics=metrics)
        relay.arrived.clear()
        ranges: list[Any] = [
            (None, None),
            (1, 3),
            (4, None),
            (None, 0),
            (9, None),
            (3, 1),
            (-(2**70), 2**70),
            (np.int64(2), 2),
        ]
        for from_step, to_step in ranges:
            found = tracking.read_series(run_id, "m", from_step=from_step, to_step=to_step)
            same = plain.read_series(run_id, "m", from_step=from_step, to_step=to_step)
            assert repr(list(found.rows())) == repr(list(same.rows()))
        assert set(routes_of(relay)) == {"api/runstone/v1/openapi.json", "api/runstone/v1/series"}
        found.value[:] = 0.0  # the columns are the caller's
        assert len(tracking.read_series(run_id, "none")) == 0
        with pytest.raises(NotFound):
            tracking.read_series(UNKNOWN_RUN, "m")

    def test_summaries_of_many_series_take_one_request_and_no_points(
        self, tracking: RemoteTracking, plain: RemoteTracking, relay: Relay
    ) -> None:
        run_id = new_run(tracking)
        keys = [f"m{number:02}" for number in range(2 * SERIES_AT_ONCE + 1)]
        tracking.log_batch(run_id, metrics=[Metric(key, step / 3, 1, step) for key in keys for step in range(4)])
        relay.arrived.clear()
        found = tracking.list_series(run_id)
        assert list(found) == keys
        assert found == plain.list_series(run_id)
        asked = [route for route in routes_of(relay) if route.startswith("api/runstone/v1/series")]
        assert asked == ["api/runstone/v1/series/summaries"]

    @pytest.mark.parametrize(
        "columns",
        [
            [],
            [{"step": b"12345678", "timestamp": b"", "value": b""}],
            [dict.fromkeys(("step", "timestamp", "value"), b"1")],
        ],
    )
    def test_columns_that_do_not_belong_together_are_no_answer(
        self, played: Callable[..., Any], columns: list[dict[str, bytes]]
    ) -> None:
        tracking, _ = played(answer(columns=[{"run_id": "r", "key": "m", **one} for one in columns]))
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            tracking.read_series("r", "m")


class TestServersWithoutTheRoutes:
    def test_mlflows_routes_do_the_same(self, tracking: RemoteTracking, relay: Relay) -> None:
        relay.hides = lambda request: NATIVE_PREFIX in request.target
        run_id = new_run(tracking)
        write = Write(run_id=run_id, metrics=points_of("m", range(1_500)), params={"p": "1"})
        assert tracking.log_batches([write, write]) == [None, None]
        assert len(tracking.read_series(run_id, "m", from_step=10, to_step=19)) == 10
        assert tracking.list_series(run_id)["m"].count == 1_500
        assert tracking.search_run_table(["0"]).params == {"p": ["1"]}
        native = [request.target for request in relay.arrived if NATIVE_PREFIX in request.target]
        assert [target.rpartition("/")[2] for target in native] == ["openapi.json"]  # asked once

    @pytest.mark.parametrize("scene", [reply(b"<html>Hello</html>"), reply(b"{}"), reply(b"no", 403), reply(b"", 405)])
    def test_whatever_stands_at_the_documents_place(self, scene: Scene) -> None:
        server = ScriptedServer(scene)
        tracking = RemoteTracking(server.url)
        assert tracking.log_batches([Write(run_id="r", tags={"a": "1"})]) == [None]
        assert [request.target for request in server.arrived][1:] == ["/api/2.0/mlflow/runs/log-batch"]
        tracking.close()
        server.close()

    def test_a_route_is_used_only_where_it_is_named(self) -> None:
        document = msgspec.json.encode(
            {"paths": {f"{NATIVE_PREFIX}/series": {"post": {}}, f"{NATIVE_PREFIX}/append": {"get": {}}}}
        )
        server = ScriptedServer(reply(document))
        tracking = RemoteTracking(server.url)
        assert tracking.log_batches([Write(run_id="r", tags={"a": "1"})]) == [None]
        with pytest.raises(StoreUnavailable):
            tracking.read_series("r", "m")
        assert [request.target for request in server.arrived][1:3] == [
            "/api/2.0/mlflow/runs/log-batch",
            f"{NATIVE_PREFIX}/series",
        ]
        tracking.close()
        server.close()
