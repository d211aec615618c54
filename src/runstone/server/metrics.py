"""What the server counts, in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/).

Each worker process writes its counts into a file of its own; whichever is asked adds up all of them. A worker's file
outlives it, because a counter must never fall. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import bisect
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from runstone.server.appends import Appends

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PUBLISH_AFTER_S = 0.2


class _Counts(msgspec.Struct):
    """The counts of one process: answers by route and status; times by route, a count for each bucket and beyond."""

    answers: dict[str, dict[int, int]] = {}
    times: dict[str, list[int]] = {}
    seconds: dict[str, float] = {}
    points: int = 0
    waiting: int = 0


class Metrics:
    """The counts of this process, and the sum over all workers. `folder` is shared by them; None for one process."""

    def __init__(self, folder: str | None, appends: Appends) -> None:
        self._counts = _Counts()
        self._file = None if folder is None else Path(folder) / f"{os.getpid()}.json"
        self._appends = appends
        self._is_due = False

    def count_answer(self, route: str, status: int, seconds: float) -> None:
        """A request has been answered."""
        counts = self._counts
        if route not in counts.answers:
            counts.answers[route], counts.times[route], counts.seconds[route] = {}, [0] * (len(_BUCKETS_S) + 1), 0.0
        statuses = counts.answers[route]
        statuses[status] = statuses.get(status, 0) + 1
        counts.times[route][bisect.bisect_left(_BUCKETS_S, seconds)] += 1
        counts.seconds[route] += seconds
        if self._file is not None and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(_PUBLISH_AFTER_S, self._publish, self._file)

    def render(self) -> bytes:
        """The text of `/metrics`; counts of other workers may be 0.2 s old."""
        if self._file is None:
            return _text([self._counted()])
        self._publish(self._file)
        return _text(_read(path) for path in sorted(self._file.parent.glob("*.json")))

    def _publish(self, file: Path) -> None:
        self._is_due = False
        whole = file.with_suffix(".new")
        whole.write_bytes(msgspec.json.encode(self._counted()))
        whole.replace(file)

    def _counted(self) -> _Counts:
        self._counts.points, self._counts.waiting = self._appends.points, self._appends.waiting
        return self._counts


def _read(path: Path) -> _Counts:
    return msgspec.json.decode(path.read_bytes(), type=_Counts)


def _text(processes: Iterable[_Counts]) -> bytes:
    answers: Counter[tuple[str, int]] = Counter()
    times: Counter[tuple[str, int]] = Counter()
    seconds: Counter[str] = Counter()
    points = waiting = 0
    for counts in processes:
        answers.update({(route, status): n for route, by in counts.answers.items() for status, n in by.items()})
        times.update({(route, bucket): n for route, by in counts.times.items() for bucket, n in enumerate(by)})
        seconds.update(counts.seconds)
        points += counts.points
        waiting += counts.waiting
    lines = ["# HELP runstone_requests_total Requests answered.", "# TYPE runstone_requests_total counter"]
    lines += [
        f'runstone_requests_total{{route="{route}",status="{status}"}} {n}'
        for (route, status), n in sorted(answers.items())
    ]
    lines += ["# HELP runstone_request_seconds Time to answer a request.", "# TYPE runstone_request_seconds histogram"]
    for route in sorted(seconds):
        lines += _histogram(route, [times[route, bucket] for bucket in range(len(_BUCKETS_S) + 1)], seconds[route])
    lines += ["# HELP runstone_points_total Points of metrics recorded.", "# TYPE runstone_points_total counter"]
    lines += [f"runstone_points_total {points}"]
    lines += [
        "# HELP runstone_writes_waiting Writes waiting for a transaction.",
        "# TYPE runstone_writes_waiting gauge",
    ]
    lines += [f"runstone_writes_waiting {waiting}", ""]
    return "\n".join(lines).encode()


def _histogram(route: str, counts: list[int], seconds: float) -> list[str]:
    lines, total = [], 0
    for bound, count in zip([*map(str, _BUCKETS_S), "+Inf"], counts, strict=True):
        total += count
        lines.append(f'runstone_request_seconds_bucket{{route="{route}",le="{bound}"}} {total}')
    lines.append(f'runstone_request_seconds_sum{{route="{route}"}} {seconds}')
    lines.append(f'runstone_request_seconds_count{{route="{route}"}} {total}')
    return lines
