"""From an HTTP request to an action and back: the one dispatcher of all rows of `wire.routes`."""

from __future__ import annotations

import asyncio
import functools
import gzip
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from runstone.errors import InvalidInput, RunstoneError, StoreError
from runstone.series.points import MetricBatch
from runstone.server.actions import ACTIONS
from runstone.server.appends import Appends
from runstone.server.bodies import BodyStalled, BodyTooLarge, read_body
from runstone.server.browse import browse_actions
from runstone.server.guarding import Guarding
from runstone.server.native import NATIVE_ACTIONS, write_of_append
from runstone.stores.base import Write
from runstone.wire import convert
from runstone.wire.codec import decode_body, decode_msgpack, decode_query, encode
from runstone.wire.columns import encode_columns
from runstone.wire.convert_models import model_metrics
from runstone.wire.faults import FaultBody, fault_of
from runstone.wire.limits import MAX_BATCH_METRICS, MAX_BATCH_PARAMS, MAX_BATCH_TAGS, check_batch_size
from runstone.wire.openapi import MEDIA_TYPES
from runstone.wire.routes import NATIVE_PREFIX, NATIVE_ROUTES, PREFIXES, ROUTES, Route
from runstone.wire.schemas.browsing import CapabilitiesAnswer, ColumnsAnswer
from runstone.wire.schemas.common import Answer, Empty
from runstone.wire.schemas.native import Append, AppendAnswer
from runstone.wire.schemas.runs import LogBatch

__all__ = ["Dispatcher", "fault_response", "json_response", "plain_fault"]

logger = logging.getLogger("runstone.server")

_RETRY_AFTER_S = "1"
_EMPTY = Empty()
# Only what a client sends can be that deep or that large, whoever trips over it first.
_INPUT_ERRORS = {
    RecursionError: "The request holds lists or objects that are nested too deeply",
    OverflowError: "The request holds a number that needs more than 64 bits",
}
_BODY_STATUSES = {BodyTooLarge: 413, BodyStalled: 408}
# What browsers ask for. Who sends MessagePack is a client of ours, and mostly near: packing costs more than the way.
_PACKED = {route.name for route in NATIVE_ROUTES if route.media != "msgpack"}
_PACKED_FROM_BYTES = 1_000
_PACKING_LEVEL = 5


class Dispatcher:
    """Answers the routes over one tracker."""

    def __init__(
        self, guarding: Guarding, appends: Appends, executor: Executor, capabilities: CapabilitiesAnswer
    ) -> None:
        self._guarding = guarding
        self._appends = appends
        self._executor = executor
        self._actions: dict[str, Callable[[Any, Any], Answer]] = {
            **ACTIONS,
            **NATIVE_ACTIONS,
            **browse_actions(capabilities),
        }

    def table(self) -> dict[str, dict[str, Route]]:
        """The rows by path and verb."""
        paths: dict[str, dict[str, Route]] = {}
        rows = [(prefix, route) for prefix in PREFIXES for route in ROUTES]
        for prefix, route in (*rows, *((NATIVE_PREFIX, route) for route in NATIVE_ROUTES)):
            paths.setdefault(f"{prefix}/{route.path}", {}).update(dict.fromkeys(route.verbs, route))
        return paths

    async def answer(self, route: Route, request: Request, path_fields: dict[str, str]) -> Response:
        """The response to a request of a row. Raises what its action raises."""
        tracking = self._guarding.tracking_for(request)  # who may not ask at all is not read
        body = await read_request(route, request, path_fields)
        if isinstance(body, LogBatch):
            await self._appends.submit(self._guarding.admitting(request, functools.partial(write_of, body)))
            return response_to(route, _EMPTY)
        if isinstance(body, Append):
            return response_to(route, await self._append(request, body))
        action = self._actions[route.name]
        packs = route.name in _PACKED and "gzip" in request.headers.get("accept-encoding", "")

        def act() -> Response:
            response = response_to(route, action(tracking, body))
            return pack(response) if packs else response

        return await asyncio.get_running_loop().run_in_executor(self._executor, act)

    async def _append(self, request: Request, body: Append) -> AppendAnswer:
        """Every write on its own; a store that fails fails the request, whose writer then sends all of it again."""
        prepared = [functools.partial(write_of_append, write) for write in body.writes]
        submitted = [self._appends.submit(self._guarding.admitting(request, one)) for one in prepared]
        outcomes = await asyncio.gather(*submitted, return_exceptions=True)
        return AppendAnswer(errors=[_fault_body(outcome) for outcome in outcomes])


def _fault_body(outcome: BaseException | None) -> FaultBody | None:
    if outcome is None:
        return None
    if isinstance(outcome, RunstoneError) and not isinstance(outcome, StoreError):
        return fault_of(outcome).body
    raise outcome


def write_of(body: LogBatch) -> Write:
    """What a batch's body asks to record."""
    run_id = convert.run_id_of(body)
    check_batch_size("metrics", len(body.metrics), MAX_BATCH_METRICS)
    check_batch_size("params", len(body.params), MAX_BATCH_PARAMS)
    check_batch_size("tags", len(body.tags), MAX_BATCH_TAGS)
    return Write(
        run_id=run_id,
        metrics=_batch(body) if body.metrics else None,
        params=convert.texts(body.params, "param"),
        tags=convert.texts(body.tags, "tag"),
        model_metrics=model_metrics(body.metrics, run_id),
    )


def _batch(body: LogBatch) -> MetricBatch:
    metrics = body.metrics
    try:
        # Straight to columns: this is the request of which there are thousands a second.
        return MetricBatch.of_lists(
            [metric.key for metric in metrics],
            [metric.step for metric in metrics],
            [metric.timestamp for metric in metrics],
            [metric.value for metric in metrics],
        )
    except OverflowError:
        raise InvalidInput(
            "Invalid value for parameter 'metrics' supplied: a step or timestamp needs over 64 bits"
        ) from None


async def read_request(route: Route, request: Request, path_fields: dict[str, str]) -> Any:
    """The request's content as the row's struct. Raises InvalidInput and BodyTooLarge."""
    verb = request.method
    if verb in ("GET", "HEAD"):
        return decode_query([*request.query_params.multi_items(), *path_fields.items()], route.request)
    body = await read_body(request)
    if verb == "DELETE" and not body:  # clients that send no body with this verb
        return decode_query([*request.query_params.multi_items(), *path_fields.items()], route.request)
    if route.media == "msgpack":
        return decode_msgpack(body, route.request)
    return decode_body(body, route.request, path_fields)


def response_to(route: Route, answer: Answer) -> Response:
    """An answer in the route's format."""
    if route.media == "msgpack":
        return Response(msgspec.msgpack.encode(answer), media_type=MEDIA_TYPES[route.media])
    if isinstance(answer, ColumnsAnswer):
        return Response(encode_columns(answer), media_type=MEDIA_TYPES[route.media])
    return json_response(answer)


def pack(response: Response) -> Response:
    """The response, compressed where that is worth it."""
    if len(response.body) < _PACKED_FROM_BYTES:
        return response
    # Without a time in its head, so that equal answers are equal.
    body = gzip.compress(response.body, _PACKING_LEVEL, mtime=0)
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(body, response.status_code, headers, response.media_type)


def json_response(answer: msgspec.Struct) -> Response:
    """An answer as JSON."""
    return Response(encode(answer), media_type="application/json")


def fault_response(error: Exception, *, private: str) -> Response:
    """An error as MLflow's clients read it. The folder `private` is nobody's business: it is cut from the message."""
    foreseen = next((text for kind, text in _INPUT_ERRORS.items() if isinstance(error, kind)), None)
    status, body = fault_of(error if foreseen is None else InvalidInput(foreseen))
    status = next((one for kind, one in _BODY_STATUSES.items() if isinstance(error, kind)), status)
    if status == 500:
        logger.error("A request failed", exc_info=error)
    body.message = body.message.replace(private, "") if private else body.message
    headers = {"Retry-After": _RETRY_AFTER_S} if status == 503 else None
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def plain_fault(status: int, code: str, message: str) -> Response:
    """A fault that no error of ours stands for, such as an unknown route."""
    return Response(msgspec.json.encode(FaultBody(code, message)), status, media_type="application/json")
