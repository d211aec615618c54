"""A real server in a process of its own, and plain HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import psutil

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
NATIVE = "/api/runstone/v1"


class Answer(NamedTuple):
    """An HTTP response, read whole."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error code of a fault, which must have MLflow's form."""
        assert self.headers["Content-Type"] == "application/json", self
        return str(self.json["error_code"])

    @property
    def message(self) -> str:
        return str(self.json["message"])


class RunningServer:
    """`python -m runstone server` over the store in a folder, on a port of its own.

    Or over the store at `uri`: then the folder is for its artifacts.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        port: int = 0,
        settings: dict[str, str] | None = None,
        uri: str | None = None,
    ) -> None:
        self.folder = folder
        place = ["-u", str(folder)] if uri is None else ["-u", uri]
        kept = [] if uri is None else ["--artifacts-destination", str(folder / "artifacts")]
        command = [sys.executable, "-m", "runstone", *place, "server", "-p", str(port), *kept, *options]
        # A file, not a pipe: nobody empties a pipe, and a server that cannot log stands still.
        folder.mkdir(exist_ok=True)
        self.log = folder / f"log-{uuid.uuid4().hex}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env=_plain_environment() | (settings or {}))
        self.url = self._wait_for_url()
        self.port = int(self.url.rpartition(":")[2].partition("/")[0])

    def _wait_for_url(self) -> str:
        while (found := re.search(r"Serving .* on (\S+)\n", self.log.read_text())) is None:
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text())
            time.sleep(0.01)
        return found[1]

    def ask(
        self, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None, *, timeout_s: float = 60
    ) -> Answer:
        """One request on a connection of its own; a body that is not bytes is sent as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(verb, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, path: str, body: Any = None) -> Answer:
        """POST to one of MLflow's routes."""
        return self.ask("POST", f"{API}/{path}", {} if body is None else body)

    def get(self, path: str) -> Answer:
        """GET of one of MLflow's routes."""
        return self.ask("GET", f"{API}/{path}")

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def new_run(self, experiment_id: str = "0") -> str:
        """The id of a fresh run."""
        return str(self.post("runs/create", {"experiment_id": experiment_id}).json["run"]["info"]["run_id"])

    def history(self, run_id: str, key: str) -> list[dict[str, Any]]:
        """All points of a series."""
        return list(self.get(f"metrics/get-history?run_id={run_id}&metric_key={key}").json.get("metrics", []))

    def memory_bytes(self) -> int:
        """The resident memory of the server and its workers."""
        process = psutil.Process(self.process.pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))

    def stop(self) -> str:
        """Ask it to end, wait until it has; returns what it has logged after its first line."""
        self.process.terminate()
        assert self.process.wait(timeout=60) in (0, -signal.SIGTERM)
        return "".join(self.log.read_text().splitlines(keepends=True)[1:])

    def close(self) -> None:
        """End it, if it still runs; its workers end with it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("RUNSTONE_", "MLFLOW_"))}


def read_answer(connection: socket.socket) -> bytes:
    """The next whole response on a bare connection, and nothing of the one behind it."""
    response = b""
    while not response.endswith(b"\r\n\r\n"):
        if not (piece := connection.recv(1)):
            return response
        response += piece
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", response)
    missing = int(length[1]) if length else 0
    while missing and (piece := connection.recv(missing)):
        response += piece
        missing -= len(piece)
    return response
