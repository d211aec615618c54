"""The house rules that a program can check; import-linter checks the floors (see pyproject.toml)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import runstone
from runstone.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "runstone"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 600

# What `import runstone` may load besides the standard library, and what of the standard library is too heavy.
LIGHT = {"runstone", "msgspec"}
HEAVY_STANDARD = {"asyncio", "http.client", "ssl", "urllib.request"}


def imported_modules(path: Path) -> Iterator[str]:
    """The modules that a file imports anywhere, also inside functions, by their full names."""
    parent = path.relative_to(PACKAGE.parent).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else ()
            source = ".".join(filter(None, (*base, node.module)))
            for alias in node.names:
                yield f"{source}.{alias.name}" if is_module(f"{source}.{alias.name}") else source


def is_module(name: str) -> bool:
    place = PACKAGE.parent.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_no_module_inside_imports_the_root_package(module: Path) -> None:
    assert "runstone" not in imported_modules(module), "import its modules, or from them"


def test_importing_runstone_loads_nothing_heavy() -> None:
    program = "import sys; before = set(sys.modules); import runstone; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    packages = {name.partition(".")[0] for name in loaded}
    assert packages - sys.stdlib_module_names - LIGHT == set()
    assert HEAVY_STANDARD & set(loaded) == set()


def test_the_public_names_are_those_that_were_agreed_on() -> None:
    agreed = (Path(__file__).parent / "data" / "public_names.txt").read_text(encoding="utf-8").split()
    assert sorted(runstone.__all__) == agreed, "a change of the public API: change the list, and CHANGELOG.md"
    assert [name for name in agreed if not hasattr(runstone, name)] == []


def test_no_file_is_longer_than_600_lines() -> None:
    files = [path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert [name for setting in SETTINGS for name in setting.names if f"`{name}`" not in page] == []
