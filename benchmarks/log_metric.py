"""What does one call of `log_metric` cost a training loop, beside other trackers?

In one active run, one series, call after call as fast as the loop can, after a first call; whatever delivers the
points meanwhile runs in the same process or on the same two cores, and is part of what the loop feels. Two tries on
fresh state: in one the clock is read once a block (1,000 calls, or a hundredth of them), which gives the median of a
call without the clock's own cost, and the mean of the whole loop; in the other it is read after each call, and a time
goes from the end of one call to the end of the next, so that no stall escapes: of these are the 99.9th percentile (of
fewer than 1,000 calls: the longest) and the longest. The `for` of the loop is part of all times. Then the clock runs
on until the library says that all is stored, which a fresh process checks by counting; CPU time is that of all this,
but not that of servers, nor of the process that W&B starts.

Each library logs as its users do: MLflow and Runstone to SQLite; MLflow also with `enable_async_logging()`, and to its
own server (four workers) and to FastTrackML over HTTP, each on the same machine; W&B with `WANDB_MODE=offline`;
tensorboardX by `add_scalar`. Libraries that only end a run have it ended as the wait. Slow ones get fewer calls.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.servers import serving
from benchmarks.trials import Answer, Samples, Side, Sizes, Trials

_TINY = {"calls": 20}
SIZES: Sizes = {
    "full": {
        "runstone": {"calls": 1_000_000},
        "mlflow": {"calls": 500},
        "mlflow_async": {"calls": 5000},
        "mlflow_http": {"calls": 200},
        "fasttrackml_http": {"calls": 1000},
        "wandb": {"calls": 20_000},
        "trackio": {"calls": 100_000},
        "tensorboardX": {"calls": 100_000},
    },
    "tiny": {
        "runstone": {"calls": 2000},
        "mlflow": _TINY,
        "mlflow_async": _TINY,
        "mlflow_http": _TINY,
        "fasttrackml_http": _TINY,
        "wandb": _TINY,
        "trackio": _TINY,
        "tensorboardX": _TINY,
    },
}
SCALE = "{calls:,} calls"
PEER_REPEATS = 3


def measure(trials: Trials) -> list[Comparison]:
    blocks, calls = _try(trials, "blocks"), _try(trials, "calls")
    return [
        blocks.compare(
            "a call, median", "µs", "less", _us("median_ns"), goal=Goal("at most", 0.8), short="log_metric, median"
        ),
        blocks.compare("a call, mean", "µs", "less", lambda answer: answer["loop_s"] / answer["calls"] * 1e6),
        calls.compare("99.9th percentile", "µs", "less", _us("p999_ns"), goal=Goal("at most", 100)),
        calls.compare("longest", "ms", "less", lambda answer: answer["longest_ns"] / 1e6),
        blocks.compare(
            "until stored, CPU a call",
            "µs",
            "less",
            lambda answer: answer["whole_cpu_s"] / answer["calls"] * 1e6,
            short="log_metric, all CPU",
        ),
        blocks.compare(
            "until stored, wall time a call", "µs", "less", lambda answer: answer["whole_s"] / answer["calls"] * 1e6
        ),
    ]


def _try(trials: Trials, timing: str) -> Samples:
    def once(side: Side, folder: Path) -> Answer:
        size = SIZES[trials.size][side.name]
        with serving(side, folder / "server") as port:
            answer = side.run("log_metric", mode=side.mode, folder=folder, port=port, timing=timing, **size)
        return {**answer, **size}

    return trials.each(once, peer_repeats=PEER_REPEATS)


def _us(name: str) -> Callable[[Answer], float]:
    return lambda answer: float(answer[name]) / 1000
