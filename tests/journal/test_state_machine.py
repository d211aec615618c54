"""Whatever happens in whatever order to writer, store and recoverer: what was acknowledged is stored, once.

Delivery's thread is replaced by calls of its round, so that each failure lies between two known steps.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runstone.entities import Metric, Run, RunStatus
from runstone.errors import NotFound, RunstoneError, StoreUnavailable
from runstone.journal.spool import list_spools
from runstone.journal.tracking import JournaledTracking
from runstone.stores.base import NewRun, Write
from runstone.stores.memory import MemoryStore
from runstone.tracking.local import LocalTracking

KEYS = ("loss", "acc", "lr")
Point = tuple[str, str, int, float]
"""Run, key, step, value. No two points have the same value."""

keys = st.sampled_from(KEYS)
which = st.integers(0, 3)
faults = st.lists(st.sampled_from(("works", "fails before", "fails after")), max_size=4)


class UnreliableStore(MemoryStore):
    """Fails as it is told to, before it has stored or after, and counts each point that it has taken."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.faults: list[str] = []
        self.is_away = False
        self.taken: Counter[Point] = Counter()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        fault = self.faults.pop(0) if self.faults else "works"
        if self.is_away or fault == "fails before":
            raise StoreUnavailable("The store is away")
        yield
        if fault == "fails after":
            raise StoreUnavailable("The store's answer was lost")

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        with self._failing():
            return [self._take(write) for write in writes]

    def _take(self, write: Write) -> RunstoneError | None:
        place = write.sequenced
        is_new = place is None or self._last(write.run_id, place.writer) < place.last
        (error,) = super().log_batches([write])
        if is_new and error is None and write.metrics is not None:
            self.taken.update(
                (write.run_id, key, step, value)
                for key, points in write.metrics.series()
                for step, _, value in points.rows()
            )
        return error

    def _last(self, run_id: str, writer: str) -> int:
        try:
            return super().last_sequence(run_id, writer)
        except NotFound:
            return 0

    def last_sequence(self, run_id: str, writer: str) -> int:
        with self._failing():
            return super().last_sequence(run_id, writer)

    def create_run(self, run: NewRun) -> Run:
        self._meet()
        return super().create_run(run)

    def get_run(self, run_id: str) -> Run:
        self._meet()
        return super().get_run(run_id)

    def _meet(self) -> None:
        if self.is_away:
            raise StoreUnavailable("The store is away")

    def close(self) -> None:
        """Other programs go on."""


class Journaling(RuleBasedStateMachine):
    """One program after another writes to up to four runs; any of them may die."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = UnreliableStore("file:///root")
        self.acknowledged: Counter[Point] = Counter()
        self.params: dict[str, dict[str, str]] = {}
        self.owned: set[str] = set()
        self.reached: set[str] = set()
        self.ended: set[str] = set()
        self.value = 0
        self.copies: list[Path] = []
        self.tracking = self.new_program(self.folder / "journal")
        self.start_run()

    def new_program(self, journal: Path) -> JournaledTracking:
        tracking = JournaledTracking(LocalTracking(self.store), journal, "here")
        tracking.journal.delivery._start = lambda: None  # type: ignore[method-assign]
        return tracking

    def run_id(self, number: int) -> str:
        return list(self.params)[number % len(self.params)]

    def can_reach(self, run_id: str) -> bool:
        """Whether this program can record in a run: one that a dead program has started offline must come first."""
        if run_id not in self.reached:
            self.tracking.journal.recover()
            self.tracking.journal.delivery._attempt()
            try:
                self.tracking.get_run(run_id)
            except (NotFound, StoreUnavailable):
                return False
            self.reached.add(run_id)
        return True

    def next_value(self) -> float:
        self.value += 1
        return float(self.value)

    def acknowledge(self, run_id: str, key: str, step: int, value: float) -> None:
        self.acknowledged[run_id, key, step, value] += 1

    # -- the program

    @precondition(lambda self: len(self.params) < 4)
    @rule()
    def start_run(self) -> None:
        self.store.faults = []
        run_id = self.tracking.create_run("0").info.run_id
        self.tracking.journal.own(run_id)
        self.owned.add(run_id)
        self.reached.add(run_id)
        self.params[run_id] = {}

    @rule(number=which, key=keys, step=st.integers(-3, 9))
    def log_point(self, number: int, key: str, step: int) -> None:
        run_id, value = self.run_id(number), self.next_value()
        if not self.can_reach(run_id):
            return
        self.tracking.journal.writer(run_id).log(key, value, 1, step)
        self.acknowledge(run_id, key, step, value)

    @rule(number=which, count=st.sampled_from((2, 700, 3000)))
    def log_series(self, number: int, count: int) -> None:
        run_id = self.run_id(number)
        if not self.can_reach(run_id):
            return
        writer = self.tracking.journal.writer(run_id)
        for step in range(count):
            value = self.next_value()
            writer.log("loss", value, 1, step)
            self.acknowledge(run_id, "loss", step, value)

    @rule(number=which, count=st.integers(1, 3), times=st.integers(1, 3))
    def log_rows(self, number: int, count: int, times: int) -> None:
        run_id = self.run_id(number)
        if not self.can_reach(run_id):
            return
        for _ in range(times):
            row = {key: self.next_value() for key in KEYS[:count]}
            self.tracking.journal.writer(run_id).log_row(row, 1, 5)
            for key, value in row.items():
                self.acknowledge(run_id, key, 5, value)

    @rule(number=which, with_points=st.booleans(), round_faults=faults)
    def log_batch(self, number: int, with_points: bool, round_faults: list[str]) -> None:
        self.store.faults = round_faults
        run_id, value = self.run_id(number), self.next_value()
        if not self.can_reach(run_id):
            return
        metrics = [Metric("acc", value, 1, 7)] if with_points else []
        self.tracking.log_batch(run_id, metrics=metrics, params={f"p{value}": value})
        self.params[run_id][f"p{value}"] = str(value)
        for metric in metrics:
            self.acknowledge(run_id, metric.key, metric.step, metric.value)

    @rule(number=which, size=st.integers(1, 3))
    def leave_a_hole(self, number: int, size: int) -> None:
        """Slots are taken, and the thread is killed, or interrupted, before it writes them."""
        writer = self.tracking.journal.writer(self.run_id(number))
        if writer.spool is not None:
            for _ in range(size):
                writer._segment.take()

    @rule(number=which, size=st.integers(0, 40))
    def be_refused(self, number: int, size: int) -> None:
        """A call that raises records nothing."""
        writer = self.tracking.journal.writer(self.run_id(number))
        row = {**{f"k{at}": 1.0 for at in range(size)}, "loss": "text"}
        with pytest.raises(RunstoneError):
            writer.log_row(row, 1, 1)
        with pytest.raises(RunstoneError):
            writer.log("loss", 1.0, 1, 1 << 70)

    @rule(number=which, round_faults=faults)
    def end_run(self, number: int, round_faults: list[str]) -> None:
        self.store.faults = round_faults
        run_id = self.run_id(number)
        if not self.can_reach(run_id):
            return
        self.tracking.journal.own(run_id)
        self.tracking.end_run(run_id, RunStatus.FINISHED)
        self.owned.discard(run_id)
        self.ended.add(run_id)

    # -- the store

    @rule()
    def take_the_store_away(self) -> None:
        self.store.is_away = True

    @rule()
    def bring_the_store_back(self) -> None:
        self.store.is_away = False

    # -- delivery

    @rule(round_faults=faults)
    def deliver(self, round_faults: list[str]) -> None:
        self.store.faults = round_faults
        self.tracking.journal.delivery._attempt()

    @rule(round_faults=faults)
    def look_for_the_dead(self, round_faults: list[str]) -> None:
        self.store.faults = round_faults
        self.tracking.journal.recover()
        self.tracking.journal.delivery._attempt()

    # -- the end of a program

    def vanish(self, tracking: JournaledTracking) -> None:
        """What the operating system does when a process is killed."""
        for consignment in tracking.journal.delivery._all():
            consignment.spool.close()
        tracking.is_closed = True

    @rule()
    def crash(self) -> None:
        self.vanish(self.tracking)
        self.owned.clear()
        self.reached.clear()
        self.tracking = self.new_program(self.folder / "journal")

    @rule(round_faults=faults)
    def leave_well(self, round_faults: list[str]) -> None:
        self.store.faults = round_faults
        for run_id in sorted(self.owned):
            self.tracking.end_run(run_id, RunStatus.FINISHED)
        self.ended |= self.owned
        self.owned.clear()
        self.tracking.close()
        self.tracking.journal.delivery._attempt()
        self.vanish(self.tracking)
        self.reached.clear()
        self.tracking = self.new_program(self.folder / "journal")

    # -- copies

    @precondition(lambda self: len(self.copies) < 2 and (self.folder / "journal").exists())
    @rule()
    def copy_the_journal(self) -> None:
        copy = self.folder / f"copy{len(self.copies)}"
        shutil.copytree(self.folder / "journal", copy)
        self.copies.append(copy)

    @precondition(lambda self: self.copies)
    @rule(number=which, round_faults=faults)
    def deliver_a_copy(self, number: int, round_faults: list[str]) -> None:
        self.store.faults = round_faults
        self.recover(self.copies[number % len(self.copies)])

    def recover(self, journal: Path) -> None:
        tracking = self.new_program(journal)
        tracking.journal.recover()
        tracking.journal.delivery._attempt()
        self.vanish(tracking)

    # -- what always holds

    @invariant()
    def nothing_is_stored_twice_or_was_never_logged(self) -> None:
        assert self.store.taken <= self.acknowledged

    def teardown(self) -> None:
        self.store.faults, self.store.is_away = [], False
        self.vanish(self.tracking)
        self.recover(self.folder / "journal")
        for copy in self.copies:
            self.recover(copy)
        try:
            assert list_spools(self.folder / "journal") == []
            assert self.store.taken == self.acknowledged
            for run_id, params in self.params.items():
                run = self.store.get_run(run_id)
                assert run.data.params == params
                assert run.info.status is (RunStatus.FINISHED if run_id in self.ended else RunStatus.FAILED)
        finally:
            shutil.rmtree(self.folder)


def test_what_was_acknowledged_is_stored_once_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNSTONE_ANSWER_WAIT", "RUNSTONE_EXIT_WAIT"):
        monkeypatch.setenv(name, "0.001")  # nobody would come meanwhile
    run_state_machine_as_test(
        Journaling,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
