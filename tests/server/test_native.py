"""Runstone's own routes: appends that count once, runs as columns, series, changes."""

from __future__ import annotations

import io
import math
import socket
import time
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from runstone.entities import Metric
from runstone.series.frame import encode_frame
from runstone.series.points import MetricBatch
from tests.server.serving import NATIVE, Answer, RunningServer

INVALID = "INVALID_PARAMETER_VALUE"


def frame_of(key: str, steps: range, value: float = 1.0) -> bytes:
    return encode_frame(MetricBatch.of_metrics([Metric(key, value, 1000 + step, step) for step in steps]))


def ask(server: RunningServer, path: str, body: Any) -> Answer:
    return server.ask("POST", f"{NATIVE}/{path}", msgspec.msgpack.encode(body))


def append(server: RunningServer, *writes: dict[str, Any]) -> list[Any]:
    """The error of each write, or None."""
    answer = ask(server, "append", {"writes": writes})
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/msgpack"
    errors: list[Any] = msgspec.msgpack.decode(answer.body)["errors"]
    return errors


def write(run_id: str, first: int, last: int, writer: str = "w", **more: Any) -> dict[str, Any]:
    frame = frame_of("m", range(first, last + 1))
    return {"run_id": run_id, "frame": frame, "writer": writer, "first": first, "last": last, **more}


# -- append


def test_a_write_that_arrives_twice_is_stored_once(server: RunningServer, run_id: str) -> None:
    once = write(run_id, 1, 10, params={"p": "1"}, tags={"t": "a"})
    assert append(server, once) == [None]
    # Other points under the same numbers would show if the second arrival were stored.
    again = {**once, "frame": frame_of("m", range(1, 11), value=2.0), "tags": {"t": "b"}}
    assert append(server, again, again) == [None, None]
    assert append(server, write(run_id, 11, 12)) == [None]
    assert [point["value"] for point in server.history(run_id, "m")] == [1.0] * 12
    run = server.get(f"runs/get?run_id={run_id}").json["run"]
    assert {"key": "t", "value": "a"} in run["data"]["tags"]
    assert run["data"]["params"] == [{"key": "p", "value": "1"}]


def test_a_writer_that_lost_the_answer_sends_again_and_counts_once(server: RunningServer, run_id: str) -> None:
    for first in (1, 11, 21):
        body = msgspec.msgpack.encode({"writes": [write(run_id, first, first + 9)]})
        head = b"POST %s/append HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (
            NATIVE.encode(),
            len(body),
        )
        with server.connect() as connection:
            connection.sendall(head + body)
            connection.shutdown(socket.SHUT_RDWR)  # before the answer
        deadline = time.monotonic() + 0.01 * first
        while time.monotonic() < deadline:  # sometimes the first arrival is stored by now, sometimes not
            time.sleep(0.001)
        assert append(server, write(run_id, first, first + 9)) == [None]
    assert [point["step"] for point in server.history(run_id, "m")] == list(range(1, 31))


def test_a_gap_and_an_overlap_are_refused(server: RunningServer, run_id: str) -> None:
    assert append(server, write(run_id, 1, 5)) == [None]
    for first, last in ((7, 8), (4, 8), (100, 200)):
        (error,) = append(server, write(run_id, first, last))
        assert error["error_code"] == INVALID
    assert append(server, write(run_id, 6, 8), write(run_id, 1, 1, "other")) == [None, None]
    assert len(server.history(run_id, "m")) == 8


@pytest.mark.parametrize(("first", "last"), [(0, 5), (5, 4), (-3, -1), (1, 2**63), (2**63, 2**63), (-(2**63), 5)])
def test_a_senseless_sequence_is_refused(server: RunningServer, run_id: str, first: int, last: int) -> None:
    one = {"run_id": run_id, "frame": frame_of("m", range(3)), "writer": "w", "first": first, "last": last}
    (error,) = append(server, one)
    assert error["error_code"] == INVALID
    assert server.history(run_id, "m") == []


def test_one_bad_write_does_not_hold_up_the_others(server: RunningServer, run_id: str) -> None:
    unknown, deleted = "0" * 32, server.new_run()
    server.post("runs/delete", {"run_id": deleted})
    assert append(server, write(run_id, 1, 1, params={"p": "1"})) == [None]
    errors = append(
        server,
        write(unknown, 1, 2),
        write(deleted, 1, 2),
        write(run_id, 2, 3, params={"p": "2"}),
        {"run_id": run_id, "frame": frame_of("../m", range(3))},
        {"run_id": run_id, "frame": b"rubbish"},
        write(run_id, 2, 3),
    )
    codes = [error and error["error_code"] for error in errors]
    assert codes == ["RESOURCE_DOES_NOT_EXIST", INVALID, INVALID, INVALID, INVALID, None]
    assert [error and error.get("kind") for error in errors[1:3]] == ["NotActive", "ParamChanged"]
    assert len(server.history(run_id, "m")) == 3


def test_a_status_and_deleted_tags_come_once_with_their_write(server: RunningServer, run_id: str) -> None:
    once = write(run_id, 1, 2, tags={"a": "1", "b": "1"}, deleted_tags=["b", "c"], status="FINISHED", end_time=9)
    assert append(server, once) == [None]
    run = server.get(f"runs/get?run_id={run_id}").json["run"]
    assert (run["info"]["status"], run["info"]["end_time"]) == ("FINISHED", 9)
    assert "b" not in [tag["key"] for tag in run["data"]["tags"]]
    server.post("runs/update", {"run_id": run_id, "status": "RUNNING"})
    assert append(server, once, {**once, "status": "KILLED", "ends": True}) == [None, None]
    assert server.get(f"runs/get?run_id={run_id}").json["run"]["info"]["status"] == "RUNNING"


@pytest.mark.parametrize("wrong", [{"status": "DONE"}, {"end_time": 5}, {"status": "FAILED", "end_time": -1}])
def test_a_senseless_end_is_refused(server: RunningServer, run_id: str, wrong: dict[str, Any]) -> None:
    (error,) = append(server, {"run_id": run_id, "tags": {"lost": "1"}, **wrong})
    assert error["error_code"] == INVALID
    assert "lost" not in server.get(f"runs/get?run_id={run_id}").body.decode()


def test_fields_of_a_newer_client_are_passed_over(server: RunningServer, run_id: str) -> None:
    assert append(server, {"run_id": run_id, "tags": {"t": "1"}, "from_the_future": [1, {"a": b"b"}]}) == [None]


def test_a_writer_may_say_that_it_lives_but_send_nothing_without_numbers(server: RunningServer, run_id: str) -> None:
    assert append(server, {"run_id": run_id, "writer": "w"}) == [None]
    for content in ({"frame": frame_of("m", range(3))}, {"tags": {"t": "1"}}, {"status": "FINISHED"}):
        (error,) = append(server, {"run_id": run_id, "writer": "w", **content})
        assert error["error_code"] == INVALID
    assert append(server, write(run_id, 1, 2), {"run_id": run_id, "writer": "w", "first": 2, "last": 2}) == [None, None]
    assert len(server.history(run_id, "m")) == 2


def test_a_writer_is_told_how_far_it_has_come(server: RunningServer, run_id: str) -> None:
    def last(run_id: str, writer: str) -> Answer:
        return server.ask("GET", f"{NATIVE}/writers/last-sequence?run_id={run_id}&writer={writer}")

    assert last(run_id, "w").json == {"last": 0}
    append(server, {"run_id": run_id, "writer": "w", "first": 1, "last": 2**53 + 1})
    assert last(run_id, "w").json == {"last": 2**53 + 1}
    assert last(run_id, "other").json == {"last": 0}
    assert last("0" * 32, "w").status == 404
    assert server.ask("GET", f"{NATIVE}/writers/last-sequence?run_id={run_id}").code == INVALID


def broken_frames() -> dict[str, bytes]:
    frame = frame_of("m", range(20))
    flipped = bytearray(frame)
    flipped[-1] ^= 1
    two_keys = MetricBatch.of_metrics([Metric("a", 1, 1, 0), Metric("b", 1, 1, 0)])
    same_key = MetricBatch(("a", "a"), two_keys.starts, two_keys.points)
    key_too_much = MetricBatch(("a", "b", "c"), two_keys.starts, two_keys.points)
    falling = MetricBatch(("a", "b"), np.array([0, 5, 2]), two_keys.points)
    beyond = MetricBatch(("a", "b"), np.array([0, 1, 2**40]), two_keys.points)
    return {
        "empty": b"",
        "one byte": b"\x01",
        "text": b"rubbish" * 100,
        "cut": frame[:-1],
        "longer": frame + b"x",
        "flipped bit": bytes(flipped),
        "newer version": b"\xff" + frame[1:],
        "same key twice": encode_frame(same_key),
        "a key too much": encode_frame(key_too_much),
        "falling starts": encode_frame(falling),
        "starts beyond the points": encode_frame(beyond),
    }


@pytest.mark.parametrize("name", broken_frames())
def test_a_frame_that_is_damaged_or_inconsistent_is_refused(server: RunningServer, run_id: str, name: str) -> None:
    (error,) = append(server, {"run_id": run_id, "frame": broken_frames()[name]})
    assert error["error_code"] == INVALID
    assert "metrics" not in server.get(f"runs/get?run_id={run_id}").json["run"]["data"]


def test_points_out_of_order_and_repeated_are_put_right(server: RunningServer, run_id: str) -> None:
    right = MetricBatch.of_metrics([Metric("m", float(step), 1, step) for step in range(6)])
    wrong = MetricBatch(right.keys, right.starts, right.points[np.array([3, 1, 1, 5, 0, 0])])
    assert append(server, {"run_id": run_id, "frame": encode_frame(wrong)}) == [None]
    assert [point["step"] for point in server.history(run_id, "m")] == [0, 1, 3, 5]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x81\xa6writes\x91\x81\xa6run_id\xa1\xff",
        b"{}",
        msgspec.msgpack.encode({}),
        msgspec.msgpack.encode({"writes": [{"frame": b""}]}),
        b"\x91" * 9000,
    ],
)
def test_a_body_that_is_no_append_is_refused(server: RunningServer, body: bytes) -> None:
    answer = server.ask("POST", f"{NATIVE}/append", body)
    assert (answer.status, answer.code) == (400, INVALID)


# -- reading


def test_a_series_comes_whole_in_buckets_or_as_arrow(server: RunningServer, run_id: str) -> None:
    values = [math.sin(step / 50) for step in range(1000)]
    values[617] = 99.0
    batch = MetricBatch.of_metrics([Metric("m", value, 5 * step, step) for step, value in enumerate(values)])
    assert append(server, {"run_id": run_id, "frame": encode_frame(batch)}) == [None]
    series = [[run_id, "m"], [run_id, "none"]]

    whole = msgspec.msgpack.decode(ask(server, "series", {"series": _named(series)}).body)["columns"]
    assert np.frombuffer(whole[0]["value"], "<f8").tolist() == values
    assert np.frombuffer(whole[0]["timestamp"], "<i8")[-1] == 4995
    assert whole[1]["value"] == b""

    asked = {"series": _named(series), "buckets": 10, "from_step": 0, "to_step": 999}
    buckets = msgspec.msgpack.decode(ask(server, "series", asked).body)["buckets"]
    assert np.frombuffer(buckets[0]["count"], "<i8").tolist() == [100] * 10
    assert np.frombuffer(buckets[0]["max"], "<f4")[6] == 99.0
    assert np.frombuffer(buckets[0]["last"], "<f4")[-1] == np.float32(values[-1])
    assert buckets[1]["count"] == b""

    asked = {"series": _named(series), "arrow": True, "from_step": 10, "to_step": 12}
    stream = msgspec.msgpack.decode(ask(server, "series", asked).body)["arrow"]
    table = pa.ipc.open_stream(io.BytesIO(stream)).read_all()
    assert table.column_names == ["run_id", "key", "step", "timestamp", "value"]
    assert table["step"].to_pylist() == [10, 11, 12]
    assert table["value"].to_pylist() == values[10:13]
    assert set(table["run_id"].to_pylist()) == {run_id}


def _named(series: list[list[str]]) -> list[dict[str, str]]:
    return [{"run_id": run_id, "key": key} for run_id, key in series]


@pytest.mark.parametrize("most", [0, -1, 100_001, 2**62])
def test_a_senseless_number_of_buckets_is_refused(server: RunningServer, run_id: str, most: int) -> None:
    answer = ask(server, "series", {"series": _named([[run_id, "m"]]), "buckets": most})
    assert (answer.status, answer.code) == (400, INVALID)


def test_a_series_of_an_unknown_run_is_404_and_too_many_are_400(server: RunningServer, run_id: str) -> None:
    assert ask(server, "series", {"series": _named([["0" * 32, "m"]])}).status == 404
    assert ask(server, "series", {"series": _named([[run_id, "m"]] * 1001)}).code == INVALID


def test_runs_come_as_columns_with_gaps(server: RunningServer) -> None:
    experiment_id = server.post("experiments/create", {"name": "table"}).json["experiment_id"]
    first, second = server.new_run(experiment_id), server.new_run(experiment_id)
    append(server, write(first, 1, 3, params={"lr": "0.1"}), {"run_id": second, "tags": {"only": "here"}})
    answer = ask(server, "runs/table", {"experiment_ids": [experiment_id], "order_by": ["attributes.start_time ASC"]})
    table = msgspec.msgpack.decode(answer.body)
    rows = {run_id: row for row, run_id in enumerate(table["run_id"])}
    assert set(rows) == {first, second}
    assert table["metrics"]["m"][rows[first]] == 1.0
    assert math.isnan(table["metrics"]["m"][rows[second]])
    assert table["params"]["lr"][rows[second]] is None
    assert table["tags"]["only"][rows[second]] == "here"
    assert table["status"] == ["RUNNING", "RUNNING"]
    bad = ask(server, "runs/table", {"experiment_ids": [experiment_id], "filter": "nonsense"})
    assert (bad.status, bad.code) == (400, INVALID)


def test_changed_runs_are_told_from_a_revision_on(server: RunningServer) -> None:
    def changes(since: int) -> tuple[int, list[str]]:
        found = server.ask("GET", f"{NATIVE}/changes?since={since}&max_results=10000").json
        return found["revision"], [run["run_id"] for run in found.get("runs", [])]

    start, _ = changes(0)
    assert changes(start) == (start, [])
    run_id = server.new_run()
    created, runs = changes(start)
    assert runs == [run_id]
    assert created > start
    append(server, write(run_id, 1, 2))
    written, runs = changes(created)
    assert runs == [run_id]
    server.post("runs/set-tag", {"run_id": run_id, "key": "t", "value": "v"})
    server.post("runs/delete", {"run_id": run_id})
    assert changes(written)[1] == [run_id]
    assert server.ask("GET", f"{NATIVE}/changes?since=x").status == 400
