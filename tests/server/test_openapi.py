"""The OpenAPI document that the server gives."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from runstone.server.actions import ACTIONS
from runstone.server.browse import browse_actions
from runstone.server.native import NATIVE_ACTIONS
from runstone.wire.routes import NATIVE_PREFIX, NATIVE_ROUTES, PREFIXES, ROUTES
from runstone.wire.schemas.browsing import CapabilitiesAnswer
from tests.server.serving import RunningServer


@pytest.fixture(scope="module")
def document(server: RunningServer) -> dict:  # type: ignore[type-arg]
    answer = server.ask("GET", f"{NATIVE_PREFIX}/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    return dict(answer.json)


def test_the_document_is_valid(document: dict) -> None:  # type: ignore[type-arg]
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_is_in_it(document: dict) -> None:  # type: ignore[type-arg]
    described = {(path, verb) for path, verbs in document["paths"].items() for verb in verbs}
    rows = [(PREFIXES[0], route) for route in ROUTES] + [(NATIVE_PREFIX, route) for route in NATIVE_ROUTES]
    assert {(f"{prefix}/{route.path}", verb.lower()) for prefix, route in rows for verb in route.verbs} <= described
    names = [operation["operationId"] for verbs in document["paths"].values() for operation in verbs.values()]
    assert len(names) == len(set(names))


def test_everything_in_it_is_answered(server: RunningServer, document: dict) -> None:  # type: ignore[type-arg]
    for path, verbs in document["paths"].items():
        for verb in verbs:
            asked = re.sub(r"{\w+}", "x1", path)
            answer = server.ask(verb.upper(), asked, None if verb == "get" else b"rubbish")
            assert answer.status not in (405, 500), (verb, path)
            assert answer.status == 200 or answer.code != "ENDPOINT_NOT_FOUND", (verb, path)


def test_every_row_has_an_action() -> None:
    names = {route.name for route in (*ROUTES, *NATIVE_ROUTES)} - {"append", "log_batch"}
    capabilities = CapabilitiesAnswer(version="1", read_only=False, serves_artifacts=True, max_page=1, max_series=1)
    assert names == {*ACTIONS, *NATIVE_ACTIONS, *browse_actions(capabilities)}
