"""What obstore raises, as our errors: each names the bucket and says what to do. Knows texts of three clouds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from runstone.artifacts.buckets import Bucket
from runstone.errors import (
    AccessDenied,
    ArtifactError,
    NotAuthenticated,
    NotFound,
    RunstoneError,
    StoreError,
    StoreUnavailable,
)

__all__ = ["translated"]

_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>", re.DOTALL)
_STATUS = re.compile(r"status code: (\d{3})")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "ResourceNotFound", "specified bucket does not exist")
_UNKNOWN_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthenticationFailed")
_REFUSED = ("AccessDenied", "AuthorizationFailure", "AuthorizationPermissionMismatch", "AllAccessDisabled")
_OWN_SERVICES = ("169.254.169.254", "metadata.google.internal", "169.254.170.2", "metadata service")
_PERMISSIONS = {
    "s3": "s3:PutObject, s3:GetObject, s3:ListBucket, s3:DeleteObject and s3:AbortMultipartUpload",
    "gs": "the role Storage Object User",
    "az": "the role Storage Blob Data Contributor",
}
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS to a service account's file (or run `gcloud auth application-default login`)",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCESS_KEY (or AZURE_STORAGE_CONNECTION_STRING)",
}


@contextmanager
def translated(bucket: Bucket, act: str, path: str) -> Iterator[None]:
    """Raise what is meant by an error of obstore's in the block. NotFound: no such object."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError, PermissionError) as error:
        raise _meaning(bucket, act, path, error) from error


def _meaning(bucket: Bucket, act: str, path: str, error: Exception) -> RunstoneError:
    text = str(error)
    kind = "s3" if bucket.is_s3 else bucket.scheme if bucket.scheme == "gs" else "az"
    place = f"'{bucket.uri}'" + (f" at {bucket.endpoint}" if bucket.endpoint else "")
    what = f"Cannot {act} '{path}' in {place}" if path else f"Cannot {act} {place}"
    reason = _reason(text)
    code = _CODE.search(text)
    status = int(match[1]) if (match := _STATUS.search(text)) else 0
    if any(service in text for service in _OWN_SERVICES):
        return NotAuthenticated(f"{what}: there are no credentials; set {_CREDENTIALS[kind]}")
    if any(word in text for word in _NO_BUCKET):
        return StoreError(f"{what}: there is no bucket '{bucket.name}'; create it, or correct the name or the endpoint")
    if status == 401 or (code and code[1] in _UNKNOWN_KEYS):
        return NotAuthenticated(f"{what}: its credentials are refused ({reason}); check {_CREDENTIALS[kind]}")
    if status == 403 or (code and code[1] in _REFUSED):
        return AccessDenied(f"{what}: that is denied ({reason}); ask for {_PERMISSIONS[kind]} on the bucket")
    if "incorrectly configured region" in text or (
        code and code[1] in ("PermanentRedirect", "IllegalLocationConstraint")
    ):
        return StoreError(f"{what}: the bucket is in another region; set AWS_REGION to it")
    if status == 404 or "not found" in text.partition("\n")[0]:
        return NotFound(f"No artifact '{path}' in {place}; list its folder to see what there is")
    if status >= 500 or status == 429 or "HTTP error" in text or "error sending request" in text:
        return StoreUnavailable(f"{what}: it cannot be reached, or does not answer ({reason}); check that it is up")
    return ArtifactError(f"{what}: {reason}")


def _reason(text: str) -> str:
    if (code := _CODE.search(text)) and (message := _MESSAGE.search(text)):
        return f"{code[1]}: {message[1].strip()}"
    return " ".join(text.partition("\n\nDebug source")[0].split())[:500]
