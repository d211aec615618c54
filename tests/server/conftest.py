"""Servers for tests: one that they share, and some of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.serving import RunningServer

Start = Callable[..., RunningServer]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that all tests share: each makes experiments and runs of its own there."""
    running = RunningServer(tmp_path_factory.mktemp("store"))
    yield running
    running.close()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Start]:
    """Starts servers with options, on the test's own folder, and ends them."""
    started: list[RunningServer] = []

    def start(*options: str, port: int = 0, settings: dict[str, str] | None = None) -> RunningServer:
        running = RunningServer(tmp_path / "store", *options, port=port, settings=settings)
        started.append(running)
        return running

    yield start
    for running in started:
        running.close()


@pytest.fixture
def run_id(server: RunningServer) -> str:
    """A fresh run of the shared server."""
    return server.new_run()
