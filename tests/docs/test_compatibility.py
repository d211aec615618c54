"""The table of compatibility is true of the code."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest

from runstone import Client, artifacts, fluent
from tests.docs.pages import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA = tomllib.loads((ROOT / "docs" / "compatibility.toml").read_text(encoding="utf-8"))
OWNERS: dict[str, Any] = {"mlflow": fluent, "mlflow.artifacts": artifacts, "MlflowClient": Client}
PUBLIC = {
    "mlflow": set(fluent.__all__),
    "mlflow.artifacts": set(artifacts.__all__),
    "MlflowClient": {name for name in dir(Client) if name[0] != "_" and callable(getattr(Client, name))},
}


def entries(*statuses: str) -> list[Any]:
    return [
        pytest.param(group["of"], entry, id=f"{group['of']}.{entry['name']}")
        for group in DATA["group"]
        for entry in group["entries"]
        if entry["status"] in statuses
    ]


@pytest.mark.parametrize(("owner", "entry"), entries("yes", "partly"))
def test_what_the_table_says_is_there_is_there(owner: str, entry: dict[str, Any]) -> None:
    assert entry["name"] in PUBLIC[owner]


@pytest.mark.parametrize(("owner", "entry"), entries("yes"))
def test_a_yes_takes_every_parameter_of_mlflows_in_its_order(owner: str, entry: dict[str, Any]) -> None:
    taken = [name for name in inspect.signature(getattr(OWNERS[owner], entry["name"])).parameters if name != "self"]
    assert taken[: len(entry["parameters"])] == entry["parameters"]


@pytest.mark.parametrize(("owner", "entry"), entries("partly"))
def test_a_partly_says_what_is_missing(owner: str, entry: dict[str, Any]) -> None:
    assert entry.get("note")


def test_nothing_is_there_that_the_table_says_is_not() -> None:
    missing = {(group["of"], entry["name"]) for group in DATA["group"] for entry in group["entries"]
               if entry["status"] == "not yet"}  # fmt: skip
    for area in DATA["area"]:
        missing |= {("mlflow", name) for name in area["functions"]}
        missing |= {("MlflowClient", name) for name in area["methods"]}
    assert {(owner, name) for owner, name in missing if name in PUBLIC[owner]} == set()


def test_every_function_and_method_stands_in_the_table_once() -> None:
    names = [(group["of"], entry["name"]) for group in DATA["group"] for entry in group["entries"]]
    assert len(names) == len(set(names))
    functions = {(owner, name) for owner, public in PUBLIC.items() for name in public}
    ours = {"ActiveRun", "flush", "log_audio", "log_histogram", "log_video"}
    assert {pair for pair in functions - set(names) if pair[1] not in ours} == set()
