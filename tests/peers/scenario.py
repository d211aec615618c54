"""One user's session, told as JSON: `scenario.py runstone` or `scenario.py mlflow`, in an empty folder.

What differs from one process to the next (ids, the clock, made-up names) is left out or replaced by names.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

mlflow: Any = importlib.import_module(sys.argv[1])
entities: Any = importlib.import_module(f"{sys.argv[1]}.entities")

OWN_TAGS = ("mlflow.runName", "mlflow.parentRunId", "mlflow.note.content")
UNKNOWN = "0f" * 16

answers: dict[str, Any] = {}


def plain(value: Any) -> Any:
    """The value as JSON can hold it, numbers as they are."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def answer(name: str, value: Any) -> None:
    answers[name] = plain(value)


def refusal(name: str, act: Callable[[], object], *phrases: str) -> None:
    """How an act is refused: whether MlflowException catches it, its code, and which of the phrases it says."""
    try:
        result = act()
    except Exception as error:  # noqa: BLE001
        text = str(error).lower()
        said = [number for number, phrase in enumerate(phrases) if phrase.lower() in text]
        caught = isinstance(error, mlflow.MlflowException)
        answers[name] = {"caught": caught, "code": getattr(error, "error_code", None), "said": said, "text": str(error)}
    else:
        answers[name] = f"no error but {type(result).__name__}"


def names(runs: Any) -> list[str]:
    return [run.info.run_name for run in runs]


def experiments_and_runs() -> dict[str, str]:
    """Runs with fixed times in two experiments, by the client; their ids by name."""
    client = mlflow.MlflowClient()
    main = client.create_experiment("main", tags={"team": "blue", "size": "3"})
    side = client.create_experiment("side")
    ids = {}
    for number in range(8):
        name = f"r{number}"
        run = client.create_run(
            main if number < 6 else side, start_time=1_000 + number // 2, run_name=name, tags={"parity": number % 2}
        )
        ids[name] = run.info.run_id
        batch = [entities.Metric("loss", 1 / (number + 1) + step, 100 + step, step) for step in range(3)]
        if number % 3:
            batch += [entities.Metric("acc", number / 10, 50, 0), entities.Metric("acc", number / 20, 40, 2)]
        params = [entities.Param("lr", str(0.1 * number)), entities.Param("text", "a'b\"c%_")]
        client.log_batch(ids[name], batch, params, [entities.RunTag("t", f"Tag{number}")])
        client.set_terminated(ids[name], ["FINISHED", "FAILED", "KILLED"][number % 3], 2_000 + number)
    client.log_metric(ids["r1"], "nan", math.nan, timestamp=5, step=1)
    client.log_metric(ids["r1"], "same step", 1.0, timestamp=5, step=1)
    client.log_metric(ids["r1"], "same step", 3.0, timestamp=6, step=1)
    client.log_metric(ids["r1"], "same step", 2.0, timestamp=6, step=1)
    client.log_metric(ids["r1"], "same step", 9.0, timestamp=9, step=0)
    for _ in range(2):  # what a client that tries again sends
        client.log_metric(ids["r1"], "twice", 1.0, timestamp=5, step=1)
    client.delete_run(ids["r5"])
    return ids


def reading(ids: dict[str, str]) -> None:
    client = mlflow.MlflowClient()
    for name, run_id in ids.items():
        run = client.get_run(run_id)
        answer(f"run {name}", [run.info.status, run.info.start_time, run.info.end_time, run.info.lifecycle_stage])
        answer(f"data {name}", [run.data.metrics, run.data.params, run.data.tags])
    for key in ("loss", "acc", "same step", "twice", "nothing"):
        history = client.get_metric_history(ids["r1"], key)
        answer(f"history {key}", sorted([one.step, one.timestamp, one.value] for one in history))
    experiment = client.get_experiment_by_name("main")
    answer("experiment", [experiment.name, experiment.experiment_id, experiment.lifecycle_stage, experiment.tags])
    answer("no experiment", client.get_experiment_by_name("none"))
    answer("parent of none", client.get_parent_run(ids["r1"]))


FILTERS = """
metrics.loss < 0.3
metrics.loss >= 2.2 and metrics.loss != 2.25
metrics.acc > 0.1
metrics.nan = 1
metrics.`same step` = 3
params.lr = '0.1'
params.text LIKE 'a%'
params.text LIKE '%A%'
params.text ILIKE '%A%'
params."lr" != '0.0'
tags.t = 'Tag3'
tags.t ILIKE 'tAG_'
tags.none = 'x'
tags.none != 'x'
tag.parity = '1' AND metric.loss < 2.3
attributes.status = 'FINISHED'
status != 'FINISHED'
attributes.run_name LIKE 'r%'
attributes.start_time > 1001
start_time <= 1002 and end_time > 2001
attributes.end_time = 2004
tags.`mlflow.runName` = 'r2'
tags.parity IS NULL
tags.parity IS NOT NULL
params.nothing IS NULL
""".strip().splitlines()
WRONG_FILTERS = """
metrics.loss
metrics.loss <
metrics.loss < 'x'
metrics.loss LIKE 'x'
params.lr = 0.1 AND
loss < 1
attributes.nothing = 'x'
nothing.x = 'y'
tags.t = Tag3
metrics.loss < 1; metrics.acc > 2
run_name = 'unclosed
params.lr IN ()
""".strip().splitlines()
ORDERS = """
metrics.loss
metrics.loss DESC
metrics.acc ASC
metrics.acc DESC
params.lr DESC
tags.t
attributes.start_time ASC
end_time DESC
status
metrics.nan
metrics.nan DESC
""".strip().splitlines()

LAST_WORD = "run_name"
"""Within one start time the id decides, which is chance: the name makes every order certain."""


def searching(ids: dict[str, str]) -> None:
    client = mlflow.MlflowClient()
    main, side = (client.get_experiment_by_name(name).experiment_id for name in ("main", "side"))
    both = [main, side]
    for text in FILTERS:
        answer(f"filter {text}", names(client.search_runs(both, text, order_by=["run_name"])))
    for text in WRONG_FILTERS:
        refusal(f"wrong filter {text}", lambda text=text: client.search_runs(both, text))
    for term in ORDERS:
        answer(f"order {term}", names(client.search_runs(both, order_by=[term, LAST_WORD])))
    refusal("wrong order", lambda: client.search_runs(both, order_by=["nothing.x"]))
    for view in (1, 2, 3):
        answer(f"view {view}", names(client.search_runs(both, "", view, order_by=["run_name"])))
    answer("starts", [run.info.start_time for run in client.search_runs(both)])
    pages, token = [], None
    while True:
        page = client.search_runs(both, max_results=3, order_by=["run_name DESC"], page_token=token)
        pages.append(names(page))
        token = page.token
        if not token:
            break
    answer("pages", pages)
    answer("no experiments", names(client.search_runs([])))
    refusal("page of 0", lambda: client.search_runs(both, max_results=0), "max_results")
    refusal("page of 50,001", lambda: client.search_runs(both, max_results=50_001), "max_results", "50000")
    listed = client.search_experiments(order_by=["name ASC"])
    answer("experiments", [one.name for one in listed])
    answer("experiments by tag", [one.name for one in client.search_experiments(filter_string="tags.team = 'blue'")])
    answer("experiments by name", [one.name for one in client.search_experiments(filter_string="name LIKE 's%'")])
    refusal("wrong experiments", lambda: client.search_experiments(filter_string="metrics.a = 1"))


def tables() -> None:
    """The frames of search_runs. Columns of tags and params have no order of their own in MLflow."""
    frame = mlflow.search_runs(experiment_names=["main", "side"], order_by=["run_name"], run_view_type=3)
    fixed = list(frame.columns[:6])
    groups = [name.partition(".")[0] for name in frame.columns[6:]]
    answer("columns", [fixed, groups == sorted(groups), sorted(frame.columns[6:])])
    answer("kinds of times", [str(frame[name].dtype).rpartition(", ")[2] for name in ("start_time", "end_time")])
    answer("kinds of metrics", [str(frame[name].dtype) for name in frame.columns if name.startswith("metrics.")])
    for name in sorted(frame.columns):
        if name.endswith("_time"):
            answer(f"column {name}", [one.timestamp() for one in frame[name]])
        elif name not in ("run_id", "artifact_uri"):
            answer(f"column {name}", [None if cell is None else cell for cell in frame[name].astype(object)])
    answer(
        "frame of 2",
        list(mlflow.search_runs(experiment_names=["main"], order_by=["run_name"], max_results=2)["params.lr"]),
    )
    answer(
        "frame of none", list(mlflow.search_runs(experiment_names=["main"], filter_string="params.lr = 'x'").columns)
    )
    listed = mlflow.search_runs(experiment_names=["side"], order_by=["run_name"], output_format="list")
    answer("list", names(listed))
    refusal("both", lambda: mlflow.search_runs(["0"], experiment_names=["main"]), "experiment_ids", "experiment_names")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer("missing name", len(mlflow.search_runs(experiment_names=["none"])))
    answer("everywhere", len(mlflow.search_runs(search_all_experiments=True)))


def fluent_runs() -> None:
    mlflow.set_experiment("fluent")
    with mlflow.start_run(run_name="outer", tags={"a": 1}, description="words") as outer:
        mlflow.log_params({"lr": 0.1, "none": None, "list": [1, "a"]})
        answer("log_param", mlflow.log_param("p", 5))
        mlflow.log_metric("m", "1.5")
        mlflow.log_metric("m", True, step=2.0)
        mlflow.log_metrics({"n": 1, "o": 2}, step=3, timestamp=77)
        with mlflow.start_run(nested=True, run_name="inner"):
            mlflow.set_tags({"t": 1, "u": None})
            mlflow.delete_tag("u")
            answer("last active in inner", mlflow.last_active_run().info.run_name)
        answer("last active in outer", mlflow.last_active_run().info.run_name)
        refusal("second run", mlflow.start_run, "already active", "nested=True", outer.info.run_id)
        refusal("changed param", lambda: mlflow.log_param("p", 6), "changing param values is not allowed", "'p'", "'5'")
        refusal("no number", lambda: mlflow.log_metric("m", "x"), "m", "64-bit floating point")
        refusal("no number in several", lambda: mlflow.log_metrics({"m": object()}), "64-bit floating point")
        refusal("no step", lambda: mlflow.log_metric("m", 1, step="3"), "step")
        refusal("long key", lambda: mlflow.set_tag("k" * 251, 1), "250")
        refusal("odd key", lambda: mlflow.log_param("a%b", 1), "may only contain", "slashes")
        refusal("key that leaves", lambda: mlflow.log_metric("../a", 1), "'a'")
        refusal("no tag", lambda: mlflow.delete_tag("none"), "no tag", "none")
        refusal("path that leaves", lambda: mlflow.log_text("x", "../x.txt"), "invalid")
        files(outer.info.run_id)
    try:
        with mlflow.start_run(run_name="failing"):
            raise ValueError("the script's own")
    except ValueError as error:
        answer("the script's own error", error)
    mlflow.start_run(run_name="killed")
    mlflow.end_run("KILLED")
    answer("nothing active", mlflow.active_run())
    mlflow.log_metric("m", 1)
    answer("started by logging", mlflow.active_run() is not None)
    mlflow.end_run()
    with mlflow.start_run(run_id=outer.info.run_id) as again:
        answer("resumed", [again.info.run_name, again.info.status, again.data.params])
    runs = mlflow.search_runs(output_format="list", order_by=["attributes.start_time"])
    for run in runs:
        tags = {key: value for key, value in run.data.tags.items() if not key.startswith(("mlflow.", "runstone."))}
        own = {key: run.data.tags.get(key) for key in OWN_TAGS}
        if own["mlflow.parentRunId"]:
            own["mlflow.parentRunId"] = mlflow.get_parent_run(run.info.run_id).info.run_name
        if run.info.run_name in ("outer", "inner", "failing", "killed"):
            answer(f"fluent {run.info.run_name}", [run.info.status, run.data.metrics, run.data.params, tags, own])
    answer("how many", len(runs))
    in_a_thread = []
    thread = threading.Thread(target=lambda: in_a_thread.append(started_and_ended()))
    with mlflow.start_run(run_name="main thread"):
        thread.start()
        thread.join()
        in_a_thread.append(mlflow.active_run().info.run_name)
    answer("threads", in_a_thread)
    refusals_of_runs(outer.info.run_id)


def started_and_ended() -> list[Any]:
    with mlflow.start_run(run_name="thread") as run:
        inside = mlflow.active_run().info.run_name
    return [inside, mlflow.get_run(run.info.run_id).info.status, mlflow.get_parent_run(run.info.run_id)]


def files(run_id: str) -> None:
    source = Path("source")
    (source / "sub").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "sub" / "b.txt").write_text("bb")
    mlflow.log_artifact("source/a.txt")
    mlflow.log_artifact("source/a.txt", "x/y")
    mlflow.log_artifact("source", "folder")
    mlflow.log_artifacts("source", "z")
    mlflow.log_text("größe", "text.txt")
    mlflow.log_dict({1: "a", "b": [True, None, 0.5]}, "d.json")
    mlflow.log_dict({1: "a", "b": [True, None, 0.5]}, "d.yaml")
    client = mlflow.MlflowClient()

    def tree(path: str | None = None) -> list[Any]:
        found = []
        for info in client.list_artifacts(run_id, path):
            found.append([info.path, info.is_dir, info.file_size if not info.path.startswith("d.") else None])
            found += tree(info.path) if info.is_dir else []
        return found

    answer("artifacts", tree())
    answer("artifacts of a file", client.list_artifacts(run_id, "text.txt"))
    answer("load_dict", mlflow.artifacts.load_dict(mlflow.get_artifact_uri("d.json")))
    answer("load_text", mlflow.artifacts.load_text(f"runs:/{run_id}/text.txt"))
    answer("download", Path(client.download_artifacts(run_id, "z", "copies")).relative_to(Path.cwd()))
    answer("downloaded", sorted(str(path) for path in Path("copies").rglob("*.txt")))
    answer("uri ends with", mlflow.get_artifact_uri("x/y").rpartition("/artifacts")[2])
    listed = mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path="z")
    answer("list_artifacts", [info.path for info in listed])
    refusal("no artifact", lambda: client.download_artifacts(run_id, "none.txt", "copies"), "none.txt")
    refusal("nothing named", mlflow.artifacts.download_artifacts, "exactly one")
    refusal("both named", lambda: mlflow.artifacts.list_artifacts("x", run_id=run_id), "exactly one")


def refusals_of_runs(run_id: str) -> None:
    client = mlflow.MlflowClient()
    refusal("unknown run", lambda: mlflow.get_run(UNKNOWN), UNKNOWN, "not found")
    refusal("no run id", lambda: mlflow.get_run("../x"), "../x")
    refusal("log to unknown", lambda: client.log_metric(UNKNOWN, "m", 1), UNKNOWN)
    refusal("unknown parent", lambda: mlflow.start_run(parent_run_id=UNKNOWN), UNKNOWN)
    other = mlflow.set_experiment("other")
    refusal("other experiment", lambda: mlflow.start_run(run_id=run_id), run_id, "active experiment")
    refusal("name or id", lambda: mlflow.set_experiment("a", experiment_id="1"), "exactly one", "experiment_id")
    refusal("neither", mlflow.set_experiment, "exactly one", "experiment_id")
    refusal("unknown experiment", lambda: mlflow.set_experiment(experiment_id="77"), "77")
    refusal("taken name", lambda: mlflow.create_experiment("main"), "main", "already exists")
    refusal("empty name", lambda: mlflow.create_experiment(""), "invalid experiment name")
    refusal("name that is none", lambda: mlflow.create_experiment(5), "invalid experiment name")
    refusal("two names", lambda: client.create_run("0", run_name="a", tags={"mlflow.runName": "b"}), "'a'", "b")
    batch = [entities.Param("z", "1"), entities.Param("z", "2")]
    refusal("two values", lambda: client.log_batch(run_id, params=batch), "z")
    mlflow.set_experiment("fluent")
    mlflow.delete_run(run_id)
    refusal("resume deleted", lambda: mlflow.start_run(run_id=run_id), run_id, "deleted state")
    refusal("log to deleted", lambda: client.log_metric(run_id, "m", 1), run_id, "must be in the 'active' state")
    refusal("deleted parent", lambda: mlflow.start_run(parent_run_id=run_id), run_id, "deleted state")
    mlflow.delete_run(run_id)
    client.restore_run(run_id)
    answer("restored", mlflow.get_run(run_id).info.lifecycle_stage)
    mlflow.delete_experiment(other.experiment_id)
    refusal(
        "run in deleted", lambda: mlflow.start_run(experiment_id=other.experiment_id), "must be in the 'active' state"
    )
    answer("nothing was started", mlflow.active_run())


if __name__ == "__main__":
    mlflow.set_tracking_uri("sqlite:///peer.db")
    created = experiments_and_runs()
    reading(created)
    searching(created)
    tables()
    fluent_runs()
    print(json.dumps(answers, indent=1))
