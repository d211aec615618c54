"""Requests to the routes of models."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import urlencode

from tests.server.serving import API, Answer, RunningServer

INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"
TAKEN = "RESOURCE_ALREADY_EXISTS"
NO_MODEL = "m-" + "0" * 32

_numbers = itertools.count()


class ModelApi:
    """Requests to the routes of models, each of which must be answered with 200 unless it is asked for a fault."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server

    def raw(self, verb: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Answer:
        arguments = f"?{urlencode(query, doseq=True)}" if query else ""
        return self.server.ask(verb, f"{API}/{path}{arguments}", body)

    def ask(self, verb: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        answer = self.raw(verb, path, body, **query)
        assert answer.status == 200, answer
        return answer.json

    def get(self, path: str, **query: Any) -> Any:
        return self.ask("GET", path, **query)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.ask("POST", path, body)

    def fault(self, verb: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> tuple[int, str]:
        answer = self.raw(verb, path, body, **query)
        return answer.status, answer.code

    def registered(self, **values: Any) -> str:
        """A fresh name in the registry."""
        name = f"model-{next(_numbers)}"
        self.post("registered-models/create", {"name": name, **values})
        return name

    def version(self, name: str, source: str = "s3://bucket/m", **values: Any) -> dict[str, Any]:
        body = {"name": name, "source": source, **values}
        found: dict[str, Any] = self.post("model-versions/create", body)["model_version"]
        return found

    def logged(self, experiment_id: str = "0", **values: Any) -> dict[str, Any]:
        """A fresh logged model's `info`."""
        body = {"experiment_id": experiment_id, "name": "net", **values}
        info: dict[str, Any] = self.post("logged-models", body)["model"]["info"]
        return info

    def experiment(self) -> str:
        body = {"name": f"models-{next(_numbers)}"}
        return str(self.server.post("experiments/create", body).json["experiment_id"])
