"""The part of StoreSuite that is about writers: what they send counts once, and who falls silent is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from runstone import tag_names
from runstone.entities import LifecycleStage, RunStatus
from runstone.errors import InvalidInput, NotActive, NotFound, ParamChanged
from runstone.stores.base import Sequenced, Store, Write
from runstone.testing.store_records import RUN_ID, add_run, batch, rows

__all__ = ["StoreWritersSuite"]

FINISHED, FAILED, RUNNING = RunStatus.FINISHED, RunStatus.FAILED, RunStatus.RUNNING
SECOND = 1000


def write(
    store: Store,
    first: int,
    last: int,
    *,
    now: int = 1,
    run_id: str = RUN_ID,
    writer: str = "w",
    ends: bool = False,
    **content: Any,
) -> None:
    """Record what a writer sends under these numbers."""
    place = Sequenced(writer, first, last, ends)
    (error,) = store.log_batches([Write(run_id=run_id, sequenced=place, heard_at=now, **content)])
    if error is not None:
        raise error


def end(store: Store, run_id: str = RUN_ID) -> tuple[RunStatus, int | None, str | None]:
    """The status, the end time, and why the run has ended."""
    run = store.get_run(run_id)
    return run.info.status, run.info.end_time, run.data.tags.get(tag_names.END_REASON)


def revision(store: Store) -> int:
    """That of the last change of a run."""
    return store.list_changed_runs(0, max_results=1000).revision


class StoreWritersSuite:
    """Needs a fixture `store`: a fresh, empty Store."""

    @pytest.fixture
    def silent(self, store: Store) -> Store:
        """A store with a run that has failed because nothing was heard of it since second 7."""
        add_run(store)
        write(store, 1, 4, now=7 * SECOND, tags={"a": "1"})
        assert store.fail_silent_runs(heard_before=60 * SECOND) == [RUN_ID]
        return store

    # -- sequences

    def test_a_write_that_arrives_twice_is_stored_once(self, store: Store) -> None:
        add_run(store)
        store.log_batch(RUN_ID, tags={"a": "1"}, sequenced=Sequenced("w", 1, 3))
        store.log_batch(RUN_ID, tags={"a": "2"}, sequenced=Sequenced("w", 4, 4))
        for again in (Sequenced("w", 1, 3), Sequenced("w", 4, 4), Sequenced("w", 2, 4)):
            store.log_batch(RUN_ID, tags={"a": "again"}, params={"p": "again"}, sequenced=again)
        assert store.last_sequence(RUN_ID, "w") == 4
        data = store.get_run(RUN_ID).data
        assert (data.tags["a"], data.params) == ("2", {})

    @pytest.mark.parametrize("write", [Sequenced("w", 5, 6), Sequenced("w", 3, 4), Sequenced("w", 1, 9)])
    def test_a_gap_or_an_overlap_is_refused_and_stores_nothing(self, store: Store, write: Sequenced) -> None:
        add_run(store)
        store.log_batch(RUN_ID, tags={"a": "1"}, sequenced=Sequenced("w", 1, 3))
        with pytest.raises(InvalidInput, match="up to 3; send from 4 on"):
            store.log_batch(RUN_ID, tags={"a": "2"}, metrics=batch(loss=[(0, 0, 0.0)]), sequenced=write)
        assert store.last_sequence(RUN_ID, "w") == 3
        assert store.get_run(RUN_ID).data.tags["a"] == "1"
        assert rows(store) == []

    def test_each_writer_of_each_run_has_a_sequence_of_its_own(self, store: Store) -> None:
        add_run(store)
        add_run(store, "other")
        store.log_batch(RUN_ID, sequenced=Sequenced("w", 1, 3))
        store.log_batch(RUN_ID, sequenced=Sequenced("v", 1, 2))
        store.log_batch("other", sequenced=Sequenced("w", 1, 1))
        assert [store.last_sequence(RUN_ID, writer) for writer in ("w", "v", "u")] == [3, 2, 0]
        assert store.last_sequence("other", "w") == 1

    # -- status and deleted tags

    def test_a_write_sets_status_and_end_time_whatever_they_were(self, store: Store) -> None:
        add_run(store)
        for status, end_time in ((FINISHED, 99), (RUNNING, None), (FAILED, 5), (FAILED, None), (RUNNING, 7)):
            assert store.log_batches([Write(run_id=RUN_ID, status=status, end_time=end_time)]) == [None]
            assert end(store) == (status, end_time, None)

    def test_a_status_is_set_once_however_often_its_write_arrives(self, store: Store) -> None:
        add_run(store)
        write(store, 1, 2, status=FINISHED, end_time=9, tags={"a": "1"}, deleted_tags=["b"])
        store.set_run_status(RUN_ID, RUNNING, end_time=None)
        store.log_batch(RUN_ID, tags={"a": "2", "b": "2"})
        before, since = store.get_run(RUN_ID), revision(store)
        for first in (1, 2):
            write(store, first, 2, status=FINISHED, end_time=9, tags={"a": "1"}, deleted_tags=["b"])
        assert (store.get_run(RUN_ID), revision(store)) == (before, since)

    def test_tags_are_deleted_after_others_are_set_and_need_not_be_there(self, store: Store) -> None:
        add_run(store, tags={"old": "1", "kept": "1"})
        write(store, 1, 1, tags={"new": "1", "both": "1"}, deleted_tags=["old", "both", "never there"])
        tags = store.get_run(RUN_ID).data.tags
        assert tags == {"kept": "1", "new": "1", tag_names.RUN_NAME: "quiet-granite-417"}

    def test_one_write_may_hold_everything(self, store: Store) -> None:
        add_run(store, tags={"old": "1"})
        loss = batch(loss=[(0, 0, 1.0)])
        content: dict[str, Any] = {"metrics": loss, "params": {"p": "1"}, "tags": {"t": "1"}, "deleted_tags": ["old"]}
        write(store, 1, 5, status=FINISHED, end_time=3, ends=True, **content)
        data = store.get_run(RUN_ID).data
        assert (data.metrics, data.params, "old" in data.tags, data.tags["t"]) == (
            {"loss": 1.0},
            {"p": "1"},
            False,
            "1",
        )
        assert end(store) == (FINISHED, 3, None)
        assert store.last_sequence(RUN_ID, "w") == 5

    def test_a_write_that_is_refused_sets_no_status_and_deletes_no_tag(self, store: Store) -> None:
        add_run(store, tags={"a": "1"})
        store.log_batch(RUN_ID, params={"p": "1"})
        before = store.get_run(RUN_ID)
        content: dict[str, Any] = {"status": FINISHED, "end_time": 9, "deleted_tags": ["a"]}
        with pytest.raises(ParamChanged):
            write(store, 1, 1, params={"p": "2"}, **content)
        with pytest.raises(InvalidInput, match="send from 1 on"):
            write(store, 2, 3, **content)
        assert store.get_run(RUN_ID) == before
        assert store.last_sequence(RUN_ID, "w") == 0

    def test_a_run_that_is_unknown_or_deleted_hears_no_writer(self, store: Store) -> None:
        with pytest.raises(NotFound, match="nobody"):
            write(store, 0, 0, run_id="nobody")
        add_run(store)
        store.set_run_stage(RUN_ID, LifecycleStage.DELETED, now=1)
        for status in (None, FINISHED):
            with pytest.raises(NotActive, match=RUN_ID):
                write(store, 1, 1, status=status)
        assert end(store) == (RUNNING, None, None)

    def test_points_of_a_run_that_has_ended_are_stored_and_leave_its_status(self, store: Store) -> None:
        add_run(store)
        store.set_run_status(RUN_ID, FINISHED, end_time=9)
        write(store, 1, 1, metrics=batch(loss=[(0, 0, 1.0)]))
        assert rows(store) == [(0, 0, 1.0)]
        assert end(store) == (FINISHED, 9, None)

    # -- silence

    def test_a_repeat_of_the_last_sequence_changes_nothing_but_when_its_writer_was_heard(self, store: Store) -> None:
        add_run(store)
        write(store, 1, 4, now=SECOND, tags={"a": "1"})
        before, since = store.get_run(RUN_ID), revision(store)
        write(store, 4, 4, now=9 * SECOND)
        assert (store.get_run(RUN_ID), revision(store)) == (before, since)
        assert store.last_sequence(RUN_ID, "w") == 4
        assert store.fail_silent_runs(heard_before=9 * SECOND) == []
        assert store.fail_silent_runs(heard_before=9 * SECOND + 1) == [RUN_ID]

    def test_a_run_whose_writer_was_not_heard_for_too_long_has_failed_then(self, store: Store) -> None:
        add_run(store)
        write(store, 1, 1, now=1_700_000_000_123)
        since = revision(store)
        assert store.fail_silent_runs(heard_before=1_700_000_000_123) == []
        assert (end(store), revision(store)) == ((RUNNING, None, None), since)
        assert store.fail_silent_runs(heard_before=1_700_000_000_124) == [RUN_ID]
        reason = "silent: nothing was heard since 2023-11-14T22:13:20+00:00"
        assert end(store) == (FAILED, 1_700_000_000_123, reason)
        assert store.list_changed_runs(since, max_results=10).runs == [(RUN_ID, "0")]

    def test_a_writer_that_has_nothing_to_record_yet_can_be_heard(self, store: Store) -> None:
        add_run(store)
        write(store, 0, 0, now=SECOND)
        write(store, 0, 0, now=2 * SECOND)
        assert store.last_sequence(RUN_ID, "w") == 0
        assert store.fail_silent_runs(heard_before=2 * SECOND) == []
        assert store.fail_silent_runs(heard_before=3 * SECOND) == [RUN_ID]
        write(store, 1, 2, now=9 * SECOND)
        assert store.last_sequence(RUN_ID, "w") == 2

    def test_a_run_falls_silent_once(self, silent: Store) -> None:
        before, since = silent.get_run(RUN_ID), revision(silent)
        assert silent.fail_silent_runs(heard_before=1 << 50) == []
        assert (silent.get_run(RUN_ID), revision(silent)) == (before, since)

    def test_of_several_writers_the_one_that_was_heard_last_counts(self, store: Store) -> None:
        add_run(store)
        for writer, now in (("u", 3), ("v", 9), ("w", 5)):
            write(store, 1, 1, writer=writer, now=now * SECOND)
        assert store.fail_silent_runs(heard_before=9 * SECOND) == []
        write(store, 1, 1, writer="v", now=9 * SECOND, ends=True)
        assert store.fail_silent_runs(heard_before=5 * SECOND) == []
        assert store.fail_silent_runs(heard_before=9 * SECOND) == [RUN_ID]
        assert end(store)[1] == 5 * SECOND

    @pytest.mark.parametrize("last", [4, 5])
    def test_nothing_more_is_expected_of_a_writer_that_ends(self, store: Store, last: int) -> None:
        add_run(store)
        write(store, 1, 4, now=SECOND)
        write(store, last, last, now=SECOND, ends=True)
        assert store.fail_silent_runs(heard_before=1 << 50) == []
        assert end(store) == (RUNNING, None, None)
        write(store, last, last, now=SECOND)  # it goes on all the same
        assert store.fail_silent_runs(heard_before=1 << 50) == [RUN_ID]

    def test_only_active_and_running_runs_with_writers_fall_silent(self, store: Store) -> None:
        for run_id in ("plain", "unsequenced", "finished", "scheduled", "deleted", "first", "second"):
            add_run(store, run_id)
        store.log_batch("unsequenced", tags={"a": "1"})
        for run_id in ("deleted", "second", "first"):
            write(store, 1, 1, run_id=run_id)
        write(store, 1, 1, run_id="finished", status=FINISHED, end_time=3)
        write(store, 1, 1, run_id="scheduled", status=RunStatus.SCHEDULED)
        store.set_run_stage("deleted", LifecycleStage.DELETED, now=1)
        assert store.fail_silent_runs(heard_before=60 * SECOND) == ["first", "second"]
        assert end(store, "finished") == (FINISHED, 3, None)
        store.set_run_stage("deleted", LifecycleStage.ACTIVE, now=1)
        assert end(store, "deleted") == (RUNNING, None, None)
        assert store.fail_silent_runs(heard_before=60 * SECOND) == ["deleted"]

    # -- revival

    @pytest.mark.parametrize(("first", "last"), [(5, 6), (4, 4), (2, 3)], ids=["new", "heartbeat", "repeat"])
    def test_a_silent_run_whose_writer_is_heard_again_goes_on(self, silent: Store, first: int, last: int) -> None:
        since = revision(silent)
        write(silent, first, last, now=100 * SECOND, tags={"a": "2"})
        assert end(silent) == (RUNNING, None, None)
        assert silent.get_run(RUN_ID).data.tags["a"] == ("2" if last > 4 else "1")
        assert silent.list_changed_runs(since, max_results=10).runs == [(RUN_ID, "0")]
        assert silent.fail_silent_runs(heard_before=100 * SECOND) == []
        assert silent.fail_silent_runs(heard_before=101 * SECOND) == [RUN_ID]
        assert end(silent)[1] == 100 * SECOND

    def test_a_new_writer_revives_a_silent_run(self, silent: Store) -> None:
        write(silent, 0, 0, writer="new", now=100 * SECOND)
        assert end(silent) == (RUNNING, None, None)

    def test_what_a_silent_run_left_behind_is_stored_and_revives_nothing(self, silent: Store) -> None:
        before = end(silent)
        write(silent, 5, 6, now=100 * SECOND, metrics=batch(loss=[(0, 0, 1.0)]), ends=True)
        write(silent, 6, 6, now=100 * SECOND, ends=True)
        silent.log_batch(RUN_ID, tags={"a": "9"})
        assert rows(silent) == [(0, 0, 1.0)]
        assert end(silent) == before

    def test_a_write_that_is_refused_revives_nothing(self, silent: Store) -> None:
        silent.log_batch(RUN_ID, params={"p": "1"})
        before, since = silent.get_run(RUN_ID), revision(silent)
        with pytest.raises(InvalidInput, match="send from 5 on"):
            write(silent, 9, 9, now=100 * SECOND)
        with pytest.raises(ParamChanged):
            write(silent, 5, 5, now=100 * SECOND, params={"p": "2"})
        assert (silent.get_run(RUN_ID), revision(silent)) == (before, since)

    def test_a_late_status_of_a_silent_run_holds(self, silent: Store) -> None:
        write(silent, 5, 6, now=100 * SECOND, status=FINISHED, end_time=50, ends=True)
        assert end(silent) == (FINISHED, 50, None)

    def test_a_run_that_failed_for_another_reason_is_not_revived(self, store: Store) -> None:
        add_run(store)
        write(store, 1, 1, status=FAILED, end_time=5)
        write(store, 1, 1)
        assert end(store) == (FAILED, 5, None)
        store.log_batch(RUN_ID, tags={tag_names.END_REASON: "out of memory"})
        write(store, 2, 2)
        assert end(store) == (FAILED, 5, "out of memory")

    def test_whoever_sets_the_status_of_a_silent_run_answers_for_it(self, silent: Store) -> None:
        silent.set_run_status(RUN_ID, RUNNING, end_time=None)
        assert end(silent) == (RUNNING, None, None)
        assert silent.fail_silent_runs(heard_before=1 << 50) == []
        silent.set_run_status(RUN_ID, FAILED, end_time=5)
        write(silent, 4, 4)
        assert end(silent) == (FAILED, 5, None)

    def test_a_run_that_somebody_takes_over_is_not_failed_for_its_old_writers(self, store: Store) -> None:
        add_run(store)
        write(store, 1, 1)
        store.set_run_status(RUN_ID, RUNNING, end_time=None)
        assert store.fail_silent_runs(heard_before=1 << 50) == []
        write(store, 2, 2)
        assert store.fail_silent_runs(heard_before=1 << 50) == [RUN_ID]
