"""Real servers in processes of their own, and an environment that says nothing about them."""

from __future__ import annotations

import http.client
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.remote.tracking import RemoteTracking
from runstone.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*(name for setting in SETTINGS for name in setting.names), *PROXIES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a process with as many servers as anybody asks for."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.remote.many_stores", str(tmp_path_factory.mktemp("servers"))],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        yield int(process.stdout.readline())
        process.terminate()


@pytest.fixture
def url(port: int) -> Iterator[str]:
    """The address of a fresh server."""
    name = uuid.uuid4().hex
    yield f"http://127.0.0.1:{port}/{name}"
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("DELETE", f"/{name}")
    connection.getresponse().read()
    connection.close()


@pytest.fixture
def tracking(url: str) -> Iterator[RemoteTracking]:
    """A tracker at a fresh server."""
    tracking = RemoteTracking(url)
    yield tracking
    tracking.close()
