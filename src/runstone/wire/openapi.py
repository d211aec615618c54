"""The OpenAPI document of `routes`."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import msgspec

from runstone.version import __version__
from runstone.wire.faults import FaultBody
from runstone.wire.routes import PREFIXES, ROUTES, Route

__all__ = ["openapi_document"]

_REF = "#/components/schemas/{name}"


@cache
def openapi_document() -> bytes:
    """The document as JSON (https://spec.openapis.org/oas/v3.1.0), of the first prefix."""
    bodies = [FaultBody, *(kind for route in ROUTES for kind in (route.request, route.answer))]
    _, components = msgspec.json.schema_components(list(dict.fromkeys(bodies)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        for verb in route.verbs:
            paths.setdefault(f"{PREFIXES[0]}/{route.path}", {})[verb.lower()] = _operation(route, verb, components)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Runstone tracking server (MLflow's REST API)", "version": __version__},
        "paths": paths,
        "components": {"schemas": components},
    }
    return json.dumps(document, indent=1).encode()


def _operation(route: Route, verb: str, components: dict[str, Any]) -> dict[str, Any]:
    in_path = re.findall(r"{(\w+)}", route.path)
    schema = components[route.request.__name__]
    operation: dict[str, Any] = {
        "operationId": route.name if verb == route.verbs[0] else f"{route.name}_{verb.lower()}",
        "summary": (route.request.__doc__ or "").strip(),
        "x-access": route.access,
        "parameters": [
            {"name": name, "in": "path" if name in in_path else "query", "schema": one,
             "required": name in in_path or name in schema.get("required", ())}
            for name, one in schema["properties"].items()
            if name in in_path or verb == "GET"
        ],
        "responses": {
            "200": _json("Done", route.answer.__name__),
            "default": _json("What went wrong", FaultBody.__name__),
        },
    }  # fmt: skip
    if verb != "GET":
        operation["requestBody"] = {"required": True, **_json("", route.request.__name__)}
    return operation


def _json(description: str, name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name=name)}}}
    return {"description": description, "content": content} if description else {"content": content}
