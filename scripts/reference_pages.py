"""Writes what the code can tell the reference: commands, settings, errors, tables; MLflow's API from its data file.

    python scripts/reference_pages.py

Each page keeps what stands above its marker; below it all is written anew. Run it in the environment of the tests.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from runstone import errors
from runstone.cli.root import cli
from runstone.settings import SETTINGS, Setting

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = Path(__file__).resolve().parents[1] / "docs"
MARKER = "<!-- Written by scripts/reference_pages.py from here on. -->\n"


def render(page: str) -> str:
    """The whole text of a page, as it should be."""
    head, marker, _ = (DOCS / page).read_text(encoding="utf-8").partition(MARKER)
    if not marker:
        raise ValueError(f"{page} has no line {MARKER!r}")
    return f"{head}{marker}\n" + "\n".join(PAGES[page]()).strip() + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(*headings)
    yield "|" + "---|" * len(headings)
    yield from (_row(*row) for row in rows)
    yield ""


# -- commands


def command_lines() -> Iterator[str]:
    """Each command with its arguments and options, in the order of the help."""
    yield from _command("runstone", cli, level=2)


def _command(path: str, command: click.Command, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"{'#' * level} {path}\n"
    usage = " ".join([path, *_usage_parts(command)])
    yield f"```text\n{usage}\n```\n"
    yield from _help(command.help or "")
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    if options:
        yield from _table(("Option", "Meaning"), [_option(option) for option in options])
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _command(f"{path} {name}", child, min(level + (path != "runstone"), 3))


def _usage_parts(command: click.Command) -> Iterator[str]:
    yield "[OPTIONS]"
    for param in command.params:
        if isinstance(param, click.Argument):
            yield _argument(param)
    if isinstance(command, click.Group):
        yield "COMMAND ..."


def _argument(argument: click.Argument) -> str:
    if argument.metavar:
        return argument.metavar
    if isinstance(argument.type, click.Choice):
        return "{" + "|".join(map(str, argument.type.choices)) + "}"
    name = str(argument.name).upper()
    return name if argument.required else f"[{name}]"


def _help(text: str) -> Iterator[str]:
    """Paragraphs as they are; those that click must not wrap (marked by \\b) as a block."""
    # Before Python 3.13 a docstring keeps its indentation.
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = paragraph.strip("\n").splitlines()
        if lines and lines[0].strip() == "\b":
            yield "```text\n" + "\n".join(lines[1:]) + "\n```\n"
        else:
            yield " ".join(line.strip() for line in lines).replace("<", "\\<") + "\n"


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join(f"`{name}`" for name in option.opts)
    words = option.metavar
    if words is None and isinstance(option.type, click.Choice):
        words = "|".join(map(str, option.type.choices))
    if words is None and not option.is_flag:
        words = str(option.name).upper()
    shown = f"{names} `{words}`" if words else names
    default = f" Default: {option.default}." if option.show_default else ""
    variable = f" Environment: `{option.envvar}`." if option.envvar else ""
    meaning = (option.help or "").replace("*", "\\*")
    return shown, f"{meaning}{default}{variable}".strip()


# -- settings


def setting_lines() -> Iterator[str]:
    """Each setting with its names, default and meaning."""
    yield from _table(("Environment variable", "Default", "Meaning"), [_setting(setting) for setting in SETTINGS])


def _setting(setting: Setting[Any]) -> tuple[str, str, str]:
    names = " or ".join(f"`{name}`" for name in setting.names)
    default = "" if setting.default is None else f"`{str(setting.default).lower()}`"
    return names, default, setting.doc


# -- errors


def error_lines() -> Iterator[str]:
    """The tree that `runstone.errors` draws in its docstring, and each class for mkdocstrings."""
    _, _, below = str(errors.__doc__).partition("::\n\n")
    tree, _, _ = below.partition("\n\n")
    yield "## The tree\n"
    yield f"```text\n{inspect.cleandoc(tree)}\n```\n"
    yield "## Each error\n"
    yield from (f"::: runstone.errors.{name}" for name in sorted(errors.__all__, key=tree.index))


# -- tables


def table_lines() -> Iterator[str]:
    """Each table of the store with its columns and indexes."""
    from runstone.stores.sql.schema import metadata

    for table in metadata.tables.values():
        yield f"### {table.name}\n"
        key = [column.name for column in table.primary_key.columns]
        yield from _table(("Column", "Type", "Note"), [_column(column, key) for column in table.columns])
        if len(key) > 1:
            yield f"Primary key: {', '.join(f'`{name}`' for name in key)}.\n"
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            columns = ", ".join(f"`{_bare(expression)}`" for expression in index.expressions)
            condition = index.dialect_options["sqlite"]["where"]
            where = "" if condition is None else f" where `{condition}`"
            yield f"{'Unique index' if index.unique else 'Index'} `{index.name}`: {columns}{where}.\n"


def _column(column: Any, key: Sequence[str]) -> tuple[str, str, str]:
    facts = []
    if key == [column.name]:
        facts.append("primary key")
    if column.unique:
        facts.append("unique")
    if column.nullable:
        facts.append("may be NULL")
    text = ", ".join(facts)
    if column.comment:
        text = f"{text}; {column.comment}" if text else column.comment
    return f"`{column.name}`", str(column.type).lower().replace("_", " "), text


def _bare(expression: Any) -> str:
    text = str(expression)
    return text.rpartition(".")[2]


# -- MLflow's API


def compatibility() -> dict[str, Any]:
    """The data of `docs/compatibility.toml`."""
    data: dict[str, Any] = tomllib.loads((DOCS / "compatibility.toml").read_text(encoding="utf-8"))
    return data


def compatibility_lines() -> Iterator[str]:
    """What of MLflow's API is there, group by group, then the areas of which nothing is."""
    data = compatibility()
    for owner, heading in (
        ("mlflow", "Functions of `mlflow`"),
        ("mlflow.artifacts", "Functions of `mlflow.artifacts`"),
        ("MlflowClient", "Methods of `MlflowClient`"),
    ):
        yield f"## {heading}\n"
        for group in data["group"]:
            if group["of"] == owner:
                yield f"**{group['title']}**\n"
                rows = [_entry(entry) for entry in group["entries"]]
                yield from _table(("Name", "There?", "Note"), rows)
    yield "## Not yet\n"
    yield "Of these parts of MLflow nothing is there.\n"
    rows = [(_area(area), _names(area["functions"]), _names(area["methods"])) for area in data["area"]]
    yield from _table(("Part", "Functions", "Methods of `MlflowClient`"), rows)


def _entry(entry: dict[str, Any]) -> tuple[str, str, str]:
    words = {"yes": "yes", "partly": "partly", "not yet": "**not yet**"}
    return f"`{entry['name']}`", words[entry["status"]], entry.get("note", "")


def _area(area: dict[str, Any]) -> str:
    return f"{area['title']}: {area['note']}" if "note" in area else area["title"]


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PAGES = {
    "reference/cli.md": command_lines,
    "reference/settings.md": setting_lines,
    "reference/errors.md": error_lines,
    "reference/store-format.md": table_lines,
    "reference/compatibility.md": compatibility_lines,
}


def main() -> None:
    """Write every page."""
    for page in PAGES:
        (DOCS / page).write_text(render(page), encoding="utf-8")


if __name__ == "__main__":
    main()
