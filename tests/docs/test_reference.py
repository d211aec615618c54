"""The reference has everything: names, commands, settings, fields of filters; and what is generated is up to date."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import click
import pytest

import runstone
from runstone import artifacts, entities, errors
from runstone.artifacts.uris import ENTRY_POINT_GROUP
from runstone.cli.root import cli
from runstone.context.plug_ins import GROUP
from runstone.filters.fields import AGGREGATES, EXPERIMENTS, OPERATORS, RUNS
from runstone.filters.parser import MAX_COMPARISONS, MAX_DEPTH, MAX_VALUES
from tests.docs.pages import ROOT

DOCS = ROOT / "docs"
REFERENCE = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reference_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "scripts" / "reference_pages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli", "settings", "errors", "store-format", "compatibility"])
def test_the_generated_page_is_what_the_code_says(name: str, reference_pages: ModuleType) -> None:
    rendered = reference_pages.render(f"reference/{name}.md")
    assert page(f"reference/{name}.md") == rendered, "run `python scripts/reference_pages.py`"


@pytest.mark.parametrize("name", runstone.__all__)
def test_every_public_name_stands_in_the_reference(name: str) -> None:
    assert f"::: runstone.{name}\n" in REFERENCE or f"`runstone.{name}`" in REFERENCE


@pytest.mark.parametrize(
    ("package", "prefix"),
    [(entities, "runstone.entities"), (artifacts, "runstone.fluent.artifacts")],
    ids=["entities", "artifacts"],
)
def test_every_public_name_of_the_package_stands_in_the_reference(package: ModuleType, prefix: str) -> None:
    known = {line.removeprefix("::: ") for line in REFERENCE.splitlines() if line.startswith("::: ")}
    places = {name: {f"{prefix}.{name}", f"runstone.{name}"} for name in package.__all__}
    assert [name for name, names in places.items() if not names & known] == []


def test_every_error_stands_in_the_tree() -> None:
    assert [name for name in errors.__all__ if name not in page("reference/errors.md")] == []


def commands(path: str, command: click.Command) -> Iterator[str]:
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child
            yield from commands(f"{path} {name}", child)


def test_every_command_stands_in_the_reference() -> None:
    text = page("reference/cli.md")
    assert [path for path in commands("runstone", cli) if f"# {path}\n" not in text] == []


def test_the_guide_to_searching_has_every_field_operator_and_limit() -> None:
    guide = page("guides/search.md")
    words = {*RUNS.attributes, *RUNS.aliases, *RUNS.prefixes, *RUNS.dataset_keys, *AGGREGATES, *EXPERIMENTS.attributes}
    # Of the three spellings of "Run name" one is enough.
    words -= {"run name", "Run Name"}
    operators = {operator for allowed in OPERATORS.values() for operator in allowed}
    limits = {f"{number:,}" for number in (MAX_COMPARISONS, MAX_DEPTH, MAX_VALUES)}
    assert sorted(word for word in {*words, *operators, *limits} if word not in guide) == []


def test_every_entry_point_group_stands_in_the_page_on_plug_ins() -> None:
    text = page("reference/plugins.md")
    assert [group for group in (GROUP, ENTRY_POINT_GROUP) if f'"{group}"' not in text] == []
