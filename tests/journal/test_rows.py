"""Rows: the points of one call as one record, among single points and events, whole or not there at all."""

from __future__ import annotations

import itertools
import math
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.errors import InvalidInput
from runstone.journal import writer as writer_module
from runstone.journal.courier import Courier
from runstone.journal.events import Attach, FrameFile, Record
from runstone.journal.records import HEADER_BYTES, MARK, RECORD, RECORD_BYTES
from runstone.journal.recovery import recover
from runstone.journal.rows import Layout, head_of, slots_of
from runstone.journal.spool import Gap, Happening, Slice, Spool
from runstone.journal.writer import FIRST_RECORDS, MAX_ROW, Writer
from runstone.stores.memory import MemoryStore
from runstone.tracking.local import LocalTracking
from tests.journal.test_recovery import RUN, make_spool, refuse_nothing
from tests.journal.test_spool import make_writer, points_of, reopened

Point = tuple[str, int, int, float]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalTracking]:
    tracking = LocalTracking(MemoryStore((tmp_path / "artifacts").as_uri()))
    tracking.create_run("0", run_id=RUN)
    yield tracking
    tracking.close()


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return make_writer(tmp_path)


def spool_of(writer: Writer) -> Spool:
    assert writer.spool is not None
    return writer.spool


def read_all(spool: Spool, limit: int = 1 << 17, last: int | None = None) -> list[Slice | Happening | Gap]:
    items: list[Slice | Happening | Gap] = []
    cursor = 1
    while some := spool.read(cursor, limit, last):
        assert [item.first for item in some] == [cursor, *(item.last + 1 for item in some[:-1])]
        items += some
        cursor = items[-1].last + 1
    return items


def points_in(spool: Spool, limit: int = 1 << 17, last: int | None = None) -> list[Point]:
    return sorted(points_of(read_all(spool, limit, last)))  # type: ignore[arg-type]


# -- everything that may follow each other

KEYS = ("a", "b/c", "ключ", "d", "e", "f", "g")
INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
# Among them the bits of what means something in a slot's place: whatever a row holds is no record.
KEY_BITS = st.sampled_from((0, 1, 2, 0xFFFF_FFFC, 0xFFFF_FFFD, 0xFFFF_FFFE, 0xFFFF_FFFF))
VALUES = st.one_of(
    st.floats(),
    st.just(0.0),
    KEY_BITS.map(lambda key: struct.unpack("<d", struct.pack("<II", MARK, key))[0]),
)
ROWS = st.builds(
    dict,
    st.lists(st.tuples(st.sampled_from(KEYS), VALUES), min_size=1, max_size=7, unique_by=lambda item: item[0]),
)
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("row"), ROWS, INTEGERS, INTEGERS),
        st.tuples(st.just("point"), st.tuples(st.sampled_from(KEYS), VALUES), INTEGERS, INTEGERS),
        st.tuples(st.just("event")),
        st.tuples(st.just("hole"), st.integers(1, 5)),
        st.tuples(st.just("torn"), ROWS, st.integers(0, 40)),
    ),
    max_size=60,
)


def bits(points: list[Point]) -> list[tuple[str, int, int, bytes]]:
    """Comparable also where there is a NaN, which is one whatever its bits say."""
    return sorted(
        (key, step, at, b"NaN" if math.isnan(value) else struct.pack("<d", value)) for key, step, at, value in points
    )


def tear(writer: Writer, row: dict[str, float], words: int) -> None:
    """A thread is killed while it packs a row, of which the head and so many bytes of values are there."""
    packing = writer._packings.get(tuple(row))
    if packing is None:
        return
    _, others, head, _ = packing
    segment = writer._segment
    last = next(itertools.islice(segment.indexes, others, None))
    if last < segment.limit:
        packed = struct.pack("<qq16s", 1, 1, head) + struct.pack(f"<{len(row)}d", *row.values())[:words]
        at = HEADER_BYTES + (last - others) * RECORD_BYTES
        segment.buffer[at : at + len(packed)] = packed
    else:
        segment.skip_row(last - others, min(last + 1, segment.limit))


@settings(max_examples=150, deadline=None)
@given(calls=CALLS, limit=st.integers(1, 70))
def test_rows_points_and_events_come_back_as_they_were(  # type: ignore[no-untyped-def]
    tmp_path_factory: pytest.TempPathFactory, calls, limit: int
) -> None:
    writer = make_writer(tmp_path_factory.mktemp("spool"))
    writer.log_event(Attach())
    expected: list[Point] = []
    logged = events = 0
    for kind, *what in calls:
        if kind == "row":
            row, timestamp, step = what
            writer.log_row(row, timestamp, step)
            expected += [(key, step, timestamp, value) for key, value in row.items()]
            logged += len(row)
        elif kind == "point":
            (key, value), timestamp, step = what
            writer.log(key, value, timestamp, step)
            expected.append((key, step, timestamp, value))
            logged += 1
        elif kind == "event":
            writer.log_event(Record(tags={"number": str(events)}))
            events += 1
        elif kind == "hole":
            for _ in range(what[0]):
                writer._segment.take()
        else:
            tear(writer, *what)
    spool = spool_of(writer)
    found = reopened(spool)
    items = read_all(found, limit, found.last_slot())
    happened = [item.event for item in items if isinstance(item, Happening)]
    assert happened == [Attach(), *(Record(tags={"number": str(number)}) for number in range(events))]
    assert sum(item.logged for item in items if isinstance(item, Slice)) == logged
    assert found.count(1) == logged + events + 1
    zeros_are_one = [(key, step, at, value + 0.0) for key, step, at, value in expected]
    read = [(key, step, at, value + 0.0) for key, step, at, value in points_of(items)]  # type: ignore[arg-type]
    assert sorted(set(bits(read))) == sorted(set(bits(zeros_are_one)))
    # The same by the process itself, which gives up what nobody is going to write.
    spool.fill_holes(1, spool.last_slot())
    cursor = 1
    while cursor <= spool.last_slot():
        some = spool.read(cursor, limit)
        if some:
            cursor = some[-1].last + 1
        else:
            spool.fill_holes(cursor, spool.last_slot())
    assert spool.count(1) == logged + events + 1
    found.close()
    spool.close()


def test_the_step_of_the_last_point_is_told_though_it_stands_in_a_row(writer: Writer) -> None:
    for step in range(3):
        writer.log_row({"a": 1e300, "b": -1e300, "c": 1.0}, 1, step)
    writer.log_event(Record())
    assert reopened(spool_of(writer)).last_step() == 2


# -- values

ODD_VALUES: list[Any] = [
    1, -(1 << 52), True, np.float32(0.5), np.int64(7), np.array(2.5), math.nan, math.inf, -math.inf, -0.0,
]  # fmt: skip


@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_a_value_is_taken_in_a_row_as_it_is_alone(writer: Writer, value: Any) -> None:
    for step in range(3):
        writer.log_row({"a": value, "b": 1.0}, 1, step)
        writer.log("alone", value, 1, step)
    found = points_of(read_all(reopened(spool_of(writer))))  # type: ignore[arg-type]
    by_key = {key: [struct.pack("<d", one) for at, *_, one in found if at == key] for key, *_ in found}
    assert by_key["a"] == by_key["alone"] == [struct.pack("<d", float(value))] * 3


@pytest.mark.parametrize("value", [None, "high", [1.0], 1j], ids=repr)
def test_a_row_with_a_value_that_is_none_is_refused_whole(writer: Writer, value: Any) -> None:
    writer.log_row({"a": 1.0, "b": 2.0}, 1, 0)
    writer.log_row({"a": 1.0, "b": 2.0}, 1, 1)
    with pytest.raises(InvalidInput, match="'b'"):
        writer.log_row({"a": 1.0, "b": value}, 1, 2)
    with pytest.raises(InvalidInput, match="64 bits"):
        writer.log_row({"a": 1.0, "b": 2.0}, 1, 1 << 70)
    writer.log_row({"a": 1.0, "b": 2.0}, 1, 3)
    spool = spool_of(writer)
    assert sorted({step for _, step, *_ in points_in(spool)}) == [0, 1, 3]
    assert spool.count(1) == 6


class Interrupted:
    def __float__(self) -> float:
        raise KeyboardInterrupt


def test_a_row_that_is_interrupted_is_given_up_and_holds_nothing_up(writer: Writer) -> None:
    writer.log_row({"a": 1.0, "b": 2.0}, 1, 0)
    with pytest.raises(KeyboardInterrupt):
        writer.log_row({"a": 1.0, "b": Interrupted()}, 1, 1)
    writer.log_row({"a": 1.0, "b": 2.0}, 1, 2)
    assert [(key, step) for key, step, *_ in points_in(spool_of(writer))] == [("a", 0), ("a", 2), ("b", 0), ("b", 2)]


def test_the_time_of_a_row_is_now_where_none_is_given(writer: Writer) -> None:
    for step in range(2):
        writer.log_row({"a": 1.0}, None, step)
        writer.log("b", 1.0, None, step)
    times = {(key, step): at for key, step, at, _ in points_in(spool_of(writer))}
    assert 0 <= times["b", 1] - times["a", 1] < 60_000


# -- sizes


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 8, 50, FIRST_RECORDS * 3, MAX_ROW, MAX_ROW + 1])
@pytest.mark.parametrize("limit", [1, 1 << 17])
def test_a_row_of_any_width_is_read_whole(writer: Writer, width: int, limit: int) -> None:
    limit = limit if width <= MAX_ROW else 1 << 17  # those are no record
    for step in range(3):
        writer.log_row({f"k{number}": number + step / 4 for number in range(width)}, 1, step)
    writer.log("end", 1.0, 1, 1)
    expected = [(f"k{number}", step, 1, number + step / 4) for step in range(3) for number in range(width)]
    if width < 100:
        assert points_in(spool_of(writer), limit) == sorted([*expected, ("end", 1, 1, 1.0)])
    assert points_in(reopened(spool_of(writer))) == sorted([*expected, ("end", 1, 1, 1.0)])


def test_rows_take_a_third_of_the_slots_that_their_points_would(writer: Writer) -> None:
    row = {f"k{number}": 1.0 for number in range(50)}
    writer.log_row(row, 1, 0)
    before = spool_of(writer).last_slot()
    writer.log_row(row, 1, 1)
    assert spool_of(writer).last_slot() - before == slots_of(50) == 14


def test_rows_of_ever_new_keys_are_recorded_too(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_LAYOUT_KEYS", 10)
    expected = []
    for step in range(40):
        row = {f"k{step % 20}": 1.0, f"k{step % 20 + 1}": 2.0}
        writer.log_row(row, 1, step)
        expected += [(key, step, 1, value) for key, value in row.items()]
    spool = spool_of(writer)
    assert points_in(reopened(spool)) == sorted(expected)
    assert len(list(FrameFile(spool.folder / "layouts").frames())) == 5


def test_layouts_that_the_disk_does_not_take_are_not_used(writer: Writer) -> None:
    writer.log("a", 0.0, 1, 0)
    spool = spool_of(writer)
    (spool.folder / "layouts").mkdir()  # cannot be opened for writing
    for step in range(1, 4):
        writer.log_row({"a": 1.0, "b": 2.0}, 1, step)
    (spool.folder / "layouts").rmdir()
    assert [step for key, step, *_ in points_in(reopened(spool)) if key == "a"] == [0, 1, 2, 3]


def test_names_behind_one_that_could_not_be_written_keep_their_place(tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    file = FrameFile(tmp_path / "names", is_ordered=True)
    file._end = 0
    file.append(b"one")
    (tmp_path / "names").rmdir()  # there is room again
    file.append(b"two")
    assert not file.is_safe
    assert list(FrameFile(tmp_path / "names").frames()) == []
    file.close()


# -- who is killed, and who comes later


def test_a_head_without_its_end_is_that_of_no_row(tmp_path: Path, store: LocalTracking) -> None:
    writer = make_writer(tmp_path, run_id=RUN)
    writer.log_row({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, 1, 0)
    tear(writer, {"a": 9.0, "b": 9.0, "c": 9.0, "d": 9.0}, 20)
    writer.log_row({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, 1, 2)
    tear(writer, {"a": 9.0, "b": 9.0, "c": 9.0, "d": 9.0}, 32)
    spool = spool_of(writer)
    assert [step for key, step, *_ in points_in(spool) if key == "a"] == [0]  # it may yet be written
    spool.close()
    (result,) = recover(tmp_path, lambda about: store)
    assert (result.outcome, result.records) == ("delivered", 8)
    assert [store.read_series(RUN, key).step.tolist() for key in "abcd"] == [[0, 2]] * 4
    assert store.read_series(RUN, "d").value.tolist() == [4.0, 4.0]


def test_a_row_that_was_being_given_up_is_none(tmp_path: Path, writer: Writer) -> None:
    row = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    writer.log_row(row, 1, 0)
    tear(writer, row, 32)
    spool = spool_of(writer)
    segment = spool.segments[0]
    segment.skip(spool.last_slot() - segment.first)  # killed after the first step
    writer.log_row(row, 1, 2)
    found = reopened(spool)
    assert [step for key, step, *_ in points_in(found, last=found.last_slot()) if key == "a"] == [0, 2]


def test_a_spool_of_the_layout_before_rows_is_delivered(tmp_path: Path, store: LocalTracking) -> None:
    spool = make_spool(tmp_path)
    spool.add_name("loss")
    body = struct.pack("<QQ", 1, 16)
    header = struct.pack("<8sII", b"RUNSTONE", 1, zlib.crc32(body)) + body
    records = b"".join(RECORD.pack(step, 1, step / 2, MARK, 1) for step in range(5))
    content = header.ljust(HEADER_BYTES, b"\0") + records.ljust(16 * RECORD_BYTES, b"\0")
    (spool.folder / "0000000001.points").write_bytes(content)
    spool.close()
    (result,) = recover(tmp_path, lambda about: store)
    assert (result.outcome, result.records) == ("delivered", 5)
    assert store.read_series(RUN, "loss").value.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_rows_of_a_layout_that_is_gone_are_damage_and_what_is_before_them_is_delivered(
    tmp_path: Path, store: LocalTracking
) -> None:
    writer = make_writer(tmp_path, run_id=RUN)
    for step in range(3):
        writer.log_row({"a": 1.0, "b": 2.0}, 1, step)
    spool = spool_of(writer)
    spool.close()
    (spool.folder / "layouts").unlink()
    (result,) = recover(tmp_path, lambda about: store)
    assert result.outcome == "damaged"
    assert "0000000001.points is damaged at its record 2, slot 3" in (result.error or "")
    assert store.read_series(RUN, "a").step.tolist() == [0]


def test_a_row_that_would_go_beyond_its_segment_is_damage(tmp_path: Path, store: LocalTracking) -> None:
    spool = make_spool(tmp_path)
    for name in "abcdef":
        spool.add_name(name)
    segment = spool.add_segment(4)
    packed = struct.pack("<qq", 1, 1) + head_of(1, MARK)
    segment.buffer[HEADER_BYTES + 3 * RECORD_BYTES : HEADER_BYTES + 4 * RECORD_BYTES] = packed
    segment.skip_row(0, 3)
    spool.add_layout(Layout([1, 2, 3, 4, 5, 6]))
    spool.close()
    (result,) = recover(tmp_path, lambda about: store)
    assert "0000000001.points is damaged at its record 3, slot 4" in (result.error or "")


# -- several at once


def test_threads_that_log_rows_and_points_side_by_side_lose_nothing(tmp_path: Path, store: LocalTracking) -> None:
    writer = make_writer(tmp_path, run_id=RUN)
    rows, keys = 3000, [f"k{number}" for number in range(9)]

    def log(lane: int) -> None:
        for step in range(rows):
            at = lane * rows + step
            if (step + lane) % 3:
                writer.log_row(dict.fromkeys(keys[: 3 + 2 * lane], float(at)), 1, at)
            else:
                writer.log("alone", float(at), 1, at)

    writer.log_event(Record())
    threads = [threading.Thread(target=log, args=(lane,)) for lane in range(4)]
    for thread in threads:
        thread.start()
    courier = Courier(spool_of(writer), store, refuse_nothing)
    while any(thread.is_alive() for thread in threads):
        courier.deliver()
    for thread in threads:
        thread.join()
    while courier.deliver():
        pass
    everything = range(4 * rows)
    alone = [at for at in everything if not (at % rows + at // rows) % 3]
    assert store.read_series(RUN, "alone").step.tolist() == alone
    logged = len(alone)
    for number, key in enumerate(keys):
        points = store.read_series(RUN, key)
        assert points.step.tolist() == [
            at for at in everything if (at % rows + at // rows) % 3 and number < 3 + 2 * (at // rows)
        ]
        assert np.array_equal(points.step, points.value)
        logged += len(points)
    assert courier.done == 1 + logged
    spool_of(writer).close()


def test_a_forked_child_logs_rows_into_a_spool_of_its_own(tmp_path: Path) -> None:
    writer = make_writer(tmp_path, "parent", "child")
    for step in range(3):
        writer.log_row({"a": 1.0, "b": 2.0}, 1, step)
    child = os.fork()
    if child == 0:
        writer.renew_after_fork()
        for step in range(3, 6):
            writer.log_row({"b": 1.0, "a": 2.0}, 1, step)
        os._exit(0)
    for step in range(6, 9):
        writer.log_row({"a": 1.0, "b": 2.0}, 1, step)
    assert os.waitpid(child, 0)[1] == 0
    spool_of(writer).close()
    found = {}
    for name in ("parent", "child"):
        spool = Spool.open(tmp_path / "run" / name)
        spool.load()
        found[name] = [step for key, step, *_ in points_in(spool) if key == "a"]
        spool.close()
    assert found == {"parent": [0, 1, 2, 6, 7, 8], "child": [3, 4, 5]}
