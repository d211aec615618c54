"""Limits and key rules: what may be recorded at all. Pure functions; knows neither store nor wire.

The limits are those MLflow documents (https://mlflow.org/docs/latest/rest-api.html); a value that is too long is
refused with a message, never cut.
"""

from __future__ import annotations

import math
import posixpath
import re
from typing import Any

from runstone.errors import InvalidInput

__all__ = [
    "INT64_MAX",
    "INT64_MIN",
    "MAX_EXPERIMENT_NAME_LENGTH",
    "MAX_KEY_LENGTH",
    "MAX_PARAM_VALUE_LENGTH",
    "MAX_TAG_VALUE_LENGTH",
    "check_experiment_id",
    "check_experiment_name",
    "check_key",
    "check_param_value",
    "check_run_id",
    "check_tag_value",
    "check_text",
    "metric_value",
    "metric_whole_number",
    "param_number",
]

MAX_KEY_LENGTH = 250
MAX_PARAM_VALUE_LENGTH = 6_000
MAX_TAG_VALUE_LENGTH = 8_000
MAX_EXPERIMENT_NAME_LENGTH = 500
INT64_MIN = -(1 << 63)
INT64_MAX = (1 << 63) - 1

_KEY = re.compile(r"[/\w.\- :]+\Z")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}\Z")
_EXPERIMENT_ID = re.compile(r"[0-9]{1,19}\Z")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z", re.ASCII)


def check_key(key: object, *, kind: str) -> str:
    """Return `key` if it can name a metric, param or tag (`kind`, for the message).

    Letters of any alphabet, digits, `_ - . / :` and spaces, at most 250 characters, and no path tricks, because
    a key may become a file's path (`..`, `//`, a leading or trailing `/`). Raises InvalidInput.
    """
    if not isinstance(key, str) or not key:
        raise InvalidInput(f"A {kind}'s name must be a non-empty text, not {key!r}")
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidInput(
            f"Invalid {kind} name '{key[:40]}...': it has {len(key)} characters, at most {MAX_KEY_LENGTH} are allowed"
        )
    if not _KEY.match(key):
        bad = sorted({c for c in key if not _KEY.match(c)})
        raise InvalidInput(
            f"Invalid {kind} name {key!r}: it contains {''.join(bad)!r}; names may only contain letters, digits, "
            "underscores (_), dashes (-), periods (.), colons (:), spaces and slashes (/)"
        )
    # Most have neither, and every batch's keys are looked at.
    if ("/" in key or "." in key) and (posixpath.normpath(key) != key or key == "." or key.startswith(("/", ".."))):
        raise InvalidInput(
            f"Invalid {kind} name {key!r}: it must read like a plain relative path; try {_as_plain_path(key)!r}"
        )
    return key


def _as_plain_path(key: str) -> str:
    parts = [part for part in key.split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "name"


def check_run_id(run_id: object) -> str:
    """Return `run_id` if it can be one: letters, digits, `_` and `-`, at most 256. Raises InvalidInput."""
    if not isinstance(run_id, str) or not _RUN_ID.match(run_id):
        raise InvalidInput(f"Invalid run id {run_id!r}: expected letters, digits, '_' and '-', such as '{'0f' * 16}'")
    return run_id


def check_experiment_id(experiment_id: object) -> str:
    """Return the experiment's id as text; an int is accepted. Raises InvalidInput."""
    text = (
        str(experiment_id) if isinstance(experiment_id, int) and not isinstance(experiment_id, bool) else experiment_id
    )
    if not isinstance(text, str) or not _EXPERIMENT_ID.match(text):
        raise InvalidInput(f"Invalid experiment id {experiment_id!r}: expected a whole number such as '0'")
    return text


def check_experiment_name(name: object) -> str:
    """Return `name` if it can name an experiment: 1 to 500 characters. Raises InvalidInput."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput(f"Invalid experiment name {name!r}: it must be a non-empty text")
    if len(name) > MAX_EXPERIMENT_NAME_LENGTH:
        raise InvalidInput(
            f"Invalid experiment name '{name[:40]}...': it has {len(name)} characters, "
            f"at most {MAX_EXPERIMENT_NAME_LENGTH} are allowed"
        )
    if "\0" in name or not _is_encodable(name):
        raise InvalidInput(
            f"Invalid experiment name {name[:40]!r}: it contains a NUL or an unpaired surrogate, which no store holds"
        )
    return name


def check_param_value(key: str, value: object) -> str:
    """Return the param's value as text, at most 6,000 characters. Raises InvalidInput."""
    return check_text(f"param '{key}'", value, MAX_PARAM_VALUE_LENGTH, "log it with log_text as a file")


def check_tag_value(key: str, value: object) -> str:
    """Return the tag's value as text, at most 8,000 characters. Raises InvalidInput."""
    return check_text(f"tag '{key}'", value, MAX_TAG_VALUE_LENGTH, "log it with log_text as a file")


def check_text(what: str, value: object, limit: int, remedy: str) -> str:
    """Return the value of `what` as text, at most `limit` characters and such that every store can hold it.

    Raises InvalidInput, whose message ends with the remedy.
    """
    text = str(value)
    if len(text) > limit:
        raise InvalidInput(
            f"The value of {what} has {len(text)} characters, at most {limit} are allowed; it was not cut: {remedy}"
        )
    if "\0" in text or not _is_encodable(text):
        raise InvalidInput(f"The value of {what} contains a NUL or an unpaired surrogate, which no store can hold")
    return text


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def metric_value(key: str, value: Any) -> float:
    """Return a metric's value as a float: numbers, and whatever `float()` takes (NumPy, PyTorch, JAX scalars).

    NaN and infinities are values like others. Raises InvalidInput.
    """
    if type(value) is float:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInput(
            f"Invalid value {value!r} for metric '{key}': please specify a number (64-bit floating point)"
        ) from None


def metric_whole_number(key: str, name: str, value: Any) -> int:
    """Return a metric's step or timestamp (`name`) as a signed 64-bit int. Raises InvalidInput."""
    if type(value) is not int:
        try:
            whole = int(value)
            if isinstance(value, str) or whole != value:
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise InvalidInput(f"Invalid {name} {value!r} for metric '{key}': expected a whole number") from None
    else:
        whole = value
    if not INT64_MIN <= whole <= INT64_MAX:
        raise InvalidInput(f"Invalid {name} {value!r} for metric '{key}': it does not fit into 64 bits")
    return whole


def param_number(text: str) -> float | None:
    """The number a param's text stands for (`'0.1'`, `'1e-3'`), or None: what `params.lr > 0.001` compares."""
    if len(text) <= 64 and _NUMBER.match(text):
        number = float(text)
        if math.isfinite(number):
            return number
    return None
