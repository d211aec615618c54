"""What the environment and AWS's own files say: keys and a region. Knows no bucket.

obstore reads the variables AWS_* itself, and asks for the roles of machines, containers and web identities. Here is
what it leaves out: the files of AWS's tools (~/.aws), and profiles in them; those that lead elsewhere (SSO, roles)
by boto3, where it is installed.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path

import msgspec

from runstone.errors import NotAuthenticated

__all__ = ["AwsKeys", "find_keys", "find_region", "has_other_credentials"]


class AwsKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A key, its secret and, for keys that expire, a token."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"AwsKeys({self.access_key_id[:4]}...)"


def find_keys() -> AwsKeys | None:
    """The keys of the environment, else of the profile; None where neither has any.

    Raises NotAuthenticated: the profile that is asked for is not there, or needs boto3.
    """
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return AwsKeys(
            access_key_id=key, secret_access_key=secret, session_token=os.environ.get("AWS_SESSION_TOKEN") or None
        )
    name = os.environ.get("AWS_PROFILE")
    profile = _profile(name or "default")
    if name and not profile:
        raise NotAuthenticated(
            f"AWS_PROFILE names the profile '{name}', which is neither in {_file('AWS_SHARED_CREDENTIALS_FILE')} nor "
            f"in {_file('AWS_CONFIG_FILE')}; correct the name, or unset it"
        )
    if "aws_access_key_id" in profile and "aws_secret_access_key" in profile:
        return AwsKeys(
            access_key_id=profile["aws_access_key_id"],
            secret_access_key=profile["aws_secret_access_key"],
            session_token=profile.get("aws_session_token"),
        )
    if any(word in profile for word in ("sso_session", "sso_start_url", "role_arn", "credential_process")):
        return _ask_boto3(name or "default")
    return None


def find_region() -> str | None:
    """The region of the environment, else of the profile."""
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return named or _profile(os.environ.get("AWS_PROFILE") or "default").get("region")


def has_other_credentials() -> bool:
    """Whether obstore may find some where we found no keys: a role, or none needed."""
    variables = (
        "AWS_SKIP_SIGNATURE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    )
    on_machine = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true"
    return on_machine or any(os.environ.get(name) for name in variables)


def _profile(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for variable, section in (
        ("AWS_CONFIG_FILE", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", name),
    ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(_file(variable))
        except configparser.Error as error:
            raise NotAuthenticated(f"Cannot read {_file(variable)}: {error}") from error
        if parser.has_section(section):
            found |= dict(parser.items(section))
    return found


def _file(variable: str) -> Path:
    names = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
    return Path(os.environ.get(variable) or Path("~/.aws") / names[variable]).expanduser()


def _ask_boto3(profile: str) -> AwsKeys:
    try:
        import boto3
    except ImportError:
        raise NotAuthenticated(
            f"The AWS profile '{profile}' has no keys of its own but takes a role, SSO or a process, which needs "
            "boto3: pip install boto3"
        ) from None
    found = boto3.Session(profile_name=profile).get_credentials()
    if found is None:
        raise NotAuthenticated(
            f"boto3 finds no credentials for the AWS profile '{profile}'; log in with `aws sso login`"
        )
    keys = found.get_frozen_credentials()
    return AwsKeys(access_key_id=str(keys.access_key), secret_access_key=str(keys.secret_key), session_token=keys.token)
