"""`runstone tokens`: what programs log in with."""

from __future__ import annotations

import click

from runstone.cli.access_store import note_act, open_access
from runstone.cli.output import json_option, note, print_json
from runstone.cli.session import Session
from runstone.cli.text import iso_time
from runstone.entities.access import Scope
from runstone.naming import now_ms

__all__ = ["tokens"]

_DAY_MS = 86_400_000


@click.group
def tokens() -> None:
    """Create, list and revoke tokens of users."""


@tokens.command("create")
@click.argument("user")
@click.option("--name", default="", help="What it is for.")
@click.option(
    "--scope",
    type=click.Choice([one.value for one in Scope]),
    default="write",
    show_default=True,
    help="What it may be used for.",
)
@click.option("--days", type=click.IntRange(1), help="How long it lasts. Default: until it is revoked.")
@click.pass_obj
def create_command(session: Session, user: str, name: str, scope: str, days: int | None) -> None:
    """Print a new token of a user, this once.

    \b
    Examples:
      runstone tokens create ann --name ci --days 90
    """
    from runstone.access.tokens import create_token

    now = now_ms()
    expiry_time = None if days is None else now + days * _DAY_MS
    with open_access(session) as access:
        secret, record = create_token(access, user, name, Scope(scope), now=now, expiry_time=expiry_time)
        note_act(access, "create token", f"{user}: {record.token_id}, {scope}")
    note(f"Token {record.token_id} of {user}; it is not shown again:")
    click.echo(secret)


@tokens.command("list")
@click.option("--user", help="Of this user alone.")
@json_option
@click.pass_obj
def list_command(session: Session, user: str | None, as_json: bool) -> None:
    """List tokens, without their secrets.

    \b
    Example:
      runstone tokens list --user ann
    """
    with open_access(session) as access:
        found = access.list_tokens(user)
    rows = [
        {
            "id": one.token_id,
            "user": one.user,
            "name": one.name,
            "scope": one.scope.value,
            "expires": iso_time(one.expiry_time),
            "last_used": iso_time(one.last_used_time),
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo("\t".join(str(value or "-") for value in row.values()))


@tokens.command("revoke")
@click.argument("token_id")
@click.pass_obj
def revoke_command(session: Session, token_id: str) -> None:
    """Revoke a token; a server knows within 5 seconds.

    \b
    Example:
      runstone tokens revoke 3f9c0a1b2d4e
    """
    with open_access(session) as access:
        access.revoke_token(token_id)
        note_act(access, "revoke token", token_id)
