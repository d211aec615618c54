"""Errors <-> MLflow's error codes and HTTP statuses."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from runstone.errors import (
    AlreadyExists,
    ArtifactError,
    InvalidInput,
    NotFound,
    ParamChanged,
    RunstoneError,
    StoreError,
    StoreUnavailable,
)

__all__ = ["Fault", "FaultBody", "error_of", "fault_of"]


class FaultBody(msgspec.Struct):
    """The body of every answer that is no success."""

    error_code: str
    message: str


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
    (StoreUnavailable, "TEMPORARILY_UNAVAILABLE", 503),
    (StoreError, "INTERNAL_ERROR", 500),
    (RunstoneError, "INTERNAL_ERROR", 500),
)

_ERRORS: dict[str, type[RunstoneError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "NOT_FOUND": NotFound,
    "RESOURCE_ALREADY_EXISTS": AlreadyExists,
    "INVALID_PARAMETER_VALUE": InvalidInput,
    "INVALID_STATE": InvalidInput,
    "BAD_REQUEST": InvalidInput,
    "MALFORMED_REQUEST": InvalidInput,
    "TEMPORARILY_UNAVAILABLE": StoreUnavailable,
    "REQUEST_LIMIT_EXCEEDED": StoreUnavailable,
}


def fault_of(error: Exception) -> Fault:
    """The answer to an error; one that is not ours says no more than that it happened."""
    for kind, code, status in _FAULTS:
        if isinstance(error, kind):
            return Fault(status, FaultBody(code, str(error)))
    return Fault(500, FaultBody("INTERNAL_ERROR", f"The server failed: {type(error).__name__}; see its log"))


def error_of(status: int, body: bytes, request: str) -> RunstoneError:
    """The error that an answer tells of; `request` (verb and path) goes into the message where the body has none."""
    try:
        fault = msgspec.json.decode(body, type=FaultBody)
    except msgspec.DecodeError:
        text = body[:200].decode(errors="replace").strip()
        fault = FaultBody("", f"{request} was answered with HTTP status {status}: {text}")
    if "Changing param values is not allowed" in fault.message:
        return ParamChanged(fault.message)
    kind = _ERRORS.get(fault.error_code) or (NotFound if status == 404 else RunstoneError)
    return kind(fault.message)
