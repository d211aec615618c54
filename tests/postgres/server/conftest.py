"""The fixtures of `tests.server`, over PostgreSQL: a server that tests share, and some of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.conftest import Postgres, databases
from tests.server import conftest as servers
from tests.server.serving import RunningServer

run_id = servers.run_id


@pytest.fixture(scope="session")
def server(postgres: Postgres, made: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    for url in databases(postgres, made):
        running = RunningServer(tmp_path_factory.mktemp("store"), uri=url)
        yield running
        running.close()


@pytest.fixture
def start_server(url: str, tmp_path: Path) -> Iterator[servers.Start]:
    started: list[RunningServer] = []

    def start(*options: str, port: int = 0, settings: dict[str, str] | None = None) -> RunningServer:
        started.append(RunningServer(tmp_path / "store", *options, port=port, settings=settings, uri=url))
        return started[-1]

    yield start
    for running in started:
        running.close()
