"""Histograms: how the numbers of an array are distributed, at one step."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from runstone.errors import InvalidInput

__all__ = ["Histogram", "histogram_of"]

MAX_BINS = 1024


class Histogram(msgspec.Struct, frozen=True):
    """`counts[i]` numbers lie from `edges[i]` to `edges[i + 1]`, the last edge included.

    `missing` is how many were NaN or infinite; these lie in no bin.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int = 0


def histogram_of(values: Any, bins: int = 64) -> Histogram:
    """The histogram of an array or tensor of any shape. Raises InvalidInput."""
    if not 1 <= bins <= MAX_BINS:
        raise InvalidInput(f"Invalid number of bins {bins!r}: 1 to {MAX_BINS}")
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    try:
        numbers = np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"A histogram is made of numbers: {error}") from error
    finite = numbers[np.isfinite(numbers)]
    try:
        with np.errstate(over="raise"):
            counts, edges = np.histogram(finite, bins)
    except (ValueError, FloatingPointError) as error:  # a range too wide or too narrow for so many bins
        raise InvalidInput(f"No histogram of {bins} bins can be made from these numbers: {error}") from error
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), int(numbers.size - finite.size))
