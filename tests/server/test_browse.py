"""The other routes of the web UI: experiments, curves, a run, importance, folders."""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import numpy as np
import pytest

from tests.server.browsing import ask, ask_columns, ask_json, new_experiment, new_run
from tests.server.conftest import Start
from tests.server.serving import FILES, NATIVE, RunningServer

INVALID = "INVALID_PARAMETER_VALUE"
PRIMARY = "mlflow.experiment.primaryMetric.name"
GREATER = "mlflow.experiment.primaryMetric.greaterIsBetter"


def overview(server: RunningServer, experiment_id: str, **more: Any) -> dict[str, Any]:
    name = server.get(f"experiments/get?experiment_id={experiment_id}").json["experiment"]["name"]
    (found,) = ask_json(server, "experiments/overview", {"filter": f"name = '{name}'", **more})["experiments"]
    return dict(found)


def test_the_server_says_what_it_is(server: RunningServer) -> None:
    found = server.ask("GET", f"{NATIVE}/capabilities").json
    assert (found["read_only"], found["serves_artifacts"], found["max_page"]) == (False, True, 50_000)
    assert found["version"] == server.ask("GET", "/version").body.decode()


# -- experiments


def test_an_experiment_tells_its_best_run(server: RunningServer) -> None:
    experiment_id = new_experiment(server, team="vision")
    losses = [0.9, 0.5, 0.7, 0.2, 0.4]
    run_ids = [
        new_run(server, experiment_id, start_time=number, metrics={"val/loss": [loss, loss + 1], "lr": [9.0]})
        for number, loss in enumerate(losses)
    ]
    server.post("runs/update", {"run_id": run_ids[0], "status": "FINISHED", "end_time": 77})
    found = overview(server, experiment_id, sparkline=3)
    assert (found["runs"], found["live"], found["last_activity"]) == (5, 4, 77)
    assert (found["stage"], found["tags"]) == ("active", {"team": "vision"})
    assert found["primary"] == {
        "key": "val/loss", "direction": "min", "guessed": True, "best": 0.2, "best_run_id": run_ids[3],
        "sparkline": [0.5, 0.2, 0.4],
    }  # fmt: skip

    # The best run goes, and so does what was kept of it.
    server.post("runs/delete", {"run_id": run_ids[3]})
    found = overview(server, experiment_id, sparkline=3)
    assert (found["runs"], found["primary"]["best"]) == (4, 0.4)

    server.post("experiments/set-experiment-tag", {"experiment_id": experiment_id, "key": PRIMARY, "value": "lr"})
    server.post("experiments/set-experiment-tag", {"experiment_id": experiment_id, "key": GREATER, "value": "False"})
    primary = overview(server, experiment_id)["primary"]
    assert (primary["key"], primary["direction"], primary["guessed"], primary["best"]) == ("lr", "min", False, 9.0)


def test_an_experiment_without_numbers_has_no_best_run(server: RunningServer) -> None:
    empty = new_experiment(server)
    assert {"runs", "primary", "last_activity"}.isdisjoint(overview(server, empty))
    experiment_id = new_experiment(server, **{PRIMARY: "loss"})
    new_run(server, experiment_id, metrics={"loss": [math.nan]})
    primary = overview(server, experiment_id)["primary"]
    assert (primary["key"], primary["guessed"]) == ("loss", False)
    assert (primary["best"], primary["best_run_id"]) == (None, None)


# -- curves


def test_curves_keep_the_extremes_of_all_points(server: RunningServer) -> None:
    experiment_id = new_experiment(server)
    values = [math.sin(step / 50) for step in range(900)]
    values[333] = 40.0
    long = new_run(server, experiment_id, start_time=5000, metrics={"loss": values, "acc": [0.5]})
    short = new_run(server, experiment_id, start_time=9000, metrics={"loss": [1.0, math.nan, math.inf]})
    head = ask_columns(server, "curves", {"run_ids": [long, short], "keys": ["loss", "none", "acc"], "buckets": 30})
    loss, acc = head["charts"]
    assert (loss["key"], loss["from_x"], loss["to_x"], acc["key"]) == ("loss", 0, 899, "acc")
    first, second = loss["curves"]
    assert head.column(first["x"]) == [float(30 * number + 29) for number in range(30)]
    assert max(head.column(first["max"])) == 40.0
    expected = [min(values[30 * number : 30 * number + 30]) for number in range(30)]
    assert np.allclose(head.column(first["min"]), expected, rtol=2**-10, atol=41 * 2**-14)
    assert (first["points"], first["last_value"], "has_nan" in first) == (900, values[-1], False)
    assert (second["points"], second["last_value"], second["has_nan"]) == (3, "Infinity", True)
    assert (head.column(second["min"]), head.column(second["max"])) == ([1.0], [math.inf])

    zoomed = ask_columns(
        server, "curves", {"run_ids": [long], "keys": ["loss"], "from_x": 330, "to_x": 335, "buckets": 30}
    )
    (curve,) = zoomed["charts"][0]["curves"]
    assert zoomed.column(curve["x"]) == [0, 1, 2, 3, 4, 5]
    assert curve["min"].get("at", 0) == curve["max"].get("at", 0) == curve["last"].get("at", 0)


@pytest.mark.parametrize(
    ("x", "from_x", "places"), [("step", 0, [[0, 1], [0, 1]]), ("time", 5000, [[0, 1000], [4000, 5000]]),
                                ("relative", 0, [[0, 1000], [0, 1000]])]
)  # fmt: skip
def test_curves_go_along_steps_or_time(server: RunningServer, x: str, from_x: int, places: list[list[float]]) -> None:
    experiment_id = new_experiment(server)
    run_ids = [new_run(server, experiment_id, start_time=start, metrics={"m": [1.0, 2.0]}) for start in (5000, 9000)]
    head = ask_columns(server, "curves", {"run_ids": run_ids, "keys": ["m"], "x": x})
    (chart,) = head["charts"]
    assert (chart["from_x"], chart["x0"]) == (from_x, from_x)
    assert [head.column(curve["x"]) for curve in chart["curves"]] == places


def test_curves_of_an_unknown_run_are_not_found(server: RunningServer) -> None:
    answer = ask(server, "curves", {"run_ids": ["0" * 32], "keys": ["m"]})
    assert (answer.status, answer.code) == (404, "RESOURCE_DOES_NOT_EXIST")


# -- a run


def test_a_run_comes_with_all_that_its_page_shows(server: RunningServer) -> None:
    experiment_id = new_experiment(server)
    parent = new_run(server, experiment_id, name="parent")
    run_id = new_run(
        server, experiment_id, name="it", params={"lr": 0.1}, tags={"mlflow.parentRunId": parent},
        metrics={"loss": [2.0, math.nan, 1.0]},
    )  # fmt: skip
    child = new_run(server, experiment_id, name="child", tags={"mlflow.parentRunId": run_id})
    server.post(
        "runs/log-inputs",
        {"run_id": run_id, "datasets": [{
            "dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "{}"},
            "tags": [{"key": "mlflow.data.context", "value": "training"}],
        }]},
    )  # fmt: skip
    server.ask("PUT", f"{FILES}/{experiment_id}/{run_id}/artifacts/plots/a.txt", b"a")
    found = server.ask("GET", f"{NATIVE}/runs/{run_id}?artifacts=true").json
    assert (found["info"]["run_name"], found["info"]["status"], found["info"]["stage"]) == ("it", "RUNNING", "active")
    assert (found["params"], found["tags"]["mlflow.runName"]) == ({"lr": "0.1"}, "it")
    (loss,) = found["metrics"]
    assert (loss["key"], loss["count"], loss["min"], loss["min_step"], loss["last"]) == ("loss", 3, 1.0, 2, 1.0)
    assert found["parent"] == {"run_id": parent, "run_name": "parent", "status": "RUNNING", "start_time": 1}
    assert [one["run_id"] for one in found["children"]] == [child]
    assert found["inputs"] == [{"name": "d", "digest": "1", "source_type": "local", "context": "training"}]
    assert found["artifacts"] == [{"path": "plots", "is_dir": True}]
    assert "artifacts" not in server.ask("GET", f"{NATIVE}/runs/{run_id}").json
    assert server.ask("GET", f"{NATIVE}/runs/{'0' * 32}").status == 404


def test_a_folder_of_artifacts_comes_as_a_zip_file(server: RunningServer) -> None:
    run_id = server.new_run()
    files = {"plots/a b.txt": b"a" * 3_000_000, "plots/deep/é.bin": b"", "model.json": b"{}"}
    for path, data in files.items():
        server.ask("PUT", f"{FILES}/0/{run_id}/artifacts/{path}".replace(" ", "%20").replace("é", "%C3%A9"), data)
    for query, wanted in ((f"run_id={run_id}", files), (f"run_id={run_id}&path=plots/deep", ["plots/deep/é.bin"])):
        answer = server.ask("GET", f"{NATIVE}/artifacts.zip?{query}")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == {path: files[path] for path in wanted}
    for query, status in (
        (f"run_id={run_id}&path=none", 404),
        (f"run_id={'0' * 32}", 404),
        (f"run_id={run_id}&path=../{run_id}", 400),
        ("path=plots", 400),
    ):
        assert server.ask("GET", f"{NATIVE}/artifacts.zip?{query}").status == status, query


# -- what moves a metric


def test_the_param_that_moves_the_metric_comes_first(server: RunningServer) -> None:
    experiment_id = new_experiment(server)
    for number in range(40):
        lr = 10 ** (-number / 10)
        new_run(
            server, experiment_id, params={"lr": lr, "seed": number * 7 % 11, "same": "x", "note": f"n{number}"},
            metrics={"loss": [abs(number - 20) + 5.0, abs(number - 20)]},
        )  # fmt: skip
    new_run(server, experiment_id, params={"lr": 1}, metrics={"loss": [math.nan]})
    new_run(server, experiment_id, params={"lr": 2})
    found = ask_json(server, "importance", {"experiment_ids": [experiment_id], "metric": "loss"})
    assert (found["runs"], found["is_sample"], found["method"]) == (40, False, "epsilon-squared")
    assert [one["key"] for one in found["params"]] == ["lr", "seed"]
    lr, seed = found["params"]
    assert (lr["kind"], lr["runs"], lr["distinct"]) == ("number", 40, 40)
    # The best value lies in the middle: no correlation, and yet it explains nearly all.
    assert lr["share"] > 0.9 > 0.2 > abs(lr["correlation"])
    assert lr["p_value"] < 0.001 < seed["p_value"]
    none = ask_json(server, "importance", {"experiment_ids": [experiment_id], "metric": "other"})
    assert (none["runs"], none["params"]) == (0, [])


# -- refusals


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("experiments/overview", {"max_results": 0}),
        ("experiments/overview", {"sparkline": 1_000_000}),
        ("experiments/overview", {"filter": "metrics.loss > 1"}),
        ("experiments/overview", {"view_type": "SOME"}),
        ("curves", {"run_ids": ["0" * 32]}),
        ("curves", {"run_ids": ["0" * 32], "keys": ["m"], "buckets": 0}),
        ("curves", {"run_ids": ["0" * 32], "keys": ["m"], "buckets": 5_001}),
        ("curves", {"run_ids": ["0" * 32], "keys": ["m"], "x": "epoch"}),
        ("curves", {"run_ids": ["0" * 32], "keys": ["m"], "from_x": 1 << 64}),
        ("curves", {"run_ids": ["0" * 32], "keys": ["m"], "from_x": 0.5}),
        ("curves", {"run_ids": ["0" * 32] * 101, "keys": ["m"] * 10}),
        ("curves", {"run_ids": ["../x"], "keys": ["m"]}),
        ("curves", {"run_ids": ["0" * 32], "keys": ["a\nb"]}),
        ("importance", {"experiment_ids": ["0"]}),
        ("importance", {"experiment_ids": ["0"], "metric": "m", "aggregate": "first"}),
        ("importance", {"experiment_ids": ["0"], "metric": "a\nb"}),
        ("importance", {"experiment_ids": ["0"], "metric": "m", "filter": "="}),
    ],
)
def test_nonsense_is_refused(server: RunningServer, path: str, body: Any) -> None:
    answer = ask(server, path, body)
    assert (answer.status, answer.code) == (400, INVALID)


def test_a_read_only_server_refuses_what_changes_runs(start_server: Start) -> None:
    start_server().close()  # makes the store
    server = start_server("--read-only")
    for path in ("runs/delete-many", "runs/restore-many", "runs/tag-many"):
        assert ask(server, path, {"run_ids": ["0" * 32]}).status == 403
    assert ask(server, "experiments/overview", {}).status == 200
    assert server.ask("GET", f"{NATIVE}/capabilities").json["read_only"] is True
