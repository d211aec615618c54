"""Runs as columns, what has changed since, the language of filters, bulk actions, CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest

from tests.server.browsing import ask, ask_columns, ask_json, new_experiment, new_run
from tests.server.serving import NATIVE, RunningServer

INVALID = "INVALID_PARAMETER_VALUE"


@pytest.fixture
def three(server: RunningServer) -> tuple[str, list[str]]:
    """An experiment of three runs, the latest first."""
    experiment_id = new_experiment(server)
    parent = new_run(server, experiment_id, start_time=1000, name="parent", params={"lr": 0.1, "opt": "sgd"})
    child = new_run(
        server, experiment_id, start_time=2000, name="child", params={"lr": "none"},
        tags={"mlflow.parentRunId": parent, "team": "red"}, metrics={"loss": [3.0, 1.0, 2.0], "acc": [0.1]},
    )  # fmt: skip
    latest = new_run(server, experiment_id, start_time=3000, name="latest", metrics={"loss": [0.5]})
    server.post("runs/update", {"run_id": latest, "status": "FINISHED", "end_time": 4000})
    return experiment_id, [latest, child, parent]


def test_a_page_has_all_columns_of_its_runs(server: RunningServer, three: tuple[str, list[str]]) -> None:
    experiment_id, run_ids = three
    head = ask_columns(server, "runs/columns", {"experiment_ids": [experiment_id]})
    assert (head["rows"], head["run_ids"], head["names"]) == (3, run_ids, ["latest", "child", "parent"])
    assert head.texts(head["experiments"]) == [experiment_id] * 3
    assert head.texts(head["status"]) == ["FINISHED", "RUNNING", "RUNNING"]
    assert (head.texts(head["stage"]), head.texts(head["users"])) == (["active"] * 3, ["ada"] * 3)
    assert head.texts(head["parents"]) == [None, run_ids[2], None]
    assert head.column(head["start_time"]) == [3000.0, 2000.0, 1000.0]
    assert list(map(str, head.column(head["end_time"]))) == ["4000.0", "nan", "nan"]
    assert list(map(str, head.metric("loss"))) == ["0.5", "2.0", "nan"]
    assert head.text("params", "lr") == [None, "none", "0.1"]
    assert next(one for one in head["params"] if one["key"] == "lr")["numbers"] == [None, 0.1]
    assert "numbers" not in next(one for one in head["params"] if one["key"] == "opt")
    assert [one["key"] for one in head["tags"]] == ["team"]
    assert "next_page_token" not in head
    assert "count" not in head


def test_a_page_has_the_columns_that_were_chosen(server: RunningServer, three: tuple[str, list[str]]) -> None:
    asked = {
        "experiment_ids": [three[0]], "filter": "metrics.loss > 0.9", "metrics": ["loss"], "precise": True,
        "aggregates": ["min", "max", "count", "last_step", "last_time", "first"], "params": [], "tags": ["mlflow.user"],
    }  # fmt: skip
    head = ask_columns(server, "runs/columns", asked)
    (loss,) = head["metrics"]
    assert {name: head.column(place) for name, place in loss["values"].items()} == {
        "min": [1.0], "max": [3.0], "count": [3.0], "last_step": [2.0], "last_time": [4000.0], "first": [3.0],
    }  # fmt: skip
    assert {place["type"] for place in loss["values"].values()} == {"f8"}
    assert "params" not in head


def test_pages_follow_each_other_and_are_counted_with_their_keys(
    server: RunningServer, three: tuple[str, list[str]]
) -> None:
    asked: dict[str, Any] = {
        "experiment_ids": [three[0]], "order_by": ["min(metrics.loss) ASC"], "max_results": 2, "count": True,
        "keys": True,
    }  # fmt: skip
    first = ask_columns(server, "runs/columns", asked)
    rest = ask_columns(server, "runs/columns", {**asked, "page_token": first["next_page_token"]})
    assert first["run_ids"] + rest["run_ids"] == three[1]
    assert (first["count"], rest["count"], first.get("count_is_estimate")) == (3, 3, None)
    assert first["keys"]["metrics"] == [{"key": "acc", "runs": 1}, {"key": "loss", "runs": 2}]
    assert [one["key"] for one in first["keys"]["params"]] == ["lr", "opt"]
    assert first["keys"] == ask_json(server, "keys", {"experiment_ids": [three[0]]})


def test_equal_columns_lie_there_once_and_long_answers_are_packed(server: RunningServer) -> None:
    experiment_id = new_experiment(server)
    metrics = {f"m{number}": [math.pi] for number in range(50)}
    for _ in range(5):
        new_run(server, experiment_id, metrics=metrics)
    body = {"experiment_ids": [experiment_id]}
    head = ask_columns(server, "runs/columns", body)
    assert len({one["values"]["last"].get("at", 0) for one in head["metrics"]}) == 1
    packed = server.ask("POST", f"{NATIVE}/runs/columns", body, {"Accept-Encoding": "gzip, br"})
    plain = server.ask("POST", f"{NATIVE}/runs/columns", body)
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert plain.headers["Content-Encoding"] is None
    assert len(packed.body) < len(plain.body) / 4


def test_changes_are_the_runs_that_changed_and_those_that_went(
    server: RunningServer, three: tuple[str, list[str]]
) -> None:
    experiment_id, (latest, child, parent) = three
    asked: dict[str, Any] = {"experiment_ids": [experiment_id], "filter": "tags.team = 'red' OR metrics.loss < 1"}
    since = ask_columns(server, "runs/columns", asked)["revision"]
    nothing = ask_columns(server, "runs/changes", {**asked, "since": since})
    assert (nothing["rows"], nothing["revision"], nothing.get("gone")) == (0, since, None)

    point = {"run_id": child, "key": "loss", "value": 9.0, "step": 3, "timestamp": 1}
    assert server.post("runs/log-metric", point).status == 200
    server.post("runs/set-tag", {"run_id": parent, "key": "team", "value": "blue"})
    new_run(server, new_experiment(server), metrics={"loss": [0.1]})  # elsewhere
    server.post("runs/delete", {"run_id": latest})
    changed = ask_columns(
        server, "runs/changes", {**asked, "since": since, "metrics": ["loss"], "aggregates": ["last", "last_step"]}
    )
    assert changed["run_ids"] == [child]
    assert (changed.metric("loss"), changed.metric("loss", "last_step")) == ([9.0], [3.0])
    assert sorted(changed["gone"]) == sorted([latest, parent])
    assert changed["revision"] > since

    again = ask_columns(server, "runs/changes", {**asked, "since": changed["revision"]})
    assert (again["rows"], again["revision"]) == (0, changed["revision"])


def test_many_changes_come_in_parts(server: RunningServer, three: tuple[str, list[str]]) -> None:
    since, found = 0, []
    asked = {"experiment_ids": [three[0]], "max_results": 1, "run_view_type": "ALL"}
    for _ in range(10_000):
        part = ask_columns(server, "runs/changes", {**asked, "since": since})
        found += part["run_ids"]
        since = part["revision"]
        if "more" not in part:
            break
    assert set(found) == set(three[1])


def test_a_filter_is_checked_without_being_run(server: RunningServer) -> None:
    assert ask_json(server, "filters/check", {"filter": "metrics.loss < 1", "order_by": ["params.x"]}) == {"ok": True}
    assert ask_json(server, "filters/check", {}) == {"ok": True}
    fault = ask_json(server, "filters/check", {"filter": "metrics.loss <"})
    assert (fault["ok"], fault["text"], fault["column"]) == (False, "metrics.loss <", 14)
    assert fault["message"]
    fault = ask_json(server, "filters/check", {"order_by": ["metrics.loss", "loss SIDEWAYS"]})
    assert (fault["ok"], fault["text"]) == (False, "loss SIDEWAYS")


def test_values_are_completed_the_most_frequent_first(server: RunningServer) -> None:
    experiment_id = new_experiment(server)
    for value in ("ab", "ac", "ac", "b"):
        new_run(server, experiment_id, params={"p": value})
    asked = {"experiment_ids": [experiment_id], "kind": "param", "key": "p"}
    found = ask_json(server, "values", {**asked, "prefix": "a"})
    assert found == {"values": [{"value": "ac", "runs": 2}, {"value": "ab", "runs": 1}]}
    assert len(ask_json(server, "values", {**asked, "max_results": 1})["values"]) == 1
    assert ask_json(server, "values", {**asked, "kind": "tag"}) == {}


def test_many_runs_are_tagged_deleted_and_restored_each_on_its_own(
    server: RunningServer, three: tuple[str, list[str]]
) -> None:
    experiment_id, run_ids = three
    unknown = "0" * 32
    tagged = ask_json(
        server, "runs/tag-many", {"run_ids": [*run_ids, unknown], "tags": {"a": "1"}, "deleted_tags": ["team", "x"]}
    )
    assert tagged["done"] == 3
    assert [(one["run_id"], one["error_code"]) for one in tagged["errors"]] == [(unknown, "RESOURCE_DOES_NOT_EXIST")]
    head = ask_columns(server, "runs/columns", {"experiment_ids": [experiment_id]})
    assert [one["key"] for one in head["tags"]] == ["a"]

    deleted = ask_json(server, "runs/delete-many", {"run_ids": [run_ids[0], unknown, run_ids[1], run_ids[0]]})
    assert (deleted["done"], len(deleted["errors"])) == (2, 1)
    assert ask_columns(server, "runs/columns", {"experiment_ids": [experiment_id]})["run_ids"] == run_ids[2:]
    assert ask_json(server, "runs/restore-many", {"run_ids": run_ids}) == {"done": 3}
    assert ask_columns(server, "runs/columns", {"experiment_ids": [experiment_id]})["run_ids"] == run_ids


def test_a_search_comes_as_csv(server: RunningServer, three: tuple[str, list[str]]) -> None:
    experiment_id, run_ids = three
    server.post("runs/set-tag", {"run_id": run_ids[2], "key": "team", "value": 'a "quoted",\ntext é'})
    answer = server.ask("GET", f"{NATIVE}/runs.csv?experiment_ids={experiment_id}&order_by=start_time%20ASC")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert [row["run_id"] for row in rows] == run_ids[::-1]
    assert [row["metrics.loss"] for row in rows] == ["", "2.0", "0.5"]
    assert rows[0]["tags.team"] == 'a "quoted",\ntext é'
    assert (rows[2]["start_time"], rows[2]["end_time"]) == (
        "1970-01-01T00:00:03.000+00:00",
        "1970-01-01T00:00:04.000+00:00",
    )
    assert "tags.mlflow.runName" not in rows[0]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("runs/columns", {"experiment_ids": ["0"], "filter": "metrics.loss <"}),
        ("runs/columns", {"experiment_ids": ["0"], "filter": 7, "aggregates": ["best"]}),
        ("runs/columns", {"experiment_ids": "0"}),
        ("runs/columns", {"experiment_ids": ["x"]}),
        ("runs/columns", {"experiment_ids": ["0"], "order_by": ["SIDEWAYS now"]}),
        ("runs/columns", {"experiment_ids": ["0"], "max_results": 0}),
        ("runs/columns", {"experiment_ids": ["0"], "max_results": 50_001}),
        ("runs/columns", {"experiment_ids": ["0"], "page_token": "rubbish"}),
        ("runs/columns", {"experiment_ids": ["0"], "run_view_type": "SOME"}),
        ("runs/columns", {"experiment_ids": ["0"], "metrics": "loss"}),
        ("runs/changes", {"experiment_ids": ["0"]}),
        ("runs/changes", {"experiment_ids": ["0"], "since": -1}),
        ("runs/changes", {"experiment_ids": ["0"], "since": "soon"}),
        ("runs/changes", {"experiment_ids": ["0"], "since": 1 << 70}),
        ("runs/changes", {"experiment_ids": ["0"], "since": 0, "filter": "metrics.loss < 1) OR (1"}),
        ("runs/changes", {"experiment_ids": ["0"], "since": 0, "max_results": 0}),
        ("filters/check", {"filter": ["a"]}),
        ("keys", {}),
        ("keys", {"experiment_ids": ["-1"]}),
        ("values", {"experiment_ids": ["0"], "kind": "metric", "key": "a"}),
        ("values", {"experiment_ids": ["0"], "kind": "tag"}),
        ("values", {"experiment_ids": ["0"], "kind": "tag", "key": "a", "max_results": 0}),
        ("runs/delete-many", {}),
        ("runs/delete-many", {"run_ids": []}),
        ("runs/restore-many", {"run_ids": ["a"] * 10_001}),
        ("runs/tag-many", {"run_ids": ["a" * 32]}),
        ("runs/tag-many", {"run_ids": ["a" * 32], "tags": ["a"]}),
        ("runs/tag-many", b"rubbish"),
        ("runs/columns", b"[]"),
    ],
)
def test_nonsense_is_refused(server: RunningServer, path: str, body: Any) -> None:
    answer = ask(server, path, body)
    assert (answer.status, answer.code) == (400, INVALID)


@pytest.mark.parametrize(
    "query", ["", "experiment_ids=x", "experiment_ids=0&filter=(", "experiment_ids=0&order_by=a+b+c"]
)
def test_csv_of_nonsense_is_refused(server: RunningServer, query: str) -> None:
    answer = server.ask("GET", f"{NATIVE}/runs.csv?{query}")
    assert (answer.status, answer.code) == (400, INVALID)
