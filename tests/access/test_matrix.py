"""Every route, called over HTTP as everybody, does what the table in `docs/reference/access.md` says."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from runstone.access.granted import GrantedRights
from runstone.connect import open_store
from runstone.entities.access import Level, Principal, Role
from runstone.errors import NotFound
from runstone.server.app import App
from runstone.server.artifacts import PROXIED_ROOT, ProxiedArtifacts
from runstone.server.auth import remember_principal
from runstone.server.options import ServerOptions
from runstone.tracking.local import LocalTracking
from runstone.wire.routes import NATIVE_PREFIX, NATIVE_ROUTES, PREFIXES, ROUTES, Route

TABLE = Path(__file__).parents[2] / "docs/reference/access.md"
PEOPLE = ("nobody", "stranger", "reader", "editor", "owner", "admin")
LEVELS = {"stranger": Level.NONE, "reader": Level.READ, "editor": Level.EDIT, "owner": Level.MANAGE}
MARK = "hiddenmarker"


_UNWANTED = {
    "create_run": ("run_id",),
    "plan_removal": ("run_ids", "experiment_ids"),
    "remove": ("run_ids", "experiment_ids"),
    "search_run_columns": ("keys",),
    "list_changed_columns": ("keys",),
}
"""Fields of requests that mean something else than the value of that name in `_values`."""


_OPEN = (
    "health", "version", "api/runstone/v1/openapi.json",
    "api/3.0/mlflow/server-info", "ajax-api/3.0/mlflow/server-info",
)  # fmt: skip


class Half:
    """What a request of the matrix is about."""

    def __init__(self, tracking: LocalTracking) -> None:
        self.experiment = tracking.create_experiment(MARK, tags={MARK: MARK})
        run = tracking.create_run(self.experiment, run_name=MARK, tags={MARK: MARK})
        self.run = run.info.run_id
        tracking.log_batch(self.run, params={MARK: MARK}, tags={"k": MARK})
        tracking.models.create_registered_model(MARK)
        tracking.models.create_model_version(MARK, f"runs:/{self.run}/model", run_id=self.run)
        tracking.models.set_alias(MARK, "a", 1)
        self.tracking = tracking
        self.model = tracking.models.create_logged_model(self.experiment, name=MARK).model_id

    def renew(self) -> None:
        """Bring back what a deletion may have taken."""
        tracking = self.tracking
        with suppress(NotFound):
            tracking.models.delete_registered_model(MARK)
        tracking.models.create_registered_model(MARK, tags={"k": MARK})
        tracking.models.create_model_version(MARK, f"runs:/{self.run}/model", run_id=self.run)
        tracking.models.set_alias(MARK, "a", 1)
        tracking.models.set_model_version_tags(MARK, 1, {"k": MARK})
        tracking.restore_experiment(self.experiment)
        tracking.restore_run(self.run)
        tracking.set_experiment_tags(self.experiment, {"k": MARK})
        tracking.log_batch(self.run, tags={"k": MARK})
        with suppress(NotFound):
            tracking.models.set_logged_model_tags(self.model, {"k": MARK})
        for path in ("f.txt", "model/x"):
            tracking.open_artifacts(self.run).put_stream(BytesIO(MARK.encode()), path)

    def rights(self, user: str) -> GrantedRights:
        role = Role.ADMIN if user == "admin" else Role.EDITOR
        level = LEVELS.get(user, Level.NONE)
        return GrantedRights(Principal(user=user, role=role), {self.experiment: level}, {MARK: level})


class Server:
    """The application in a thread, where the header `x-user` says who asks: how that is found out is told elsewhere."""

    def __init__(self, folder: Path) -> None:
        uri = f"sqlite:///{folder}/runs.db"
        artifacts = ProxiedArtifacts((folder / "files").as_uri())
        tracking = LocalTracking(open_store(uri, PROXIED_ROOT), artifacts)
        self.half = Half(tracking)
        self.app = app = App(ServerOptions(tracking_uri=uri), tracking, artifacts, record_grant=lambda grant: None)
        config = uvicorn.Config(self._with_user(app), port=0, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="matrix-server")
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def _with_user(self, app: ASGIApp) -> ASGIApp:
        async def call(scope: AsgiScope, receive: Receive, send: Send) -> None:
            user = dict(scope.get("headers", [])).get(b"x-user", b"nobody").decode()
            if scope["type"] == "http" and user != "nobody":
                remember_principal(Request(scope), self.half.rights(user))
            await app(scope, receive, send)

        return call

    def ask(self, user: str, verb: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"x-user": user, "Content-Type": "application/json"}
        connection.request(verb, path, body, headers)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()


def _values(half: Half) -> dict[str, Any]:
    return {
        "experiment_id": half.experiment, "experiment_ids": [half.experiment], "experiment_name": MARK,
        "run_id": half.run, "run_ids": [half.run], "name": MARK, "version": "1", "alias": "a", "stage": "Staging",
        "model_id": half.model, "source": f"runs:/{half.run}/model", "key": "k", "metric_key": "k", "tag_key": "k",
        "value": "1", "timestamp": 1, "kind": "param", "writer": "w", "keys": ["k"], "status": "LOGGED_MODEL_READY",
        "model_json": "{}", "since": 0, "filter": "", "tags": None, "max_results": 10, "metric": "k", "start_step": 0,
        "end_step": 1,
    }  # fmt: skip


def _request(route: Route, half: Half) -> tuple[str, str, bytes]:
    values = _values(half)
    fields = {one.encode_name: one for one in msgspec.structs.fields(route.request)}
    asked = {name: values[name] for name in fields if values.get(name) is not None}
    if route.name in ("create_experiment", "create_registered_model"):
        asked["name"] = f"new-{time.monotonic_ns()}"
    for unwanted in _UNWANTED.get(route.name, ()):
        del asked[unwanted]
    if route.name == "read_series":
        asked["series"] = [{"run_id": half.run, "key": "k"}]
    if route.name == "append":
        asked["writes"] = [{"run_id": half.run, "tags": {"a": "b"}}]
    if route.name == "tag_runs":
        asked["tags"] = {"a": "b"}
    if route.name.startswith("rename"):
        asked["new_name"] = MARK
    if route.name == "update_run":
        asked["status"] = "FINISHED"
    prefix = NATIVE_PREFIX if route in NATIVE_ROUTES else PREFIXES[0]
    path = re.sub(r"\{(\w+)\}", lambda found: str(values[found[1]]), f"{prefix}/{route.path}")
    verb = route.verbs[0]
    if verb in ("GET", "DELETE"):
        pairs = [(k, one) for k, v in asked.items() for one in (v if isinstance(v, list) else [v])]
        return verb, f"{path}?{urlencode(pairs)}", b""
    pack = msgspec.msgpack.encode if route.media == "msgpack" else msgspec.json.encode
    return verb, path, pack(asked)


def _others(half: Half) -> dict[str, tuple[str, str, bytes]]:
    """What is no row of the table of routes."""
    file = f"/api/2.0/mlflow-artifacts/artifacts/{half.experiment}/{half.run}/artifacts/f.txt"
    upload = f"/api/2.0/mlflow-artifacts/mpu/create/{half.experiment}/{half.run}/artifacts"
    return {
        "upload_artifact": ("PUT", file, b"text"),
        "download_artifact": ("GET", file, b""),
        "list_artifacts (proxy)": (
            "GET", f"/api/2.0/mlflow-artifacts/artifacts?path={half.experiment}/{half.run}/artifacts", b"",
        ),
        "list_artifacts (proxy, root)": ("GET", "/api/2.0/mlflow-artifacts/artifacts", b""),
        "presign_download": ("GET", file.replace("/artifacts/", "/presigned/", 1), b""),
        "create_upload": ("POST", upload, json.dumps({"path": "f", "num_parts": 1}).encode()),
        "get-artifact": ("GET", f"/get-artifact?run_id={half.run}&path=f.txt", b""),
        "model-versions/get-artifact": ("GET", f"/model-versions/get-artifact?name={MARK}&version=1&path=x", b""),
        "api/runstone/v1/runs.csv": ("GET", f"{NATIVE_PREFIX}/runs.csv?experiment_ids={half.experiment}", b""),
        "api/runstone/v1/artifacts.zip": ("GET", f"{NATIVE_PREFIX}/artifacts.zip?run_id={half.run}", b""),
        "metrics": ("GET", "/metrics", b""),
        "api/runstone/v1/auth/login": ("POST", f"{NATIVE_PREFIX}/auth/login", b"{}"),
        "api/runstone/v1/auth/logout": ("POST", f"{NATIVE_PREFIX}/auth/logout", b""),
        "api/runstone/v1/auth/me": ("GET", f"{NATIVE_PREFIX}/auth/me", b""),
        **{path: ("GET", f"/{path}", b"") for path in _OPEN},
        "delete_artifact": ("DELETE", file, b""),
    }  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("matrix"))
    yield running
    running.close()


def _outcome(status: int, body: bytes) -> str:
    if status == 401:
        return "401"
    text = body.decode("latin-1")
    if "PERMISSION_DENIED" in text:
        return "403"
    if "RESOURCE_DOES_NOT_EXIST" in text:
        return "404"
    return "yes" if status < 300 else str(status)


def _rows() -> dict[str, tuple[str, ...]]:
    lines = TABLE.read_text().splitlines() if TABLE.exists() else []
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in cells}


def _order(name: str) -> int:
    """What destroys comes last; a logged model comes back no more."""
    return 2 if name == "delete_logged_model" else int(name.startswith("delete_"))


def observe(server: Server) -> dict[str, tuple[str, ...]]:
    """What each route answers to each of the people: those who may least ask first."""
    routes = {route.name: route for route in (*ROUTES, *NATIVE_ROUTES)}
    others = _others(server.half)
    names = sorted([*routes, *others], key=_order)
    server.half.renew()
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        answers = []
        for user in PEOPLE:
            if name.startswith("delete_") and name != "delete_logged_model":
                server.half.renew()
            request = others.get(name) or _request(routes[name], server.half)
            answers.append((user, *server.ask(user, *request)))
        for user, _, body in answers:
            if user == "stranger":
                assert not _leaks(request, body, server.half), (name, body)
        found[name] = tuple(_outcome(status, body) for _, status, body in answers)
    return found


def _leaks(request: tuple[str, str, bytes], body: bytes, half: Half) -> bool:
    """Whether an answer holds a word of what is hidden that was not in the question."""
    asked = request[1] + request[2].decode("latin-1")
    return any(word.encode() in body and word not in asked for word in (MARK, half.run, half.model))


def test_every_path_of_the_server_has_a_row(server: Server) -> None:
    names = {target.name for verbs in server.app._targets.values() for target in verbs.values()}
    names |= {route.name for route in (*ROUTES, *NATIVE_ROUTES)}
    assert names - set(_rows()) <= {"welcome"}


def test_every_route_does_what_the_table_says(server: Server) -> None:
    assert observe(server) == _rows()
