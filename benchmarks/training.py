"""By how much does logging 50 metrics a step slow down a training loop?

A network of three layers in NumPy, float32, on one core: some eight milliseconds a step on the machine of the results
while nobody else uses it. The 50 metrics are the loss and means of activations, made in every step whether they are
logged or not, and logged by one call of `log_metrics` (tensorboardX: `add_scalar` for each). In one process and one
active run, blocks of steps with and without logging alternate, two of them a pair, and take turns in which comes first.
The clock starts before a block and stops after its last step; what is not stored by then (with Runstone, at most a
second's worth: its blocks are long enough for two deliveries) is waited for off the clock, where the library can be
waited for without ending the run. The overhead is how much longer the blocks with logging took: two pairs that follow
each other are taken together, so that a machine that grows slower or faster falls out, and the middle half of what they
say is averaged. On a quiet machine its own error is some tenths of a percent, so that it may come out below 0. Within
the calls is the time spent in the logging calls themselves, for each step. Each library logs as its users do, see the
benchmark of `log_metric`.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Comparison, Goal
from benchmarks.trials import Answer, Side, Sizes, Trials

_FULL = {"pairs": 20, "steps": 300}
_PEERS = {"pairs": 8, "steps": 50}
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
SCALE = "{pairs} pairs of blocks of {steps} steps"
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
        samples.alone().compare("a step without logging", "ms", "less", lambda answer: answer["step_s"] * 1000),
    ]
