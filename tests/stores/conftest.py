"""An empty database, made once: copying it is much quicker than making one."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.stores.sql.sqlite import SqliteDatabase


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "runs.db"
    SqliteDatabase(path).close()
    return path
