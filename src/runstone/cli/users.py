"""`runstone users`: who may use a server with `--auth`."""

from __future__ import annotations

import sys

import click

from runstone.cli.access_store import note_act, open_access
from runstone.cli.output import json_option, print_json
from runstone.cli.session import Session
from runstone.cli.text import iso_time
from runstone.entities.access import Role
from runstone.naming import now_ms

__all__ = ["users"]

_role = click.Choice([role.value for role in Role])
_stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from stdin, one line.")


@click.group
def users() -> None:
    """Say who may use a server with --auth."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=_role, default="editor", show_default=True, help="What the user is on this server.")
@_stdin_option
@click.pass_obj
def add_command(session: Session, name: str, role: str, password_stdin: bool) -> None:
    """Add a user, with a password that is asked for.

    \b
    Examples:
      runstone users add ann --role admin
    """
    from runstone.access.passwords import hash_password
    from runstone.stores.access import UserRecord

    if not name.isprintable() or ":" in name or not name.strip():
        raise click.BadParameter("a user's name is printable and has no colon", param_hint="NAME")
    password_hash = hash_password(_read_password(password_stdin))
    with open_access(session) as access:
        access.create_user(UserRecord(name=name, role=Role(role), password_hash=password_hash, creation_time=now_ms()))
        note_act(access, "add user", f"{name}: {role}")


@users.command("list")
@json_option
@click.pass_obj
def list_command(session: Session, as_json: bool) -> None:
    """List the users.

    \b
    Example:
      runstone users list
    """
    with open_access(session) as access:
        found = access.list_users()
    if as_json:
        print_json(
            [{"name": one.name, "role": one.role.value, "created": iso_time(one.creation_time)} for one in found]
        )
    else:
        for one in found:
            click.echo(f"{one.name}\t{one.role.value}")


@users.command("remove")
@click.argument("name")
@click.pass_obj
def remove_command(session: Session, name: str) -> None:
    """Remove a user with all tokens, sessions and grants.

    \b
    Example:
      runstone users remove ann
    """
    with open_access(session) as access:
        access.remove_user(name)
        note_act(access, "remove user", name)


@users.command("passwd")
@click.argument("name")
@_stdin_option
@click.pass_obj
def passwd_command(session: Session, name: str, password_stdin: bool) -> None:
    """Give a user another password.

    \b
    Example:
      runstone users passwd ann
    """
    from runstone.access.passwords import hash_password

    password_hash = hash_password(_read_password(password_stdin))
    with open_access(session) as access:
        access.set_password_hash(name, password_hash)
        note_act(access, "set password", name)


@users.command("set-role")
@click.argument("name")
@click.argument("role", type=_role)
@click.pass_obj
def set_role_command(session: Session, name: str, role: str) -> None:
    """Make a user a viewer, an editor or an admin.

    \b
    Example:
      runstone users set-role ann viewer
    """
    with open_access(session) as access:
        access.set_role(name, Role(role))
        note_act(access, "set role", f"{name}: {role}")


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
