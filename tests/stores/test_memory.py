"""The store in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runstone.stores.base import Store
from runstone.stores.memory import MemoryStore
from runstone.testing.stores import StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = MemoryStore("file:///root")
        yield store
        store.close()
