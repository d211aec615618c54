"""From a URI and the environment to a bucket of S3, Google Cloud Storage or Azure. Sends nothing.

`s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, and with the account in it
`abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX` or `wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PREFIX`.
Keys are literal: `%20` in a URI is three letters of a name.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from runstone import settings
from runstone.artifacts.aws import AwsKeys, find_keys, find_region, has_other_credentials
from runstone.artifacts.paths import check_artifact_path
from runstone.errors import ArtifactError, InvalidInput, NotAuthenticated

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

__all__ = ["SCHEMES", "Bucket", "parse_bucket"]

SCHEMES = ("s3", "s3a", "gs", "az", "abfs", "abfss", "wasb", "wasbs")
"""The schemes of URIs that mean a bucket."""

_URI = re.compile(r"([A-Za-z0-9+.\-]+)://([^/?#]*)(?:/(.*))?", re.DOTALL)
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs"}
_CLIENT = {"timeout": timedelta(seconds=120), "connect_timeout": timedelta(seconds=5)}
# Some 15 s where nobody answers at all: whoever waits would rather know.
_RETRIES = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
_ENCRYPTION = {
    "ServerSideEncryption": "server_side_encryption",
    "SSEKMSKeyId": "sse_kms_key_id",
    "BucketKeyEnabled": "sse_bucket_key_enabled",
}
_ATTRIBUTES = {
    "StorageClass": "Storage-Class",
    "ContentType": "Content-Type",
    "CacheControl": "Cache-Control",
    "ContentEncoding": "Content-Encoding",
    "ContentDisposition": "Content-Disposition",
    "ContentLanguage": "Content-Language",
}


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """One bucket, and the prefix of what is ours in it: empty, or without a `/` at either end."""

    scheme: str
    name: str
    prefix: str
    account: str | None = None  # Azure's
    host: str = ""  # the part of the URI before the path

    @property
    def uri(self) -> str:
        """The bucket with the prefix."""
        return f"{self.scheme}://{self.host}/{self.prefix}".rstrip("/")

    @property
    def is_s3(self) -> bool:
        """Whether it is one of S3, or of a store that speaks as S3 does."""
        return self.scheme in ("s3", "s3a")

    @property
    def is_azure(self) -> bool:
        """Whether it is a container of Azure's."""
        return not self.is_s3 and self.scheme != "gs"

    def check_path(self, path: object, *, allow_empty: bool = False) -> str:
        """The path of an artifact in its one spelling. Raises InvalidInput for one that this bucket cannot have."""
        checked = check_artifact_path(path, allow_empty=allow_empty)
        if self.is_azure and "\\" in checked:
            raise InvalidInput(
                f"Invalid path {checked!r} for an artifact in '{self.uri}': Azure takes a backslash for a slash; "
                "rename the file"
            )
        return checked

    @property
    def endpoint(self) -> str | None:
        """Where it is, if that is not for the scheme to say."""
        return settings.S3_ENDPOINT_URL.get() if self.is_s3 else None

    def connect(self) -> S3Store | GCSStore | AzureStore:
        """What sends requests. Raises ArtifactError: obstore is missing; NotAuthenticated: no credentials."""
        try:
            import obstore.store
        except ImportError:
            raise ArtifactError(
                f"Cannot open '{self.uri}': that needs obstore, which is not installed; "
                f"pip install 'runstone[{_EXTRAS.get(self.scheme, 'azure')}]'"
            ) from None
        arguments: dict[str, Any] = {"client_options": dict(_CLIENT), "retry_config": dict(_RETRIES)}
        try:
            if self.is_s3:
                return obstore.store.S3Store(self.name, **self._s3_options(arguments))
            if self.scheme == "gs":
                return obstore.store.GCSStore(self.name, **_gcs_options(arguments))
            return obstore.store.AzureStore(self.name, **self._azure_options(arguments))
        except (obstore.exceptions.BaseError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise InvalidInput(f"Cannot open '{self.uri}': {reason}; check the URI and the credentials") from error

    def attributes(self) -> dict[str, str]:
        """What every object gets by the settings. Raises InvalidInput."""
        if not self.is_s3:
            return {}
        given = settings.S3_UPLOAD_EXTRA_ARGS.get()
        for name in given:
            if name not in (*_ENCRYPTION, *_ATTRIBUTES, "Metadata"):
                known = ", ".join((*_ENCRYPTION, *_ATTRIBUTES, "Metadata"))
                raise InvalidInput(
                    f"{settings.S3_UPLOAD_EXTRA_ARGS.source()} has '{name}', which this version does not know; it "
                    f"knows {known}"
                )
        metadata = given.get("Metadata") or {}
        named = {_ATTRIBUTES[name]: str(value) for name, value in given.items() if name in _ATTRIBUTES}
        return named | ({name: str(value) for name, value in metadata.items()} if isinstance(metadata, dict) else {})

    def encryption(self) -> dict[str, str]:
        """How S3 shall encrypt what it keeps, by obstore's names."""
        given = settings.S3_UPLOAD_EXTRA_ARGS.get() if self.is_s3 else {}
        return {_ENCRYPTION[name]: str(value) for name, value in given.items() if name in _ENCRYPTION}

    def _s3_options(self, arguments: dict[str, Any]) -> dict[str, Any]:
        keys = find_keys()
        if keys is None and not has_other_credentials():
            raise self._no_keys()
        arguments |= _as_options(keys)
        arguments["region"] = find_region() or "us-east-1"
        if self.endpoint:
            arguments |= {"endpoint": self.endpoint.rstrip("/"), "virtual_hosted_style_request": False}
            arguments["client_options"]["allow_http"] = self.endpoint.startswith("http:")
        if settings.S3_IGNORE_TLS.get():
            arguments["client_options"]["allow_invalid_certificates"] = True
        return arguments | self.encryption()

    def _azure_options(self, arguments: dict[str, Any]) -> dict[str, Any]:
        facts = dict(
            part.split("=", 1)
            for part in os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";")
            if "=" in part
        )
        account = self.account or facts.get("AccountName")
        key = os.environ.get("AZURE_STORAGE_ACCESS_KEY") or facts.get("AccountKey")
        if account:
            arguments["account_name"] = account
        if key:
            arguments["account_key"] = key
        if "BlobEndpoint" in facts and account == facts.get("AccountName"):
            arguments["endpoint"] = facts["BlobEndpoint"]
            arguments["client_options"]["allow_http"] = facts["BlobEndpoint"].startswith("http:")
        return arguments

    def _no_keys(self) -> NotAuthenticated:
        return NotAuthenticated(
            f"There are no credentials for '{self.uri}': set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put a "
            "profile into ~/.aws/credentials (and name it in AWS_PROFILE)"
        )


def _gcs_options(arguments: dict[str, Any]) -> dict[str, Any]:
    # As Google's own libraries have it: a server that stands in for theirs, and takes any token.
    if stand_in := os.environ.get("STORAGE_EMULATOR_HOST"):
        arguments |= {"base_url": stand_in.rstrip("/"), "bearer_token": "none"}
        arguments["client_options"]["allow_http"] = stand_in.startswith("http:")
    return arguments


def _as_options(keys: AwsKeys | None) -> dict[str, str]:
    if keys is None:
        return {}
    options = {"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key}
    return options | ({"session_token": keys.session_token} if keys.session_token else {})


def parse_bucket(uri: str) -> Bucket:
    """The bucket that a URI means. Raises InvalidInput."""
    match = _URI.fullmatch(uri)
    scheme = match[1].lower() if match else ""
    if match is None or scheme not in SCHEMES or not match[2]:
        raise InvalidInput(f"Invalid artifact URI {uri!r}: expected one like s3://BUCKET/FOLDER")
    if match[3] and ("?" in match[3] or "#" in match[3]):
        raise InvalidInput(f"Invalid artifact URI {uri!r}: a bucket's has no query and no fragment ('?', '#')")
    host = match[2]
    name, _, server = host.partition("@")
    if server and scheme in ("s3", "s3a", "gs"):
        raise InvalidInput(f"Invalid artifact URI {uri!r}: leave credentials out of it; they come from the environment")
    account = server.partition(".")[0] or None
    return Bucket(scheme=scheme, name=name, prefix=(match[3] or "").strip("/"), account=account, host=host)
