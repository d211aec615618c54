"""How much one request may hold, as MLflow documents it. Clients of ours cut their batches accordingly."""

from __future__ import annotations

from runstone.errors import InvalidInput

__all__ = ["MAX_BATCH_ITEMS", "MAX_BATCH_METRICS", "MAX_BATCH_PARAMS", "MAX_BATCH_TAGS", "check_batch_size"]

MAX_BATCH_ITEMS = 1_000
"""Metrics, params and tags together; servers of ours do not count them together."""
MAX_BATCH_METRICS = 1_000
MAX_BATCH_PARAMS = 100
MAX_BATCH_TAGS = 100


def check_batch_size(name: str, size: int, most: int) -> None:
    """Raises InvalidInput for a list that is longer than a batch may hold."""
    if size > most:
        raise InvalidInput(f"A batch logging request can contain at most {most} {name}. Got {size} {name}.")
