"""Train a small network, by a few steps with logging and a few without in turn."""

from __future__ import annotations

import os
import statistics
import time
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from program import run
from recorders import Recorder, open_recorder
from stopwatch import settle

EXAMPLES, INPUTS, HIDDEN, CLASSES = 256, 256, 512, 10
METRICS = 50
RATE = 0.01


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
    recorder.log_row(network.train_step(), step=0)
    settle()
    logged = np.empty((pairs, steps))
    plain = np.empty((pairs, steps))
    calls = np.empty((pairs, steps))
    for pair in range(pairs):
        for has_logging in (pair % 2 == 0, pair % 2 == 1):
            if has_logging:
                _train_with_logging(network, recorder, 1 + pair * steps, logged[pair], calls[pair])
            else:
                _train_without_logging(network, plain[pair])
    others_s = _cpu_of_others()
    # As in real training, every step logs: what a delivery costs whatever it holds is shared by as many rows.
    for pair in range(pairs, 2 * pairs):
        _train_with_logging(network, recorder, 1 + pair * steps, np.empty(steps), np.empty(steps))
    recorder.drain()
    others_s = (_cpu_of_others() - others_s) / logged.size
    recorder.end()
    step_s = statistics.median(plain.ravel())
    longer_s = _trimmed_mean(logged.mean(axis=1) - plain.mean(axis=1))
    return {
        "overhead": (longer_s + others_s) / step_s,
        "longer_s": longer_s,
        "others_s": others_s,
        "call_s": statistics.median(calls.ravel()),
        "step_s": step_s,
    }


def _train_with_logging(
    network: Network, recorder: Recorder, first: int, whole_s: NDArray[np.float64], call_s: NDArray[np.float64]
) -> None:
    for number in range(len(whole_s)):
        began = time.perf_counter()
        metrics = network.train_step()
        called = time.perf_counter()
        recorder.log_row(metrics, step=first + number)
        ended = time.perf_counter()
        whole_s[number] = ended - began
        call_s[number] = ended - called


def _train_without_logging(network: Network, whole_s: NDArray[np.float64]) -> None:
    for number in range(len(whole_s)):
        began = time.perf_counter()
        network.train_step()
        whole_s[number] = time.perf_counter() - began


def _cpu_of_others() -> float:
    """CPU seconds of all threads of this process but this one, and of child processes that have ended."""
    children = os.times()
    return time.process_time() - time.thread_time() + children.children_user + children.children_system


def _trimmed_mean(values: NDArray[np.float64]) -> float:
    """The mean of the middle half: what else the machine did falls out."""
    outer = len(values) // 4
    return float(np.sort(values)[outer : len(values) - outer].mean())


run(main)
