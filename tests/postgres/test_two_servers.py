"""Two servers of two workers each over one database and one folder of artifacts are one service."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runstone.remote.address import parse_address
from runstone.remote.tracking import RemoteTracking
from runstone.remote.transport import HttpSession
from runstone.testing.tracking_writers import TrackingWritersSuite
from runstone.tracking.base import Tracking
from tests.postgres.conftest import Postgres, databases
from tests.remote import test_tracking
from tests.server.serving import RunningServer

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.slow]


class Alternating(HttpSession):
    """A session that asks another server each time."""

    def __init__(self, sessions: list[HttpSession]) -> None:
        super().__init__(sessions[0].address)
        self.sessions = sessions
        self._turns = itertools.cycle(sessions)

    def ask(self, *arguments: Any) -> Any:
        return next(self._turns).ask(*arguments)

    def fetch(self, *arguments: Any) -> Any:
        return next(self._turns).fetch(*arguments)

    def close(self) -> None:
        for session in self.sessions:
            session.close()


@pytest.fixture(scope="module")
def shared_url(postgres: Postgres, made: str) -> Iterator[str]:
    yield from databases(postgres, made)


@pytest.fixture(scope="module")
def servers(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RunningServer]]:
    folder = tmp_path_factory.mktemp("shared") / "store"
    started: list[RunningServer] = []
    try:
        for _ in range(2):
            started.append(RunningServer(folder, "--workers", "2", uri=shared_url))
        yield started
    finally:
        for one in started:
            one.close()


class TestOneServiceOfTwoServers(test_tracking.TestOverHttp, TrackingWritersSuite):
    @pytest.fixture
    def tracking(self, servers: list[RunningServer], shared_url: str, tmp_path: Path) -> Iterator[Tracking]:
        empty(shared_url)
        session = Alternating([HttpSession(parse_address(server.url)) for server in servers])
        tracking = RemoteTracking(servers[0].url, session=session)
        yield tracking
        tracking.close()
        session.close()


def empty(url: str) -> None:
    """Make the store a new one."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = {name for (name,) in rows} - {"clock", "experiments", "runstone_version"}
        connection.execute(f"TRUNCATE {', '.join(sorted(tables))}")
        connection.execute("DELETE FROM experiments WHERE id <> 0")
        connection.execute("UPDATE experiments SET deleted_time = NULL")
