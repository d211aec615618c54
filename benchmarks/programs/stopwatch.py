"""Seconds of a block of code. Imports next to nothing, because one program measures imports."""

import resource
import time


class Stopwatch:
    """`wall_s`, and `cpu_s` of all threads of this process and of its child processes that have ended."""

    def __enter__(self) -> "Stopwatch":
        self._wall_s = time.perf_counter()
        self._cpu_s = _cpu_s()
        return self

    def __exit__(self, *error: object) -> None:
        self.cpu_s = _cpu_s() - self._cpu_s
        self.wall_s = time.perf_counter() - self._wall_s


def settle() -> None:
    """Wait until the idle threads of NumPy's OpenBLAS have stopped spinning, as they do for a moment after its import.

    It is CPU time of the process, but not of what comes next.
    """
    time.sleep(0.3)


def _cpu_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
