"""From an HTTP request to an action and back: the one dispatcher of all rows of `wire.routes`."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Executor
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from runstone.errors import InvalidInput
from runstone.series.points import MetricBatch
from runstone.server.actions import ACTIONS
from runstone.server.appends import Appends
from runstone.stores.base import Write
from runstone.tracking.base import Tracking
from runstone.wire import convert
from runstone.wire.codec import decode_body, decode_query, encode
from runstone.wire.faults import FaultBody, fault_of
from runstone.wire.limits import MAX_BATCH_METRICS, MAX_BATCH_PARAMS, MAX_BATCH_TAGS, check_batch_size
from runstone.wire.routes import PREFIXES, ROUTES, Route
from runstone.wire.schemas.common import Answer, Empty
from runstone.wire.schemas.runs import LogBatch

__all__ = ["Dispatcher", "fault_response", "json_response", "plain_fault", "read_body"]

logger = logging.getLogger("runstone.server")

MAX_BODY_BYTES = 64 << 20
_RETRY_AFTER_S = "1"


class Dispatcher:
    """Answers the routes over one tracker."""

    def __init__(self, tracking: Tracking, appends: Appends, executor: Executor) -> None:
        self._tracking = tracking
        self._appends = appends
        self._executor = executor

    def table(self) -> dict[str, dict[str, Route]]:
        """The rows by path and verb."""
        paths: dict[str, dict[str, Route]] = {}
        for prefix in PREFIXES:
            for route in ROUTES:
                paths.setdefault(f"{prefix}/{route.path}", {}).update(dict.fromkeys(route.verbs, route))
        return paths

    async def answer(self, route: Route, request: Request, path_fields: dict[str, str]) -> Response:
        """The response to a request of a row; every error becomes a fault."""
        try:
            body = await read_request(route, request, path_fields)
            if isinstance(body, LogBatch):
                await self._appends.submit(lambda: write_of(body))
                return json_response(Empty())
            action = ACTIONS[route.name]
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, lambda: json_response(action(self._tracking, body))
            )
        except Exception as error:
            return fault_response(error)


def write_of(body: LogBatch) -> Write:
    """What a batch's body asks to record."""
    run_id = convert.run_id_of(body)
    check_batch_size("metrics", len(body.metrics), MAX_BATCH_METRICS)
    check_batch_size("params", len(body.params), MAX_BATCH_PARAMS)
    check_batch_size("tags", len(body.tags), MAX_BATCH_TAGS)
    return Write(
        run_id=run_id,
        metrics=MetricBatch.of_metrics(convert.metric_entities(body.metrics)) if body.metrics else None,
        params=convert.texts(body.params, "param"),
        tags=convert.texts(body.tags, "tag"),
    )


async def read_request(route: Route, request: Request, path_fields: dict[str, str]) -> Any:
    """The request's content as the row's struct. Raises InvalidInput and BodyTooLarge."""
    pairs = [*request.query_params.multi_items(), *path_fields.items()]
    if request.method == "GET":
        return decode_query(pairs, route.request)
    body = await read_body(request)
    return decode_body(body, route.request, dict(path_fields))


async def read_body(request: Request) -> bytes:
    """The whole body, if it is not larger than the server takes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The request's body is larger than {MAX_BODY_BYTES >> 20} MiB; send smaller batches")
        parts.append(part)
    return b"".join(parts)


class BodyTooLarge(InvalidInput):
    """More than the server takes in one body."""


def json_response(answer: Answer, status: int = 200) -> Response:
    """An answer as JSON."""
    return Response(encode(answer), status, media_type="application/json")


def fault_response(error: Exception) -> Response:
    """An error as MLflow's clients read it."""
    status, body = fault_of(error)
    if status == 500:
        logger.error("A request failed", exc_info=error)
    headers = {"Retry-After": _RETRY_AFTER_S} if status == 503 else None
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def plain_fault(status: int, code: str, message: str) -> Response:
    """A fault that no error of ours stands for, such as an unknown route."""
    return Response(msgspec.json.encode(FaultBody(code, message)), status, media_type="application/json")
