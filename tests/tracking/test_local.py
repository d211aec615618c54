"""LocalTracking: the suite over the stores, and what it alone can meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.errors import StoreUnavailable
from runstone.stores.memory import MemoryStore
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.tracking import TrackingSuite
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking


class TestOverMemory(TrackingSuite):
    """The contract, over the reference store."""

    @pytest.fixture
    def tracking(self, tmp_path: Path) -> Iterator[Tracking]:
        tracking = LocalTracking(MemoryStore((tmp_path / "artifacts").as_uri()))
        yield tracking
        tracking.close()


class TestOverSqlite(TrackingSuite):
    """The contract, over a database file."""

    @pytest.fixture
    def tracking(self, tmp_path: Path) -> Iterator[Tracking]:
        root = (tmp_path / "artifacts").as_uri()
        tracking = LocalTracking(SqlStore(SqliteDatabase(tmp_path / "runs.db"), root))
        yield tracking
        tracking.close()


def test_closing_closes_the_store(tmp_path: Path) -> None:
    tracking = LocalTracking(MemoryStore(tmp_path.as_uri()))
    tracking.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        tracking.get_experiment("0")
