"""Uploads in parts that others send straight to S3: addresses signed by AWS Signature Version 4, in the query.

obstore signs no query, so this is done here (Amazon S3, "Authenticating Requests: Using Query Parameters"). It needs
keys that can be seen: with the role of a machine or a container, obstore alone knows them, and there are no parts.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

from runstone import settings
from runstone.artifacts.aws import AwsKeys, find_keys, find_region
from runstone.artifacts.object import ObjectArtifactStore
from runstone.errors import ArtifactError, NotFound, StoreUnavailable
from runstone.naming import now_ms

if TYPE_CHECKING:
    from urllib3 import PoolManager

__all__ = ["S3Parts", "signed_url"]

_LIFETIME_S = 3_600
_OWN_LIFETIME_S = 300
_UPLOAD_ID = re.compile(r"<UploadId>([^<]+)</UploadId>")
_HEADERS = {
    "server_side_encryption": "x-amz-server-side-encryption",
    "sse_kms_key_id": "x-amz-server-side-encryption-aws-kms-key-id",
    "sse_bucket_key_enabled": "x-amz-server-side-encryption-bucket-key-enabled",
}


class S3Parts:
    """Uploads in parts into one store. `find` gives None where there is no S3, or no keys to sign with."""

    def __init__(self, store: ObjectArtifactStore, keys: AwsKeys) -> None:
        self._store = store
        self._keys = keys
        self._region = find_region() or "us-east-1"
        self._pool: PoolManager | None = None

    @classmethod
    def find(cls, store: object) -> S3Parts | None:
        """Those of a store of any kind."""
        if not isinstance(store, ObjectArtifactStore) or not store.bucket.is_s3:
            return None
        keys = find_keys()
        return None if keys is None else cls(store, keys)

    def create(self, path: str) -> str:
        """Begin the upload of an artifact; returns S3's id of it."""
        headers = {
            _HEADERS[name]: value.lower() if value in ("True", "False") else value
            for name, value in self._store.bucket.encryption().items()
        }
        answer = self._ask("POST", path, {"uploads": ""}, headers=headers)
        found = _UPLOAD_ID.search(answer)
        if found is None:
            raise ArtifactError(f"Cannot begin an upload of '{path}' in '{self._store.root_uri}': {answer[:200]}")
        return found[1]

    def part_url(self, path: str, upload_id: str, number: int) -> str:
        """Where a part is to be sent by PUT, within an hour."""
        return self._sign("PUT", path, {"partNumber": str(number), "uploadId": upload_id}, _LIFETIME_S)

    def complete(self, path: str, upload_id: str, etags: Sequence[tuple[int, str | None]]) -> None:
        """Join the parts. Raises NotFound: no such upload; ArtifactError: parts are missing, or not those."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag or '')}</ETag></Part>"
            for number, etag in sorted(etags)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
        answer = self._ask("POST", path, {"uploadId": upload_id}, body=body)
        if "<Error>" in answer:  # S3 begins its answer before it knows
            raise self._failure("complete", path, 200, answer)

    def abort(self, path: str, upload_id: str) -> None:
        """Forget the upload and its parts. Raises NotFound."""
        self._ask("DELETE", path, {"uploadId": upload_id})

    def _ask(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        import urllib3

        url = self._sign(verb, path, query, _OWN_LIFETIME_S, headers or {})
        try:
            answer = self._connected().request(
                verb, url, body=body.encode(), headers=dict(headers or {}), timeout=120.0
            )
        except urllib3.exceptions.HTTPError as error:
            raise StoreUnavailable(
                f"Cannot reach '{self._store.root_uri}' at {urlsplit(url).netloc}: {error}; check that it is up"
            ) from error
        text = answer.data.decode(errors="replace")
        if answer.status >= 300:
            raise self._failure(verb, path, answer.status, text)
        return text

    def _failure(self, verb: str, path: str, status: int, text: str) -> ArtifactError | NotFound:
        code = match[1] if (match := re.search(r"<Code>(\w+)</Code>", text)) else str(status)
        what = f"'{path}' in '{self._store.root_uri}'"
        if code == "NoSuchUpload":
            return NotFound(f"There is no multipart upload of {what} by that id: it was ended or aborted; begin again")
        reason = match[1] if (match := re.search(r"<Message>([^<]*)</Message>", text)) else text[:200]
        return ArtifactError(
            f"S3 refuses the upload of {what} ({code}: {reason}); check the bucket and its permissions"
        )

    def _connected(self) -> PoolManager:
        import urllib3

        if self._pool is None:
            self._pool = urllib3.PoolManager(
                retries=urllib3.Retry(3, backoff_factor=0.2, status_forcelist=(500, 502, 503), allowed_methods=None),
                cert_reqs="CERT_NONE" if settings.S3_IGNORE_TLS.get() else "CERT_REQUIRED",
            )
        return self._pool

    def _sign(
        self, verb: str, path: str, query: Mapping[str, str], lifetime_s: int, headers: Mapping[str, str] | None = None
    ) -> str:
        bucket = self._store.bucket
        endpoint = (bucket.endpoint or f"https://s3.{self._region}.amazonaws.com").rstrip("/")
        url = f"{endpoint}/{bucket.name}/{quote(self._store.key_of(path), safe='/~')}"
        now = datetime.fromtimestamp(now_ms() / 1000, timezone.utc)
        return signed_url(
            self._keys, self._region, verb, url, query, now=now, lifetime_s=lifetime_s, headers=headers or {}
        )


def signed_url(
    keys: AwsKeys,
    region: str,
    verb: str,
    url: str,
    query: Mapping[str, str],
    *,
    now: datetime,
    lifetime_s: int,
    headers: Mapping[str, str] = {},
) -> str:
    """The URL with the query and a signature, good for that verb, and with these headers, until it expires."""
    parts = urlsplit(url)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    signed = {"host": parts.netloc} | {name.lower(): value.strip() for name, value in headers.items()}
    names = ";".join(sorted(signed))
    fields = dict(query) | {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{keys.access_key_id}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(lifetime_s),
        "X-Amz-SignedHeaders": names,
    }
    if keys.session_token:
        fields["X-Amz-Security-Token"] = keys.session_token
    canonical_query = "&".join(f"{quote(name, safe='~')}={quote(fields[name], safe='~')}" for name in sorted(fields))
    canonical_headers = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join((verb, parts.path, canonical_query, canonical_headers, names, "UNSIGNED-PAYLOAD"))
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{keys.secret_access_key}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{canonical_query}&X-Amz-Signature={signature}"
