"""`runstone groups`: users to whom something is granted together."""

from __future__ import annotations

import click

from runstone.cli.access_store import note_act, open_access
from runstone.cli.output import json_option, print_json
from runstone.cli.session import Session

__all__ = ["groups"]


@click.group
def groups() -> None:
    """Put users into groups, to grant something to all of them."""


@groups.command("add")
@click.argument("group")
@click.argument("users", nargs=-1, required=True)
@click.pass_obj
def add_command(session: Session, group: str, users: tuple[str, ...]) -> None:
    """Put users into a group, which is made with its first member.

    \b
    Example:
      runstone groups add vision ann bob
    """
    with open_access(session) as access:
        for user in users:
            access.add_member(group, user)
            note_act(access, "add to group", f"{group}: {user}")


@groups.command("remove")
@click.argument("group")
@click.argument("users", nargs=-1, required=True)
@click.pass_obj
def remove_command(session: Session, group: str, users: tuple[str, ...]) -> None:
    """Take users out of a group.

    \b
    Example:
      runstone groups remove vision bob
    """
    with open_access(session) as access:
        for user in users:
            access.remove_member(group, user)
            note_act(access, "remove from group", f"{group}: {user}")


@groups.command("list")
@json_option
@click.pass_obj
def list_command(session: Session, as_json: bool) -> None:
    """List the groups and their members.

    \b
    Example:
      runstone groups list
    """
    with open_access(session) as access:
        found = access.list_groups()
    if as_json:
        print_json({name: list(members) for name, members in found.items()})
    else:
        for name, members in found.items():
            click.echo(f"{name}\t{' '.join(members)}")
