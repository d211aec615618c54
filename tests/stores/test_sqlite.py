"""The store in an SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.stores.base import Store
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.access import AccessSuite
from runstone.testing.stores import StoreSuite


class TestSqliteStore(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqlStore(SqliteDatabase(tmp_path / "runs.db"), "file:///root")
        yield store
        store.close()


class TestAccessInSqlite(AccessSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        store = SqlStore(SqliteDatabase(tmp_path / "runs.db"), "file:///root")
        yield store
        store.close()
