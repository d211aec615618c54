"""schemathesis asks every route of the OpenAPI document whatever its schema allows: no 500, no answer beside it."""

from __future__ import annotations

import base64
import subprocess
import sysconfig
from pathlib import Path

import pytest

from runstone.wire.openapi import openapi_document
from tests.server.serving import API, RunningServer

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
PROGRAM = Path(sysconfig.get_path("scripts")) / "schemathesis"
MSGPACK = r"/api/runstone/v1/(append|runs/table|series|series/summaries)$"
"""Whose bodies schemathesis cannot write; `tests/fuzz` does."""


@pytest.mark.parametrize("user", ["everybody", "nobody", "admin"])
def test_every_route_answers_within_its_schema(tmp_path: Path, user: str) -> None:
    options = () if user == "everybody" else ("--auth",)
    server = RunningServer(tmp_path / "store", *options, settings={"RUNSTONE_ADMIN_PASSWORD": PASSWORD})
    document = tmp_path / "openapi.json"
    credentials = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    command = [PROGRAM, "run", document, "--url", server.url, "--phases", "fuzzing", "--max-examples", "5"]
    command += ["--checks", "not_a_server_error,response_schema_conformance,content_type_conformance"]
    command += ["--seed", "1", "--continue-on-failure", "--exclude-path-regex", MSGPACK]
    if user == "admin":
        command += ["--header", f"Authorization: {credentials}"]
    document.write_bytes(openapi_document())
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-6_000:]
    assert (
        server.ask("GET", f"{API}/experiments/search?max_results=1", headers={"Authorization": credentials}).status
        == 200
    )
    server.close()
