"""What a Tracking must do that keeps the positions of writers: all but one at a server of MLflow. For plug-ins, too.

Derive a class named `Test...` from TrackingWritersSuite and give it a fixture `tracking`: a fresh tracker.
"""

from __future__ import annotations

import pytest

from runstone.entities import Metric, RunStatus
from runstone.errors import InvalidInput, NotFound
from runstone.series.points import MetricBatch
from runstone.stores.base import Sequenced, Write
from runstone.testing.tracking_records import UNKNOWN_RUN
from runstone.tracking.base import Tracking

__all__ = ["TrackingWritersSuite"]

WRITERS = ("w", "host-1/42", "ключ α&=?#%+ 1", "w" * 200)


def points(*steps: int, value: float = 1.0) -> MetricBatch:
    """A point of the series `m` at each step."""
    return MetricBatch.of_metrics([Metric("m", value, 1, step) for step in steps])


class TrackingWritersSuite:
    """Needs a fixture `tracking`: a fresh tracker for each test."""

    @pytest.fixture
    def run_id(self, tracking: Tracking) -> str:
        """A fresh run."""
        return tracking.create_run("0").info.run_id

    @pytest.mark.parametrize("writer", WRITERS, ids=range(len(WRITERS)))
    def test_a_writer_is_told_how_far_it_has_come(self, tracking: Tracking, run_id: str, writer: str) -> None:
        for first, last in ((1, 3), (4, 4), (2, 4)):
            write = Write(run_id=run_id, metrics=points(last), sequenced=Sequenced(writer, first, last))
            assert tracking.log_batches([write]) == [None]
        assert tracking.last_sequence(run_id, writer) == 4
        assert tracking.last_sequence(run_id, writer + "x") == 0
        assert tracking.last_sequence(tracking.create_run("0").info.run_id, writer) == 0

    def test_only_of_a_run_that_is_there_a_writer_can_be_told(self, tracking: Tracking) -> None:
        with pytest.raises(NotFound, match=UNKNOWN_RUN):
            tracking.last_sequence(UNKNOWN_RUN, "w")
        with pytest.raises(InvalidInput, match="run id"):
            tracking.last_sequence("../x", "w")

    def test_a_write_that_arrives_twice_is_stored_once_with_its_status(self, tracking: Tracking, run_id: str) -> None:
        write = Write(
            run_id=run_id,
            metrics=points(0, 1),
            tags={"a": "1"},
            deleted_tags=["b"],
            status=RunStatus.FINISHED,
            end_time=9,
            sequenced=Sequenced("w", 1, 4),
        )
        assert tracking.log_batches([write]) == [None]
        assert tracking.get_run(run_id).info.status is RunStatus.FINISHED
        tracking.update_run(run_id, status="RUNNING")
        tracking.log_batch(run_id, tags={"a": "2", "b": "2"})
        before = tracking.get_run(run_id)
        assert tracking.log_batches([write, write]) == [None, None]
        assert tracking.get_run(run_id) == before
        assert len(tracking.read_series(run_id, "m")) == 2

    def test_a_gap_or_an_overlap_is_refused_and_sets_nothing(self, tracking: Tracking, run_id: str) -> None:
        places = [Sequenced("w", 1, 3), Sequenced("w", 5, 6), Sequenced("w", 3, 4)]
        writes = [Write(run_id=run_id, tags={"t": str(place.first)}, sequenced=place) for place in places]
        results = tracking.log_batches(writes)
        assert [type(result) for result in results] == [type(None), InvalidInput, InvalidInput]
        assert tracking.get_run(run_id).data.tags["t"] == "1"
        assert tracking.last_sequence(run_id, "w") == 3

    @pytest.mark.parametrize("last", [0, 7])
    @pytest.mark.parametrize("ends", [False, True], ids=["goes on", "ends"])
    def test_a_writer_may_say_that_it_lives_and_nothing_else(
        self, tracking: Tracking, run_id: str, last: int, ends: bool
    ) -> None:
        if last:
            first = Write(run_id=run_id, metrics=points(*range(7)), sequenced=Sequenced("w", 1, last))
            assert tracking.log_batches([first]) == [None]
        before, changes = tracking.get_run(run_id), tracking.list_changed_runs(0)
        word = Write(run_id=run_id, sequenced=Sequenced("w", last, last, ends))
        assert tracking.log_batches([word, word]) == [None, None]
        assert (tracking.get_run(run_id), tracking.list_changed_runs(0)) == (before, changes)
        assert tracking.last_sequence(run_id, "w") == last
