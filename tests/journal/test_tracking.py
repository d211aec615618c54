"""JournaledTracking: the contract of Tracking, over trackers of every kind; and what it alone promises."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.entities import Metric, RunStatus
from runstone.errors import NotActive, ParamChanged, StoreUnavailable
from runstone.journal.spool import list_spools
from runstone.journal.tracking import JournaledTracking
from runstone.stores.memory import MemoryStore
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.tracking import TrackingSuite
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking


class Breakable(LocalTracking):
    """A tracker that can be taken away, and given back."""

    def __init__(self, root: Path) -> None:
        super().__init__(MemoryStore((root / "artifacts").as_uri()))
        self.is_away = False

    def log_batches(self, writes):  # type: ignore[no-untyped-def]
        self._meet()
        return super().log_batches(writes)

    def get_run(self, run_id):  # type: ignore[no-untyped-def]
        self._meet()
        return super().get_run(run_id)

    def create_run(self, *arguments, **named):  # type: ignore[no-untyped-def]
        self._meet()
        return super().create_run(*arguments, **named)

    def find_experiment(self, name):  # type: ignore[no-untyped-def]
        self._meet()
        return super().find_experiment(name)

    def last_sequence(self, run_id, writer):  # type: ignore[no-untyped-def]
        self._meet()
        return super().last_sequence(run_id, writer)

    def _meet(self) -> None:
        if self.is_away:
            raise StoreUnavailable("The store is away; wait until it comes back")


@pytest.fixture
def behind(tmp_path: Path) -> Breakable:
    return Breakable(tmp_path)


@pytest.fixture
def tracking(behind: Breakable, tmp_path: Path) -> Iterator[JournaledTracking]:
    tracking = JournaledTracking(behind, tmp_path / "journal", "")
    yield tracking
    tracking.close()


class TestOverMemory(TrackingSuite):
    """The contract, over the reference store."""

    @pytest.fixture
    def tracking(self, tmp_path: Path) -> Iterator[Tracking]:
        inner = LocalTracking(MemoryStore((tmp_path / "artifacts").as_uri()))
        tracking = JournaledTracking(inner, tmp_path / "journal", "")
        yield tracking
        tracking.close()
        assert list_spools(tmp_path / "journal") == []


class TestOverSqlite(TrackingSuite):
    """The contract, over a database file."""

    @pytest.fixture
    def tracking(self, tmp_path: Path) -> Iterator[Tracking]:
        root = (tmp_path / "artifacts").as_uri()
        inner = LocalTracking(SqlStore(SqliteDatabase(tmp_path / "runs.db"), root))
        tracking = JournaledTracking(inner, tmp_path / "journal", "")
        yield tracking
        tracking.close()
        assert list_spools(tmp_path / "journal") == []


def values(tracking: Tracking, run_id: str, key: str = "loss") -> list[float]:
    return tracking.read_series(run_id, key).value.tolist()


def log(tracking: JournaledTracking, run_id: str, count: int, start: int = 0) -> None:
    writer = tracking.journal.writer(run_id)
    for step in range(start, start + count):
        writer.log("loss", float(step), 1, step)


# -- a store that goes away


def test_points_are_kept_while_the_store_is_away_and_arrive_when_it_is_back(
    tracking: JournaledTracking, behind: Breakable, capfd: pytest.CaptureFixture[str]
) -> None:
    run_id = tracking.create_run("0").info.run_id
    log(tracking, run_id, 10)
    behind.is_away = True
    log(tracking, run_id, 5000, start=10)
    assert not tracking.flush(5)
    tracking.log_batch(run_id, params={"lr": 1})  # does not wait, nor raise
    behind.is_away = False
    assert tracking.flush(20)
    assert values(tracking, run_id) == [float(step) for step in range(5010)]
    assert tracking.get_run(run_id).data.params == {"lr": "1"}
    said = capfd.readouterr().err
    assert "everything is kept" in said
    assert "can be reached again" in said


def test_a_run_starts_and_ends_while_the_store_is_away(tracking: JournaledTracking, behind: Breakable) -> None:
    behind.is_away = True
    experiment = tracking.find_experiment("vision")
    assert experiment is not None
    run = tracking.create_run(experiment.experiment_id, tags={"a": "b"}, start_time=5)
    tracking.log_batch(run.info.run_id, params={"lr": 1}, tags={"c": "d"})
    log(tracking, run.info.run_id, 100)
    tracking.update_run(run.info.run_id, status=RunStatus.FINISHED, end_time=9)
    behind.is_away = False
    assert tracking.flush(20)
    found = tracking.get_run(run.info.run_id)
    real = tracking.find_experiment("vision")
    assert real is not None
    assert real.experiment_id != experiment.experiment_id
    assert (found.info.experiment_id, found.info.status) == (real.experiment_id, RunStatus.FINISHED)
    assert (found.info.start_time, found.info.end_time) == (5, 9)
    assert found.data.params == {"lr": "1"}
    assert {"a": "b", "c": "d"}.items() <= found.data.tags.items()
    assert values(tracking, run.info.run_id) == [float(step) for step in range(100)]
    assert tracking.get_experiment(experiment.experiment_id) == real


def test_a_lost_answer_stores_nothing_twice(
    tracking: JournaledTracking, behind: Breakable, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = tracking.create_run("0").info.run_id
    genuine, lost = behind.log_batches, []

    def lose_every_second_answer(writes):  # type: ignore[no-untyped-def]
        answer = genuine(writes)
        lost.append(len(lost) % 2 == 0)
        if lost[-1]:
            raise StoreUnavailable("The answer was lost")
        return answer

    monkeypatch.setattr(behind, "log_batches", lose_every_second_answer)
    for start in range(0, 1000, 100):
        log(tracking, run_id, 100, start)
        tracking.flush(5)
    assert tracking.flush(20) or tracking.flush(20)
    assert any(lost)
    assert values(tracking, run_id) == [float(step) for step in range(1000)]


# -- refusals


def test_a_refusal_is_raised_where_it_was_caused(tracking: JournaledTracking) -> None:
    run_id = tracking.create_run("0").info.run_id
    tracking.log_batch(run_id, params={"lr": 1})
    log(tracking, run_id, 3)
    with pytest.raises(ParamChanged):
        tracking.log_batch(run_id, params={"lr": 2}, metrics=[Metric("loss", 9.0, 1, 9)])
    log(tracking, run_id, 3, start=3)
    assert values(tracking, run_id) == [0, 1, 2, 3, 4, 5]


def test_what_is_refused_later_is_told_and_stays_readable(
    tracking: JournaledTracking, behind: Breakable, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run_id = tracking.create_run("0").info.run_id
    log(tracking, run_id, 1)
    assert tracking.flush(20)
    behind.delete_run(run_id)  # by somebody else
    log(tracking, run_id, 2, start=1)
    assert tracking.flush(20)
    assert run_id in capfd.readouterr().err
    refused = "".join(path.read_text() for path in tmp_path.glob("journal/*/*/refused.jsonl"))
    assert "deleted" in refused
    assert '["loss", 2, 1, 2.0]' in refused


def test_a_run_that_was_deleted_refuses_the_next_point(tracking: JournaledTracking) -> None:
    run_id = tracking.create_run("0").info.run_id
    log(tracking, run_id, 1)
    tracking.delete_run(run_id)
    with pytest.raises(NotActive, match="restore"):
        log(tracking, run_id, 1)


# -- threads


def test_threads_that_log_to_one_run_lose_nothing(tracking: JournaledTracking) -> None:
    run_id = tracking.create_run("0").info.run_id

    def work(number: int) -> None:
        writer = tracking.journal.writer(run_id)
        for step in range(3000):
            writer.log(f"t{number}", float(step), 1, step)
            if step % 100 == 0:
                writer.log_row({f"a{number}": 1.0, f"b{number}": 2.0, f"c{number}": 3.0}, 1, step)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        assert values(tracking, run_id, f"t{number}") == [float(step) for step in range(3000)]
        assert len(values(tracking, run_id, f"b{number}")) == 30


def test_a_point_logged_while_the_run_ends_is_not_lost(tracking: JournaledTracking) -> None:
    for _ in range(10):
        run_id = tracking.create_run("0").info.run_id
        writer, acknowledged, go_on = tracking.journal.own(run_id), [], threading.Event()

        def work(writer=writer, acknowledged=acknowledged, go_on=go_on) -> None:  # type: ignore[no-untyped-def]
            step = 0
            while not go_on.is_set():
                writer.log("loss", float(step), 1, step)
                acknowledged.append(float(step))
                step += 1

        thread = threading.Thread(target=work)
        thread.start()
        while len(acknowledged) < 500:
            pass
        tracking.update_run(run_id, status=RunStatus.FINISHED)
        while len(acknowledged) < 1500:
            pass
        go_on.set()
        thread.join()
        assert tracking.flush(20)
        assert values(tracking, run_id) == acknowledged


# -- trackers that nobody holds


def test_points_of_clients_that_are_thrown_away_are_delivered(tmp_path: Path) -> None:
    inner = LocalTracking(SqlStore(SqliteDatabase(tmp_path / "runs.db"), "file:///root"))
    run_id = inner.create_run("0").info.run_id
    tracking = JournaledTracking(inner, tmp_path / "journal", "")
    tracking.journal.writer(run_id).log("loss", 1.0, 1, 1)
    known = weakref.ref(tracking)
    del tracking
    gc.collect()
    alive = known()
    assert alive is not None, "its points are under way"
    assert values(alive, run_id) == [1.0]
    alive.close()


def test_a_tracker_that_nobody_holds_is_closed_once_its_runs_are_over(tmp_path: Path) -> None:
    inner = LocalTracking(SqlStore(SqliteDatabase(tmp_path / "runs.db"), "file:///root"))
    tracking = JournaledTracking(inner, tmp_path / "journal", "")
    run_id = tracking.create_run("0").info.run_id
    tracking.journal.own(run_id)
    tracking.update_run(run_id, status=RunStatus.FINISHED)
    assert tracking.flush(20)
    [thread] = [one for one in threading.enumerate() if one is tracking.journal.delivery._thread]
    known = weakref.ref(tracking)
    del tracking
    gc.collect()
    assert known() is None
    thread.join(20)
    with pytest.raises(StoreUnavailable, match="closed"):
        inner.get_run(run_id)
