"""Models, over both stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.stores.base import Store
from runstone.stores.memory import MemoryStore
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.models import ModelStoreSuite

ROOT = "file:///root"


class TestInMemory(ModelStoreSuite):
    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = MemoryStore(ROOT)
        yield store
        store.close()


class TestInSqlite(ModelStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqlStore(SqliteDatabase(tmp_path / "runs.db"), ROOT)
        yield store
        store.close()
