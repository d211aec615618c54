"""How each row of `wire.routes` is answered: a request becomes a call of Tracking, its result an answer.

Plain functions of (tracking, request), named as their rows, run in worker threads. They know no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runstone.server.actions import experiments, models, runs
from runstone.tracking.base import Tracking
from runstone.wire.schemas.common import Answer

__all__ = ["ACTIONS", "Action"]

Action = Callable[[Tracking, Any], Answer]

ACTIONS: dict[str, Action] = {
    **{name: getattr(module, name) for module in (experiments, runs, models) for name in module.__all__},
    "list_experiments": experiments.search_experiments,
    "list_registered_models": models.search_registered_models,
}
"""By the name of the row. `log_batch` is missing: `appends` answers it."""
