"""What may go wrong between here and a server, whether asking again may help, and how long to wait before.

Pure but for the chance in `waiting_time_s`. Knows urllib3's exceptions; opens no connection.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

import msgspec

from runstone.naming import now_ms

__all__ = ["MAX_RETRY_AFTER_S", "Failure", "describe", "is_unprocessed", "retry_after_s", "waiting_time_s"]

MAX_RETRY_AFTER_S = 60.0
"""The longest that a server can make us wait by its Retry-After."""
MAX_WAIT_S = 30.0

# Not the module's own functions: a script's `random.seed(0)` must neither repeat our waits nor be disturbed by them.
_CHANCE = random.SystemRandom()


class Failure(msgspec.Struct, frozen=True):
    """Why there is no answer. `is_sent`: the server may have got the request; `is_final`: no repeat will help."""

    reason: str
    is_sent: bool
    is_final: bool = False


def describe(error: Exception) -> Failure:
    """What an error of urllib3 means."""
    from urllib3 import exceptions

    if isinstance(error, exceptions.NameResolutionError):
        return Failure("the name of its host is not known", is_sent=False)
    if isinstance(error, exceptions.NewConnectionError):
        return Failure(_words(error.__cause__ or error), is_sent=False)
    if isinstance(error, exceptions.ConnectTimeoutError):
        return Failure("no connection came about in time", is_sent=False)
    if isinstance(error, exceptions.ReadTimeoutError):
        return Failure("no answer came in time", is_sent=True)
    if isinstance(error, exceptions.ProxyError):
        return _describe_proxy(error.original_error)
    if isinstance(error, exceptions.SSLError):
        return _describe_tls(error.args[0] if error.args else error)
    if isinstance(error, exceptions.ProtocolError):
        return _describe_break(error)
    return Failure(_words(error), is_sent=True)


def _describe_break(error: Exception) -> Failure:
    cause = error.args[-1] if error.args else error
    if isinstance(cause, OSError) and "Tunnel connection failed" in str(cause):
        return _describe_proxy(cause)
    if type(cause).__name__ in ("IncompleteRead", "InvalidChunkLength"):
        return Failure("the connection was closed within the answer", is_sent=True)
    if type(cause).__name__ == "BadStatusLine":
        return Failure("what came back is not HTTP; maybe the server speaks https", is_sent=True)
    if isinstance(cause, ConnectionError):  # RemoteDisconnected, too
        return Failure("the connection was closed before the answer", is_sent=True)
    return Failure(_words(cause), is_sent=True)


def _describe_proxy(cause: object) -> Failure:
    # "Tunnel connection failed: 403 Forbidden": what a proxy refuses it will refuse again.
    is_refused = "Tunnel connection failed: 4" in str(cause)
    return Failure(f"the proxy did not connect to it ({_words(cause)})", is_sent=False, is_final=is_refused)


def _describe_tls(cause: object) -> Failure:
    if isinstance(cause, ssl.SSLCertVerificationError):
        problem = f"its certificate is not trusted ({cause.verify_message})"
        remedy = "set MLFLOW_TRACKING_SERVER_CERT_PATH to the certificate of its authority"
        return Failure(f"{problem}; {remedy}", is_sent=False, is_final=True)
    reason = str(getattr(cause, "reason", None) or cause)
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
        return Failure("it does not speak TLS; maybe its address begins with http://", is_sent=False, is_final=True)
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return Failure(
            f"it does not accept this client ({reason}); set MLFLOW_TRACKING_CLIENT_CERT_PATH to a certificate with "
            "its key",
            is_sent=False,
            is_final=True,
        )
    is_broken_off = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    return Failure(f"TLS failed ({reason})", is_sent=True, is_final=not is_broken_off)


def _words(cause: object) -> str:
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(cause) or type(cause).__name__


def is_unprocessed(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a status says that the request was not carried out, so that even what is unsafe twice may be repeated."""
    return status in (408, 429) or (status == 503 and "retry-after" in headers)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the server wants us to stay away (RFC 9110, 10.2.3), bounded; None where it does not say."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    seconds = moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp() - now_ms() / 1000
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def waiting_time_s(repeat: int, factor_s: float, at_least_s: float | None) -> float:
    """How long to wait before the given repeat (1, 2, ...): a random part of a time that doubles.

    Chance over the whole range ("full jitter") spreads clients best:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    wait_s = _CHANCE.uniform(0, min(MAX_WAIT_S, factor_s * 2 ** min(repeat - 1, 30)))
    return wait_s if at_least_s is None else max(wait_s, at_least_s)
