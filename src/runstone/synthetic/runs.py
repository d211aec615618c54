"""Runs as a sweep leaves them: params that move the metrics, some failed, some still running, nested in groups.

Pure: everything follows from the spec, the number of the experiment and that of the run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec
import numpy as np

from runstone import tag_names
from runstone.entities import RunStatus
from runstone.series.points import MetricBatch, Points
from runstone.synthetic.curves import draw_curves, key_name
from runstone.synthetic.spec import Spec

__all__ = ["SyntheticRun", "experiment_name", "make_batches", "make_run"]

_BEGIN_MS = 1_767_225_600_000  # 2026-01-01
_APART_MS = 97_000
_GROUP = 10
"""A sweep: one run, and those that are nested in it."""
_BATCH_POINTS = 1 << 20
_PARAMS = ("lr", "batch_size", "optimizer", "depth", "dropout", "weight_decay", "model", "schedule")
_OPTIMIZERS, _MODELS, _SCHEDULES = ("adamw", "sgd", "lion"), ("resnet18", "resnet50", "vit-s"), ("cosine", "step")
_TAGS = {"team": ("vision", "speech", "robots"), "gpu": ("a100", "h100", "l4"), "branch": ("main", "dev")}


class SyntheticRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run without its points. `quality` is what its params make of it; `diverges_at` is a point's number."""

    run_id: str
    name: str
    status: RunStatus
    start_time: int
    end_time: int | None
    params: dict[str, str]
    tags: dict[str, str]
    points: int
    quality: float
    diverges_at: int | None


def experiment_name(spec: Spec, experiment: int) -> str:
    """The name of an experiment, by its number from 0."""
    return f"synthetic {spec.seed}-{experiment:04d}"


def make_run(spec: Spec, experiment: int, number: int) -> SyntheticRun:
    """The run of that number, from 0."""
    rng = np.random.default_rng([spec.seed, experiment, number, 0])
    lr, params = _params(spec, rng)
    quality = float(np.clip(1.0 - 0.25 * abs(np.log10(lr) + 3.0) + 0.05 * rng.standard_normal(), 0.0, 1.0))
    status, share = _ending(rng)
    points = max(1, int(spec.points * share))
    start = _start_time(spec, experiment, number)
    diverges = lr > 0.1 and spec.points > 1
    return SyntheticRun(
        run_id=_run_id(spec, experiment, number),
        name=f"{params.get('model', 'run')}-{number:06d}",
        status=status,
        start_time=start,
        end_time=None if status is RunStatus.RUNNING else start + _duration(spec) * points // max(1, spec.points),
        params=params,
        tags=_tags(spec, experiment, number, rng),
        points=points,
        quality=quality,
        diverges_at=int(rng.integers(points // 2, points)) if diverges else None,
    )


def make_batches(spec: Spec, experiment: int, number: int, run: SyntheticRun) -> Iterator[MetricBatch]:
    """The points of a run, in batches of a million or so; at least one key in each."""
    rng = np.random.default_rng([spec.seed, experiment, number, 1])
    step = np.arange(run.points, dtype=np.int64)
    timestamp = run.start_time + step * (_duration(spec) // max(1, spec.points))
    at_once = max(1, _BATCH_POINTS // run.points)
    for first in range(0, spec.keys, at_once):
        keys = min(at_once, spec.keys - first)
        values = draw_curves(rng, first, keys, run.points, quality=run.quality, diverges_at=run.diverges_at)
        yield MetricBatch(
            tuple(key_name(key) for key in range(first, first + keys)),
            np.arange(keys + 1, dtype=np.int64) * run.points,
            Points(np.tile(step, keys), np.tile(timestamp, keys), values.reshape(-1)),
        )


def _run_id(spec: Spec, experiment: int, number: int) -> str:
    """In the form of ours (uuid7): the time it started, then what is unlike every other."""
    text = f"{spec.seed}/{experiment}/{number}".encode()
    digits = hashlib.blake2b(text, digest_size=9).hexdigest()
    return f"{_start_time(spec, experiment, number):012x}7{digits[:3]}8{digits[3:18]}"


def _start_time(spec: Spec, experiment: int, number: int) -> int:
    return _BEGIN_MS + (experiment * spec.runs + number) * _APART_MS


def _duration(spec: Spec) -> int:
    """Of a run that ends well, in ms: a second a step."""
    return spec.points * 1000


def _params(spec: Spec, rng: np.random.Generator) -> tuple[float, dict[str, str]]:
    lr = float(10.0 ** rng.uniform(-5.0, -0.5))
    numbers = rng.integers(0, 1 << 30, 4).tolist()
    values = (
        f"{lr:.6g}", str(16 << numbers[0] % 5), _OPTIMIZERS[numbers[0] % 3], str(2 + numbers[1] % 10),
        f"{rng.uniform(0, 0.5):.3f}", f"{10 ** rng.uniform(-6, -2):.3g}", _MODELS[numbers[2] % 3],
        _SCHEDULES[numbers[3] % 2],
    )  # fmt: skip
    named = dict(zip(_PARAMS[: spec.params], values, strict=False))
    more = rng.integers(0, 100, max(0, spec.params - len(_PARAMS))).tolist()
    return lr, named | {f"option_{place:03d}": str(value) for place, value in enumerate(more)}


def _tags(spec: Spec, experiment: int, number: int, rng: np.random.Generator) -> dict[str, str]:
    picks = rng.integers(0, 6, max(spec.tags, len(_TAGS))).tolist()
    names = [*_TAGS, *(f"label_{place:03d}" for place in range(spec.tags - len(_TAGS)))][: spec.tags]
    tags = {
        name: _TAGS[name][pick % len(_TAGS[name])] if name in _TAGS else f"value {pick}"
        for name, pick in zip(names, picks, strict=False)
    }
    parent = number - number % _GROUP
    return tags if parent == number else {**tags, tag_names.PARENT_RUN_ID: _run_id(spec, experiment, parent)}


def _ending(rng: np.random.Generator) -> tuple[RunStatus, float]:
    """How a run ends, and what share of its steps it gets to."""
    chance, share = rng.random(2).tolist()
    if chance < 0.06:
        return RunStatus.FAILED, share
    if chance < 0.08:
        return RunStatus.KILLED, share
    return (RunStatus.RUNNING, share) if chance < 0.09 else (RunStatus.FINISHED, 1.0)
