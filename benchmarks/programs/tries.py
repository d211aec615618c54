"""The median of some tries of a call, which is given up when it takes too long."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

LIMIT_S = 60
TRIES = 5


def median_of_tries(act: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the median of some tries after one that does not count, and what it returned; at most the limit."""
    times, answer = [], None
    signal.signal(signal.SIGALRM, _give_up)
    with suppress(TimeoutError):
        for number in range(TRIES + 1):
            started = time.perf_counter()
            signal.alarm(LIMIT_S)
            answer = act()
            signal.alarm(0)
            if number:
                times.append(time.perf_counter() - started)
    signal.alarm(0)
    return (statistics.median(times) if times else float(LIMIT_S)), answer


def _give_up(*_: object) -> None:
    raise TimeoutError
