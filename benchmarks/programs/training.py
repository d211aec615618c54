"""Train a small network, by blocks of steps with logging and without in turn."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from program import run
from recorders import Recorder, open_recorder
from stopwatch import settle

EXAMPLES, INPUTS, HIDDEN, CLASSES = 256, 256, 512, 10
METRICS = 50
RATE = 0.01
CAN_WAIT = {"runstone", "mlflow"}
"""Whose `drain` leaves the run active."""


class Block(NamedTuple):
    """Seconds of a block, and of them those in logging calls."""

    whole_s: float
    call_s: float


class Network:
    """Three layers, trained on one batch of noise: what it learns does not matter, what it costs is always the same."""

    def __init__(self) -> None:
        draw = np.random.default_rng(7)
        self._inputs = draw.standard_normal((EXAMPLES, INPUTS)).astype(np.float32)
        self._targets = np.eye(CLASSES, dtype=np.float32)[draw.integers(0, CLASSES, EXAMPLES)]
        sizes = (INPUTS, HIDDEN, HIDDEN, CLASSES)
        self._weights = [
            (draw.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32) for shape in pairwise(sizes)
        ]
        self._names = [f"metric_{number}" for number in range(METRICS)]

    def train_step(self) -> dict[str, float]:
        """One step of gradient descent, and its metrics."""
        first, second, third = self._weights
        one = np.maximum(self._inputs @ first, 0)
        two = np.maximum(one @ second, 0)
        scores = two @ third
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances = shifted / shifted.sum(axis=1, keepdims=True)
        loss = -float(np.log((chances * self._targets).sum(axis=1) + 1e-9).mean())
        from_scores = (chances - self._targets) / EXAMPLES
        from_two = (from_scores @ third.T) * (two > 0)
        from_one = (from_two @ second.T) * (one > 0)
        gradients = (self._inputs.T @ from_one, one.T @ from_two, two.T @ from_scores)
        for weights, gradient in zip(self._weights, gradients, strict=True):
            weights -= RATE * gradient
        means = two.mean(axis=0)[: METRICS - 1].tolist()
        return dict(zip(self._names, (loss, *means), strict=True))


def main(library: str, mode: str, folder: str, pairs: int, steps: int) -> dict[str, Any]:
    network = Network()
    recorder = open_recorder(library, mode, folder, 0)
    wait = recorder.drain if library in CAN_WAIT else _nothing
    train_with_logging(network, recorder, 1, 0)
    train_without_logging(network, steps)
    settle()
    logged: list[Block] = []
    others: list[Block] = []
    for number in range(pairs):
        for has_logging in (number % 2 == 0, number % 2 == 1):
            if has_logging:
                logged.append(train_with_logging(network, recorder, steps, 1 + number * steps))
                wait()
            else:
                others.append(train_without_logging(network, steps))
    if library not in CAN_WAIT:
        recorder.drain()
    recorder.end()
    return {
        "overhead": _overhead(logged, others),
        "call_s": statistics.median(one.call_s for one in logged) / steps,
        "step_s": statistics.median(one.whole_s for one in others) / steps,
    }


def _overhead(logged: list[Block], others: list[Block]) -> float:
    """How much longer logging makes the loop: the mean of the middle half of all that two pairs that follow each other
    say together. As they take turns in which comes first, a machine that grows slower or faster falls out.
    """
    ratios = sorted(
        sum(one.whole_s for one in logged[at : at + 2]) / sum(one.whole_s for one in others[at : at + 2]) - 1
        for at in range(0, len(logged) - 1, 2)
    )
    outer = len(ratios) // 4
    return statistics.fmean(ratios[outer : len(ratios) - outer])


def train_with_logging(network: Network, recorder: Recorder, steps: int, first: int) -> Block:
    call_s = 0.0
    began = time.perf_counter()
    for step in range(first, first + steps):
        metrics = network.train_step()
        called = time.perf_counter()
        recorder.log_row(metrics, step=step)
        call_s += time.perf_counter() - called
    return Block(time.perf_counter() - began, call_s)


def train_without_logging(network: Network, steps: int) -> Block:
    began = time.perf_counter()
    for _ in range(steps):
        network.train_step()
    return Block(time.perf_counter() - began, 0.0)


def _nothing() -> None:
    pass


run(main)
