"""Forks, ranks, signals and ends without a word: whose points they are, and how the run has ended."""

from __future__ import annotations

import signal
import subprocess

from runstone import tag_names
from tests.faults.place import Place, wait


def read_line(process: subprocess.Popen[str], word: str) -> str:
    """What the program prints behind this word, on a line of its own."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return line.removeprefix(word).strip()
    raise AssertionError(f"the program has ended without '{word}'")


def numbers(count: int) -> list[float]:
    return [float(number) for number in range(count)]


def end_reason(place: Place, name: str) -> str:
    return place.runs()[name].data.tags.get(tag_names.END_REASON, "")


def status(place: Place, name: str) -> str:
    return place.runs()[name].info.status.value


# -- forks


def test_points_of_a_forked_child_that_leaves_at_once_are_not_lost(place: Place) -> None:
    place.run_script("""
        import os
        import runstone as mlflow
        with mlflow.start_run(run_name="run"):
            for number in range(500):
                mlflow.log_metric("parent", number, step=number)
            child = os.fork()
            for number in range(500, 3000):
                mlflow.log_metric("child" if child == 0 else "parent", number, step=number)
            if child == 0:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    """)
    run_id = place.runs()["run"].info.run_id
    assert list(place.journal.glob("*/*")) == []  # who ends the run delivers the child's, too
    assert place.values(run_id, "parent") == numbers(3000)
    assert place.values(run_id, "child") == numbers(3000)[500:]
    assert status(place, "run") == "FINISHED"


def test_workers_of_multiprocessing_record_in_the_run_of_their_parent(place: Place) -> None:
    place.run_script("""
        import multiprocessing
        import runstone as mlflow

        def work(key, run_id):
            for number in range(2000):
                mlflow.log_metric(key, number, step=number, run_id=run_id)

        if __name__ == "__main__":
            with mlflow.start_run(run_name="run") as run:
                mlflow.log_metric("parent", 0.0)
                run_id = run.info.run_id
                workers = [
                    multiprocessing.get_context(method).Process(target=work, args=(f"{method}{number}", run_id))
                    for method in ("fork", "spawn")
                    for number in range(2)
                ]
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
                assert [worker.exitcode for worker in workers] == [0] * 4
    """)
    run = place.runs()["run"]
    assert run.info.status.value == "FINISHED"
    for key in ("fork0", "fork1", "spawn0", "spawn1"):
        assert place.values(run.info.run_id, key) == numbers(2000)
    assert list(place.journal.glob("*/*")) == []


def test_a_forked_worker_that_is_killed_loses_nothing_and_does_not_fail_the_run(place: Place) -> None:
    place.run_script("""
        import multiprocessing, os, signal
        import runstone as mlflow

        def work():
            for number in range(2000):
                mlflow.log_metric("worker", number, step=number)
            os.kill(os.getpid(), signal.SIGKILL)

        with mlflow.start_run(run_name="run"):
            worker = multiprocessing.get_context("fork").Process(target=work)
            worker.start()
            worker.join()
            assert worker.exitcode == -signal.SIGKILL
            mlflow.log_metric("parent", 1.0)
    """)
    place.deliver()
    run = place.runs()["run"]
    assert place.values(run.info.run_id, "worker") == numbers(2000)
    assert run.info.status.value == "FINISHED"
    assert tag_names.END_REASON not in run.data.tags


# -- threads and tasks


def test_threads_and_tasks_with_runs_of_their_own_keep_them_apart(place: Place) -> None:
    place.run_script("""
        import asyncio, threading
        import runstone as mlflow

        def train(name):
            with mlflow.start_run(run_name=name):
                for number in range(2000):
                    mlflow.log_metric("m", number, step=number)

        async def train_slowly(name):
            with mlflow.start_run(run_name=name):
                for number in range(500):
                    mlflow.log_metric("m", number, step=number)
                    await asyncio.sleep(0)

        async def train_all():
            await asyncio.gather(*(train_slowly(f"task{number}") for number in range(3)))

        threads = [threading.Thread(target=train, args=(f"thread{number}",)) for number in range(3)]
        for thread in threads:
            thread.start()
        asyncio.run(train_all())
        for thread in threads:
            thread.join()
    """)
    runs = place.runs()
    assert {run.info.status.value for run in runs.values()} == {"FINISHED"}
    for number in range(3):
        assert place.values(runs[f"thread{number}"].info.run_id, "m") == numbers(2000)
        assert place.values(runs[f"task{number}"].info.run_id, "m") == numbers(500)


# -- several programs in one run


def test_a_program_that_inherits_the_run_by_its_environment_records_in_it(place: Place) -> None:
    place.run_script("""
        import os, subprocess, sys
        import runstone as mlflow
        inner = (
            "import runstone as mlflow\\n"
            "with mlflow.start_run():\\n"
            "    for number in range(1000):\\n"
            "        mlflow.log_metric('inner', number, step=number)\\n"
        )
        with mlflow.start_run(run_name="run") as run:
            for number in range(1000):
                mlflow.log_metric("outer", number, step=number)
            environment = {**os.environ, "MLFLOW_RUN_ID": run.info.run_id}
            subprocess.run([sys.executable, "-c", inner], env=environment, check=True)
            for number in range(1000, 2000):
                mlflow.log_metric("outer", number, step=number)
    """)
    run = place.runs()["run"]
    assert place.values(run.info.run_id, "inner") == numbers(1000)
    assert place.values(run.info.run_id, "outer") == numbers(2000)
    assert run.info.status.value == "FINISHED"


RANK = """
import sys
import runstone as mlflow
rank, run_id = sys.argv[1:]
print("ready", flush=True)
for number in range(100_000_000 if rank == "2" else 3000):
    mlflow.log_metric(f"rank{rank}", number, step=number, run_id=run_id)
    if rank == "2" and number == 2000:
        print("logged", flush=True)
"""


def test_ranks_that_log_to_one_run_lose_nothing_and_one_that_is_killed_does_not_fail_it(place: Place) -> None:
    first = place.start_script("""
        import sys
        import runstone as mlflow
        with mlflow.start_run(run_name="run") as run:
            print("id", run.info.run_id, flush=True)
            for number in range(3000):
                mlflow.log_metric("rank0", number, step=number)
            sys.stdin.readline()
    """)
    run_id = read_line(first, "id")
    ranks = [place.start_script(RANK, rank, run_id) for rank in (1, 2, 3)]
    read_line(ranks[1], "logged")
    ranks[1].kill()
    for process in (ranks[0], ranks[2]):
        process.communicate(timeout=120)
        assert process.returncode == 0
    place.deliver()
    assert status(place, "run") == "RUNNING"
    first.communicate("\n", timeout=120)
    place.deliver()
    for rank in (0, 1, 3):
        assert place.values(run_id, f"rank{rank}") == numbers(3000)
    killed = place.values(run_id, "rank2")
    assert len(killed) > 2000
    assert killed == numbers(len(killed))
    assert status(place, "run") == "FINISHED"
    assert end_reason(place, "run") == ""


# -- ends without a word


def test_a_program_that_leaves_past_all_hooks_has_failed_and_lost_nothing(place: Place) -> None:
    place.run_script(
        """
        import os
        import runstone as mlflow
        mlflow.start_run(run_name="run")
        for number in range(3000):
            mlflow.log_metric("m", number, step=number)
        os._exit(3)
        """,
        expect=3,
    )
    place.deliver()
    run = place.runs()["run"]
    assert place.values(run.info.run_id, "m") == numbers(3000)
    assert run.info.status.value == "FAILED"
    assert run.info.end_time is not None
    assert "last step 2999" in run.data.tags[tag_names.END_REASON]


def test_a_program_that_becomes_another_leaves_its_points_and_a_reason(place: Place) -> None:
    place.run_script("""
        import os, sys
        import runstone as mlflow
        if sys.argv[1:] == ["again"]:
            with mlflow.start_run(run_name="second"):
                mlflow.log_metric("m", 1.0)
            assert mlflow.flush()
        else:
            mlflow.start_run(run_name="first")
            for number in range(3000):
                mlflow.log_metric("m", number, step=number)
            os.execv(sys.executable, [sys.executable, *sys.argv, "again"])
    """)
    place.deliver()
    runs = place.runs()
    assert place.values(runs["first"].info.run_id, "m") == numbers(3000)
    assert [runs[name].info.status.value for name in ("first", "second")] == ["FAILED", "FINISHED"]
    assert end_reason(place, "first").startswith("the program was replaced by another (exec)")


def test_a_segmentation_fault_is_told_with_the_line_that_it_happened_in(place: Place) -> None:
    place.run_script(
        """
        import ctypes
        import runstone as mlflow
        mlflow.start_run(run_name="run")
        for number in range(3000):
            mlflow.log_metric("m", number, step=number)
        ctypes.string_at(0)
        """,
        expect=-signal.SIGSEGV,
    )
    place.deliver()
    run = place.runs()["run"]
    assert place.values(run.info.run_id, "m") == numbers(3000)
    assert run.info.status.value == "FAILED"
    assert run.data.tags[tag_names.END_REASON].startswith("signal: Segmentation fault: ")
    assert "line 7 in <module>" in run.data.tags[tag_names.TRACEBACK]


def test_an_error_that_ends_the_program_is_told_with_its_traceback(place: Place) -> None:
    place.run_script(
        """
        import runstone as mlflow
        mlflow.start_run(run_name="run")
        mlflow.log_metric("m", 1.0)
        raise FloatingPointError("the loss is NaN")
        """,
        expect=1,
    )
    run = place.runs()["run"]
    assert run.info.status.value == "FAILED"
    assert run.data.tags[tag_names.END_REASON] == "exception: FloatingPointError: the loss is NaN"
    assert run.data.tags[tag_names.TRACEBACK].startswith("Traceback (most recent call last):")


def test_a_program_that_is_killed_while_its_run_is_created_leaves_no_run_that_goes_on(place: Place) -> None:
    kill_after = """
        import os, signal
        import runstone as mlflow
        from runstone.tracking.local import LocalTracking
        create = LocalTracking.create_run
        def create_and_die(*arguments, **named):
            create(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)
        LocalTracking.create_run = create_and_die
        mlflow.start_run(run_name="run")
    """
    place.run_script(kill_after, expect=-signal.SIGKILL)
    place.deliver()
    assert status(place, "run") == "FAILED"
    kill_before = kill_after.replace("            create(*arguments, **named)\n", "").replace('"run"', '"other"')
    place.run_script(kill_before, expect=-signal.SIGKILL)
    place.deliver()
    assert {name: run.info.status.value for name, run in place.runs().items()} == {"run": "FAILED", "other": "FAILED"}


def test_a_resumed_run_whose_program_is_killed_has_failed(place: Place) -> None:
    resume = """
        import os, sys
        import runstone as mlflow
        mlflow.start_run(*sys.argv[1:], run_name="run")
        mlflow.log_metric("m", len(sys.argv))
        if len(sys.argv) > 1:
            os._exit(3)
    """
    place.run_script(resume)
    run_id = place.runs()["run"].info.run_id
    assert status(place, "run") == "FINISHED"
    place.run_script(resume, run_id, expect=3)
    assert status(place, "run") == "RUNNING"
    place.deliver()
    assert status(place, "run") == "FAILED"
    assert sorted(place.values(run_id, "m")) == [1.0, 2.0]


# -- signals

LOOP = """
import sys
import runstone as mlflow
mlflow.start_run(run_name="run")
interrupted, told, number = [], 0, 0
while len(interrupted) < int(sys.argv[1]):
    try:
        if told < len(interrupted):
            told += 1
            print("goes on", flush=True)
        while True:
            number += 1
            mlflow.log_metric("m", number, step=number)
            if number == 1000:
                print("logs", flush=True)
    except KeyboardInterrupt:
        interrupted.append(number)
for _ in range(1000):
    number += 1
    mlflow.log_metric("m", number, step=number)
print("ends", number, *interrupted, flush=True)
"""


def test_ctrl_c_within_a_call_costs_at_most_that_point(place: Place) -> None:
    process = place.start_script(LOOP, 25)
    read_line(process, "logs")
    for _ in range(24):
        process.send_signal(signal.SIGINT)
        read_line(process, "goes on")
    process.send_signal(signal.SIGINT)
    last, *interrupted = map(int, read_line(process, "ends").split())
    process.communicate(timeout=120)
    assert process.returncode == 0
    stored = place.values(place.runs()["run"].info.run_id, "m")
    assert len(set(stored)) == len(stored)
    assert set(range(1, last + 1)) - set(stored) <= set(interrupted)
    assert status(place, "run") == "FINISHED"
    assert list(place.journal.glob("*/*")) == []


def test_a_terminated_program_has_been_killed_and_lost_nothing(place: Place) -> None:
    ledger = place.new_ledger()
    process = place.start_script(
        """
        import sys
        from tests.faults.programs import log_numbers
        log_numbers(sys.argv[1], pause_every=0)
        """,
        ledger.path,
    )
    while ledger.logged() < 20_000:
        assert process.poll() is None
        wait(0.005)
    process.terminate()
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGTERM
    place.deliver()  # what was logged after the end was told, while the process died
    place.check()
    run = place.run(ledger.run_id)
    assert run.info.status.value == "KILLED"
    assert run.data.tags[tag_names.END_REASON] == "signal: SIGTERM"


def test_a_stopped_program_is_alive_to_those_who_recover(place: Place) -> None:
    program, ledger = place.start_logging()
    place.wait_until_it_logs(program, ledger, 5000)
    program.signal(signal.SIGSTOP)
    for _ in range(3):
        place.deliver()
        wait(1.0)
    assert place.run(ledger.run_id).info.status.value == "RUNNING"
    before = ledger.logged()
    program.signal(signal.SIGCONT)
    while ledger.logged() < before + 5000:
        wait(0.005)
    ledger.stop()
    program.finish()
    assert place.check(status="FINISHED") == ledger.logged()


def test_a_program_stopped_and_then_killed_has_failed(place: Place) -> None:
    program, ledger = place.start_logging()
    place.wait_until_it_logs(program, ledger, 5000)
    program.signal(signal.SIGSTOP)
    place.deliver()
    program.kill()
    place.deliver()
    assert place.check(status="FAILED") >= ledger.logged()
    assert "last step" in place.run(ledger.run_id).data.tags[tag_names.END_REASON]


# -- notebooks


def test_a_kernel_that_is_restarted_loses_nothing(place: Place) -> None:
    place.run_script(KERNELS)
    place.deliver()
    runs = place.runs()
    assert place.values(runs["first"].info.run_id, "m") == numbers(3000)
    assert place.values(runs["second"].info.run_id, "m") == numbers(3000)
    assert place.values(runs["third"].info.run_id, "m") == numbers(10)
    assert [runs[name].info.status.value for name in ("first", "second", "third")] == ["FAILED", "FINISHED", "FINISHED"]


# Restarts a kernel by killing it (as a user does whose cell hangs), then by asking it to end.
KERNELS = """
import sys
from jupyter_client.manager import KernelManager

CELL = '''
import runstone as mlflow
mlflow.start_run(run_name={name!r})
for number in range({count}):
    mlflow.log_metric("m", number, step=number)
'''


def execute(manager, cell):
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=100)
    reply = client.execute_interactive(cell, timeout=100, store_history=False)
    assert reply["content"]["status"] == "ok", reply
    client.stop_channels()


manager = KernelManager(kernel_name="python3")
manager.start_kernel()
execute(manager, CELL.format(name="first", count=3000))
manager.restart_kernel(now=True)
execute(manager, CELL.format(name="second", count=3000))
manager.restart_kernel(now=False)
execute(manager, CELL.format(name="third", count=10))
manager.shutdown_kernel(now=False)
"""
