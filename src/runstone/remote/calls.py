"""Rows of `wire.routes` as calls: a request goes out as its row says, its answer comes back as a struct."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from runstone.errors import StoreUnavailable
from runstone.remote.transport import Answer, Call, HttpSession
from runstone.wire.codec import decode_answer, decode_msgpack_answer
from runstone.wire.faults import describe_text
from runstone.wire.routes import NATIVE_PREFIX, NATIVE_ROUTES, PREFIXES, ROUTES, Media, Route
from runstone.wire.schemas.common import Request

__all__ = ["call_route", "decode"]

_PATHS = {route.name: (route, f"{PREFIXES[0]}/{route.path}") for route in ROUTES}
_PATHS |= {route.name: (route, f"{NATIVE_PREFIX}/{route.path}") for route in NATIVE_ROUTES}
_FIELD = re.compile(r"{(\w+)}")


def call_route(session: HttpSession, name: str, request: Request) -> Any:
    """The answer to a request of the row of that name, of the row's own type. Raises RunstoneError."""
    route, template = _PATHS[name]
    answer = session.ask(_call(route, template, request))
    return decode(session, f"{route.verbs[0]} {template}", answer, route.answer, route.media)


def decode(session: HttpSession, what: str, answer: Answer, kind: type[Any], media: Media = "json") -> Any:
    """The answer as a struct; `what` was asked goes into the message. Raises StoreUnavailable for what is none."""
    try:
        return decode_answer(answer.body, kind) if media == "json" else decode_msgpack_answer(answer.body, kind)
    except ValueError as error:
        raise StoreUnavailable(
            f"{session.address.url} answered {what} with {describe_text(answer.body)}, which is not what a tracking "
            f"server answers ({error}); check the tracking URI, and what stands between here and there"
        ) from error


def _call(route: Route, template: str, request: Request) -> Call:
    verb = route.verbs[0]
    fields = {name: value for name, value in msgspec.structs.asdict(request).items() if value not in (None, [])}
    in_path = _FIELD.findall(template)
    path = _FIELD.sub(lambda match: quote(str(fields[match[1]]), safe=""), template)
    if verb == "GET":
        query = urlencode({name: value for name, value in fields.items() if name not in in_path}, doseq=True)
        return Call(verb=verb, path=f"{path}?{query}" if query else path, is_repeatable=True)
    # A body has the fields of the path, too: servers of MLflow miss them there.
    return Call(
        verb=verb,
        path=path,
        headers={"Content-Type": f"application/{route.media}"},
        body=(msgspec.json if route.media == "json" else msgspec.msgpack).encode(fields),
        is_repeatable=route.repeatable,
    )
