"""What a look at something finds, as lines of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import click
import msgspec

from runstone.cli.text import counted

__all__ = ["Finding", "print_findings"]

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at: what it is, how it stands, and what to do where it does not stand well."""

    name: str
    status: Literal["ok", "info", "warning", "error"] = "info"
    text: str


def print_findings(found: Sequence[Finding], problems: int) -> None:
    """One line each, and how many problems there are."""
    width = max(len(finding.name) for finding in found)
    for finding in found:
        mark = click.style(f"{finding.status if finding.status != 'info' else '':7}", fg=_COLOURS.get(finding.status))
        click.echo(f"{mark}  {finding.name.ljust(width)}  {finding.text}")
    click.echo()
    click.echo(counted(problems, "problem") if problems else "All is well")
