"""Tables in a terminal, by rich, which loads when the first one is printed. Knows columns of text, no entity.

On a terminal a table keeps to the width: columns that may be left out go first, then the last ones are cut. Into a
pipe everything is printed, without colours.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

import click
import msgspec

from runstone.cli.output import note
from runstone.cli.text import counted, one_line

__all__ = ["Column", "is_terminal", "print_fields", "print_heading", "print_table"]

_GAP = 2
_WIDEST_OPTIONAL = 40


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column: a heading, a text for each row, and whether it may be left out where the terminal is narrow."""

    heading: str
    cells: list[str]
    is_number: bool = False
    is_optional: bool = False


def is_terminal() -> bool:
    """Whether a person looks at stdout."""
    return sys.stdout.isatty()


def print_heading(text: str) -> None:
    """A line above a table."""
    click.echo()
    click.secho(text, bold=True)


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Names and values, one a line; the values are not cut."""
    width = max((len(name) for name, _ in fields), default=0)
    for name, value in fields:
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {one_line(value)}")


def print_table(columns: Sequence[Column], *, more: str = "--json shows all") -> None:
    """Print the columns side by side; `more` says how to see those that have no room."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = [_on_one_line(column) for column in columns]
    console = Console(highlight=False, emoji=False, markup=False)
    if is_terminal():
        shown = _that_fit(columns, console.width)
    else:
        shown = columns
        console.width = sum(_width(column) + _GAP for column in columns) + 1
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold", show_edge=False)
    for column in shown:
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(Text(column.heading), justify=justify, no_wrap=True, overflow="ellipsis")
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*map(Text, row))
    console.print(table)
    if len(shown) < len(columns):
        note(f"{counted(len(columns) - len(shown), 'more column')}: {more}")


def _on_one_line(column: Column) -> Column:
    cells = [one_line(cell) for cell in column.cells]
    if is_terminal() and column.is_optional:
        cells = [cell if len(cell) <= _WIDEST_OPTIONAL else cell[: _WIDEST_OPTIONAL - 1] + "…" for cell in cells]
    return msgspec.structs.replace(column, cells=cells, heading=one_line(column.heading))


def _that_fit(columns: Sequence[Column], width: int) -> list[Column]:
    left = width + _GAP - sum(_width(column) + _GAP for column in columns if not column.is_optional)
    shown = []
    for column in columns:
        if column.is_optional:
            if _width(column) + _GAP > left:
                continue
            left -= _width(column) + _GAP
        shown.append(column)
    return shown


def _width(column: Column) -> int:
    from rich.cells import cell_len

    return max(cell_len(text) for text in (column.heading, *column.cells))
