"""A keep-alive connection to a server of MLflow's REST API, whichever it is. Knows paths and bodies, no server."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

API = "/api/2.0/mlflow"
NATIVE = "/api/runstone/v1"
JSON, MSGPACK = "application/json", "application/msgpack"

_PAGE = 25_000
_TIMEOUT_S = 300
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
_TOKEN = re.compile(rb'"next_page_token"\s*:\s*"([^"]+)"')


class Connection:
    """It sends at once (`http.client` sets TCP_NODELAY), and connects again where the server has hung up."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        self._http.connect()

    def send(self, verb: str, path: str, body: bytes | None = None, content_type: str = JSON) -> tuple[int, bytes]:
        """Status and body of the response."""
        headers = {} if body is None else {"Content-Type": content_type}
        self._http.request(verb, path, body, headers)
        response = self._http.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        self._http.close()

    def read(self, verb: str, path: str, body: bytes | None = None, content_type: str = JSON) -> bytes:
        """The body of a response that must be good."""
        status, answer = self.send(verb, path, body, content_type)
        if status != 200:
            raise SystemExit(f"{verb} {path} is answered with {status}: {answer[:400]!r}")
        return answer

    def post(self, path: str, **fields: Any) -> Any:
        """What one of MLflow's routes answers."""
        return json.loads(self.read("POST", f"{API}/{path}", json.dumps(fields).encode()))

    def create_run(self, experiment_id: str = "0", start_time: int = 1_750_000_000_000) -> str:
        """The id of a new run."""
        return str(
            self.post("runs/create", experiment_id=experiment_id, start_time=start_time)["run"]["info"]["run_id"]
        )

    def read_history(self, run_id: str, key: str) -> Iterator[bytes]:
        """The bodies of all pages of a series; only the token is looked for in them."""
        path = f"{API}/metrics/get-history?run_id={run_id}&metric_key={key}&max_results={_PAGE}"
        page = self.read("GET", path)
        yield page
        while token := _TOKEN.search(page):
            page = self.read("GET", f"{path}&page_token={quote(token[1].decode(), safe='')}")
            yield page

    def count_history(self, run_id: str, key: str) -> int:
        """How many points a series has."""
        return sum(page.count(b'"timestamp"') for page in self.read_history(run_id, key))


class Poster:
    """Posts bodies to one path over one socket. `http.client` would need as long for a request as a fast server does,
    and on a small machine it is the server that would wait.

    Answers must tell their length. Raises OSError where the server hangs up; the next request connects again.
    """

    def __init__(self, port: int, path: str, content_type: str) -> None:
        self._port = port
        self._head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\n".encode()
        self._socket: socket.socket | None = None

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the response."""
        try:
            connection = self._connected()
            connection.sendall(b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body))
            received = b""
            while b"\r\n\r\n" not in received:
                received = _receive(connection, received)
            head, _, answer = received.partition(b"\r\n\r\n")
            length = int(_LENGTH.search(head)[1])  # type: ignore[index]
            while len(answer) < length:
                answer = _receive(connection, answer)
        except BaseException:
            self.close()
            raise
        return int(head[9:12]), answer

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket


def _receive(connection: socket.socket, before: bytes) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError("the server has hung up")
    return before + part
