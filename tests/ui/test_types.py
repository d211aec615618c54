"""The types of `ui/src/api` name no field that the server's schemas do not have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runstone.wire.openapi import openapi_document

API = Path(__file__).parents[2] / "ui" / "src" / "api"
DOCUMENT: dict[str, Any] = json.loads(openapi_document())
SCHEMAS = DOCUMENT["components"]["schemas"]

TYPES = {
    ("run.ts", "MetricSummary"): "SeriesSummary",
    ("run.ts", "Related"): "RunReference",
    ("run.ts", "RunDetail"): "RunDescription",
    ("run.ts", "FileEntry"): "FileInfo",
    ("run.ts", "BulkAnswer"): "BulkAnswer",
    ("run.ts", "Importance"): "ImportanceAnswer",
    ("run.ts", "FilterCheck"): "FilterAnswer",
    ("run.ts", "Capabilities"): "CapabilitiesAnswer",
    ("experiments.ts", "Primary"): "PrimaryMetric",
    ("experiments.ts", "Experiment"): "ExperimentOverview",
    ("runs.ts", "RunQuery"): "SearchRunColumns",
    ("runs.ts", "Head"): "ChangedColumnsAnswer",
    ("curves.ts", "Head"): "CurvesAnswer",
    ("models.ts", "RegisteredModel"): "RegisteredModel",
    ("models.ts", "ModelVersion"): "ModelVersion",
}


def fields(file: str, name: str) -> list[str]:
    """The fields of an interface, those of objects within it left out."""
    text = (API / file).read_text(encoding="utf-8")
    body = re.search(rf"interface {name} {{\n(.*?)^}}", text, re.DOTALL | re.MULTILINE)
    assert body is not None, f"{file} has no interface {name}"
    return re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), TYPES)
def test_every_field_of_a_type_is_one_of_the_schema(file: str, name: str) -> None:
    known = set(SCHEMAS[TYPES[file, name]]["properties"])
    found = fields(file, name)
    assert found
    assert set(found) <= known


def test_every_route_that_the_pages_ask_is_one_of_the_servers() -> None:
    known = {re.sub(r"{\w+}", "*", path).rpartition("/api/")[2] for path in DOCUMENT["paths"]}
    asked = set()
    for file in API.glob("*.ts"):
        text = file.read_text(encoding="utf-8")
        for call, path in re.findall(
            r"\b(get|post|postColumns|getMlflow|postMlflow|pages)(?:<[^(]*>)?\(\s*[\"`]([^\"`]+)", text
        ):
            prefix = "2.0/mlflow/" if call in ("getMlflow", "postMlflow", "pages") else "runstone/v1/"
            asked.add(prefix + re.sub(r"\$\{[^}]*\}", "*", path))
    assert len(asked) > 15
    assert asked - known == set()
