"""The store in PostgreSQL: the contracts of every store and tracker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.stores.base import Store
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.access import AccessSuite
from runstone.testing.models import ModelStoreSuite
from runstone.testing.stores import StoreSuite
from runstone.testing.tracking import TrackingSuite
from runstone.testing.tracking_removal import TrackingRemovalSuite
from runstone.testing.tracking_writers import TrackingWritersSuite
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking

pytestmark = pytest.mark.xdist_group("postgres")
ROOT = "file:///root"


class TestPostgresStore(StoreSuite):
    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = SqlStore(PostgresDatabase(url), ROOT)
        yield store
        store.close()


class TestModelsInPostgres(ModelStoreSuite):
    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = SqlStore(PostgresDatabase(url), ROOT)
        yield store
        store.close()


class TestAccessInPostgres(AccessSuite):
    @pytest.fixture
    def store(self, url: str) -> Iterator[SqlStore]:
        store = SqlStore(PostgresDatabase(url), ROOT)
        yield store
        store.close()


class TestTrackingOverPostgres(TrackingSuite, TrackingWritersSuite, TrackingRemovalSuite):
    @pytest.fixture
    def tracking(self, url: str, tmp_path: Path) -> Iterator[Tracking]:
        tracking = LocalTracking(SqlStore(PostgresDatabase(url), (tmp_path / "artifacts").as_uri()))
        yield tracking
        tracking.close()
