"""The routes of the web UI as a browser asks them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np

from runstone.naming import new_run_name
from tests.server.serving import NATIVE, Answer, RunningServer

COLUMNS = "application/vnd.runstone.columns"


class Head(dict[str, Any]):
    """The head of an answer of columns, and the columns by what stands for them there."""

    def __init__(self, data: bytes) -> None:
        size = int.from_bytes(data[:4], "little")
        assert (4 + size) % 8 == 0
        super().__init__(json.loads(data[4 : 4 + size]))
        self._body = data[4 + size :]

    def column(self, place: dict[str, Any]) -> list[float]:
        at = place.get("at", 0)
        assert at % 8 == 0
        column: list[float] = np.frombuffer(self._body, f"<{place['type']}", place["length"], at).tolist()
        return column

    def texts(self, place: dict[str, Any]) -> list[str | None]:
        values = [None, *place["values"]]
        return [values[int(code)] for code in self.column(place["codes"])]

    def metric(self, key: str, aggregate: str = "last") -> list[float]:
        (found,) = (one for one in self["metrics"] if one["key"] == key)
        return self.column(found["values"][aggregate])

    def text(self, kind: str, key: str) -> list[str | None]:
        (found,) = (one for one in self[kind] if one["key"] == key)
        return self.texts(found)


def ask(server: RunningServer, path: str, body: Any) -> Answer:
    return server.ask("POST", f"{NATIVE}/{path}", body)


def ask_json(server: RunningServer, path: str, body: Any) -> Any:
    answer = ask(server, path, body)
    assert answer.status == 200, answer
    return answer.json


def ask_columns(server: RunningServer, path: str, body: Any) -> Head:
    answer = server.ask("POST", f"{NATIVE}/{path}", body, {"Accept-Encoding": "gzip"})
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == COLUMNS
    return Head(gzip.decompress(answer.body) if answer.headers["Content-Encoding"] == "gzip" else answer.body)


def new_experiment(server: RunningServer, **tags: str) -> str:
    body = {"name": f"{new_run_name()} {id(tags)}", "tags": [{"key": key, "value": tags[key]} for key in tags]}
    answer = server.post("experiments/create", body)
    return str(answer.json["experiment_id"])


def new_run(
    server: RunningServer,
    experiment_id: str,
    *,
    start_time: int = 1,
    name: str = "run",
    params: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    metrics: dict[str, list[float]] | None = None,
) -> str:
    """A run whose metrics have a point a step, a second apart."""
    body = {"experiment_id": experiment_id, "start_time": start_time, "run_name": name, "user_id": "ada"}
    run_id = str(server.post("runs/create", body).json["run"]["info"]["run_id"])
    points = [
        {"key": key, "value": value, "step": step, "timestamp": start_time + 1000 * step}
        for key, values in (metrics or {}).items()
        for step, value in enumerate(values)
    ]
    texts = {
        kind: [{"key": key, "value": str(value)} for key, value in (given or {}).items()]
        for kind, given in (("params", params), ("tags", tags))
    }
    answer = server.post("runs/log-batch", {"run_id": run_id, "metrics": points, **texts})
    assert answer.status == 200, answer
    return run_id
