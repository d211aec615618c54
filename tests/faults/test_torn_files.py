"""Journals that were cut off or overwritten: what stands before the damage is delivered, the rest is set aside."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from runstone.errors import NotFound
from runstone.journal.records import EVENT, HEADER_BYTES, RECORD_BYTES, ROW, ROW_END, Segment
from runstone.journal.spool import list_spools
from tests.faults.ledger import Ledger
from tests.faults.place import Place

ROWS = 1500
"""7,500 points, in segments of 1,024, 4,096 and 16,384 slots."""
ROW_SLOTS = 3


class Left(NamedTuple):
    """What a dead program has left: its folder; the slot of each number's record, of each event, and of each row."""

    folder: Path
    ledger: Ledger
    numbers: dict[int, int]
    events: dict[int, int]
    rows: list[int]

    def segment(self, number: int) -> Path:
        return sorted(self.folder.glob("*.points"))[number]


@pytest.fixture
def left(place: Place) -> Left:
    """A run that was recorded without a store, by a program that has died."""
    program, ledger = place.start_logging("log_and_vanish", {"RUNSTONE_OFFLINE": "always"}, rows=ROWS, params_every=100)
    assert program.wait() == 9
    (folder,) = list_spools(place.journal)
    numbers: dict[int, int] = {}
    events: dict[int, int] = {}
    rows: list[int] = []
    for path in sorted(folder.glob("*.points")):
        segment = Segment.open(path)
        records = segment.read(segment.first, segment.capacity)
        words = records.view("<f8")
        for index, record in enumerate(records):
            slot = segment.first + index
            if rows and slot < rows[-1] + ROW_SLOTS:
                continue
            if record["key"] == EVENT:
                events[int(record["step"])] = slot
            elif record["key"] == ROW:
                rows.append(slot)
                numbers.update((int(value), slot) for value in words[4 * index + 4 : 4 * index + 9])
            elif 0 < record["key"] < ROW_END:
                numbers[int(record["value"])] = slot
    assert sorted(numbers) == list(range(5 * ROWS))
    return Left(folder, ledger, numbers, events, rows)


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def flip(path: Path, offset: int) -> None:
    with path.open("rb") as file:
        file.seek(offset)
        (byte,) = file.read(1)
    overwrite(path, offset, bytes([byte ^ 0x55]))


def record_at(index: int) -> int:
    return HEADER_BYTES + index * RECORD_BYTES


def later_event(left: Left) -> int:
    return sorted(left.events)[3]


Damage = Callable[[Left], int]
"""Damages something, and returns the first slot that cannot be delivered."""


def cut_first_segment(left: Left) -> int:
    os.truncate(left.segment(0), record_at(500))
    return 501


def cut_within_a_row(left: Left) -> int:
    assert 485 in left.rows
    os.truncate(left.segment(0), record_at(486))
    return 485


def cut_within_a_record(left: Left) -> int:
    os.truncate(left.segment(1), record_at(700) + 20)
    return 1024 + 701


def cut_last_segment(left: Left) -> int:
    os.truncate(left.segment(2), record_at(3))
    return 1024 + 4096 + 4


def cut_header(left: Left) -> int:
    os.truncate(left.segment(1), 10)
    return 1025


def flip_magic(left: Left) -> int:
    flip(left.segment(1), 3)
    return 1025


def flip_first_slot(left: Left) -> int:
    flip(left.segment(1), 17)
    return 1025


def flip_mark(left: Left) -> int:
    flip(left.segment(1), record_at(100) + 24)
    return 1025 + 100


def flip_key(left: Left) -> int:
    flip(left.segment(1), record_at(100) + 30)
    return 1025 + 100


def row_in(left: Left, segment: int) -> tuple[Path, int, int]:
    """The file, the place of a row in it, and its slot."""
    path = left.segment(segment)
    first = Segment.open(path).first
    row = [slot for slot in left.rows if slot >= first][5]
    return path, record_at(row - first), row


def flip_mark_of_a_row(left: Left) -> int:
    path, at, row = row_in(left, 1)
    flip(path, at + 24)
    return row


def flip_layout_of_a_row(left: Left) -> int:
    path, at, row = row_in(left, 1)
    flip(path, at + 16)
    return row


def flip_end_of_a_row(left: Left) -> int:
    path, at, row = row_in(left, 1)
    flip(path, at + ROW_SLOTS * RECORD_BYTES - 2)
    return row


def overwrite_records(left: Left) -> int:
    overwrite(left.segment(1), record_at(100), b"\xab" * 4096)
    return 1025 + 100


def cut_events(left: Left) -> int:
    os.truncate(left.folder / "events", later_event(left) + 11)
    return left.events[later_event(left)]


def flip_event(left: Left) -> int:
    flip(left.folder / "events", later_event(left) + 12)
    return left.events[later_event(left)]


def flip_length_of_event(left: Left) -> int:
    flip(left.folder / "events", later_event(left) + 2)
    return left.events[later_event(left)]


def cut_names(left: Left) -> int:
    os.truncate(left.folder / "names", 8 + len("loss") + 8 + len("acc") + 3)
    return min(left.numbers.values()) + 2  # the first point of the third key


def flip_name(left: Left) -> int:
    flip(left.folder / "names", 8 + len("loss") + 9)
    return min(left.numbers.values()) + 1


def cut_layouts(left: Left) -> int:
    os.truncate(left.folder / "layouts", 15)
    return left.rows[0]


def flip_layouts(left: Left) -> int:
    flip(left.folder / "layouts", 12)
    return left.rows[0]


DAMAGES: dict[Damage, str] = {
    cut_first_segment: r"0000000001\.points ends at its record 500, slot 501",
    cut_within_a_row: r"0000000001\.points ends at its record 486, slot 487",
    flip_mark_of_a_row: r"0000001025\.points is damaged at its record 41, slot 1066",
    flip_layout_of_a_row: r"0000001025\.points is damaged at its record 41, slot 1066",
    flip_end_of_a_row: r"0000001025\.points is damaged at its record 41, slot 1066",
    cut_layouts: r"0000000001\.points is damaged at its record",
    flip_layouts: r"0000000001\.points is damaged at its record",
    cut_within_a_record: r"0000001025\.points ends at its record 700, slot 1725",
    cut_last_segment: r"0000005121\.points ends at its record 3, slot 5124",
    cut_header: r"0000001025\.points ends within its header, at byte 10",
    flip_magic: r"0000001025\.points has a damaged header",
    flip_first_slot: r"0000001025\.points has a damaged header",
    flip_mark: r"0000001025\.points is damaged at its record 100, slot 1125",
    flip_key: r"0000001025\.points is damaged at its record 100, slot 1125",
    overwrite_records: r"0000001025\.points is damaged at its record 100, slot 1125",
    cut_events: r"events.*byte",
    flip_event: r"events is damaged at byte",
    flip_length_of_event: r"events is damaged at byte",
    cut_names: r"0000000001\.points is damaged at its record",
    flip_name: r"0000000001\.points is damaged at its record",
}


@pytest.mark.parametrize(("damage", "said"), DAMAGES.items(), ids=[damage.__name__ for damage in DAMAGES])
def test_what_stands_before_damage_is_delivered_and_the_rest_is_set_aside_with_the_place(
    place: Place, left: Left, damage: Damage, said: str
) -> None:
    at = damage(left)
    told = place.deliver()
    (aside,) = place.journal.glob("*/*.damaged")
    assert aside.name == f"{left.folder.name}.damaged"
    reason = (aside / "damage.txt").read_text()
    assert re.search(said, reason), reason
    assert reason.strip() in told
    assert str(aside) in told
    expected = sorted(number for number, slot in left.numbers.items() if slot < at)
    assert sorted(place.raw_numbers(left.ledger.run_id)) == expected
    assert place.deliver() == ""  # and is not tried again


def test_a_run_whose_first_word_is_lost_is_set_aside_whole(place: Place, left: Left) -> None:
    os.truncate(left.folder / "events", 0)
    assert "events" in place.deliver()
    assert [path.name for path in place.journal.glob("*/*.damaged")] == [f"{left.folder.name}.damaged"]
    with pytest.raises(NotFound):
        place.run(left.ledger.run_id)


def test_damage_to_one_journal_keeps_nobody_elses_points_back(place: Place, left: Left) -> None:
    for _ in range(2):
        place.start_logging("log_and_vanish", {"RUNSTONE_OFFLINE": "always"}, rows=300)[0].wait()
    flip_magic(left)
    (left.folder / "about.json").write_text("{")
    place.deliver()
    for ledger in place.ledgers[1:]:
        place.check_run(ledger.run_id, [ledger], status="FAILED")


@pytest.mark.parametrize("size", [0, 7])
def test_a_state_that_is_lost_costs_nothing(place: Place, left: Left, size: int) -> None:
    os.truncate(left.folder / "state", size)
    place.deliver()
    assert place.check(status="FAILED") == 5 * ROWS


def test_a_segment_that_is_gone_takes_no_other_with_it(place: Place, left: Left) -> None:
    left.segment(1).unlink()
    place.deliver()
    expected = [number for number, slot in left.numbers.items() if not 1025 <= slot < 5121]
    assert np.array_equal(np.sort(place.raw_numbers(left.ledger.run_id)), np.sort(expected))


def test_a_row_without_its_end_is_passed_over_whole(place: Place, left: Left) -> None:
    path, at, row = row_in(left, 1)
    overwrite(path, at + 2 * RECORD_BYTES, bytes(RECORD_BYTES))
    place.deliver()
    expected = [number for number, slot in left.numbers.items() if slot != row]
    assert np.array_equal(np.sort(place.raw_numbers(left.ledger.run_id)), np.sort(expected))
    assert list_spools(place.journal) == []


def test_a_row_whose_head_was_on_a_page_that_is_lost_takes_no_other_with_it(place: Place, left: Left) -> None:
    path, at, row = row_in(left, 1)
    overwrite(path, at - 20 * RECORD_BYTES, bytes(21 * RECORD_BYTES))
    place.deliver()
    expected = [number for number, slot in left.numbers.items() if not row - 20 <= slot <= row]
    assert np.array_equal(np.sort(place.raw_numbers(left.ledger.run_id)), np.sort(expected))
    assert list_spools(place.journal) == []


def test_empty_slots_between_points_are_passed_over(place: Place, left: Left) -> None:
    begin, end = 200, 900
    overwrite(left.segment(1), record_at(begin), bytes(RECORD_BYTES * (end - begin)))
    place.deliver()
    expected = [number for number, slot in left.numbers.items() if not 1025 + begin <= slot < 1025 + end]
    assert np.array_equal(np.sort(place.raw_numbers(left.ledger.run_id)), np.sort(expected))
    assert list_spools(place.journal) == []
