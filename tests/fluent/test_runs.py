"""Starting, resuming and ending runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import runstone as mlflow
from runstone.errors import InvalidInput, NotActive, NotFound


def status(run_id: str) -> str:
    return mlflow.get_run(run_id).info.status.value


def tags(run_id: str) -> dict[str, str]:
    return mlflow.get_run(run_id).data.tags


# -- a block


def test_a_block_starts_a_run_and_ends_it_as_finished() -> None:
    assert mlflow.active_run() is None
    with mlflow.start_run() as run:
        assert mlflow.active_run() is run
        assert (run.info.status, run.info.end_time) == ("RUNNING", None)
        assert status(run.info.run_id) == "RUNNING"
    assert mlflow.active_run() is None
    ended = mlflow.get_run(run.info.run_id).info
    assert ended.status == "FINISHED"
    assert ended.start_time is not None and ended.end_time is not None and ended.start_time <= ended.end_time


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("bad"), "FAILED"),
        (KeyboardInterrupt(), "FAILED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(), "FINISHED"),
        (SystemExit(1), "FAILED"),
        (SystemExit("bad"), "FAILED"),
    ],
    ids=repr,
)
def test_an_error_in_the_block_goes_on_and_says_how_the_run_ended(error: BaseException, expected: str) -> None:
    with pytest.raises(type(error)) as caught, mlflow.start_run() as run:
        raise error
    assert caught.value is error
    assert status(run.info.run_id) == expected


def test_a_run_that_is_ended_inside_its_block_keeps_the_status_it_was_given() -> None:
    with mlflow.start_run() as run:
        mlflow.end_run("KILLED")
        with mlflow.start_run() as second:
            pass
    assert (status(run.info.run_id), status(second.info.run_id)) == ("KILLED", "FINISHED")


def test_runs_left_open_inside_a_block_end_with_it() -> None:
    with pytest.raises(ValueError, match="bad"), mlflow.start_run() as outer:
        inner = mlflow.start_run(nested=True)
        raise ValueError("bad")
    assert (status(outer.info.run_id), status(inner.info.run_id)) == ("FAILED", "FAILED")
    assert mlflow.active_run() is None


def test_a_block_leaves_alone_what_was_started_around_it() -> None:
    outer = mlflow.start_run()
    with mlflow.start_run(nested=True):
        pass
    assert mlflow.active_run() is outer
    assert status(outer.info.run_id) == "RUNNING"


def test_a_run_that_cannot_be_ended_does_not_hide_the_error_of_its_block() -> None:
    told = pytest.warns(RuntimeWarning, match="could not be ended")
    with told, pytest.raises(ValueError, match="bad"), mlflow.start_run() as run:
        mlflow.delete_run(run.info.run_id)
        raise ValueError("bad")
    with pytest.raises(NotActive, match="restore"), mlflow.start_run() as run:
        mlflow.delete_run(run.info.run_id)
    assert mlflow.active_run() is None


# -- start_run and end_run


def test_end_run_ends_the_run_with_the_status_it_is_given() -> None:
    for word in ("FINISHED", "FAILED", "KILLED"):
        run = mlflow.start_run()
        mlflow.end_run(word)
        assert status(run.info.run_id) == word


def test_end_run_without_a_run_does_nothing() -> None:
    mlflow.end_run()
    assert mlflow.active_run() is None


def test_an_unknown_status_is_refused_and_the_run_goes_on() -> None:
    run = mlflow.start_run()
    with pytest.raises(InvalidInput, match=r"DONE.*RUNNING, SCHEDULED, FINISHED, FAILED, KILLED"):
        mlflow.end_run("DONE")
    assert mlflow.active_run() is run


def test_a_second_run_is_refused_unless_it_is_nested() -> None:
    run = mlflow.start_run()
    with pytest.raises(NotActive, match=rf"{run.info.run_id} is already active.*nested=True"):
        mlflow.start_run()
    assert mlflow.active_run() is run
    assert len(mlflow.search_runs()) == 1


def test_nested_runs_know_their_parents() -> None:
    with mlflow.start_run() as a, mlflow.start_run(nested=True) as b, mlflow.start_run(nested=True) as c:
        pass
    assert "mlflow.parentRunId" not in tags(a.info.run_id)
    assert tags(b.info.run_id)["mlflow.parentRunId"] == a.info.run_id
    assert tags(c.info.run_id)["mlflow.parentRunId"] == b.info.run_id
    parent = mlflow.get_parent_run(c.info.run_id)
    assert parent is not None and parent.info.run_id == b.info.run_id
    assert mlflow.get_parent_run(a.info.run_id) is None


def test_nested_without_a_run_around_is_a_run_like_any_other() -> None:
    with mlflow.start_run(nested=True) as run:
        pass
    assert "mlflow.parentRunId" not in tags(run.info.run_id)


def test_a_parent_can_be_named() -> None:
    with mlflow.start_run() as parent:
        pass
    with mlflow.start_run(parent_run_id=parent.info.run_id) as child:
        pass
    assert tags(child.info.run_id)["mlflow.parentRunId"] == parent.info.run_id


def test_a_parent_that_is_unknown_or_deleted_is_refused() -> None:
    with pytest.raises(NotFound, match="0" * 32):
        mlflow.start_run(parent_run_id="0" * 32)
    with mlflow.start_run() as parent:
        pass
    mlflow.delete_run(parent.info.run_id)
    with pytest.raises(NotActive, match=f"runs restore {parent.info.run_id}"):
        mlflow.start_run(parent_run_id=parent.info.run_id)
    assert mlflow.active_run() is None


def test_a_run_has_the_name_tags_and_description_it_is_given() -> None:
    with mlflow.start_run(run_name="first", tags={"a": 1}, description="What *this* is") as run:
        pass
    assert mlflow.get_run(run.info.run_id).info.run_name == "first"
    expected = {"a": "1", "mlflow.note.content": "What *this* is", "mlflow.runName": "first"}
    assert expected.items() <= tags(run.info.run_id).items()


def test_a_run_has_the_tags_of_its_context_and_given_ones_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"team": "blue", "stage": "dev"}')
    with mlflow.start_run(tags={"team": "red", "mlflow.user": "eve"}) as run:
        pass
    found = tags(run.info.run_id)
    assert (found["team"], found["stage"], found["mlflow.user"]) == ("red", "dev", "eve")
    assert found["mlflow.source.type"] == "LOCAL"
    assert run.info.user_id == "eve"


def test_the_name_wins_over_the_tag_of_a_name() -> None:
    with mlflow.start_run(run_name="a", tags={"mlflow.runName": "b"}) as run:
        pass
    assert run.info.run_name == "a"
    with mlflow.start_run(tags={"mlflow.runName": "b"}) as run:
        pass
    assert run.info.run_name == "b"


def test_two_descriptions_are_refused() -> None:
    with pytest.raises(InvalidInput, match="Two descriptions"):
        mlflow.start_run(description="a", tags={"mlflow.note.content": "b"})
    assert mlflow.active_run() is None


def test_the_experiment_of_a_run_may_be_an_int() -> None:
    number = int(mlflow.create_experiment("a"))
    with mlflow.start_run(experiment_id=number) as run:
        pass
    assert run.info.experiment_id == str(number)


def test_a_run_in_an_unknown_or_deleted_experiment_is_refused() -> None:
    with pytest.raises(NotFound, match="'77'"):
        mlflow.start_run(experiment_id="77")
    experiment_id = mlflow.create_experiment("a")
    mlflow.delete_experiment(experiment_id)
    with pytest.raises(NotActive, match=f"experiments restore {experiment_id}"):
        mlflow.start_run(experiment_id=experiment_id)
    assert mlflow.active_run() is None


# -- resuming


def test_a_resumed_run_is_running_again_and_keeps_the_rest() -> None:
    with mlflow.start_run(run_name="first", tags={"a": "1"}) as run:
        mlflow.log_param("p", 1)
        mlflow.log_metric("m", 1.0)
    before = mlflow.get_run(run.info.run_id)
    resumed = mlflow.start_run(run_id=run.info.run_id)
    assert (resumed.info.status, resumed.info.end_time) == ("RUNNING", None)
    mlflow.log_metric("m", 2.0, step=1)
    mlflow.end_run()
    after = mlflow.get_run(run.info.run_id)
    assert (after.info.start_time, after.info.run_name) == (before.info.start_time, "first")
    assert (after.data.params, after.data.tags) == (before.data.params, before.data.tags)
    assert after.data.metrics == {"m": 2.0}
    assert after.info.end_time is not None


def test_a_resumed_run_takes_a_new_name_tags_and_description() -> None:
    with mlflow.start_run(run_name="first", tags={"a": "1"}) as run:
        pass
    with mlflow.start_run(run_id=run.info.run_id, run_name="second", tags={"b": "2"}, description="d") as resumed:
        assert resumed.info.run_name == "second"
    expected = {"a": "1", "b": "2", "mlflow.note.content": "d", "mlflow.runName": "second"}
    assert expected.items() <= tags(run.info.run_id).items()


@pytest.mark.parametrize("variable", ["MLFLOW_RUN_ID", "RUNSTONE_RUN_ID"])
def test_a_run_named_in_the_environment_is_resumed_once(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with mlflow.start_run() as run:
        pass
    monkeypatch.setenv(variable, run.info.run_id)
    mlflow.log_metric("m", 1.0)
    assert variable not in os.environ
    mlflow.end_run()
    with mlflow.start_run() as second:
        pass
    assert second.info.run_id != run.info.run_id
    assert mlflow.get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_a_run_in_the_environment_that_cannot_be_resumed_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    for _ in range(2):
        with pytest.raises(NotFound, match="0" * 32):
            mlflow.log_metric("m", 1.0)
    assert len(mlflow.search_runs()) == 0


def test_the_argument_wins_over_the_run_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with mlflow.start_run() as a:
        pass
    with mlflow.start_run() as b:
        pass
    monkeypatch.setenv("MLFLOW_RUN_ID", a.info.run_id)
    with mlflow.start_run(run_id=b.info.run_id) as resumed:
        assert resumed.info.run_id == b.info.run_id
    assert os.environ["MLFLOW_RUN_ID"] == a.info.run_id


def test_resuming_a_deleted_run_is_refused() -> None:
    with mlflow.start_run() as run:
        pass
    mlflow.delete_run(run.info.run_id)
    with pytest.raises(NotActive, match=f"deleted state.*runs restore {run.info.run_id}"):
        mlflow.start_run(run_id=run.info.run_id)
    mlflow.restore_run(run.info.run_id)
    assert status(run.info.run_id) == "FINISHED"


def test_resuming_a_run_of_another_experiment_than_the_active_one_is_refused() -> None:
    a = mlflow.set_experiment("a")
    with mlflow.start_run() as run:
        pass
    mlflow.set_experiment("b")
    with pytest.raises(InvalidInput, match=rf"belongs to the experiment {a.experiment_id}.*set_experiment"):
        mlflow.start_run(run_id=run.info.run_id)
    assert status(run.info.run_id) == "FINISHED"
    mlflow.set_experiment(experiment_id=a.experiment_id)
    with mlflow.start_run(run_id=run.info.run_id, experiment_id="0") as resumed:  # the argument is for new runs
        assert resumed.info.experiment_id == a.experiment_id


@pytest.mark.parametrize("run_id", ["../x", "a b", 5])
def test_what_is_no_run_id_is_refused(run_id: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid run id"):
        mlflow.start_run(run_id=run_id)


def test_a_run_resumed_inside_itself_goes_on_until_its_own_block_ends() -> None:
    with mlflow.start_run() as run:
        with mlflow.start_run(run_id=run.info.run_id, nested=True):
            mlflow.log_metric("m", 1.0)
        mlflow.log_metric("m", 2.0, step=1)
    assert len(mlflow.search_runs()) == 1
    assert mlflow.get_run(run.info.run_id).data.metrics == {"m": 2.0}
    assert mlflow.active_run() is None


# -- the last run


def test_the_last_active_run_is_the_active_one_or_the_one_that_ended_last() -> None:
    assert mlflow.last_active_run() is None
    outer = mlflow.start_run()
    with mlflow.start_run(nested=True) as inner:
        mlflow.log_metric("m", 1.0)
        last = mlflow.last_active_run()
        assert last is not None and last.info.run_id == inner.info.run_id
        assert last.data.metrics == {"m": 1.0}
    last = mlflow.last_active_run()
    assert last is not None and last.info.run_id == outer.info.run_id
    mlflow.end_run()
    last = mlflow.last_active_run()
    assert last is not None and (last.info.run_id, last.info.status) == (outer.info.run_id, "FINISHED")


def test_a_run_goes_on_where_it_was_started_when_the_tracking_uri_changes(tmp_path: Path) -> None:
    before = mlflow.get_tracking_uri()
    with mlflow.start_run() as run:
        mlflow.set_tracking_uri(tmp_path / "elsewhere")
        mlflow.log_metric("a", 1.0)
        mlflow.log_metric("b", 1.0, run_id=run.info.run_id)
        assert len(mlflow.search_runs()) == 0
    mlflow.set_tracking_uri(before)
    ended = mlflow.get_run(run.info.run_id)
    assert (ended.data.metrics, ended.info.status) == ({"a": 1.0, "b": 1.0}, "FINISHED")
