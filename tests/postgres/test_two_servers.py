"""Two servers of two workers each over one database and one bucket are one service."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from runstone.artifacts.base import ArtifactStore
from runstone.remote.address import parse_address
from runstone.remote.tracking import RemoteTracking
from runstone.remote.transport import HttpSession
from runstone.testing.artifacts import ArtifactSuite, put_bytes
from runstone.testing.tracking_removal import TrackingRemovalSuite
from runstone.testing.tracking_writers import TrackingWritersSuite
from tests.buckets import S3, s3_server
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
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def bucket(s3: S3) -> str:
    return s3.make_bucket()


@pytest.fixture(scope="module")
def servers(
    shared_url: str, s3: S3, bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[RunningServer]]:
    options = ("--workers", "2", "--artifacts-destination", f"s3://{bucket}/all")
    started: list[RunningServer] = []
    try:
        for _ in range(2):
            # Nothing but the database and the bucket do they have in common.
            folder = tmp_path_factory.mktemp("server")
            started.append(RunningServer(folder, *options, uri=shared_url, settings=s3.environment()))
        yield started
    finally:
        for one in started:
            one.close()


@pytest.fixture
def tracking(servers: list[RunningServer], shared_url: str) -> Iterator[RemoteTracking]:
    """A client that alternates between them."""
    empty(shared_url)
    session = Alternating([HttpSession(parse_address(server.url)) for server in servers])
    tracking = RemoteTracking(servers[0].url, session=session)
    yield tracking
    tracking.close()
    session.close()


class TestOneServiceOfTwoServers(test_tracking.TestOverHttp, TrackingWritersSuite, TrackingRemovalSuite):
    """The contract of trackers."""


class TestOneBucketOfTwoServers(ArtifactSuite):
    """The contract of artifacts."""

    @pytest.fixture
    def artifacts(self, tracking: RemoteTracking) -> ArtifactStore:
        return tracking.open_artifacts(tracking.create_run("0").info.run_id)

    def test_what_one_server_takes_lies_in_the_bucket(
        self, tracking: RemoteTracking, servers: list[RunningServer], s3: S3, bucket: str
    ) -> None:
        run_id = tracking.create_run("0").info.run_id
        put_bytes(tracking.open_artifacts(run_id), "a", b"1")
        assert f"all/0/{run_id}/artifacts/a" in s3.keys(bucket)
        for server in servers:
            (info,) = server.get(f"artifacts/list?run_id={run_id}").json["files"]
            assert (info["path"], info["file_size"]) == ("a", 1)


def empty(url: str) -> None:
    """Make the store a new one."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = {name for (name,) in rows} - {"clock", "experiments", "runstone_version"}
        connection.execute(f"TRUNCATE {', '.join(sorted(tables))}")
        connection.execute("DELETE FROM experiments WHERE id <> 0")
        connection.execute("UPDATE experiments SET deleted_time = NULL")
