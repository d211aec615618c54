"""How long does a server take for a page of 1,000 of 10,000 runs, and for a million points of a series?

The runs have 10 metrics and 5 params; the page is the first that `runs/search` gives without a filter. The series is
read by `metrics/get-history`, 25,000 points a request, one after another, and by Runstone's own route `series` in one
request (the others have no such route; beside it stands their `get-history`). The clock starts before the first
request, on a connection that has asked for one run and one point before, and stops when the last byte is read; the
client, Python's `http.client`, reads nothing in a body but the token of the next page. A server is started anew for
each try, over the same SQLite database, as its users get it by default: Runstone with one worker, MLflow with four. All
hold the same runs, which is checked by the sum of the metrics found. The databases of the others take minutes to fill
and are kept for the next time; MLflow gets fewer points, and its time is shown as that of a million at the same speed.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.machine import describe_machine
from benchmarks.servers import RunningServer
from benchmarks.trials import Answer, BenchmarkFailed, Side, Sizes, Trials

SIZES: Sizes = {
    "full": {
        "runstone": {"runs": 10_000, "points": 1_000_000},
        "mlflow": {"runs": 10_000, "points": 100_000},
        "fasttrackml": {"runs": 10_000, "points": 1_000_000},
    },
    "tiny": {
        "runstone": {"runs": 20, "points": 2000},
        "mlflow": {"runs": 20, "points": 1000},
        "fasttrackml": {"runs": 20, "points": 2000},
    },
}
SCALE = "{runs:,} runs, {points:,} points"
PEER_REPEATS = 5
_ANSWER = "filled.json"


def measure(trials: Trials) -> list[Comparison]:
    with tempfile.TemporaryDirectory(prefix="runstone-bench-") as scratch:
        folders = {side.library: _filled_folder(trials, side, Path(scratch)) for side in trials.sides}
        sums: set[float] = set()

        def read(side: Side, *, native: int) -> Answer:
            folder, size = folders[side.library], SIZES[trials.size][side.library]
            with RunningServer(side, folder) as server:
                asked = {**json.loads((folder / _ANSWER).read_text()), **size, "native": native}
                answer = trials.client.run("server_read", library=side.library, port=server.port, **asked)
            sums.add(answer["sum"])
            return {**answer, "points": size["points"]}

        paged = trials.each(lambda side, _: read(side, native=0), peer_repeats=PEER_REPEATS)
        native = trials.only("runstone").each(lambda side, _: read(side, native=1)).beside(paged)
    if len(sums) > 1:
        raise BenchmarkFailed(f"The sides did not find the same metrics: their sums are {sums}")
    return [
        paged.compare(
            "`runs/search`, first page",
            "ms",
            "less",
            lambda answer: answer["search_s"] * 1000,
            goal=Goal("times", 10),
            short="runs/search, a page",
        ),
        paged.compare(
            "a million points by `get-history`",
            "ms",
            "less",
            _a_million,
            goal=Goal("times", 10),
            short="get-history, pages",
        ),
        native.compare(
            "a million points by `series`",
            "ms",
            "less",
            _a_million,
            goal=Goal("at most", 120),
            short="series, own route",
        ),
    ]


def _a_million(answer: Answer) -> float:
    """Milliseconds for a million points, at the speed of this try."""
    return float(answer["history_s"]) / answer["points"] * 1e9


def _filled_folder(trials: Trials, side: Side, scratch: Path) -> Path:
    """The folder of a filled store: Runstone's is filled anew, a peer's once a version."""
    size = SIZES[trials.size][side.library]
    if side.library == "runstone":
        return _fill(trials, side, scratch / side.library)
    version = describe_machine((side,)).versions[side.library]
    name = f"server-{side.library}-{version}-{size['runs']}-{size['points']}"
    return trials.kept(name, lambda folder: _fill(trials, side, folder))


def _fill(trials: Trials, side: Side, folder: Path) -> Path:
    with RunningServer(side, folder) as server:
        size = SIZES[trials.size][side.library]
        answer = trials.client.run("server_fill", library=side.library, port=server.port, **size)
    (folder / _ANSWER).write_text(json.dumps(answer))
    return folder
