"""Requests as MLflow's clients send them, and as they must not: statuses, codes and words."""

from __future__ import annotations

import pytest

from tests.server.conftest import Start
from tests.server.serving import API, RunningServer

INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"


# -- numbers


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("1.5", 1.5),
        ('"1.5"', 1.5),
        ("3", 3),
        ("NaN", "NaN"),
        ('"NaN"', "NaN"),
        ("Infinity", "Infinity"),
        ('"Infinity"', "Infinity"),
        ("-Infinity", "-Infinity"),
        ('"-Infinity"', "-Infinity"),
        ("1e400", "Infinity"),
        ("-1e400", "-Infinity"),
        ("1.7976931348623157e308", 1.7976931348623157e308),
    ],
)
def test_a_value_of_any_spelling_comes_back(server: RunningServer, run_id: str, text: str, answered: object) -> None:
    body = f'{{"run_id": "{run_id}", "key": "m", "value": {text}, "timestamp": 1, "step": 2}}'
    assert server.ask("POST", f"{API}/runs/log-metric", body.encode()).status == 200
    assert server.history(run_id, "m") == [{"key": "m", "value": answered, "timestamp": 1, "step": 2}]
    batch = f'{{"run_id": "{run_id}", "metrics": [{{"key": "b", "value": {text}, "timestamp": 1}}]}}'
    assert server.ask("POST", f"{API}/runs/log-batch", batch.encode()).status == 200
    assert server.history(run_id, "b") == [{"key": "b", "value": answered, "timestamp": 1, "step": 0}]


@pytest.mark.parametrize("number", ["9007199254740993", '"9007199254740993"', "9223372036854775807"])
def test_a_64_bit_integer_keeps_every_digit(server: RunningServer, run_id: str, number: str) -> None:
    body = f'{{"run_id": "{run_id}", "key": "m", "value": 0, "timestamp": 1, "step": {number}}}'
    assert server.ask("POST", f"{API}/runs/log-metric", body.encode()).status == 200
    assert server.history(run_id, "m")[0]["step"] == int(number.strip('"'))


def test_an_integer_may_be_written_as_a_float(server: RunningServer, run_id: str) -> None:
    for step in ("2.0", '"2"', "2"):
        body = f'{{"run_id": "{run_id}", "key": "m", "value": 1, "timestamp": 1.0, "step": {step}}}'
        assert server.ask("POST", f"{API}/runs/log-metric", body.encode()).status == 200
    assert [point["step"] for point in server.history(run_id, "m")] == [2]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", '"abc"'),
        ("value", "[]"),
        ("value", "{}"),
        ("step", "2.5"),
        ("step", '"x"'),
        ("step", "9223372036854775808"),
        ("timestamp", "-9223372036854775809"),
        ("timestamp", "1e30"),
        ("timestamp", "NaN"),
        ("timestamp", "true"),
        ("key", "7"),
        ("key", "[]"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_and_named(
    server: RunningServer, run_id: str, field: str, value: str
) -> None:
    fields = {"run_id": f'"{run_id}"', "key": '"m"', "value": "1", "timestamp": "1", "step": "1", field: value}
    body = "{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}"
    answer = server.ask("POST", f"{API}/runs/log-metric", body.encode())
    assert (answer.status, answer.code) == (400, INVALID)
    assert field in answer.message
    del fields["run_id"]
    batch = '{"run_id": "' + run_id + '", "metrics": [{' + body[1:-1].partition(",")[2] + "}]}"
    answer = server.ask("POST", f"{API}/runs/log-batch", batch.encode())
    assert (answer.status, answer.code) == (400, INVALID)
    assert server.get(f"runs/get?run_id={run_id}").json["run"]["data"].get("metrics") is None


# -- fields


def test_a_missing_field_is_named_with_its_place(server: RunningServer, run_id: str) -> None:
    answer = server.post("runs/log-batch", {"run_id": run_id, "metrics": [{"key": "a", "value": 1}]})
    assert (answer.status, answer.code) == (400, INVALID)
    assert "Missing value for required parameter 'metrics[0].timestamp'" in answer.message


@pytest.mark.parametrize(
    ("verb", "path", "field"),
    [
        ("POST", "experiments/create", "name"),
        ("GET", "experiments/get", "experiment_id"),
        ("POST", "runs/log-metric", "key"),
        ("POST", "runs/log-batch", "run_id"),
        ("GET", "runs/get", "run_id"),
        ("POST", "runs/update", "run_id"),
        ("GET", "metrics/get-history?run_id=x", "metric_key"),
    ],
)
def test_a_request_without_its_field_is_refused(server: RunningServer, verb: str, path: str, field: str) -> None:
    answer = server.ask(verb, f"{API}/{path}", b"" if verb == "POST" else None)
    assert (answer.status, answer.code) == (400, INVALID)
    assert f"Missing value for required parameter '{field}'" in answer.message


def test_the_value_of_a_wrong_field_is_told(server: RunningServer) -> None:
    answer = server.post("runs/log-batch", {"run_id": 31})
    assert (answer.status, answer.code) == (400, INVALID)
    assert "Invalid value 31 for parameter 'run_id' supplied" in answer.message


def test_unknown_fields_and_enum_names_are_ignored_and_null_means_not_given(server: RunningServer) -> None:
    created = server.post("runs/create", {"experiment_id": "0", "new": {"deep": [1]}, "run_name": None, "tags": None})
    assert created.status == 200
    run_id = created.json["run"]["info"]["run_id"]
    assert server.post("runs/update", {"run_id": run_id, "status": "DREAMING"}).status == 200
    assert server.get(f"runs/get?run_id={run_id}&new=1").json["run"]["info"]["status"] == "RUNNING"
    assert server.post("runs/search", {"experiment_ids": ["0"], "run_view_type": "SOME"}).status == 200


@pytest.mark.parametrize("status", ["FINISHED", 3])
def test_a_status_is_a_name_or_a_number(server: RunningServer, run_id: str, status: str | int) -> None:
    answer = server.post("runs/update", {"run_id": run_id, "status": status, "end_time": 77})
    assert answer.json["run_info"]["status"] == "FINISHED"
    assert answer.json["run_info"]["end_time"] == 77


def test_either_name_of_the_run_id_is_taken_and_both_are_answered(server: RunningServer, run_id: str) -> None:
    for name in ("run_id", "run_uuid"):
        info = server.get(f"runs/get?{name}={run_id}").json["run"]["info"]
        assert info["run_id"] == info["run_uuid"] == run_id
        assert server.post("runs/set-tag", {name: run_id, "key": name, "value": "x"}).status == 200
    assert server.post(
        "runs/log-metric", {"run_id": run_id, "run_uuid": run_id, "key": "m", "value": 1, "timestamp": 1}
    )


def test_empty_lists_are_left_out_and_zeros_are_kept(server: RunningServer, run_id: str) -> None:
    run = server.get(f"runs/get?run_id={run_id}").json["run"]
    assert "metrics" not in run["data"]
    assert "params" not in run["data"]
    assert "end_time" not in run["info"]
    assert server.post("experiments/search", {"max_results": 5, "filter": "name = 'none such'"}).json == {}
    server.post("runs/log-metric", {"run_id": run_id, "key": "m", "value": 0, "timestamp": 0, "step": 0})
    assert server.history(run_id, "m") == [{"key": "m", "value": 0, "timestamp": 0, "step": 0}]


# -- bodies that are none


@pytest.mark.parametrize(
    "body",
    [b"{", b"nothing", b'{"a": 1} x', b"\xff\xfe{}", b'{"name": "\xc3("}', b"[]", b'"text"', b"7", b"null", b"true"],
)
def test_a_body_that_is_no_json_object_is_refused(server: RunningServer, body: bytes) -> None:
    for path in ("experiments/create", "runs/log-batch"):
        answer = server.ask("POST", f"{API}/{path}", body)
        assert (answer.status, answer.code) == (400, INVALID)


@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
@pytest.mark.parametrize("form", ['{"a":%s1%s}', '{"name": "x", "a": %s NaN %s}', '{"name": %s1%s}'])
def test_deep_json_is_no_failure_of_the_server(server: RunningServer, depth: int, form: str) -> None:
    body = (form % ("[" * depth, "]" * depth)).encode()
    answer = server.ask("POST", f"{API}/experiments/create", body)
    assert answer.status in (200, 400)
    if answer.status == 200:
        server.post("experiments/delete", answer.json)
        server.post("experiments/update", {"experiment_id": answer.json["experiment_id"], "new_name": f"gone{depth}"})
    objects = ('{"a":' * depth + "1" + "}" * depth).encode()
    assert server.ask("POST", f"{API}/runs/log-batch", objects).status == 400


@pytest.mark.parametrize("more", ["", '"x": NaN, '])
@pytest.mark.parametrize("text", ["\\ud800", "a\\udfff\\ud800"])
def test_half_a_surrogate_pair_is_refused(server: RunningServer, run_id: str, text: str, more: str) -> None:
    for path, fields in (
        ("runs/set-tag", f'"run_id": "{run_id}", "key": "k", "value": "{text}"'),
        ("runs/log-batch", f'"run_id": "{run_id}", "tags": [{{"key": "k", "value": "{text}"}}]'),
        ("runs/search", f'"experiment_ids": ["0"], "filter": "params.a = \'{text}\'"'),
        ("experiments/create", f'"name": "{text}"'),
    ):
        answer = server.ask("POST", f"{API}/{path}", f"{{{more}{fields}}}".encode())
        assert (answer.status, answer.code) == (400, INVALID), path
    whole = f'{{{more}"run_id": "{run_id}", "key": "k", "value": "\\ud83d\\ude00"}}'
    assert server.ask("POST", f"{API}/runs/set-tag", whole.encode()).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("runs/log-model", {"model_json": '{"a":' * 3000}),
        ("runs/log-model", {"model_json": "[" * 200_000}),
        ("runs/log-model", {"model_json": "[]"}),
        ("runs/outputs", {"models": [{"model_id": "none", "step": 2**63}]}),
        ("runs/update", {"end_time": 2**63}),
        ("runs/update", {"status": []}),
        ("runs/log-inputs", {"datasets": [{}]}),
        ("runs/log-batch", {"params": [{"key": "k" * 300, "value": "x"}]}),
        ("runs/log-batch", {"params": [{"key": "", "value": "x"}]}),
        ("runs/log-batch", {"tags": [{"key": "k", "value": "a\0b"}]}),
        ("experiments/create", {"name": "a\0b"}),
    ],
)
def test_what_no_run_can_hold_is_400(server: RunningServer, run_id: str, path: str, body: dict[str, object]) -> None:
    answer = server.post(path, {"run_id": run_id, **body})
    assert (answer.status, answer.code) == (400, INVALID)
    assert "no JSON: Invalid" not in answer.message


@pytest.mark.parametrize("most", ["0", "-5", "x", "1.5"])
def test_a_page_of_points_has_at_least_one(server: RunningServer, run_id: str, most: str) -> None:
    for path in ("get-history", "get-history-bulk", "get-history-bulk-interval"):
        answer = server.get(f"metrics/{path}?run_id={run_id}&run_ids={run_id}&metric_key=m&max_results={most}")
        assert (answer.status, answer.code) == (400, INVALID)


def test_ten_megabytes_are_read(server: RunningServer, run_id: str) -> None:
    answer = server.post("runs/log-batch", {"run_id": run_id, "tags": [{"key": "k", "value": "x" * 10_000_000}]})
    assert (answer.status, answer.code) == (400, INVALID)
    ignored = {"run_id": run_id, "tags": [{"key": "k", "value": "v"}], "unknown": ["x" * 1000] * 10_000}
    assert server.post("runs/log-batch", ignored).status == 200


# -- errors


def test_what_is_missing_is_404(server: RunningServer) -> None:
    unknown = "0" * 32
    for answer in (
        server.get(f"runs/get?run_id={unknown}"),
        server.get("experiments/get?experiment_id=424242"),
        server.get("experiments/get-by-name?experiment_name=none%20such"),
        server.post("runs/log-batch", {"run_id": unknown, "params": [{"key": "a", "value": "b"}]}),
        server.post("runs/log-metric", {"run_id": unknown, "key": "a", "value": 1, "timestamp": 1}),
        server.post("runs/delete", {"run_id": unknown}),
        server.get("registered-models/get?name=none"),
        server.get("logged-models/none"),
    ):
        assert (answer.status, answer.code) == (404, MISSING)


def test_a_taken_name_and_a_changed_param_are_400(server: RunningServer, run_id: str) -> None:
    assert server.post("experiments/create", {"name": "taken"}).status == 200
    again = server.post("experiments/create", {"name": "taken"})
    assert (again.status, again.code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert server.post("runs/log-parameter", {"run_id": run_id, "key": "p", "value": "1"}).status == 200
    changed = server.post("runs/log-parameter", {"run_id": run_id, "key": "p", "value": "2"})
    assert (changed.status, changed.code) == (400, INVALID)
    assert "Changing param values is not allowed" in changed.message
    twice = server.post("runs/log-batch", {"run_id": run_id, "params": [{"key": "q", "value": v} for v in "ab"]})
    assert (twice.status, twice.code) == (400, INVALID)


def test_writing_to_a_deleted_run_says_that_it_must_be_active(server: RunningServer, run_id: str) -> None:
    assert [server.post("runs/delete", {"run_id": run_id}).status for _ in range(2)] == [200, 200]
    for path, body in (
        ("runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}),
        ("runs/log-batch", {"metrics": [{"key": "m", "value": 1, "timestamp": 1}]}),
        ("runs/set-tag", {"key": "t", "value": "v"}),
    ):
        answer = server.post(path, {"run_id": run_id, **body})
        assert (answer.status, answer.code) == (400, INVALID)
        assert "must be in the 'active' state" in answer.message


def test_a_batch_is_all_or_nothing_and_bounded(server: RunningServer, run_id: str) -> None:
    good = {"key": "good", "value": 1, "timestamp": 1}
    bad = server.post("runs/log-batch", {"run_id": run_id, "metrics": [good, {**good, "key": "../bad"}]})
    assert (bad.status, bad.code) == (400, INVALID)
    long = server.post("runs/log-batch", {"run_id": run_id, "metrics": [good] * 1_001})
    assert (long.status, long.code) == (400, INVALID)
    assert "at most 1000 metrics" in long.message
    assert server.history(run_id, "good") == []


@pytest.mark.parametrize("text", ["metrics.a >", "nonsense", "metrics.a = 'x", "tags.a > 1", "a.b.c = 1", "(" * 500])
def test_a_bad_filter_is_400(server: RunningServer, text: str) -> None:
    answer = server.post("runs/search", {"experiment_ids": ["0"], "filter": text})
    assert (answer.status, answer.code) == (400, INVALID)


@pytest.mark.parametrize("token", ["rubbish", "eyJvZmZzZXQiOiAxfQ==", "%00", "-1", "1e9", "\u0661", "9" * 400])
def test_a_page_token_of_somebody_else_is_400(server: RunningServer, run_id: str, token: str) -> None:
    answers = [
        server.post("runs/search", {"experiment_ids": ["0"], "page_token": token}),
        server.post("experiments/search", {"max_results": 3, "page_token": token}),
        server.ask("GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key=m&page_token={token.encode().hex()}x"),
    ]
    for answer in answers:
        assert (answer.status, answer.code) == (400, INVALID)


@pytest.mark.parametrize("most", [0, -1, 50_001, 10**12])
def test_a_page_of_a_bad_size_is_400(server: RunningServer, most: int) -> None:
    answer = server.post("runs/search", {"experiment_ids": ["0"], "max_results": most})
    assert (answer.status, answer.code) == (400, INVALID)


def test_pages_of_runs_follow_each_other(server: RunningServer) -> None:
    experiment_id = server.post("experiments/create", {"name": "pages"}).json["experiment_id"]
    made = {server.new_run(experiment_id) for _ in range(5)}
    seen: list[str] = []
    body = {"experiment_ids": [experiment_id], "max_results": 2}
    while True:
        page = server.post("runs/search", body).json
        seen += [run["info"]["run_id"] for run in page["runs"]]
        if "next_page_token" not in page:
            break
        body["page_token"] = page["next_page_token"]
    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize(
    ("view", "found"), [("ACTIVE_ONLY", 1), ("DELETED_ONLY", 1), ("ALL", 2), (1, 1), (2, 1), (3, 2)]
)
def test_views_are_names_or_numbers(server: RunningServer, view: str | int, found: int) -> None:
    experiment_id = server.post("experiments/create", {"name": f"view {view!r}"}).json["experiment_id"]
    server.new_run(experiment_id)
    server.post("runs/delete", {"run_id": server.new_run(experiment_id)})
    answer = server.post("runs/search", {"experiment_ids": [experiment_id], "run_view_type": view})
    assert len(answer.json["runs"]) == found


# -- routes


@pytest.mark.parametrize(
    "prefix",
    [
        "/api/2.0/mlflow",
        "/ajax-api/2.0/mlflow",
        "/api/3.0/mlflow",
        "/ajax-api/3.0/mlflow",
        "/api/2.0/preview/mlflow",
        "/ajax-api/2.0/preview/mlflow",
    ],
)
def test_every_prefix_leads_to_the_same(server: RunningServer, prefix: str) -> None:
    assert server.ask("GET", f"{prefix}/experiments/get?experiment_id=0").json["experiment"]["name"] == "Default"
    assert server.ask("POST", f"{prefix}/runs/search", {"experiment_ids": ["0"]}).status == 200
    assert server.ask("GET", f"{prefix}/logged-models/none").code == MISSING


def test_experiments_are_searched_by_get_too(server: RunningServer) -> None:
    answer = server.get("experiments/search?max_results=1&view_type=ALL&order_by=name%20ASC&order_by=experiment_id")
    assert answer.status == 200
    assert len(answer.json["experiments"]) == 1
    assert server.get("experiments/list").status == 200


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", f"{API}/runs/create"),
        ("PUT", f"{API}/runs/create"),
        ("DELETE", f"{API}/runs/search"),
        ("POST", f"{API}/runs/get"),
        ("PATCH", f"{API}/experiments/get"),
        ("PUT", f"{API}/logged-models/x"),
        ("POST", "/health"),
        ("DELETE", "/version"),
        ("POST", "/api/2.0/mlflow-artifacts/artifacts/a"),
    ],
)
def test_a_wrong_verb_is_405_and_names_the_right_ones(server: RunningServer, verb: str, path: str) -> None:
    answer = server.ask(verb, path, b"{}")
    assert (answer.status, answer.code) == (405, "ENDPOINT_NOT_FOUND")
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/api/2.0/mlflow/nothing", "/api/9.0/mlflow/runs/get", "/nothing", "//", "/api", "/%00"]
)
def test_an_unknown_route_is_404_in_the_same_form(server: RunningServer, path: str) -> None:
    answer = server.ask("GET", path)
    assert (answer.status, answer.code) == (404, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize("word", ["traces", "gateway", "prompts", "webhooks", "scorers"])
def test_a_route_that_is_left_out_says_so(server: RunningServer, word: str) -> None:
    for verb in ("GET", "POST"):
        answer = server.ask(verb, f"/api/3.0/mlflow/{word}/search", b"{}")
        assert (answer.status, answer.code) == (404, "ENDPOINT_NOT_FOUND")
        assert "Runstone does not have" in answer.message


@pytest.mark.parametrize(
    "path",
    ["/health", "/version", f"{API}/experiments/get?experiment_id=0", f"{API}/experiments/get?experiment_id=9e9"],
)
def test_head_is_get_without_the_body(server: RunningServer, path: str) -> None:
    got, head = server.ask("GET", path), server.ask("HEAD", path)
    assert (head.status, head.body) == (got.status, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.body))


def test_the_server_says_what_it_can(server: RunningServer) -> None:
    for prefix in ("/api", "/ajax-api"):
        info = server.ask("GET", f"{prefix}/3.0/mlflow/server-info").json
        assert info["store_type"] == "SqlStore"
        assert info["multipart_uploads_enabled"] is True
        assert info["workspaces_enabled"] is False


def test_bad_requests_leave_nothing_in_the_log(start_server: Start) -> None:
    running = start_server()
    for body in (b'{"run_id": ' + b"[" * 100_000, b"\xff", b'{"filter": "("}'):
        assert running.ask("POST", f"{API}/runs/search", body).status == 400
    assert running.stop() == ""
