"""JSON as MLflow's clients write it and read it."""

from __future__ import annotations

import functools
import json
import math
import re
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from runstone.errors import InvalidInput

__all__ = [
    "decode_answer",
    "decode_body",
    "decode_msgpack",
    "decode_msgpack_answer",
    "decode_query",
    "encode",
    "float_text",
    "missing_parameter",
]

T = TypeVar("T")

_PATH = re.compile(r" - at `\$(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.*?)`")


def float_text(value: float) -> float | str:
    """The value as JSON can hold it: NaN and infinities as "NaN", "Infinity" and "-Infinity"."""
    if math.isfinite(value):
        return value
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def encode(answer: msgspec.Struct) -> bytes:
    """The JSON of an answer."""
    return msgspec.json.encode(answer)


def decode_body(body: bytes, kind: type[T], fields: dict[str, str] | None = None) -> T:
    """A request from its JSON; an empty body is an empty object. Raises InvalidInput in MLflow's words.

    `fields` come from the path and win over the body's.

    Numbers may be texts, whole numbers may be written as 2.0, and NaN and infinities may be bare words or texts.
    """
    body = body.strip() or b"{}"
    if not fields:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(body, type=kind, strict=False)
    # What msgspec does not read (bare NaN, 1e400), and the values for the message.
    raw = _load_json(body)
    return _convert({**raw, **fields} if fields and isinstance(raw, dict) else raw, kind)


def _load_json(body: bytes) -> Any:
    try:
        raw = json.loads(body)
        if b"\\u" in body:
            json.dumps(raw, ensure_ascii=False).encode()  # fails for half of a surrogate pair
    except UnicodeEncodeError:
        raise InvalidInput(
            "The request's body has a text with an unpaired surrogate, which no store can hold"
        ) from None
    except ValueError as error:
        raise InvalidInput(f"The request's body is no JSON: {error}") from None
    return raw


def decode_answer(body: bytes, kind: type[T]) -> T:
    """An answer from its JSON, with bare NaN and infinities as old servers write them. Raises ValueError."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind, strict=False)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(body), kind, strict=False)


def decode_msgpack_answer(body: bytes, kind: type[T]) -> T:
    """An answer from its MessagePack. Raises ValueError."""
    return msgspec.msgpack.decode(body, type=kind)


def decode_msgpack(body: bytes, kind: type[T]) -> T:
    """A request from its MessagePack. Raises InvalidInput."""
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The request's body is not as MessagePack should be here: {error}") from None


def decode_query(pairs: list[tuple[str, str]], kind: type[T]) -> T:
    """A request from the arguments of a URL; an argument that comes several times is a list. Raises InvalidInput."""
    lists = _list_fields(kind)  # type: ignore[arg-type]
    raw: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            raw.setdefault(name, []).append(value)
        else:
            raw[name] = value
    return _convert(raw, kind)


@functools.cache
def _list_fields(kind: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(kind) if "list" in str(field.type))


def _convert(raw: Any, kind: type[T]) -> T:
    if not isinstance(raw, dict):
        raise InvalidInput(f"The request's body must be a JSON object, not {type(raw).__name__}")
    try:
        return msgspec.convert(_without_nulls(raw), kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(_message(str(error), raw)) from None
    except UnicodeEncodeError:
        raise InvalidInput(
            "The request's body holds a text that has no form in UTF-8 (an unpaired surrogate)"
        ) from None


def _without_nulls(value: Any) -> Any:
    """JSON null means "not given", as protocol buffers read it."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _message(problem: str, raw: dict[str, Any]) -> str:
    path = match[1] if (match := _PATH.search(problem)) else ""
    missing = _MISSING.match(problem)
    if missing:
        name = f"{path}.{missing[1]}".lstrip(".")
        return missing_parameter(name)
    what = _PATH.sub("", problem)
    return f"Invalid value {_value_at(raw, path)} for parameter '{path.lstrip('.')}' supplied: {what}"


def missing_parameter(name: str) -> str:
    """The message about a field that a request lacks."""
    return (
        f"Missing value for required parameter '{name}'. "
        "See the API docs for more information about request parameters."
    )


def _value_at(raw: Any, path: str) -> str:
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", path):
        try:
            raw = raw[name] if name else raw[int(index)]
        except (KeyError, IndexError, TypeError):
            break
    text = json.dumps(raw, default=str)
    return text if len(text) <= 200 else text[:200] + "..."
