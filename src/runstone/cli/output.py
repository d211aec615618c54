"""What goes to stdout for programs: strict JSON and CSV in UTF-8. Knows no table and no entity."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

__all__ = ["csv_option", "json_option", "note", "print_csv", "print_json"]

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """The option `--json` of every listing and show."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON (UTF-8; times in ISO 8601).")(command)


def csv_option(command: F) -> F:
    """The option `--csv`."""
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a line of headings.")(command)


def note(text: str) -> None:
    """Say something beside the result: on stderr, so that a pipe gets the result alone."""
    click.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print JSON that every reader takes: NaN and infinities as "NaN", "Infinity" and "-Infinity"."""
    text = json.dumps(_strict(value), indent=2, ensure_ascii=False, allow_nan=False)
    # As bytes, for a terminal of whatever encoding; a lone surrogate becomes its JSON escape.
    click.echo(text.encode("utf-8", "backslashreplace"))


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return _float_text(value)
    if isinstance(value, Mapping):
        return {str(key): _strict(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_strict(one) for one in value]
    return value


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def print_csv(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print CSV as RFC 4180 has it, but for line ends; what is None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([_csv_cell(cell) for cell in row])
    click.echo(text.getvalue().encode("utf-8", "backslashreplace"), nl=False)


def _csv_cell(cell: Any) -> Any:
    return _float_text(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell
