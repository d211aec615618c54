"""RemoteTracking: the suite over a server of ours, and what it alone can meet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runstone.connect import connect, database_path
from runstone.entities import Metric
from runstone.errors import AccessDenied, FilterError, InvalidInput, NotFound, ParamChanged, StoreUnavailable
from runstone.remote.address import parse_address
from runstone.remote.capabilities import Capabilities
from runstone.remote.tracking import RemoteTracking
from runstone.remote.transport import HttpSession
from runstone.series.points import MetricBatch
from runstone.stores.base import Write
from runstone.testing.tracking import TrackingSuite
from runstone.testing.tracking_removal import TrackingRemovalSuite
from runstone.testing.tracking_writers import TrackingWritersSuite
from runstone.tracking.base import Tracking
from runstone.wire.routes import NATIVE_ROUTES, ROUTES
from tests.remote.scripted import CUT, Scene, ScriptedServer, reply

Played = Callable[..., "tuple[RemoteTracking, ScriptedServer]"]
MLFLOW = Capabilities()
KINDS = ("metrics", "params", "tags")


@pytest.fixture
def played() -> Iterator[Played]:
    """A tracker at a server that plays scenes, with MLflow's API alone, and that server.

    The tracker does not really wait.
    """
    made: list[tuple[RemoteTracking, ScriptedServer]] = []

    def play(*scenes: Scene, capabilities: Capabilities | None = MLFLOW) -> tuple[RemoteTracking, ScriptedServer]:
        server = ScriptedServer(*scenes)
        waits_s: list[float] = []
        session = HttpSession(parse_address(server.url), sleep=waits_s.append)
        made.append((RemoteTracking(server.url, session=session, capabilities=capabilities), server))
        return made[-1]

    yield play
    for tracking, server in made:
        tracking.close()
        server.close()


def _write(run_id: str) -> Write:
    return Write(run_id=run_id, metrics=MetricBatch.of_metrics([Metric("m", 1.0, 1, 0)]))


class TestOverHttp(TrackingSuite):
    """The contract, over a server in its own process."""

    def test_a_relative_artifact_location_stays_where_it_was_meant(
        self, tracking: Tracking, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # It is meant here, so it is sent in full; and no server keeps artifacts in a folder of a client's choice.
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InvalidInput, match=f"'{(tmp_path / 'files').as_uri()}'.*folders of a client's choice"):
            tracking.create_experiment("a", artifact_location="files/")


class TestWritersOverHttp(TrackingWritersSuite, TrackingRemovalSuite):
    """What is beyond MLflow's API, over a server in its own process."""


class TestOverMlflowsRoutes(TestOverHttp):
    """The contract, over the same server as if it had no routes of its own."""

    @pytest.fixture
    def tracking(self, url: str) -> Iterator[RemoteTracking]:
        tracking = RemoteTracking(url, capabilities=Capabilities(takes_run_ids=True))
        yield tracking
        tracking.close()


class TestLargeBatches:
    def test_a_batch_beyond_the_limits_arrives_whole(self, tracking: RemoteTracking) -> None:
        run_id = tracking.create_run("0").info.run_id
        tracking.log_batch(
            run_id,
            metrics=[Metric(f"m{step % 3}", step / 2, step, step) for step in range(4_500)],
            params={f"p{number}": number for number in range(250)},
            tags={f"t{number}": number for number in range(101)},
        )
        data = tracking.get_run(run_id).data
        assert data.params == {f"p{number}": str(number) for number in range(250)}
        assert {key: value for key, value in data.tags.items() if key[0] == "t"} == {
            f"t{number}": str(number) for number in range(101)
        }
        assert [len(tracking.read_series(run_id, key)) for key in ("m0", "m1", "m2")] == [1_500] * 3

    def test_params_and_tags_go_first_in_as_few_requests_as_it_takes(self, played: Played) -> None:
        tracking, server = played()
        tracking.log_batch(
            "r",
            metrics=[Metric("m", 1.0, 1, step) for step in range(2_500)],
            params={f"p{number}": number for number in range(150)},
            tags={"t": 1},
        )
        sizes = [[len(json.loads(one.body).get(kind, [])) for kind in KINDS] for one in server.arrived]
        assert sizes == [[0, 100, 1], [950, 50, 0], [1_000, 0, 0], [550, 0, 0]]

    def test_a_batch_within_the_limits_is_one_request(self, played: Played) -> None:
        tracking, server = played()
        tracking.log_batch("r", metrics=[Metric("m", 1.0, 1, 3)], params={"p": 1}, tags={"t": 1})
        tracking.log_batch("r")
        assert [json.loads(one.body) for one in server.arrived] == [
            {
                "run_id": "r",
                "metrics": [{"key": "m", "value": 1.0, "timestamp": 1, "step": 3}],
                "params": [{"key": "p", "value": "1"}],
                "tags": [{"key": "t", "value": "1"}],
            },
            {"run_id": "r"},
        ]

    def test_a_param_that_is_refused_leaves_no_points_behind(self, tracking: RemoteTracking) -> None:
        run_id = tracking.create_run("0", tags={}).info.run_id
        tracking.log_batch(run_id, params={"p149": "old"})
        metrics = [Metric("m", 1.0, 1, step) for step in range(2_000)]
        with pytest.raises(ParamChanged):
            tracking.log_batch(run_id, metrics=metrics, params={f"p{number}": number for number in range(150)})
        assert tracking.list_series(run_id) == {}

    def test_a_history_comes_in_pages(self, url: str) -> None:
        tracking = RemoteTracking(url, capabilities=Capabilities())
        run_id = tracking.create_run("0").info.run_id
        tracking.log_batch(run_id, metrics=[Metric("m", float(step), step, step) for step in range(26_000)])
        points = tracking.read_series(run_id, "m", from_step=24_998, to_step=25_002)
        assert points.step.tolist() == [24_998, 24_999, 25_000, 25_001, 25_002]
        assert tracking.list_series(run_id)["m"].count == 26_000
        tracking.close()


class TestServersThatFail:
    def test_of_many_writes_those_before_the_failure_are_told_from_those_after(self, played: Played) -> None:
        tracking, server = played(reply(), *[CUT] * 9)
        results = tracking.log_batches([_write("a"), _write("../x"), _write("b"), _write("c")])
        assert [type(result) for result in results] == [type(None), InvalidInput, StoreUnavailable, StoreUnavailable]
        assert results[2] is results[3]  # nobody waits for what is gone
        assert len(server.arrived) == 7

    def test_where_no_write_was_recorded_the_failure_is_raised(self, played: Played) -> None:
        tracking, _ = played(*[CUT] * 9)
        with pytest.raises(StoreUnavailable):
            tracking.log_batches([_write("a"), _write("b")])
        assert tracking.log_batches([]) == []

    def test_a_refusal_of_one_write_lets_the_others_through(self, played: Played) -> None:
        tracking, _ = played(reply(b'{"error_code": "PERMISSION_DENIED", "message": "no"}', 403))
        results = tracking.log_batches([_write("a"), _write("b")])
        assert [type(result) for result in results] == [AccessDenied, type(None)]

    def test_a_run_is_never_created_twice(self, played: Played) -> None:
        tracking, server = played(CUT)
        with pytest.raises(StoreUnavailable, match="may have been carried out"):
            tracking.create_run("0")
        assert len(server.arrived) == 1

    def test_a_page_that_is_no_json_is_said_so(self, played: Played) -> None:
        tracking, _ = played(reply(b"<html><title>Welcome</title>"), reply(b'{"run": 5}'))
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=r"answered GET /api/2\.0/mlflow/runs/get with .* check the"):
                tracking.get_run("r")

    def test_only_a_missing_experiment_is_none(self, played: Played) -> None:
        missing = reply(b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "?"}', 404)
        tracking, _ = played(missing, reply(b"<html>404</html>", 404))
        assert tracking.find_experiment("a") is None
        with pytest.raises(Exception, match="no such endpoint"):
            tracking.find_experiment("a")


class TestOtherServers:
    """What servers of MLflow do otherwise."""

    def test_a_run_id_of_the_clients_choice_is_refused_before_a_run_is_made(self, played: Played) -> None:
        tracking, server = played(reply(b"<html>404</html>", 404), capabilities=None)
        for _ in range(2):
            with pytest.raises(InvalidInput, match="makes up the ids of runs itself"):
                tracking.create_run("0", run_id="mine")
        assert [one.target for one in server.arrived] == ["/api/runstone/v1/openapi.json"]

    def test_the_history_of_an_unknown_run_is_empty_there_but_not_found_here(self, played: Played) -> None:
        missing = reply(b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run"}', 404)
        tracking, _ = played(reply(), missing)
        with pytest.raises(NotFound, match="no run"):
            tracking.read_series("r", "m")

    def test_bare_nan_and_numbers_as_texts_are_read(self, played: Played) -> None:
        tracking, _ = played(
            reply(
                b'{"metrics": [{"key": "m", "value": NaN, "timestamp": "1", "step": "2"},'
                b' {"key": "m", "value": -Infinity, "timestamp": 3, "step": 1}]}'
            )
        )
        points = tracking.read_series("r", "m")
        assert (points.step.tolist(), points.timestamp.tolist()) == ([1, 2], [3, 1])
        assert str(points.value.tolist()) == "[-inf, nan]"

    def test_a_filter_that_the_server_refuses_is_explained_here_where_it_can_be(self, played: Played) -> None:
        refused = reply(b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid clause"}', 400)
        tracking, server = played(refused, refused)
        with pytest.raises(FilterError, match="column 13"):
            tracking.search_runs(["0"], filter_string="metrics.a > ")
        with pytest.raises(InvalidInput, match=r"^Invalid clause$"):
            tracking.search_runs(["0"], filter_string="metrics.a > 1 OR metrics.b > 1")
        assert len(server.arrived) == 2

    @pytest.mark.parametrize("search", ["search_runs", "search_experiments"])
    def test_what_is_no_filter_or_order_at_all_is_not_sent(self, played: Played, search: str) -> None:
        tracking, server = played()
        arguments = [["0"]] if search == "search_runs" else []
        for given in ({"filter_string": 5}, {"order_by": "name"}, {"order_by": [5]}):
            with pytest.raises(InvalidInput):
                getattr(tracking, search)(*arguments, **given)
        assert server.arrived == []


class TestConnecting:
    def test_a_url_connects_to_a_server_and_the_tracker_is_shared(self, url: str) -> None:
        tracking = connect(url)
        assert isinstance(tracking.inner, RemoteTracking)
        assert connect(url) is tracking
        assert tracking.get_experiment("0").name == "Default"
        tracking.close()

    def test_what_needs_a_database_file_refuses_a_server_without_its_password(self) -> None:
        with pytest.raises(InvalidInput, match="'https://host/x' is a server, and this needs a database file"):
            database_path("https://ada:secret@host/x")

    def test_a_url_that_names_no_server_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="names no host"):
            connect("http://")


def test_every_route_that_reads_may_be_asked_again() -> None:
    unsafe = {route.name for route in (*ROUTES, *NATIVE_ROUTES) if not route.repeatable}
    assert {route.name for route in ROUTES if route.verbs[0] == "GET" or route.access == "search"} & unsafe == set()
    assert {"create_experiment", "create_run", "delete_tag", "delete_experiment_tag", "log_model"} <= unsafe
