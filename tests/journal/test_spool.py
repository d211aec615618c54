"""Spools and writers: what stands on disk, and what is read of it."""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.errors import InvalidInput, StoreCorrupt
from runstone.journal.crashes import host_name
from runstone.journal.events import FrameFile, Record
from runstone.journal.records import EVENT, HEADER_BYTES, MARK, RECORD_BYTES, Segment
from runstone.journal.spool import About, Damage, Happening, Slice, Spool, list_spools
from runstone.journal.writer import FIRST_RECORDS, Room, Writer

ABOUT = About(run_id="run", writer="w", destination="", host="h", boot="b", pid=1, created=1, owns=True)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return make_writer(tmp_path)


def make_writer(folder: Path, *names: str, run_id: str = "run") -> Writer:
    """A writer whose spools have these names, in order."""
    waiting = iter(names or ("w",))
    room = Room(lambda size: True, lambda text: None, is_strict=False)

    def open_spool(writer: Writer) -> Spool:
        about = msgspec.structs.replace(ABOUT, run_id=run_id, writer=next(waiting), host=host_name())
        return Spool.create(folder, about)

    return Writer(run_id, open_spool, room)


def reopened(spool: Spool) -> Spool:
    found = Spool.open(spool.folder)
    found.load()
    return found


def points_of(items: list[Slice | Happening]) -> list[tuple[str, int, int, float]]:
    return [
        (key, *row)
        for item in items
        if isinstance(item, Slice)
        for key, points in item.metrics.series()
        for row in points.rows()
    ]


def test_what_was_logged_is_read_by_another_process(writer: Writer) -> None:
    writer.log("loss", 0.5, 10, 1)
    writer.log("acc", float("inf"), 11, -2)
    writer.log_row({"loss": 1, "acc": True}, 12, 3)
    assert writer.spool is not None
    items = reopened(writer.spool).read(1, 100)
    assert sorted(points_of(items)) == [
        ("acc", -2, 11, float("inf")),
        ("acc", 3, 12, 1.0),
        ("loss", 1, 10, 0.5),
        ("loss", 3, 12, 1.0),
    ]


def test_events_stand_in_order_among_the_points(writer: Writer) -> None:
    writer.log("loss", 1.0, 1, 1)
    writer.log_event(Record(tags={"a": "b"}))
    writer.log("loss", 2.0, 1, 2)
    assert writer.spool is not None
    items = reopened(writer.spool).read(1, 100)
    assert [(item.first, item.last) for item in items] == [(1, 1), (2, 2), (3, 3)]
    assert isinstance(items[1], Happening)
    assert items[1].event == Record(tags={"a": "b"})


def test_a_writer_goes_on_in_new_segments_and_delivered_ones_are_removed(writer: Writer, tmp_path: Path) -> None:
    count = FIRST_RECORDS * 6
    for step in range(count):
        writer.log("loss", float(step), 1, step)
    spool = writer.spool
    assert spool is not None
    assert len(spool.segments) == 3
    read: list[tuple[str, int, int, float]] = []
    cursor = 1
    while items := spool.read(cursor, 700):
        read += points_of(items)
        cursor = items[-1].last + 1
    assert [value for *_, value in read] == [float(step) for step in range(count)]
    spool.confirm(count)
    assert len(list(spool.folder.glob("*.points"))) == 1


def test_slots_that_were_given_up_are_passed_over(writer: Writer) -> None:
    writer.log("loss", 1.0, 1, 1)
    with pytest.raises(InvalidInput, match="'loss'"):
        writer.log("loss", "high", 1, 2)
    with pytest.raises(InvalidInput, match="64 bits"):
        writer.log("loss", 1.0, 1, 1 << 70)
    writer.log("loss", 3.0, 1, 3)
    assert writer.spool is not None
    items = writer.spool.read(1, 100)
    assert [value for *_, value in points_of(items)] == [1.0, 3.0]
    assert items[-1].last == 4


def test_an_empty_slot_ends_what_is_read_until_its_writer_is_dead(writer: Writer) -> None:
    writer.log("loss", 1.0, 1, 1)
    spool = writer.spool
    assert spool is not None
    spool.segments[0].take()  # by a thread that was killed
    writer.log("loss", 3.0, 1, 3)
    assert [value for *_, value in points_of(spool.read(1, 100))] == [1.0]
    assert [value for *_, value in points_of(spool.read(1, 100, last=3))] == [1.0, 3.0]
    spool.fill_holes(2, 3)
    assert [value for *_, value in points_of(spool.read(1, 100))] == [1.0, 3.0]


def test_a_row_is_recorded_whole_or_not_at_all(writer: Writer) -> None:
    writer.log_row({"a": 1.0, "b": 2.0}, 1, 1)
    with pytest.raises(InvalidInput, match="'b'"):
        writer.log_row({"a": 1.0, "b": "x"}, 1, 2)
    writer.log_row({"a": 1.0, "b": 2.0}, 1, 3)
    assert writer.spool is not None
    assert sorted({step for _, step, *_ in points_of(writer.spool.read(1, 100))}) == [1, 3]


# -- damage


def test_a_damaged_record_says_where_and_what_is_before_it_can_be_read(writer: Writer) -> None:
    for step in range(10):
        writer.log("loss", float(step), 1, step)
    spool = writer.spool
    assert spool is not None
    path = spool.segments[0].path
    assert path is not None
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, HEADER_BYTES + 6 * RECORD_BYTES + 24, 12345)  # the mark
    path.write_bytes(data)
    found = reopened(spool)
    with pytest.raises(Damage, match="record 6, slot 7") as caught:
        found.read(1, 100)
    assert caught.value.slot == 7
    assert [value for *_, value in points_of(found.read(1, 6))] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("cut", [0, 10, HEADER_BYTES - 1])
def test_a_segment_that_ends_within_its_header_is_damaged(writer: Writer, cut: int) -> None:
    writer.log("loss", 1.0, 1, 1)
    assert writer.spool is not None
    path = writer.spool.segments[0].path
    assert path is not None
    path.write_bytes(path.read_bytes()[:cut])
    found = reopened(writer.spool)
    assert (found.segments, found.damage is not None and found.damage.slot) == ([], 1)
    assert str(path) in str(found.damage)


def test_a_segment_that_was_copied_in_part_is_read_as_far_as_it_goes(writer: Writer) -> None:
    for step in range(10):
        writer.log("loss", float(step), 1, step)
    assert writer.spool is not None
    path = writer.spool.segments[0].path
    assert path is not None
    path.write_bytes(path.read_bytes()[: HEADER_BYTES + 4 * RECORD_BYTES + 5])
    found = reopened(writer.spool)
    assert [value for *_, value in points_of(found.read(1, 100))] == [0, 1, 2, 3]


def test_a_frame_that_was_cut_off_ends_the_file(tmp_path: Path) -> None:
    file = FrameFile(tmp_path / "names")
    for text in (b"one", b"two", b"three"):
        file.append(text)
    file.close()
    path = tmp_path / "names"
    path.write_bytes(path.read_bytes()[:-1])
    assert list(FrameFile(path).frames()) == [b"one", b"two"]


def test_a_damaged_event_is_told_by_its_checksum(tmp_path: Path) -> None:
    file = FrameFile(tmp_path / "events")
    offset = file.append(b"something")
    file.close()
    path = tmp_path / "events"
    path.write_bytes(path.read_bytes().replace(b"some", b"same"))
    with pytest.raises(StoreCorrupt, match=f"byte {offset}"):
        FrameFile(path).read(offset)


# -- who works on it


def test_a_spool_is_locked_by_its_writer_until_it_is_closed(writer: Writer) -> None:
    writer.log("loss", 1.0, 1, 1)
    spool = writer.spool
    assert spool is not None
    other = Spool.open(spool.folder)
    assert not other.lock()
    spool.close()
    assert other.lock()


def test_a_spool_is_listed_only_once_it_is_locked(tmp_path: Path) -> None:
    (tmp_path / "run" / ".new-x").mkdir(parents=True)
    (tmp_path / "run" / ".new-x" / "about.json").write_text("{}")
    assert list_spools(tmp_path) == []
    spool = Spool.create(tmp_path, ABOUT)
    assert list_spools(tmp_path) == [spool.folder]
    spool.remove()
    assert list_spools(tmp_path) == []


# -- everything that a point can hold

KEYS = st.sampled_from(["a", "b/c", "ключ"])
INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
POINTS = st.lists(st.tuples(KEYS, st.floats(allow_nan=False), INTEGERS, INTEGERS), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(points=POINTS, limit=st.integers(1, 70))
def test_every_point_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, points, limit) -> None:  # type: ignore[no-untyped-def]
    writer = make_writer(tmp_path_factory.mktemp("spool"))
    for key, value, timestamp, step in points:
        writer.log(key, value, timestamp, step)
    assert writer.spool is not None
    found = reopened(writer.spool)
    read: list[tuple[str, int, int, float]] = []
    cursor = 1
    while items := found.read(cursor, limit):
        read += points_of(items)
        cursor = items[-1].last + 1
    # Within one slice equal points are one, as in a store.
    assert sorted(set(read)) == sorted({(key, step, timestamp, value) for key, value, timestamp, step in points})


def test_a_record_is_there_once_its_key_is(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path / "s.points", 1, 4)
    struct.pack_into("<qqdI", segment.buffer, HEADER_BYTES, 1, 2, 3.0, MARK)
    assert segment.read(1, 4)["key"].tolist() == [0, 0, 0, 0]
    struct.pack_into("<I", segment.buffer, HEADER_BYTES + 28, EVENT)
    assert segment.read(1, 4)["key"].tolist() == [EVENT, 0, 0, 0]


@pytest.mark.parametrize("offset", [-1, 1 << 60, (1 << 63) - 1])
def test_an_event_where_no_file_can_have_one_is_damage(tmp_path: Path, offset: int) -> None:
    with pytest.raises(StoreCorrupt, match=f"no frame at {offset}"):
        FrameFile(tmp_path / "events").read(offset)
