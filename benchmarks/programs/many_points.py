"""Read series, curves and pages of runs from a store that `many_points_fill` made."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from library import open_client
from program import run
from stopwatch import settle

TRIES = 20
TAIL = 1_000


def main(library: str, folder: str) -> dict[str, Any]:
    from runstone.series.curves import CurveQuery
    from runstone.synthetic.curves import key_name

    client = open_client(library, folder)
    tracking = client.tracking
    everywhere = [one.experiment_id for one in client.search_experiments() if one.name.startswith("synthetic")]
    draw = random.Random(7)
    experiments = [draw.choice(everywhere) for _ in range(TRIES)]
    pages = [client.search_runs([one], max_results=100) for one in experiments]
    chosen = [[one.info.run_id for one in draw.sample(list(page), min(20, len(page)))] for page in pages]
    key, other = key_name(0), key_name(1)
    text, order = f"min(metrics.`{key}`) < 0.5", [f"metrics.`{other}` DESC"]
    settle()
    return {
        "series_s": median_s([ids[0] for ids in chosen], lambda run_id: tracking.read_series(run_id, key)),
        "tail_s": median_s([ids[-1] for ids in chosen], lambda run_id: read_tail(tracking, run_id, key)),
        "curves_s": median_s(
            chosen, lambda ids: tracking.read_curves(CurveQuery(run_ids=tuple(ids), keys=(key,), buckets=1_000))
        ),
        "page_s": median_s(experiments, lambda one: client.search_runs([one], text, max_results=100, order_by=order)),
        "all_s": median_s([everywhere] * 5, lambda ids: client.search_runs(ids, text, max_results=100, order_by=order)),
    }


def read_tail(tracking: Any, run_id: str, key: str) -> Any:
    """The last points of a series."""
    last = tracking.list_series(run_id)[key].last_step
    return tracking.read_series(run_id, key, from_step=last - TAIL + 1)


def median_s(whats: Sequence[Any], act: Callable[[Any], object]) -> float:
    """Seconds for one of them, the first of which does not count."""
    times = []
    for what in whats:
        started = time.perf_counter()
        act(what)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


run(main)
