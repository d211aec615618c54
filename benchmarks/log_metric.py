"""What does one call of `log_metric` cost a training loop, and one of `log_metrics` with ten metrics?

In microseconds a call, in one active run, step by step, after a first call. The clock stops when the last call has
returned; on both sides the point is in the database by then. For the record: this is the way without a journal.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.figures import Comparison
from benchmarks.trials import Answer, Samples, Sizes, Trials

SIZES: Sizes = {
    "full": {"runstone": {"calls": 5000}, "mlflow": {"calls": 500}},
    "tiny": {"runstone": {"calls": 20}, "mlflow": {"calls": 20}},
}
SCALE = "{calls:,} calls"
PEER_REPEATS = 3


def measure(trials: Trials) -> list[Comparison]:
    one, ten = _try(trials, 1), _try(trials, 10)
    return [
        one.compare("`log_metric`, CPU a call", "µs", "less", _us("cpu_s"), short="log_metric"),
        one.compare("`log_metric`, wall time a call", "µs", "less", _us("wall_s")),
        ten.compare("`log_metrics` of ten, CPU a call", "µs", "less", _us("cpu_s"), short="log_metrics of ten"),
        ten.compare("`log_metrics` of ten, wall time a call", "µs", "less", _us("wall_s")),
    ]


def _try(trials: Trials, keys: int) -> Samples:
    sizes = SIZES[trials.size]
    return trials.each(
        lambda side, folder: {
            **side.run("log_metric", folder=folder, keys=keys, **sizes[side.library]),
            "calls": sizes[side.library]["calls"],
        },
        peer_repeats=PEER_REPEATS,
    )


def _us(name: str) -> Callable[[Answer], float]:
    return lambda answer: answer[name] / answer["calls"] * 1e6
