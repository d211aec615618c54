"""A process that has imported Runstone, and forks programs that can begin at once: a kill then costs milliseconds.

`python -m tests.faults.zygote` reads orders from stdin and answers on stdout, a line of JSON each. A program is a
function of `tests.faults.programs`; it ends as any Python program does. `Zygote` is the other side.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["Program", "Zygote"]

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """A program that was started. What it prints is in `log`."""

    def __init__(self, zygote: Zygote, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self._zygote = zygote
        self._code: int | None = None

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self._code is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, and return when it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended; of a signal's death, minus its number."""
        if self._code is None:
            self._code = int(self._zygote.ask({"wait": self.pid}))
        return self._code

    @property
    def has_ended(self) -> bool:
        if self._code is None:
            self._code = self._zygote.ask({"poll": self.pid})
        return self._code is not None

    def finish(self) -> str:
        """Wait until it has ended well; returns what it printed."""
        code = self.wait()
        printed = self.log.read_text()
        assert code == 0, printed
        return printed


class Zygote:
    """Starts programs. For one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            cwd=ROOT,
            # A process with threads must not fork.
            env={**_plain_environment(), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, order: dict[str, Any]) -> Any:
        """The answer to one order."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, log: Path, name: str, arguments: dict[str, Any], environment: dict[str, str]) -> Program:
        """Run a function of `tests.faults.programs` with these arguments, in a process of its own."""
        order = {"start": name, "arguments": arguments, "environment": environment, "log": str(log)}
        return Program(self, int(self.ask(order)), log)

    def close(self) -> None:
        """End it; programs that still run are killed."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("RUNSTONE_", "MLFLOW_"))}


# -- the process itself


def _serve() -> dict[str, Any] | None:
    """Carry out orders; in a child, return the one that it is to become. None at the end."""
    answers = os.fdopen(os.dup(1), "w")
    children: set[int] = set()
    while line := sys.stdin.readline():
        order: dict[str, Any] = json.loads(line)
        answer: int | None
        if "start" in order:
            pid = os.fork()
            if pid == 0:
                answers.close()
                return order
            children.add(pid)
            answer = pid
        else:
            pid = order.get("wait") or order["poll"]
            gone, status = os.waitpid(pid, 0 if "wait" in order else os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if gone else None
            children -= {gone}
        print(json.dumps(answer), file=answers, flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return None


def _become(order: dict[str, Any]) -> None:
    from tests.faults import programs

    sys.stdin.close()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(order["environment"])
    sys.argv = [order["start"]]
    getattr(programs, order["start"])(**order["arguments"])


if __name__ == "__main__":
    from tests.faults import programs  # so that no program has to import anything

    programs.warm_up()
    gc.freeze()  # what is here already needs no collecting in any child
    order = _serve()
    if order is not None:
        _become(order)
