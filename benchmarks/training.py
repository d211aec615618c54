"""By how much does logging 50 metrics a step slow down a training loop?

A network of three layers in NumPy, float32, on one core: some five milliseconds a step on the machine of the results
while nobody else uses it. The 50 metrics are the loss and means of activations, made in every step whether they are
logged or not, and logged by one call of `log_metrics` (tensorboardX: `add_scalar` for each). In one process and one
active run, five steps with logging and five without alternate and take turns in which comes first; what the first five
took longer is averaged over the middle half of all such pairs, so that a machine that grows slower or faster, or does
something else for a moment, falls out. So does what the library's own threads do meanwhile, since that falls on both
kinds alike: their CPU time in as many steps that all log, until everything is stored, is added in full, although a loop
with a core to spare hardly feels it. The overhead is both together, for each step with logging, beside a step without.
CPU time of helper processes that outlive the library's end is not seen (W&B). The clock goes from the beginning of a
step to the end of its logging call; the median of the latter is within the calls. Each library logs as its users do,
see the benchmark of `log_metric`.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.trials import Answer, Side, Sizes, Trials

_FULL = {"pairs": 1049, "steps": 5}  # long enough for one folding of what arrived, which is due every 5,243 rows
_PEERS = {"pairs": 80, "steps": 5}
_TINY = {"pairs": 2, "steps": 2}
SIZES: Sizes = {
    "full": {
        "runstone": _FULL,
        "mlflow": _PEERS,
        "mlflow_async": _PEERS,
        "wandb": _PEERS,
        "trackio": _PEERS,
        "tensorboardX": _PEERS,
    },
    "tiny": {
        "runstone": _TINY,
        "mlflow": _TINY,
        "mlflow_async": _TINY,
        "wandb": _TINY,
        "trackio": _TINY,
        "tensorboardX": _TINY,
    },
}
SCALE = "{pairs} times {steps} steps with logging and {steps} without"
PEER_REPEATS = 3


def measure(trials: Trials) -> list[Comparison]:
    def once(side: Side, folder: Path) -> Answer:
        return side.run("training", mode=side.mode, folder=folder, **SIZES[trials.size][side.name])

    samples = trials.each(once, peer_repeats=PEER_REPEATS)
    return [
        samples.compare(
            "overhead of logging",
            "% of the loop's time",
            "less",
            lambda answer: answer["overhead"] * 100,
            goal=Goal("at most", 1),
        ),
        samples.compare(
            "within the calls", "µs a step", "less", lambda answer: answer["call_s"] * 1e6, short="50 metrics a step"
        ),
        samples.compare("of other threads", "µs of CPU a step", "less", lambda answer: answer["others_s"] * 1e6),
        samples.alone().compare("a step without logging", "ms", "less", lambda answer: answer["step_s"] * 1000),
    ]
