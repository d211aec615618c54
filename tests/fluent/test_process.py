"""How runs end with the process, and what the processes it starts do: real scripts."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

import pytest

import runstone as mlflow
from tests.fluent.conftest import Scripts


def found() -> dict[str, Any]:
    """The runs of the test's home by name."""
    return {run.info.run_name: run for run in mlflow.search_runs(output_format="list")}


def statuses() -> dict[str, str]:
    return {name: run.info.status.value for name, run in found().items()}


def terminate(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Send SIGTERM once the program says that it is ready; its return code and what it said."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


# -- the end of the process


def test_a_script_that_ends_with_its_run_open_has_finished(scripts: Scripts) -> None:
    scripts.run("""
        mlflow.start_run(run_name="outer")
        mlflow.start_run(run_name="inner", nested=True)
        mlflow.log_metric("m", 1.0)
    """)
    assert statuses() == {"outer": "FINISHED", "inner": "FINISHED"}
    assert found()["inner"].info.end_time is not None


def test_a_script_that_ends_by_an_uncaught_error_has_failed(scripts: Scripts) -> None:
    done = scripts.run(
        """
        mlflow.start_run(run_name="run")
        import IPython  # many packages import it; that alone makes no notebook
        raise ValueError("the reason")
        """,
        expect=1,
    )
    assert statuses() == {"run": "FAILED"}
    assert done.stderr.rstrip().endswith("ValueError: the reason")


def test_an_error_that_was_caught_is_none(scripts: Scripts) -> None:
    scripts.run("""
        mlflow.start_run(run_name="run")
        try:
            raise ValueError("caught")
        except ValueError:
            pass
    """)
    assert statuses() == {"run": "FINISHED"}


@pytest.mark.parametrize(("code", "expected"), [(0, "FINISHED"), (3, "FAILED")])
def test_sys_exit_in_a_block_says_how_the_run_ended(scripts: Scripts, code: int, expected: str) -> None:
    scripts.run(
        f"""
        import sys
        with mlflow.start_run(run_name="run"):
            sys.exit({code})
        """,
        expect=code,
    )
    assert statuses() == {"run": expected}


def test_runs_of_threads_end_with_the_process_too(scripts: Scripts) -> None:
    scripts.run("""
        import threading
        thread = threading.Thread(target=mlflow.start_run, kwargs={"run_name": "run"})
        thread.start()
        thread.join()
    """)
    assert statuses() == {"run": "FINISHED"}


def test_a_run_that_cannot_be_ended_at_exit_is_told_and_the_others_end(scripts: Scripts) -> None:
    done = scripts.run("""
        mlflow.start_run(run_name="outer")
        inner = mlflow.start_run(run_name="inner", nested=True)
        mlflow.delete_run(inner.info.run_id)
    """)
    assert statuses() == {"outer": "FINISHED"}
    assert "could not be ended" in done.stderr
    assert "Traceback" not in done.stderr


# -- SIGTERM


def test_a_terminated_process_dies_by_the_signal_and_its_runs_are_killed(scripts: Scripts) -> None:
    process = scripts.start("""
        import time
        mlflow.start_run(run_name="outer")
        with mlflow.start_run(run_name="inner", nested=True):
            print("ready")
            time.sleep(60)
    """)
    code, told = terminate(process)
    assert code == -signal.SIGTERM, told
    assert statuses() == {"outer": "KILLED", "inner": "KILLED"}
    assert found()["inner"].info.end_time is not None


@pytest.mark.parametrize("where", ["another thread", "the main thread", "both"])
def test_a_process_that_is_logging_when_it_is_terminated_dies_all_the_same(scripts: Scripts, where: str) -> None:
    process = scripts.start(f"""
        import os, threading, time
        mlflow.start_run(run_name="run")

        def log():
            step = 0
            while True:
                mlflow.log_metric("m", 1.0, step=step)
                step += 1
                if step == 20:
                    os.write(1, b"ready\\n")

        if {where!r} != "the main thread":
            threading.Thread(target=log, daemon=True).start()
        if {where!r} != "another thread":
            log()
        time.sleep(60)
    """)
    code, told = terminate(process)
    assert code == -signal.SIGTERM, told
    assert statuses() == {"run": "KILLED"}
    assert found()["run"].data.metrics == {"m": 1.0}


def test_a_handler_of_the_user_is_left_alone(scripts: Scripts) -> None:
    process = scripts.start("""
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))
        with mlflow.start_run(run_name="run"):
            print("ready")
            time.sleep(60)
    """)
    assert terminate(process)[0] == 7
    assert statuses() == {"run": "FAILED"}


def test_a_process_that_ignores_the_signal_goes_on(scripts: Scripts) -> None:
    process = scripts.start("""
        import signal, sys
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with mlflow.start_run(run_name="run"):
            print("ready")
            signal.sigtimedwait([], 0.3)
    """)
    assert terminate(process)[0] == 0
    assert statuses() == {"run": "FINISHED"}


def test_the_signal_is_heeded_also_where_a_thread_started_the_first_run(scripts: Scripts) -> None:
    process = scripts.start("""
        import threading, time
        thread = threading.Thread(target=mlflow.start_run, kwargs={"run_name": "first"})
        thread.start()
        thread.join()
        mlflow.start_run(run_name="second")
        print("ready")
        time.sleep(60)
    """)
    assert terminate(process)[0] == -signal.SIGTERM
    assert statuses() == {"first": "KILLED", "second": "KILLED"}


# -- children by fork


def test_a_forked_child_logs_to_the_parents_run_and_starts_runs_of_its_own(scripts: Scripts) -> None:
    scripts.run("""
        import os
        with mlflow.start_run(run_name="parent"):
            mlflow.log_metric("before", 1.0)
            child = os.fork()
            if not child:
                mlflow.log_metric("child", 1.0)
                with mlflow.start_run(run_name="own"):
                    mlflow.log_metric("own", 1.0)
                with mlflow.start_run(run_name="nested", nested=True):
                    pass
                mlflow.log_metric("child again", 1.0)
                mlflow.end_run()  # not its own
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert mlflow.active_run().info.run_name == "parent"
            mlflow.log_metric("after", 1.0)
            assert mlflow.get_run(mlflow.active_run().info.run_id).info.status == "RUNNING"
    """)
    runs = found()
    assert statuses() == {"parent": "FINISHED", "own": "FINISHED", "nested": "FINISHED"}
    assert set(runs["parent"].data.metrics) == {"before", "child", "child again", "after"}
    assert runs["own"].data.metrics == {"own": 1.0}
    assert "mlflow.parentRunId" not in runs["own"].data.tags
    assert runs["nested"].data.tags["mlflow.parentRunId"] == runs["parent"].info.run_id


@pytest.mark.parametrize("leave", ["sys.exit(0)", "raise ValueError('child')"])
def test_a_forked_child_that_leaves_the_parents_block_does_not_end_the_parents_run(
    scripts: Scripts, leave: str
) -> None:
    scripts.run(f"""
        import os, sys
        with mlflow.start_run(run_name="parent") as run:
            child = os.fork()
            if not child:
                mlflow.start_run(run_name="own")
                {leave}
            os.waitpid(child, 0)
            print(mlflow.get_run(run.info.run_id).info.status)
        assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"
    """)
    assert statuses()["parent"] == "FINISHED"
    assert statuses()["own"] == ("FINISHED" if "exit" in leave else "FAILED")


def test_a_child_forked_while_another_thread_logs_does_not_hang(scripts: Scripts) -> None:
    scripts.run("""
        import os, threading
        stop = threading.Event()

        def log():
            step = 0
            while not stop.is_set():
                mlflow.log_metric("m", 1.0, step=step)
                step += 1

        mlflow.start_run(run_name="parent")
        thread = threading.Thread(target=log)
        thread.start()
        for number in range(10):
            child = os.fork()
            if not child:
                mlflow.log_metric(f"child{number}", 1.0)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        thread.join()
    """)
    assert set(found()["parent"].data.metrics) == {"m", *(f"child{number}" for number in range(10))}


# -- children by multiprocessing

WORKERS = """
import multiprocessing, os, sys

def own(name):
    with mlflow.start_run(run_name=name):
        mlflow.log_metric("m", 1.0)

def left_open(name):
    mlflow.start_run(run_name=name)

def fails(name):
    mlflow.start_run(run_name=name)
    raise ValueError(name)

def inherits(name):
    mlflow.log_metric(name, 1.0)

def resumes(run_id):
    os.environ["MLFLOW_RUN_ID"] = run_id
    mlflow.log_metric("resumed", 1.0)

def work(context, target, argument, code=0):
    process = context.Process(target=target, args=[argument])
    process.start()
    process.join(60)
    assert process.exitcode == code, process.exitcode
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_record_their_runs_and_end_them(scripts: Scripts, method: str) -> None:
    body = f"""
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with mlflow.start_run(run_name="parent") as run:
        work(context, own, "own")
        work(context, left_open, "left open")
        work(context, fails, "fails", 1)
        if {method!r} == "fork":
            work(context, inherits, "inherited")
        with context.Pool(2) as pool:
            pool.map(own, ["a", "b", "c"])
            pool.close()
            pool.join()
        mlflow.log_metric("after", 1.0)
    work(context, resumes, run.info.run_id)
"""
    scripts.run(WORKERS + body)
    expected = dict.fromkeys(("parent", "own", "left open", "a", "b", "c"), "FINISHED")
    assert statuses() == expected | {"fails": "FAILED"}
    inherited = {"inherited": 1.0} if method == "fork" else {}
    assert found()["parent"].data.metrics == {"after": 1.0, "resumed": 1.0} | inherited


def test_a_terminated_worker_ends_its_own_run_alone(scripts: Scripts) -> None:
    scripts.run("""
        import multiprocessing, signal, time

        def train(connection):
            mlflow.start_run(run_name="worker")
            connection.send("ready")
            time.sleep(60)

        context = multiprocessing.get_context("fork")
        with mlflow.start_run(run_name="parent"):
            here, there = context.Pipe()
            process = context.Process(target=train, args=[there])
            process.start()
            assert here.recv() == "ready"
            process.terminate()
            process.join(60)
            assert process.exitcode == -signal.SIGTERM, process.exitcode
            assert mlflow.get_run(mlflow.active_run().info.run_id).info.status == "RUNNING"
    """)
    assert statuses() == {"parent": "FINISHED", "worker": "KILLED"}


# -- other processes


def test_a_process_that_is_given_a_run_id_resumes_that_run(scripts: Scripts) -> None:
    with mlflow.start_run(run_name="parent") as run:
        mlflow.log_metric("parent", 1.0)
    done = scripts.run(
        """
        import os
        mlflow.log_metric("child", 1.0)
        print(mlflow.active_run().info.run_id, "MLFLOW_RUN_ID" in os.environ)
        """,
        MLFLOW_RUN_ID=run.info.run_id,
    )
    assert done.stdout.split() == [run.info.run_id, "False"]
    assert statuses() == {"parent": "FINISHED"}
    assert found()["parent"].data.metrics == {"parent": 1.0, "child": 1.0}


def test_a_script_says_in_one_line_where_it_records_unless_it_is_to_be_quiet(scripts: Scripts) -> None:
    program = """
        for number in range(3):
            with mlflow.start_run(run_name=f"r{number}"):
                mlflow.log_metric("m", 1.0)
    """
    loud, quiet = scripts.run(program), scripts.run(program, RUNSTONE_QUIET="1")
    uri = (scripts.folder / ".runstone").as_uri()
    assert (loud.stdout, loud.stderr) == ("", f"runstone: recording run 'r0' in {uri}\n")
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_a_script_that_only_reads_says_nothing(scripts: Scripts) -> None:
    done = scripts.run("print(len(mlflow.search_runs()))")
    assert (done.stdout, done.stderr) == ("0\n", "")
