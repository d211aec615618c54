"""`runstone audit`: what was done with users, tokens and grants, who logged in, and who was refused."""

from __future__ import annotations

import click

from runstone.cli.access_store import open_access
from runstone.cli.arguments import max_option, unlimited
from runstone.cli.output import json_option, print_json
from runstone.cli.session import Session
from runstone.cli.tables import Column, print_table
from runstone.cli.text import iso_time

__all__ = ["audit"]

_MOST = 1_000_000


@click.command
@click.option("--user", metavar="NAME", help="Only what this user did.")
@click.option("--action", metavar="NAME", help="Only this, such as login.")
@max_option(100, "events")
@json_option
@click.pass_obj
def audit(session: Session, user: str | None, action: str | None, max_results: int, as_json: bool) -> None:
    """Show the audit log, the newest first. Nothing in it is ever changed.

    \b
    Examples:
      runstone audit
      runstone audit --user bob --action login
    """
    limit = unlimited(max_results)
    with open_access(session) as access:
        found = access.list_events(user=user, action=action, limit=_MOST if limit is None else limit)
    rows = [
        {
            "time": iso_time(one.time) or "",
            "user": one.user,
            "action": one.action,
            "target": one.target,
            "allowed": "yes" if one.allowed else "no",
            "address": one.address,
            "detail": one.detail,
        }
        for one in found
    ]
    if as_json:
        print_json([{**row, "allowed": row["allowed"] == "yes"} for row in rows])
    elif rows:
        print_table([Column(heading=key, cells=[row[key] for row in rows]) for key in rows[0]])
