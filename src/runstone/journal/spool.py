"""Spools: the folder in which one writer keeps what it records, until it is delivered.

A writer is one process that records one run. Its folder is `<journal>/<run id>/<writer id>/`::

    about.json           whose it is, and where it goes
    state                delivered slots, heartbeat, whether the writer is done; locked while somebody works on it
    names, layouts       the keys of points and of rows, by their numbers (see `rows`)
    events               see `events`
    0000000001.points    segments, named after their first slot
    refused.jsonl        what the store refused, and why
    files/               files that could not be stored yet
    growing/             files that are still being written, under their paths in the run

Knows nothing of delivery.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
import mmap
import os
import shutil
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from runstone.errors import StoreCorrupt
from runstone.journal.events import Event, FrameFile
from runstone.journal.records import EVENT, MARK, MARK_NS, ROW, ROW_END, Records, Segment
from runstone.journal.rows import WRONG, Layout, View, batch_of, look
from runstone.naming import now_ms
from runstone.series.points import IntColumn, MetricBatch, Points

if sys.platform != "win32":
    import fcntl

__all__ = [
    "DAMAGED",
    "GROWING",
    "NEW",
    "REFUSED",
    "About",
    "Damage",
    "Gap",
    "Happening",
    "Slice",
    "Spool",
    "list_spools",
    "measure",
    "remove_unfinished",
]

NEW = ".new-"
"""What the name of a folder begins with that is being made."""
DAMAGED, REFUSED = ".damaged", ".refused"
"""What the name of a folder ends with that is not to be delivered (any more)."""
GROWING = "growing"
_ATTEMPTS = 10
_UNFINISHED_S = 3600
_LOOK = 1 << 16
"""Slots in one go, where nothing but their number is wanted."""
_STATE = struct.Struct("<QQQQ")  # delivered, heartbeat, whether it is ended, the number of this very file
_encode_event = msgspec.msgpack.Encoder().encode
_decode_event = msgspec.msgpack.Decoder(Event).decode


class About(msgspec.Struct, kw_only=True, frozen=True):
    """Whose a spool is. Times are milliseconds since the Unix epoch.

    `owns`: the process has started the run, so its death is the run's. `boot` tells one start of the machine from
    another; `oom_kills` is how many processes of its control group had been killed for memory when it began.
    """

    run_id: str
    writer: str
    destination: str
    host: str
    boot: str
    pid: int
    created: int
    owns: bool
    program: str = ""
    oom_kills: int | None = None
    remote_run_id: str | None = None
    version: int = 1


class Slice(NamedTuple):
    """Points in the slots `first` to `last`, which may include slots that were given up.

    `logged` is how many there were; those that are equal are one in `metrics`.
    """

    first: int
    last: int
    metrics: MetricBatch
    logged: int


class Happening(NamedTuple):
    """An event in its slot; `first` is the first of the slots given up before it, else its own."""

    first: int
    last: int
    event: Event


class Gap(NamedTuple):
    """Slots in which there is nothing, and never will be."""

    first: int
    last: int


class Spool:
    """The spool in `folder`. `is_live`: this process is its writer; otherwise its writer is dead, or elsewhere."""

    def __init__(self, folder: Path, about: About, state_file: int, *, is_live: bool) -> None:
        self.folder = folder
        self.about = about
        self.is_live = is_live
        self.events = FrameFile(folder / "events")
        self._names_file = FrameFile(folder / "names", is_ordered=True)
        self._layouts_file = FrameFile(folder / "layouts", is_ordered=True)
        self.names: list[str] = [frame.decode() for frame in self._names_file.frames()]
        layouts = map(Layout.from_bytes, self._layouts_file.frames())
        # One whose names were cut off is as good as none.
        self._layouts = [one if 0 < max(one.numbers, default=0) <= len(self.names) else None for one in layouts]
        self.segments: list[Segment] = []
        self.damage: Damage | None = None
        """What kept `load` from finding all segments."""
        self._synced = 0
        self._state_file = state_file
        self._state = mmap.mmap(state_file, _STATE.size)

    @classmethod
    def create(cls, journal: Path, about: About) -> Spool:
        """A new one, locked. Raises OSError where the disk does not take it."""
        folder = journal / about.run_id / about.writer
        # Under another name until it is locked: nobody may take it for a dead writer's.
        new = folder.with_name(f"{NEW}{about.writer}")
        _make_folder(new)
        (new / "about.json").write_bytes(msgspec.json.encode(about))
        state_file = _open_state(new)
        _lock(state_file)
        new.rename(folder)
        spool = cls(folder, about, state_file, is_live=True)
        struct.pack_into("<Q", spool._state, 24, spool._state_number())
        spool.beat()
        return spool

    @classmethod
    def open(cls, folder: Path) -> Spool:
        """One that another process has written. Raises StoreCorrupt, and OSError where it has just gone."""
        path = folder / "about.json"
        try:
            about = msgspec.json.decode(path.read_bytes(), type=About)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreCorrupt(f"{path} cannot be read: {error}") from error
        return cls(folder, about, _open_state(folder), is_live=False)

    # -- state

    @property
    def delivered(self) -> int:
        """The last slot that is known to be delivered; 0 for none."""
        return int(_STATE.unpack_from(self._state)[0])

    @property
    def heartbeat(self) -> int:
        """When the writer was last known to be alive, in ms."""
        return int(_STATE.unpack_from(self._state)[1])

    @property
    def is_ended(self) -> bool:
        """Whether the writer has said that nothing more is to come."""
        return bool(_STATE.unpack_from(self._state)[2])

    @property
    def is_copy(self) -> bool:
        """Whether the folder was copied from elsewhere: then its lock tells nothing of the writer."""
        return int(_STATE.unpack_from(self._state)[3]) != self._state_number()

    def _state_number(self) -> int:
        return os.fstat(self._state_file).st_ino & (1 << 64) - 1

    def _set_state(self, word: int, value: int) -> None:
        # Not `pack_into`, which writes zeros first: a kill between the two would leave them.
        self._state[8 * word : 8 * word + 8] = value.to_bytes(8, "little")

    def beat(self) -> None:
        """The writer is alive now."""
        self._set_state(1, now_ms())

    def end(self) -> None:
        """Nothing more is to come."""
        self._set_state(2, 1)

    def confirm(self, slot: int) -> None:
        """Everything up to that slot is delivered: whole segments of it go, but not the one that is being written."""
        self._set_state(0, slot)
        while len(self.segments) > 1 and self.segments[0].end <= slot + 1:
            segment = self.segments.pop(0)
            if segment.path is not None:
                segment.path.unlink(missing_ok=True)

    def lock(self) -> bool:
        """Be the one who works on it, until `close`; False where another process is."""
        return _lock(self._state_file)

    def close(self) -> None:
        """Close its files, and give back the lock; what is on disk stays."""
        self.events.close()
        self._names_file.close()
        self._layouts_file.close()
        self._state.close()  # it holds the lock, too
        if self._state_file >= 0:
            os.close(self._state_file)
        self._state_file = -1

    def remove(self) -> Path | None:
        """Everything is delivered: the folder goes. Where something was refused that stays, under another name."""
        self.close()
        if (self.folder / "refused.jsonl").exists():
            for path in self.folder.glob("*.points"):
                path.unlink()
            return self.folder.rename(_free_name(self.folder, REFUSED))
        shutil.rmtree(self.folder, ignore_errors=True)
        _remove_if_empty(self.folder.parent)
        return None

    def set_aside(self, why: str) -> Path:
        """Rename the folder, so that nobody tries to deliver the rest of it again; the reason lies in it."""
        (self.folder / "damage.txt").write_text(why + "\n", encoding="utf-8")
        self.close()
        return self.folder.rename(_free_name(self.folder, DAMAGED))

    def refuse(self, line: Mapping[str, object]) -> Path:
        """Note what a store has refused; returns the file, which `remove` leaves."""
        path = self.folder / "refused.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return path

    def fill_holes(self, slot: int, last: int) -> None:
        """Give up the slots from `slot` on, none of them after `last`, that were taken and not written.

        Only while no thread is about to write one of them (`writer.is_logging`).
        """
        segment = self._segment_at(slot)
        if segment is not None:
            keys = self._look(segment, slot, last + 1 - slot).keys
            written = np.flatnonzero(keys)
            first = slot - segment.first
            segment.skip_row(first, first + int(written[0] if len(written) else len(keys)))

    def size_bytes(self) -> int:
        """What it takes on disk."""
        return measure(self.folder)

    def rewrite_about(self, about: About) -> None:
        """Replace what is known about it."""
        self.about = about
        whole = self.folder / "about.new"
        whole.write_bytes(msgspec.json.encode(about))
        whole.replace(self.folder / "about.json")

    # -- writing, for the one writer

    def add_name(self, name: str) -> int:
        """The number of a new key."""
        self._names_file.append(name.encode())
        self.names.append(name)
        return len(self.names)

    def add_layout(self, layout: Layout) -> int | None:
        """The number of a new layout, whose names are there already; None where the disk does not take it."""
        self._layouts_file.append(layout.to_bytes())
        if not self._layouts_file.is_safe:
            return None
        self._layouts.append(layout)
        return len(self._layouts)

    @property
    def is_safe(self) -> bool:
        """Whether names and events are on disk, too; a full one keeps them in memory."""
        return self._names_file.is_safe and self.events.is_safe

    def add_event(self, event: Event) -> int:
        """Write an event, and return its offset."""
        return self.events.append(_encode_event(event))

    def add_segment(self, capacity: int) -> Segment:
        """A new file behind the last segment. Raises OSError where the disk is full."""
        first = self.segments[-1].end if self.segments else 1
        segment = Segment.create(self.folder / f"{first:010}.points", first, capacity)
        self.segments.append(segment)
        return segment

    def add_segment_in_memory(self, capacity: int) -> Segment:
        """The same without a file."""
        segment = Segment.in_memory(self.segments[-1].end if self.segments else 1, capacity)
        self.segments.append(segment)
        return segment

    def sync(self) -> None:
        """Have what was written since the last time on disk, against a loss of power."""
        last = self.last_slot()
        if last == self._synced:
            return
        for segment in self.segments:
            if segment.end > self._synced:
                segment.sync()
        self._names_file.sync()
        self._layouts_file.sync()
        self.events.sync()
        self._synced = last

    # -- reading

    def load(self) -> None:
        """Find the segments that another process has written, up to one that cannot be read: see `damage`."""
        self.segments, self.damage = [], None
        for path in sorted(self.folder.glob("*.points")):
            try:
                segment = Segment.open(path)
            except StoreCorrupt as error:
                self.damage = Damage(self.segments[-1].end if self.segments else 1, str(error))
                return
            self.segments.append(segment)
            if segment.lost:
                why = f"{path} ends at its record {segment.capacity}, slot {segment.end}: {segment.lost:,} are cut off"
                self.damage = Damage(segment.end, why)
                return

    def last_slot(self) -> int:
        """The last slot that was written, or by a writer at work is about to be; 0 for none."""
        for segment in reversed(self.segments):
            if self.is_live:
                if segment.taken:
                    return segment.first + segment.taken - 1
                continue
            written = np.flatnonzero(segment.read(segment.first, segment.capacity)["key"])
            if len(written):
                return segment.first + int(written[-1])
        return self.segments[0].first - 1 if self.segments else self.delivered

    def last_step(self) -> int | None:
        """The step of the last point that is still here."""
        for segment in reversed(self.segments):
            view = self._look(segment, segment.first, segment.capacity)
            points = np.flatnonzero(view.is_single() | (view.keys == ROW))
            if len(points):
                return int(view.records["step"][points[-1]])
        return None

    def count(self, slot: int) -> int:
        """How many points and events there are from `slot` on, where a record begins."""
        return sum(self._count(segment, slot) for segment in list(self.segments) if segment.end > slot)

    def _count(self, segment: Segment, slot: int) -> int:
        at, total = max(slot, segment.first), 0
        while len((view := self._look(segment, at, _LOOK)).keys):
            total += view.points + int(np.count_nonzero(view.keys == EVENT))
            at += len(view.keys)
        return total

    def read(self, slot: int, limit: int, last: int | None = None) -> list[Slice | Happening | Gap]:
        """What is in at most `limit` slots from `slot` on, in order, up to the first that is not written yet.

        More than `limit`, where the first row takes more. With `last`, slots up to there that are not written are
        passed over: their writer is dead. Raises StoreCorrupt at the first record that cannot be; what is before it
        must be read with a smaller limit.
        """
        segment = self._segment_at(slot)
        if segment is None:
            return self._gap_at(slot, last)
        view = self._look(segment, slot, limit, last)
        if last is None and len(empty := np.flatnonzero(view.keys == 0)):
            view = view.part(0, int(empty[0]))
        keys, mark = view.keys, view.records["mark"]
        is_wrong = (keys > len(self.names)) & (keys <= ROW_END)
        is_wrong |= (keys > 0) & (mark != MARK) & (mark != MARK_NS)
        is_wrong |= keys == WRONG
        if last is not None:
            is_wrong = _without_lost_heads(keys, is_wrong)
        wrong = np.flatnonzero(is_wrong)
        if len(wrong):
            at = slot + int(wrong[0])
            raise Damage(at, f"{segment.path} is damaged at its record {at - segment.first}, slot {at}")
        return list(self._items(slot, view))

    def _look(self, segment: Segment, slot: int, limit: int, last: int | None = None) -> View:
        """At most `limit` slots of a segment, none after `last`; more, where the first row takes more."""
        end = segment.end if last is None else min(segment.end, last + 1)
        if self.is_live:  # what nobody has taken need not be copied
            end = min(end, segment.first + segment.taken)
        while True:
            records = segment.read(slot, max(0, min(limit, end - slot)))
            view = look(records, self._layouts, segment.end + segment.lost - slot)
            if len(view.keys) or slot + len(records) >= end:
                return view
            limit *= 2

    def _gap_at(self, slot: int, last: int | None) -> list[Slice | Happening | Gap]:
        """Between segments: others were in the memory of a process that is dead."""
        following = next((segment.first for segment in self.segments if segment.first > slot), None)
        return [] if last is None or following is None or following > last else [Gap(slot, following - 1)]

    def _items(self, slot: int, view: View) -> Iterator[Slice | Happening | Gap]:
        begin = 0
        for at in (*np.flatnonzero(view.keys == EVENT).tolist(), len(view.keys)):
            first, part = slot + begin, view.part(begin, at)
            if logged := part.points:
                yield Slice(first, slot + at - 1, self._batch(part), logged)
                first = slot + at
            if at < len(view.keys):
                yield Happening(first, slot + at, self._event(slot + at, int(view.records["step"][at])))
            elif first < slot + at:
                yield Gap(first, slot + at - 1)
            begin = at + 1

    def _batch(self, view: View) -> MetricBatch:
        """The points, at least one."""
        parts = [batch_of(view.records, rows, self.names) for rows in view.rows]
        records, keys, is_single = view.records, view.keys, view.is_single()
        if is_single.any():
            if not is_single.all():
                records, keys = records[is_single], keys[is_single]
            parts.append(MetricBatch.of_columns(tuple(self.names), keys - 1, _points(records)))
        return MetricBatch.join(parts)

    def _event(self, slot: int, offset: int) -> Event:
        try:
            event: Event = _decode_event(self.events.read(offset))
        except (StoreCorrupt, msgspec.DecodeError) as error:
            raise Damage(slot, f"the event in slot {slot} cannot be read: {error}") from error
        return event

    def _segment_at(self, slot: int) -> Segment | None:
        number = bisect.bisect_right([segment.first for segment in self.segments], slot) - 1
        segment = self.segments[number] if number >= 0 else None
        return segment if segment is not None and slot < segment.end else None


class Damage(StoreCorrupt):
    """A spool cannot be read from `slot` on."""

    def __init__(self, slot: int, message: str) -> None:
        super().__init__(message)
        self.slot = slot


def _without_lost_heads(keys: IntColumn, is_wrong: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which are wrong indeed. What follows an empty slot is the rest of a row, the page of whose head was lost with the
    power: its keys become 0.
    """
    before = np.maximum.accumulate(np.where(is_wrong, -1, np.arange(len(keys))))
    is_rest: npt.NDArray[np.bool_] = is_wrong & (before >= 0) & (keys[before] == 0)
    keys[is_rest] = 0
    is_wrong &= ~is_rest
    return is_wrong


def _points(records: Records) -> Points:
    timestamp = records["timestamp"].copy()
    is_ns = records["mark"] == MARK_NS
    timestamp[is_ns] //= 1_000_000
    return Points(np.ascontiguousarray(records["step"]), timestamp, np.ascontiguousarray(records["value"]))


def _open_state(folder: Path) -> int:
    state_file = os.open(folder / "state", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    if os.fstat(state_file).st_size < _STATE.size:
        os.write(state_file, bytes(_STATE.size))
    return state_file


def _lock(state_file: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(state_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def list_spools(journal: Path, run_id: str | None = None) -> list[Path]:
    """The folders of all writers in a journal, or of one run's, oldest first; not those that were set aside."""
    runs = _subfolders(journal) if run_id is None else [journal / run_id]
    return [
        folder
        for run in runs
        for folder in _subfolders(run)
        if not (folder.name.startswith(NEW) or folder.name.endswith((DAMAGED, REFUSED)))
        and (folder / "about.json").exists()
    ]


def remove_unfinished(journal: Path) -> None:
    """Remove what writers have left that were killed while they made their spool; an hour is long enough for that."""
    for run in _subfolders(journal):
        for folder in _subfolders(run):
            with contextlib.suppress(FileNotFoundError):
                if folder.name.startswith(NEW) and time.time() - folder.stat().st_mtime > _UNFINISHED_S:
                    shutil.rmtree(folder, ignore_errors=True)
        if not (run / "remote_run_id").exists():
            _remove_if_empty(run)


def measure(folder: Path) -> int:
    """The size in bytes of all files in a folder, while others may add and remove some."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(path, name).stat().st_size
    return total


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []  # gone meanwhile


def _make_folder(folder: Path) -> None:
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(FileNotFoundError):  # the last writer of the run has just removed the run's folder
            folder.mkdir(parents=True)
            return
    folder.mkdir(parents=True)


def _free_name(folder: Path, suffix: str) -> Path:
    """The folder's name with the suffix; with a number, where a copy of it has been there before."""
    path, copies = folder.with_name(f"{folder.name}{suffix}"), itertools.count(2)
    while path.exists():
        path = folder.with_name(f"{folder.name}.{next(copies)}{suffix}")
    return path


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another writer's folder is in it
        folder.rmdir()
