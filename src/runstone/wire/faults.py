"""Errors <-> MLflow's error codes and HTTP statuses."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from runstone import errors
from runstone.errors import (
    AccessDenied,
    AlreadyExists,
    ArtifactError,
    InvalidInput,
    NotActive,
    NotAuthenticated,
    NotFound,
    ParamChanged,
    RunstoneError,
    StoreError,
    StoreUnavailable,
)

__all__ = ["Fault", "FaultBody", "describe_text", "error_of", "error_of_fault", "fault_of"]


class FaultBody(msgspec.Struct, omit_defaults=True):
    """The body of every answer that is no success.

    `kind` is the name of the error in `runstone.errors` where the code alone does not tell.
    """

    error_code: str
    message: str
    kind: str | None = None


class Fault(NamedTuple):
    """How an error is answered."""

    status: int
    body: FaultBody


# The first row whose class fits; the codes are those of MLflow's protocol (databricks.proto).
_FAULTS: tuple[tuple[type[Exception], str, int], ...] = (
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (AlreadyExists, "RESOURCE_ALREADY_EXISTS", 400),
    (InvalidInput, "INVALID_PARAMETER_VALUE", 400),
    (ArtifactError, "INVALID_PARAMETER_VALUE", 400),
    (NotAuthenticated, "UNAUTHENTICATED", 401),
    (AccessDenied, "PERMISSION_DENIED", 403),
    (StoreUnavailable, "TEMPORARILY_UNAVAILABLE", 503),
    (StoreError, "INTERNAL_ERROR", 500),
    (RunstoneError, "INTERNAL_ERROR", 500),
)

# What the code leaves open is said by `kind`. A filter's error needs more than its name, and is made anew elsewhere.
_OURS: dict[str, type[RunstoneError]] = {
    name: getattr(errors, name) for name in errors.__all__ if name not in ("FilterError", "RunstoneError")
}

# MLflow's servers say it by a sentence alone.
_PHRASES: tuple[tuple[str, type[RunstoneError]], ...] = (
    ("Changing param values is not allowed", ParamChanged),
    ("must be in the 'active' state", NotActive),
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)

_ERRORS: dict[str, type[RunstoneError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "NOT_FOUND": NotFound,
    "RESOURCE_ALREADY_EXISTS": AlreadyExists,
    "INVALID_PARAMETER_VALUE": InvalidInput,
    "INVALID_STATE": NotActive,
    "BAD_REQUEST": InvalidInput,
    "MALFORMED_REQUEST": InvalidInput,
    "TEMPORARILY_UNAVAILABLE": StoreUnavailable,
    "REQUEST_LIMIT_EXCEEDED": StoreUnavailable,
    "INTERNAL_ERROR": StoreError,
    "PERMISSION_DENIED": AccessDenied,
    "UNAUTHENTICATED": NotAuthenticated,
}


def fault_of(error: Exception) -> Fault:
    """The answer to an error; one that is not ours says no more than that it happened."""
    for kind, code, status in _FAULTS:
        if isinstance(error, kind):
            return Fault(status, FaultBody(code, str(error), _kind_beyond(code, error)))
    return Fault(500, FaultBody("INTERNAL_ERROR", f"The server failed: {type(error).__name__}; see its log"))


def _kind_beyond(code: str, error: Exception) -> str | None:
    """The nearest name that `runstone.errors` has for it; None where the code means the same."""
    nearest = next((kind for kind in type(error).__mro__ if _OURS.get(kind.__name__) is kind), None)
    return None if nearest is None or _ERRORS.get(code) is nearest else nearest.__name__


def error_of(status: int, body: bytes, request: str) -> RunstoneError:
    """The error that an answer tells of; `request` (verb and URL) goes into the message where the body has none."""
    fault = _read_fault(body)
    if fault is None:
        return _error_of_text(status, body, request)
    message = fault.message or f"{request} was answered with HTTP status {status} {fault.error_code}".rstrip()
    return (_kind_of(fault) or _kind_by_status(status))(message)


def error_of_fault(fault: FaultBody) -> RunstoneError:
    """The error that a part of an answer tells of."""
    return (_kind_of(fault) or RunstoneError)(fault.message)


def _kind_of(fault: FaultBody | _AnyFault) -> type[RunstoneError] | None:
    return _OURS.get(fault.kind or "") or _kind_by_phrase(fault.message) or _ERRORS.get(fault.error_code)


def describe_text(body: bytes) -> str:
    """What to say of an answer that is no JSON: its kind, and its title or beginning."""
    text = body[:4000].decode(errors="replace")
    title = _TITLE.search(text)
    shown = " ".join((title[1] if title else text).split())[:200]
    if not shown:
        return "an empty body"
    kind = "an HTML page" if title or "<html" in text.lower() else "a text"
    return f"{kind} ({shown!r})"


class _AnyFault(msgspec.Struct):
    """A fault of whichever server: MLflow's own, or one of the framework below it (`detail`)."""

    error_code: str = ""
    message: str = ""
    kind: str | None = None
    detail: Any = None


def _read_fault(body: bytes) -> _AnyFault | None:
    try:
        fault = msgspec.json.decode(body, type=_AnyFault)
    except msgspec.DecodeError:
        return None
    if fault.detail and not fault.message:
        fault.message = str(fault.detail)
    return fault


def _error_of_text(status: int, body: bytes, request: str) -> RunstoneError:
    problem = f"{request} was answered with HTTP status {status} and {describe_text(body)}"
    if status in (404, 405):
        problem = f"The server has no such endpoint: {problem}; check the tracking URI, or upgrade the server"
    return _kind_by_status(status)(problem)


def _kind_by_phrase(message: str) -> type[RunstoneError] | None:
    return next((kind for phrase, kind in _PHRASES if phrase in message), None)


def _kind_by_status(status: int) -> type[RunstoneError]:
    if status >= 500 or status in (408, 429):
        return StoreUnavailable
    return {400: InvalidInput, 413: InvalidInput, 401: NotAuthenticated, 403: AccessDenied}.get(status, RunstoneError)
