"""The server as one ASGI application: guards, routes, artifacts, health, composed.

Paths are looked up in one table; there is no router to walk through.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from runstone.access.guarded import RecordGrant
from runstone.entities.access import Level
from runstone.errors import AccessDenied, InvalidInput, RunstoneError
from runstone.server.addresses import own_url
from runstone.server.appends import Appends
from runstone.server.artifacts import ArtifactService, ProxiedArtifacts
from runstone.server.auth import principal_of, remember_principal
from runstone.server.auth.authenticator import Authenticator
from runstone.server.auth.sessions import Sessions, authorization_of
from runstone.server.browse.curves import MAX_CURVES
from runstone.server.browse.downloads import Downloads
from runstone.server.dispatch import Dispatcher, fault_response, json_response, plain_fault
from runstone.server.file_routes import FileRoutes
from runstone.server.guarding import Guarding
from runstone.server.guards import Guards
from runstone.server.metrics import CONTENT_TYPE, Metrics
from runstone.server.options import ServerOptions
from runstone.server.pages import Pages
from runstone.server.targets import Handler, Target, wrong_verb
from runstone.server.welcome import HEADERS, welcome_page
from runstone.tracking.base import MAX_PAGE
from runstone.tracking.browsing import Browsing
from runstone.version import __version__
from runstone.wire.openapi import openapi_document
from runstone.wire.routes import NATIVE_PREFIX, PREFIXES, SERVER_INFO_PATHS, Route
from runstone.wire.schemas.browsing import CapabilitiesAnswer
from runstone.wire.schemas.uploads import ServerInfo

__all__ = ["App"]

logger = logging.getLogger("runstone.server")

DUTY_PERIOD_S = 15
THREADS = 32
"""Worker threads of one process: requests beyond that wait, they do not fail."""

_LEFT_OUT = {
    "traces": "traces",
    "gateway": "the AI gateway",
    "prompts": "prompts",
    "webhooks": "webhooks",
    "scorers": "scorers",
    "assessments": "assessments",
    "issues": "issues",
    "workspaces": "workspaces",
}
_OPEN = ("/health", "/version", f"{NATIVE_PREFIX}/auth/login")
"""What answers those who have not said who they are, too."""
_WRITES = ("write", "create", "administer")


class App:
    """An ASGI application over a tracker, which it closes when the server stops.

    With an `authenticator` nobody is answered who has not said who they are (see `principal_of`); it is closed, too.
    `record_grant` keeps grants where a caller's rights count (see `Guarding`); None: everybody may do everything.
    `default_level` is what every user gets on what somebody makes.
    `duties` are done now and then, in a worker thread; whatever goes wrong with one is logged, and no more.
    """

    def __init__(
        self,
        options: ServerOptions,
        tracking: Browsing,
        artifacts: ProxiedArtifacts | None,
        duties: Sequence[Callable[[], object]] = (),
        authenticator: Authenticator | None = None,
        record_grant: RecordGrant | None = None,
        default_level: Level = Level.NONE,
    ) -> None:
        self._authenticator = authenticator
        self._options = options
        self._duties = duties
        self._tracking = tracking
        self._server_info = _server_info(options)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="runstone-worker")
        # Appends have a thread of their own, so that slow reads never hold up what arrives.
        self._append_executor = ThreadPoolExecutor(1, thread_name_prefix="runstone-appends")
        self._guarding = Guarding(tracking, record_grant, default_level)
        self._appends = Appends(tracking, self._append_executor)
        self._dispatcher = Dispatcher(self._guarding, self._appends, self._executor, _capabilities(options))
        self._files = ArtifactService(self._executor)
        self._file_routes = FileRoutes(self._files, artifacts, options.static_prefix, self._guarding)
        self._pages = Pages(options.static_prefix)
        self._guards = Guards(options.allowed_hosts, options.cors_origins)
        self._private_folder = "" if artifacts is None else artifacts.local_folder()
        self._metrics = Metrics(options.metrics_folder, self._appends)
        downloads = Downloads(self._guarding.tracking_for, self._executor)
        routes = self._dispatcher.table()
        self._templates = [(path.split("/"), verbs) for path, verbs in routes.items() if "{" in path]
        plain: dict[str, Handler] = {
            "/health": self._health,
            "/version": self._version,
            "/metrics": self._render_metrics,
            "/api/runstone/v1/openapi.json": self._openapi,
            f"{NATIVE_PREFIX}/runs.csv": downloads.download_runs,
            f"{NATIVE_PREFIX}/artifacts.zip": downloads.download_folder,
            **dict.fromkeys(SERVER_INFO_PATHS, self._describe_server),
            "/get-artifact": self._get_artifact,
            "/model-versions/get-artifact": self._get_version_artifact,
        }
        self._targets = {path: self._route_targets(verbs, {}) for path, verbs in routes.items() if "{" not in path}
        if not self._pages:
            plain |= {"": self._welcome, "/": self._welcome}
        for path, handler in plain.items():
            self._targets[path] = {"GET": Target(path.strip("/") or "welcome", handler, False)}
        sessions = Sessions(authenticator, self._guarding.caller, options.static_prefix)
        for word, verb, handle in (
            ("login", "POST", sessions.log_in),
            ("logout", "POST", sessions.log_out),
            ("me", "GET", sessions.tell),
        ):
            path = f"{NATIVE_PREFIX}/auth/{word}"
            self._targets[path] = {verb: Target(path.strip("/"), handle, False)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        duties: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
                duties = asyncio.create_task(self._do_duties(), name="runstone-duties")
            else:
                if duties is not None:
                    duties.cancel()
                # The server has stopped taking requests; what it accepted is recorded before it goes.
                await self._appends.drain()
                self._files.close()
                self._executor.shutdown(wait=True)
                self._append_executor.shutdown(wait=True)
                if self._authenticator is not None:
                    self._authenticator.close()
                self._tracking.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _do_duties(self) -> None:
        while self._duties:
            for duty in self._duties:
                try:
                    await asyncio.get_running_loop().run_in_executor(self._executor, duty)
                except Exception:
                    logger.exception("A duty of the server failed; it is tried again in %s s", DUTY_PERIOD_S)
            await asyncio.sleep(DUTY_PERIOD_S)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request = Request(scope, receive)
        # Each look into Starlette's headers goes through all of them.
        headers = dict(scope["headers"])
        host, origin = headers.get(b"host", b"").decode("latin-1"), headers.get(b"origin", b"").decode("latin-1")
        name, response = await self._respond(request, host, origin)
        if origin and self._guards.allows_origin(origin, host):
            response.headers.update(_cors(origin))
        self._add_security_headers(response)
        try:
            await response(scope, receive, send)
        finally:
            self._metrics.count_answer(name, response.status_code, time.perf_counter() - started)

    def _add_security_headers(self, response: Response) -> None:
        """What no browser shall guess from an answer, or keep of it where answers depend on who asks."""
        names = {name for name, _ in response.raw_headers}
        if b"x-content-type-options" not in names:
            response.raw_headers.append((b"x-content-type-options", b"nosniff"))
        if self._authenticator is not None and b"cache-control" not in names:
            response.raw_headers.append((b"cache-control", b"private, no-store"))

    async def _respond(self, request: Request, host: str, origin: str) -> tuple[str, Response]:
        verb = request.method
        refusal = self._guards.refuse(verb, host, origin)
        if refusal:
            return "refused", plain_fault(*refusal)
        if verb == "OPTIONS":
            return "options", Response(status_code=204)
        path = request.scope["path"].removeprefix(self._options.static_prefix)
        if self._authenticator is not None and path not in _OPEN:
            try:
                await self._identify(request, path, self._authenticator)
            except RunstoneError as error:
                return "unauthenticated", _challenge(request, fault_response(error, private=self._private_folder))
        target = self._find(path, verb)
        if isinstance(target, Response):
            return "unknown", target
        if target.writes and self._options.read_only:
            return target.name, plain_fault(
                403, "PERMISSION_DENIED", "This server is read-only (started with --read-only)"
            )
        try:
            return target.name, await target.handle(request)
        except ClientDisconnect:
            return target.name, Response(status_code=499)
        except Exception as error:  # every request gets an answer in MLflow's form
            self._note_denied(request, target, error)
            return target.name, fault_response(error, private=self._private_folder)

    async def _identify(self, request: Request, path: str, authenticator: Authenticator) -> None:
        rights = await authenticator.identify(authorization_of(request), _address(request))
        if path == "/metrics" and not rights.principal.is_admin:
            raise AccessDenied(f"/metrics is for admins; '{rights.principal.user}' is not one, or the token's scope")
        remember_principal(request, rights)

    def _note_denied(self, request: Request, target: Target, error: Exception) -> None:
        rights = principal_of(request)
        if self._authenticator is not None and rights and target.writes and isinstance(error, AccessDenied):
            user = rights.principal.user
            self._authenticator.note(user, target.name, request.scope["path"], _address(request), allowed=False)

    def _find(self, path: str, method: str) -> Target | Response:
        verb = "GET" if method == "HEAD" else method
        verbs = self._targets.get(path) or self._match(path)
        if verbs is not None:
            return verbs.get(verb) or wrong_verb(path, method, verbs)
        return self._file_routes.find(path, verb) or self._pages.find(path, verb) or _unknown(path)

    def _match(self, path: str) -> dict[str, Target] | None:
        parts = path.split("/")
        for template, routes in self._templates:
            if len(template) == len(parts) and all(
                a == b or a.startswith("{") for a, b in zip(template, parts, strict=True)
            ):
                fields = {a[1:-1]: b for a, b in zip(template, parts, strict=True) if a.startswith("{")}
                return self._route_targets(routes, fields)
        return None

    def _route_targets(self, routes: dict[str, Route], fields: dict[str, str]) -> dict[str, Target]:
        return {
            verb: Target(
                route.name,
                functools.partial(self._dispatcher.answer, route, path_fields=fields),
                route.access.startswith(_WRITES),
            )
            for verb, route in routes.items()
        }

    # -- files

    async def _get_artifact(self, request: Request) -> Response:
        run_id = request.query_params.get("run_id") or request.query_params.get("run_uuid")
        path = request.query_params.get("path")
        if not run_id or not path:
            raise InvalidInput("Missing value for required parameter 'run_uuid' or 'path'")
        loop = asyncio.get_running_loop()
        tracking = self._guarding.tracking_for(request)
        store = await loop.run_in_executor(self._executor, tracking.open_artifacts, run_id)
        return await self._files.download(store, path, request)

    async def _get_version_artifact(self, request: Request) -> Response:
        arguments = [request.query_params.get(name) for name in ("name", "version", "path")]
        if not all(arguments):
            raise InvalidInput("Missing value for required parameter 'name', 'version' or 'path'")
        name, version, path = map(str, arguments)
        loop = asyncio.get_running_loop()
        models = self._guarding.tracking_for(request).models
        store = await loop.run_in_executor(self._executor, models.open_version_artifacts, name, version)
        return await self._files.download(store, path, request)

    # -- the server itself

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("OK")

    async def _welcome(self, request: Request) -> Response:
        return HTMLResponse(welcome_page(own_url(request, self._options.static_prefix)), headers=HEADERS)

    async def _describe_server(self, request: Request) -> Response:
        return json_response(self._server_info)

    async def _version(self, request: Request) -> Response:
        return PlainTextResponse(__version__)

    async def _render_metrics(self, request: Request) -> Response:
        self._guarding.check_admin(request, "read the server's own metrics")
        return Response(self._metrics.render(), media_type=CONTENT_TYPE)

    async def _openapi(self, request: Request) -> Response:
        return Response(openapi_document(), media_type="application/json")


def _server_info(options: ServerOptions) -> ServerInfo:
    """What is true here, and good for the client to act on.

    A client that is told of uploads in parts sends large files that way by itself, but the parts without its CA
    bundle: not over TLS, then. Downloads in ranges would cost every file a request more, for bytes from the same
    place; whoever sets MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD or _DOWNLOAD gets either.
    """
    return ServerInfo(
        store_type="SqlStore",
        workspaces_enabled=False,
        trace_archival_enabled=False,
        multipart_uploads_enabled=options.serve_artifacts and not options.tls_cert,
        multipart_downloads_enabled=False,
        presigned_upload_run_id_supported=False,
        presigned_upload_model_id_supported=False,
        features_enabled={"gateway": False},
    )


def _capabilities(options: ServerOptions) -> CapabilitiesAnswer:
    return CapabilitiesAnswer(
        version=__version__,
        read_only=options.read_only,
        serves_artifacts=options.serve_artifacts,
        max_page=MAX_PAGE,
        max_series=MAX_CURVES,
    )


def _cors(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "Content-Type, Authorization",
        "Vary": "Origin",
    }


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _challenge(request: Request, response: Response) -> Response:
    """Ask for a password, but not the scripts of a page that says so: the browser would open a window of its own."""
    if response.status_code == 401 and "x-requested-with" not in request.headers:
        response.headers["WWW-Authenticate"] = 'Basic realm="runstone", charset="UTF-8"'
    return response


def _unknown(path: str) -> Response:
    for prefix in PREFIXES:
        word = path.removeprefix(prefix + "/").split("/")[0] if path.startswith(prefix + "/") else ""
        if word in _LEFT_OUT:
            return plain_fault(404, "ENDPOINT_NOT_FOUND", f"Runstone does not have {_LEFT_OUT[word]}: {path}")
    return plain_fault(404, "ENDPOINT_NOT_FOUND", f"No such endpoint: {path}")
