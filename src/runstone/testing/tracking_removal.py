"""What every Tracking that can remove for good must do: those over a store, and over a server of ours."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from runstone import tag_names
from runstone.entities import Metric, RunStatus
from runstone.errors import InvalidInput, NotActive, NotFound
from runstone.tracking.base import Tracking
from runstone.tracking.removal import RemovalBatch, RemovalRequest

__all__ = ["TrackingRemovalSuite"]

DAY_MS = 86_400_000
LONG_AGO = 1_700_000_000_000


def add_ended_run(
    tracking: Tracking,
    experiment_id: str,
    *losses: float,
    end_time: int = LONG_AGO,
    tags: Mapping[str, str] | None = None,
) -> str:
    """A run that has ended, with a file and these values of `loss`."""
    run_id = tracking.create_run(experiment_id, start_time=LONG_AGO - 1000, tags=tags).info.run_id
    tracking.log_batch(run_id, metrics=[Metric("loss", value, 1, step) for step, value in enumerate(losses)])
    tracking.update_run(run_id, status=RunStatus.FINISHED, end_time=end_time)
    tracking.open_artifacts(run_id).put_stream(io.BytesIO(b"weights"), "model/weights.bin")
    return run_id


def planned(tracking: Tracking, request: RemovalRequest) -> set[str]:
    return {run.run_id for run in tracking.removal.plan(request).runs}


class TrackingRemovalSuite:
    """The contract of Tracking for removal. Needs a fixture `tracking`: a fresh tracker for each test."""

    def test_a_plan_holds_what_was_deleted_and_changes_nothing(self, tracking: Tracking) -> None:
        number = tracking.create_experiment("old")
        gone, stays = add_ended_run(tracking, number, 0.5), add_ended_run(tracking, "0", 0.5)
        assert tracking.removal.plan(RemovalRequest()).runs == []
        tracking.delete_experiment(number)
        plan = tracking.removal.plan(RemovalRequest())
        (run,) = plan.runs
        assert (run.run_id, run.experiment_id, run.reason) == (gone, number, "deleted")
        assert run.database_bytes > 0
        assert run.artifact_bytes == plan.artifact_bytes == 7
        assert [one.experiment_id for one in plan.experiments] == [number]
        assert tracking.get_run(gone).info.run_id == gone
        assert len(tracking.read_series(stays, "loss")) == 1

    def test_what_is_removed_is_gone_with_its_files_and_nothing_else_is(self, tracking: Tracking) -> None:
        number = tracking.create_experiment("old")
        gone, stays = add_ended_run(tracking, number, 0.5), add_ended_run(tracking, "0", 0.5, 0.25)
        files = tracking.open_artifacts(gone)
        tracking.delete_experiment(number)
        done = tracking.removal.remove(RemovalBatch(run_ids=[gone], experiment_ids=[number]))
        assert (done.runs, done.experiments, done.artifact_bytes, done.problems) == (1, 1, 7, [])
        with pytest.raises(NotFound):
            tracking.get_run(gone)
        with pytest.raises(NotFound):
            tracking.get_experiment(number)
        assert files.list() == []
        assert len(tracking.read_series(stays, "loss")) == 2
        assert [one.path for one in tracking.open_artifacts(stays).list()] == ["model"]
        again = tracking.removal.remove(RemovalBatch(run_ids=[gone], experiment_ids=[number]))
        assert (again.runs, again.experiments, again.problems) == (0, 0, [])

    def test_an_active_run_is_not_removed(self, tracking: Tracking) -> None:
        active = add_ended_run(tracking, "0", 0.5)
        with pytest.raises(NotActive, match=active):
            tracking.removal.plan(RemovalRequest(run_ids=[active]))
        done = tracking.removal.remove(RemovalBatch(run_ids=[active]))
        assert done.runs == 0
        assert active in done.problems[0]
        assert tracking.open_artifacts(active).list() != []

    def test_an_experiment_with_a_protected_run_stays(self, tracking: Tracking) -> None:
        number = tracking.create_experiment("old")
        add_ended_run(tracking, number, 0.5, tags={"keep": ""})
        tracking.delete_experiment(number)
        assert tracking.removal.plan(RemovalRequest()).experiments == []
        done = tracking.removal.remove(RemovalBatch(experiment_ids=[number]))
        assert (done.experiments, len(done.problems)) == (0, 1)
        assert tracking.get_experiment(number).name == "old"

    def test_ids_and_ages_limit_a_plan(self, tracking: Tracking) -> None:
        number = tracking.create_experiment("e")
        a, b = add_ended_run(tracking, number, 0.5), add_ended_run(tracking, "0", 0.5)
        for run_id in (a, b):
            tracking.delete_run(run_id)
        assert planned(tracking, RemovalRequest()) == {a, b}
        assert planned(tracking, RemovalRequest(run_ids=[a])) == {a}
        assert planned(tracking, RemovalRequest(experiment_ids=["0"])) == {b}
        assert planned(tracking, RemovalRequest(older_than_ms=DAY_MS)) == set()
        with pytest.raises(NotFound):
            tracking.removal.plan(RemovalRequest(run_ids=["0f" * 16]))

    def test_the_tag_keep_and_versions_of_models_protect_a_run(self, tracking: Tracking) -> None:
        tagged, registered = add_ended_run(tracking, "0", 0.5, tags={"keep": ""}), add_ended_run(tracking, "0", 0.5)
        tracking.models.create_registered_model("net")
        source = tracking.get_run(registered).info.artifact_uri + "/model"
        tracking.models.create_model_version("net", source, run_id=registered)
        for run_id in (tagged, registered):
            tracking.delete_run(run_id)
        plan = tracking.removal.plan(RemovalRequest())
        assert plan.runs == []
        assert {one.run_id: one.reason for one in plan.kept} == {
            tagged: "it has the tag 'keep'",
            registered: "a version of a registered model comes from it",
        }
        assert tracking.removal.remove(RemovalBatch(run_ids=[tagged, registered])).runs == 0
        assert tracking.open_artifacts(registered).list() != []

    # -- rules of what to keep

    def test_the_best_stay_and_the_others_go_once_they_are_old_enough(self, tracking: Tracking) -> None:
        number = tracking.create_experiment("sweep")
        best, second = add_ended_run(tracking, number, 0.9, 0.1, 0.8), add_ended_run(tracking, number, 0.2)
        worse, worst = add_ended_run(tracking, number, 0.3), add_ended_run(tracking, number)
        young = add_ended_run(tracking, number, 0.5, end_time=LONG_AGO * 2)
        rule = RemovalRequest(keep=["best 2 by min(metrics.loss)"], drop_after_ms=DAY_MS)
        plan = tracking.removal.plan(rule)
        assert {run.run_id: run.reason for run in plan.runs} == dict.fromkeys([worse, worst], "beyond the rule")
        assert {run.since for run in plan.runs} == {LONG_AGO}
        done = tracking.removal.remove(RemovalBatch(dropped_run_ids=[worse, worst]))
        assert (done.runs, done.problems) == (2, [])
        left = {run.info.run_id for run in tracking.search_runs([number])}
        assert left == {best, second, young}

    def test_every_rule_counts_and_each_experiment_by_itself(self, tracking: Tracking) -> None:
        one, other = tracking.create_experiment("one"), tracking.create_experiment("other")
        low, high = add_ended_run(tracking, one, 0.1), add_ended_run(tracking, one, 0.9)
        middle, alone = add_ended_run(tracking, one, 0.5), add_ended_run(tracking, other, 0.5)
        keep = ["best 1 by min(metrics.loss)", "best 1 by metrics.loss DESC"]
        assert planned(tracking, RemovalRequest(keep=keep, drop_after_ms=1)) == {middle}
        chosen = RemovalRequest(keep=["latest 0"], drop_after_ms=1, experiment_ids=[other])
        assert planned(tracking, chosen) == {alone}
        assert planned(tracking, RemovalRequest(keep=["latest 0"], drop_after_ms=1)) == {low, high, middle, alone}

    def test_a_rule_never_drops_what_runs_is_protected_or_has_a_nested_run_that_stays(self, tracking: Tracking) -> None:
        number = tracking.create_experiment("sweep")
        parent = add_ended_run(tracking, number)
        child = add_ended_run(tracking, number, 0.1, tags={tag_names.PARENT_RUN_ID: parent})
        running = tracking.create_run(number, start_time=1).info.run_id
        kept = add_ended_run(tracking, number, 0.5, tags={"keep": "yes"})
        goes = add_ended_run(tracking, number, 0.6)
        plan = tracking.removal.plan(RemovalRequest(keep=["best 1 by min(metrics.loss)"], drop_after_ms=1))
        assert {run.run_id for run in plan.runs} == {goes}
        assert {one.run_id for one in plan.kept} == {parent, kept}
        assert f"nested run {child} stays" in " ".join(one.reason for one in plan.kept)
        done = tracking.removal.remove(RemovalBatch(dropped_run_ids=[running, kept]))
        assert (done.runs, len(done.problems)) == (0, 2)
        assert tracking.get_run(running).info.lifecycle_stage == "active"

    @pytest.mark.parametrize(
        "request_",
        [
            RemovalRequest(run_ids=[]),
            RemovalRequest(experiment_ids=[]),
            RemovalRequest(keep=["latest 1"]),
            RemovalRequest(drop_after_ms=1),
            RemovalRequest(older_than_ms=-1),
            RemovalRequest(keep=["best by luck"], drop_after_ms=1),
            RemovalRequest(keep=["best 3 by metrics.loss"], drop_after_ms=1),
            RemovalRequest(keep=["best 3 by min(params.x)"], drop_after_ms=1),
        ],
        ids=repr,
    )
    def test_a_request_that_cannot_be_meant_is_refused(self, tracking: Tracking, request_: RemovalRequest) -> None:
        with pytest.raises(InvalidInput):
            tracking.removal.plan(request_)

    def test_a_batch_is_bounded(self, tracking: Tracking) -> None:
        with pytest.raises(InvalidInput, match="100"):
            tracking.removal.remove(RemovalBatch(run_ids=["0f" * 16] * 101))
