"""Learning curves: what losses, accuracies and machines look like over a training. Pure numpy; knows no run.

Every curve is `level + gain * exp(-rate * t)` with noise that gets smaller, t from 0 to 1; for a loss the gain is
positive, for an accuracy negative, for a machine's load next to nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["draw_curves", "key_name"]

_NAMES = (
    "train/loss", "val/loss", "train/accuracy", "val/accuracy", "lr", "grad_norm", "val/f1", "system/gpu_load",
    "system/memory_mb", "throughput",
)  # fmt: skip
_LOSS, _ACCURACY, _LOAD = range(3)
_KINDS = (_LOSS, _LOSS, _ACCURACY, _ACCURACY, _LOSS, _LOSS, _ACCURACY, _LOAD, _LOAD, _LOAD)
_SPIKE_CHANCE, _NAN_CHANCE = 0.05, 0.01
"""Of a curve, to have a spike, or a value that is no number."""


def key_name(number: int) -> str:
    """The name of the metric of that number."""
    if number < len(_NAMES):
        return _NAMES[number]
    return f"layer_{number // len(_NAMES):03d}/{_NAMES[number % len(_NAMES)].replace('/', '_')}"


def draw_curves(
    rng: np.random.Generator, first_key: int, keys: int, points: int, *, quality: float, diverges_at: int | None
) -> npt.NDArray[np.float64]:
    """A row of values for each metric. `quality` (0 to 1) is how well the run learns; a NaN stays once it diverges."""
    kinds = np.array([_KINDS[number % len(_KINDS)] for number in range(first_key, first_key + keys)])
    chance = rng.random((4, keys))
    level = np.choose(kinds, [1.5 - 1.4 * quality, 0.4 + 0.58 * quality, 60.0]) * (0.9 + 0.2 * chance[0])
    gain = np.choose(kinds, [2.0, -0.4, 0.0]) * (0.8 + 0.4 * chance[1])
    rate = 2.0 + 8.0 * chance[2] * (0.3 + quality)
    time = np.linspace(0.0, 1.0, points)
    noise = rng.standard_normal((keys, points), dtype=np.float32)
    noise *= np.choose(kinds, [0.08, 0.02, 6.0]).astype(np.float32)[:, None] * (1.2 - time).astype(np.float32)
    values = level[:, None] + gain[:, None] * np.exp(-rate[:, None] * time) + noise
    np.clip(values, 0.0, np.where(kinds == _ACCURACY, 1.0, np.inf)[:, None], out=values)
    places = rng.integers(0, points, (2, keys))
    spiky, broken = chance[3] < _SPIKE_CHANCE, chance[3] > 1 - _NAN_CHANCE
    values[spiky, places[0][spiky]] *= 8.0
    if diverges_at is not None:
        values[kinds == _LOSS, diverges_at:] = np.nan
    values[broken, places[1][broken]] = np.nan
    # As a training would have them: of single precision.
    single: npt.NDArray[np.float32] = values.astype(np.float32)
    return single.astype(np.float64)
