"""LocalTracking: the suite over the stores, and what it alone can meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone import tag_names
from runstone.entities import RunStatus
from runstone.errors import StoreUnavailable
from runstone.stores.base import Sequenced, Write
from runstone.stores.memory import MemoryStore
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.tracking import TrackingSuite
from runstone.testing.tracking_removal import TrackingRemovalSuite
from runstone.testing.tracking_writers import TrackingWritersSuite
from runstone.tracking import local
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking


class TestOverMemory(TrackingSuite, TrackingWritersSuite, TrackingRemovalSuite):
    """The contract, over the reference store."""

    @pytest.fixture
    def tracking(self, tmp_path: Path) -> Iterator[Tracking]:
        tracking = LocalTracking(MemoryStore((tmp_path / "artifacts").as_uri()))
        yield tracking
        tracking.close()


class TestOverSqlite(TrackingSuite, TrackingWritersSuite, TrackingRemovalSuite):
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


def test_silence_is_measured_by_the_trackers_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = LocalTracking(MemoryStore(tmp_path.as_uri()))
    run_id = tracking.create_run("0").info.run_id
    now = 1_700_000_000_000
    monkeypatch.setattr(local, "now_ms", lambda: now)
    word = Write(run_id=run_id, sequenced=Sequenced("w", 0, 0))
    assert tracking.log_batches([word]) == [None]
    now += 60_000
    assert tracking.fail_silent_runs(60) == []
    assert tracking.fail_silent_runs(59.999) == [run_id]
    run = tracking.get_run(run_id)
    assert (run.info.status, run.info.end_time) == (RunStatus.FAILED, now - 60_000)
    assert run.data.tags[tag_names.END_REASON] == "silent: nothing was heard since 2023-11-14T22:13:20+00:00"
    assert tracking.log_batches([word]) == [None]
    run = tracking.get_run(run_id)
    assert (run.info.status, run.info.end_time) == (RunStatus.RUNNING, None)
    assert tracking.fail_silent_runs(0.001) == []
    tracking.close()
