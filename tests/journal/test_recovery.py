"""Couriers and recovery: what is delivered of spools that others have left, in whatever state they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.errors import StoreCorrupt
from runstone.journal.courier import Courier
from runstone.journal.crashes import host_name
from runstone.journal.delivery import Delivery
from runstone.journal.events import CreateRun, Record
from runstone.journal.inspection import find_spools, inspect
from runstone.journal.records import EVENT, HEADER_BYTES, MARK, RECORD, RECORD_BYTES, Segment
from runstone.journal.recovery import recover
from runstone.journal.spool import About, Spool
from runstone.stores.memory import MemoryStore
from runstone.tracking.base import Tracking
from runstone.tracking.local import LocalTracking

RUN = "1" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalTracking]:
    tracking = LocalTracking(MemoryStore((tmp_path / "artifacts").as_uri()))
    tracking.create_run("0", run_id=RUN)
    yield tracking
    tracking.close()


def make_spool(journal: Path, writer: str = "w", *, run_id: str = RUN, host: str | None = None) -> Spool:
    about = About(
        run_id=run_id,
        writer=writer,
        destination="",
        host=host_name() if host is None else host,
        boot="b",
        pid=1,
        created=1,
        owns=True,
    )
    return Spool.create(journal, about)


def put(segment: Segment, step: int, *, number: int = 1) -> None:
    """The next record of a segment: the point (step, step) of the key with that number."""
    index = next(segment.indexes)
    RECORD.pack_into(segment.buffer, HEADER_BYTES + index * RECORD_BYTES, step, 1, float(step), MARK, number)


def skip(segment: Segment, count: int) -> None:
    for _ in range(count):
        segment.skip(next(segment.indexes))


def steps(tracking: Tracking, run_id: str = RUN) -> list[int]:
    points: list[int] = tracking.read_series(run_id, "loss").step.tolist()
    return points


def refuse_nothing(first: int, last: int, error: Exception) -> bool:
    raise AssertionError(f"slots {first} to {last} were refused: {error}")


# -- couriers


def test_slots_given_up_at_the_end_of_a_segment_hold_up_nothing(tmp_path: Path, store: LocalTracking) -> None:
    spool = make_spool(tmp_path)
    spool.add_name("loss")
    segment = spool.add_segment(8)
    for step in range(5):
        put(segment, step)
    courier = Courier(spool, store, refuse_nothing)
    while courier.deliver():
        pass
    skip(segment, 3)  # a row that had no room here
    following = spool.add_segment(8)
    for step in range(5, 8):
        put(following, step)
    while courier.deliver():
        pass
    assert steps(store) == list(range(8))
    assert courier.cursor == 12


def test_segments_that_were_in_the_memory_of_a_dead_process_are_passed_over(
    tmp_path: Path, store: LocalTracking
) -> None:
    spool = make_spool(tmp_path)
    spool.add_name("loss")
    for number, add in enumerate((spool.add_segment, spool.add_segment_in_memory, spool.add_segment)):
        segment = add(4)
        for step in range(4):
            put(segment, number * 4 + step)
    spool.close()
    (result,) = recover(tmp_path, lambda about: store)
    assert (result.outcome, result.error) == ("delivered", None)
    assert steps(store) == [0, 1, 2, 3, 8, 9, 10, 11]


def test_a_run_that_is_yet_to_come_refuses_nothing(tmp_path: Path, store: LocalTracking) -> None:
    later = "2" * 32
    child, parent = (make_spool(tmp_path, writer, run_id=later) for writer in ("a child", "the parent"))
    child.add_name("loss")
    put(child.add_segment(8), 7)
    event = CreateRun(experiment_id="0", experiment_name=None, start_time=1, user_id="", tags={})
    put(parent.add_segment(8), parent.add_event(event), number=EVENT)
    for spool in (child, parent):
        spool.end()
        spool.close()
    first = recover(tmp_path, lambda about: store)
    assert [result.outcome for result in first] == ["blocked", "delivered"]
    assert f"the store has no run {later}" in (first[0].error or "")
    assert [result.outcome for result in recover(tmp_path, lambda about: store)] == ["delivered"]
    assert steps(store, later) == [7]


# -- recovery


def test_a_store_that_is_damaged_is_not_taken_for_a_damaged_spool(tmp_path: Path) -> None:
    class Damaged(LocalTracking):
        def log_batches(self, writes):  # type: ignore[no-untyped-def]
            raise StoreCorrupt("The database is damaged")

    store = Damaged(MemoryStore((tmp_path / "artifacts").as_uri()))
    store.create_run("0", run_id=RUN)
    spool = make_spool(tmp_path / "journal")
    spool.add_name("loss")
    put(spool.add_segment(8), 1)
    spool.close()
    with pytest.raises(StoreCorrupt, match="The database is damaged"):
        recover(tmp_path / "journal", lambda about: store)
    assert find_spools(tmp_path / "journal") == [spool.folder]


def test_damage_where_the_writer_may_be_at_work_is_left_for_later(tmp_path: Path, store: LocalTracking) -> None:
    spool = make_spool(tmp_path, host="node7")
    spool.add_name("loss")
    segment = spool.add_segment(8)
    put(segment, 1)
    put(segment, 2, number=99)  # as in a copy whose file of names is older
    spool.close()
    (result,) = recover(tmp_path, lambda about: store)
    assert (result.outcome, result.records, result.error) == ("open", 1, None)
    assert find_spools(tmp_path) == [spool.folder]


def test_a_copy_in_which_a_segment_is_missing_waits_for_it(tmp_path: Path, store: LocalTracking) -> None:
    spool = make_spool(tmp_path / "original")
    spool.add_name("loss")
    for number in range(3):
        segment = spool.add_segment(4)
        for step in range(4):
            put(segment, number * 4 + step)
    spool.end()
    spool.close()
    copy = tmp_path / "copy" / RUN / "w"
    copy.mkdir(parents=True)
    for path in spool.folder.iterdir():
        if path.name != "0000000005.points":
            (copy / path.name).write_bytes(path.read_bytes())
    (result,) = recover(tmp_path / "copy", lambda about: store)
    assert (result.outcome, result.records) == ("blocked", 0)
    assert "is an incomplete copy" in (result.error or "")
    (copy / "0000000005.points").write_bytes((spool.folder / "0000000005.points").read_bytes())
    (result,) = recover(tmp_path / "copy", lambda about: store)
    assert (result.outcome, result.records) == ("delivered", 12)
    assert steps(store) == list(range(12))


def test_a_segment_with_a_damaged_header_keeps_nothing_before_it_back(tmp_path: Path, store: LocalTracking) -> None:
    spool = make_spool(tmp_path)
    spool.add_name("loss")
    for number in range(2):
        segment = spool.add_segment(4)
        for step in range(4):
            put(segment, number * 4 + step)
    (spool.folder / "0000000005.points").write_bytes(b"nothing of ours" * 20)
    spool.close()
    (result,) = recover(tmp_path, lambda about: store)
    assert result.outcome == "damaged"
    assert "0000000005.points has a damaged header" in (result.error or "")
    assert steps(store) == [0, 1, 2, 3]


def test_records_that_a_store_had_already_are_not_counted(tmp_path: Path, store: LocalTracking) -> None:
    spool = make_spool(tmp_path)
    spool.add_name("loss")
    segment = spool.add_segment(16)
    for step in range(10):
        put(segment, step)
    Courier(spool, store, refuse_nothing).deliver(6)
    put(segment, spool.add_event(Record(ends=True)), number=EVENT)
    spool.confirm(0)  # as in a copy that was made before
    spool.close()
    progress: list[int] = []
    (result,) = recover(tmp_path, lambda about: store, on_progress=progress.append)
    assert (result.records, sum(progress)) == (5, 5)
    assert steps(store) == list(range(10))


# -- offline


def test_offline_what_is_over_is_left_to_others_while_the_process_goes_on(tmp_path: Path, store: LocalTracking) -> None:
    delivery = Delivery(store, is_offline=True)
    ended, active = make_spool(tmp_path, "ended"), make_spool(tmp_path, "active")
    for spool in (ended, active):
        spool.add_name("loss")
        put(spool.add_segment(8), 1)
        delivery.add(spool, writer=None if spool is ended else object())  # type: ignore[arg-type]
    ended.end()
    alive = {"ended": True, "active": True}
    while alive["ended"]:
        alive = {state.about.writer: bool(state.is_alive) for state in inspect(tmp_path)}
    assert alive == {"ended": False, "active": True}
    assert sorted(records for _, records in delivery.waiting()) == [1, 1]
    assert delivery.flush(1.0) is False
    delivery.close(1.0)
    active.close()
