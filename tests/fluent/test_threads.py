"""Active runs of threads and of asyncio tasks."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

import runstone as mlflow
from runstone.errors import NotActive

T = TypeVar("T")


def in_a_thread(act: Callable[[], T]) -> T:
    """What the act returns in a thread of its own, or its error."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(act).result()


def metrics(run_id: str) -> dict[str, float]:
    return mlflow.get_run(run_id).data.metrics


def parent(run_id: str) -> str | None:
    return mlflow.get_run(run_id).data.tags.get("mlflow.parentRunId")


def all_runs() -> list[Any]:
    return mlflow.search_runs(output_format="list")


# -- threads


def test_each_thread_starts_and_ends_runs_of_its_own() -> None:
    barrier = threading.Barrier(4)

    def train(number: int) -> str:
        barrier.wait(timeout=30)
        with mlflow.start_run(run_name=f"r{number}") as run:
            barrier.wait(timeout=30)
            mlflow.log_metric("number", number)
            barrier.wait(timeout=30)
            active = mlflow.active_run()
            assert active is not None and active.info.run_id == run.info.run_id
        return run.info.run_id

    with ThreadPoolExecutor(4) as executor:
        ids = list(executor.map(train, range(4)))
    assert [metrics(run_id) for run_id in ids] == [{"number": float(number)} for number in range(4)]
    assert {run.info.status.value for run in all_runs()} == {"FINISHED"}
    assert [parent(run_id) for run_id in ids] == [None] * 4


def test_a_thread_without_a_run_logs_to_the_innermost_of_the_process() -> None:
    with mlflow.start_run() as outer:
        in_a_thread(lambda: mlflow.log_metric("a", 1.0))
        with mlflow.start_run(nested=True) as inner:
            in_a_thread(lambda: mlflow.log_metric("b", 1.0))
        in_a_thread(lambda: mlflow.log_metric("c", 1.0))
    assert (metrics(outer.info.run_id), metrics(inner.info.run_id)) == ({"a": 1.0, "c": 1.0}, {"b": 1.0})
    assert len(all_runs()) == 2


def test_a_thread_does_not_end_the_run_of_another() -> None:
    run = mlflow.start_run()
    in_a_thread(mlflow.end_run)
    assert mlflow.active_run() is run
    assert mlflow.get_run(run.info.run_id).info.status == "RUNNING"


def test_a_thread_may_start_a_run_while_another_has_one() -> None:
    def train() -> str:
        with mlflow.start_run() as run:
            mlflow.log_metric("m", 1.0)
        return run.info.run_id

    with mlflow.start_run() as run:
        other = in_a_thread(train)
        mlflow.log_metric("m", 2.0)
    assert (metrics(run.info.run_id), metrics(other)) == ({"m": 2.0}, {"m": 1.0})
    assert parent(other) is None


def test_a_thread_without_any_run_in_the_process_starts_one_that_all_share() -> None:
    barrier = threading.Barrier(8)

    def log(number: int) -> None:
        barrier.wait(timeout=30)
        mlflow.log_metric(f"m{number}", 1.0)

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(log, range(8)))
    (run,) = all_runs()
    assert len(run.data.metrics) == 8


def test_nested_runs_of_threads_are_children_of_the_main_threads_run() -> None:
    """Not of a sibling that happens to be the innermost of the process."""
    barrier = threading.Barrier(3)

    def train(number: int) -> str:
        barrier.wait(timeout=30)
        with mlflow.start_run(nested=True) as run:
            barrier.wait(timeout=30)
            with mlflow.start_run(nested=True) as inner:
                barrier.wait(timeout=30)
            assert parent(inner.info.run_id) == run.info.run_id
        return run.info.run_id

    with mlflow.start_run() as outer, ThreadPoolExecutor(3) as executor:
        children = list(executor.map(train, range(3)))
    assert [parent(child) for child in children] == [outer.info.run_id] * 3


def test_nested_runs_of_threads_without_a_run_around_have_no_parent() -> None:
    barrier = threading.Barrier(2)

    def train(number: int) -> str:
        if number:
            barrier.wait(timeout=30)  # the other's run is active by now
        with mlflow.start_run(nested=True) as run:
            if not number:
                barrier.wait(timeout=30)
                barrier.wait(timeout=30)
        if number:
            barrier.wait(timeout=30)
        return run.info.run_id

    with ThreadPoolExecutor(2) as executor:
        assert [parent(run_id) for run_id in executor.map(train, range(2))] == [None, None]


def test_a_thread_that_ended_without_ending_its_run_does_not_hinder_the_next() -> None:
    """Threads get the numbers of threads that are gone."""
    for _ in range(3):
        thread = threading.Thread(target=mlflow.start_run)
        thread.start()
        thread.join()
    assert len(all_runs()) == 3
    with mlflow.start_run():
        pass


def test_a_copied_context_takes_its_run_along() -> None:
    with mlflow.start_run() as outer, mlflow.start_run(nested=True) as inner:
        context = contextvars.copy_context()
        mlflow.end_run()
        with mlflow.start_run(nested=True) as second:
            # The run of the context is over, so the one around it is meant, not the second.
            in_a_thread(lambda: context.run(mlflow.log_metric, "m", 1.0))
            here = contextvars.copy_context()
            with ThreadPoolExecutor(1) as executor:
                executor.submit(here.run, mlflow.log_metric, "n", 1.0).result()
    assert metrics(outer.info.run_id) == {"m": 1.0}
    assert metrics(inner.info.run_id) == {}
    assert metrics(second.info.run_id) == {"n": 1.0}


# -- asyncio


async def gather(*acts: Callable[[], Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*(act() for act in acts)))


def test_gathered_tasks_have_nested_runs_under_the_right_parent() -> None:
    async def child(number: int) -> tuple[str, str]:
        with mlflow.start_run(nested=True) as run:
            await asyncio.sleep(0.001 * (3 - number))
            mlflow.log_metric("number", number)
            with mlflow.start_run(nested=True) as inner:
                await asyncio.sleep(0.001)
                mlflow.log_metric("inner", number)
            mlflow.log_metric("again", number)
        return run.info.run_id, inner.info.run_id

    async def main() -> tuple[str, list[tuple[str, str]]]:
        with mlflow.start_run() as outer:
            children = await gather(*(lambda number=number: child(number) for number in range(4)))
            mlflow.log_metric("outer", 1.0)
        return outer.info.run_id, children

    outer, children = asyncio.run(main())
    assert [parent(run_id) for run_id, _ in children] == [outer] * 4
    assert [parent(inner) for _, inner in children] == [run_id for run_id, _ in children]
    for number, (run_id, inner) in enumerate(children):
        assert metrics(run_id) == {"number": number, "again": number}
        assert metrics(inner) == {"inner": number}
    assert metrics(outer) == {"outer": 1.0}
    assert {run.info.status.value for run in all_runs()} == {"FINISHED"}


def test_tasks_may_start_runs_of_their_own_side_by_side() -> None:
    async def train(number: int) -> str:
        with mlflow.start_run() as run:
            await asyncio.sleep(0.001)
            mlflow.log_metric("number", number)
        return run.info.run_id

    async def main() -> list[str]:
        return await gather(*(lambda number=number: train(number) for number in range(5)))

    ids = asyncio.run(main())
    assert [metrics(run_id) for run_id in ids] == [{"number": float(number)} for number in range(5)]


def test_a_task_without_a_run_logs_to_the_one_it_was_started_in() -> None:
    async def log(key: str) -> None:
        await asyncio.sleep(0)
        mlflow.log_metric(key, 1.0)
        mlflow.end_run()  # not its own

    async def other(started: asyncio.Event, done: asyncio.Event) -> str:
        with mlflow.start_run() as run:
            started.set()
            await done.wait()
        return run.info.run_id

    async def main() -> tuple[str, str]:
        started, done = asyncio.Event(), asyncio.Event()
        with mlflow.start_run() as run:
            task = asyncio.create_task(other(started, done))
            await started.wait()  # its run is the innermost of the process now
            await asyncio.create_task(log("task"))
            await asyncio.to_thread(mlflow.log_metric, "to_thread", 1.0)
            done.set()
            return run.info.run_id, await task

    run_id, other_id = asyncio.run(main())
    assert metrics(run_id) == {"task": 1.0, "to_thread": 1.0}
    assert metrics(other_id) == {}


def test_a_run_around_the_loop_is_the_parent_of_what_tasks_nest_in_it() -> None:
    async def main() -> str:
        with mlflow.start_run(nested=True) as run:
            await asyncio.sleep(0)
        return run.info.run_id

    with mlflow.start_run() as outer:
        inner = asyncio.run(main())
        assert mlflow.active_run() is outer
    assert parent(inner) == outer.info.run_id


def test_a_second_run_in_a_task_is_refused_unless_it_is_nested() -> None:
    async def main() -> None:
        with mlflow.start_run():
            await asyncio.sleep(0)
            with pytest.raises(NotActive, match="nested=True"):
                mlflow.start_run()

    asyncio.run(main())


def test_the_run_that_a_finished_task_left_open_can_be_used_and_ended() -> None:
    """As a notebook does, whose cells may be tasks."""

    async def first_cell() -> str:
        return mlflow.start_run().info.run_id

    async def second_cell() -> None:
        mlflow.log_metric("m", 1.0)
        with pytest.raises(NotActive, match="already active"):
            mlflow.start_run()

    async def third_cell() -> None:
        mlflow.end_run()

    run_id = asyncio.run(first_cell())
    asyncio.run(second_cell())
    asyncio.run(third_cell())
    assert metrics(run_id) == {"m": 1.0}
    assert mlflow.get_run(run_id).info.status == "FINISHED"
    assert mlflow.active_run() is None
    assert len(all_runs()) == 1


def test_a_cancelled_tasks_run_has_failed() -> None:
    ids = []

    async def train() -> None:
        with mlflow.start_run() as run:
            ids.append(run.info.run_id)
            await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(train())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [mlflow.get_run(run_id).info.status.value for run_id in ids] == ["FAILED"]
