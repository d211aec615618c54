"""The shapes that searches have, over a store filled by `benchmarks/programs/bulk_runs.py`."""

from __future__ import annotations

from benchmarks.programs.bulk_runs import FIRST_START, Scale

from runstone.filters import parse_run_filter, parse_run_order
from runstone.stores.base import RunQuery

__all__ = ["SCALE", "SHAPES", "query_of"]

SCALE = Scale(runs=20_000, metrics=3, params=4, tags=2)

SHAPES: tuple[tuple[str, str], ...] = (
    ("", ""),
    ("", "start_time"),
    ("", "end_time DESC"),
    ("", "run_name"),
    ("", "run_id DESC"),
    ("", "metrics.m10"),
    ("", "metrics.m10 DESC"),
    ("", "min(metrics.m10), metrics.m11 DESC"),
    ("", "params.p10 DESC"),
    ("", "tags.t10"),
    ("", "metrics.none"),
    ("metrics.m10 > 0.5", "metrics.m10"),
    ("metrics.m10 > 0.3 AND params.p11 = 'x3'", "metrics.m11"),
    ("metrics.m10 > 0.3", "metrics.m11 DESC"),
    ("metrics.m10 > 0.999", "metrics.m11"),
    ("max(metrics.m10) > 1.999", "metrics.m11, metrics.m12"),
    ("metrics.m10 > 0.999 AND NOT metrics.m11 > 0.9", "first(metrics.m11)"),
    ("metrics.none < 1", "metrics.m11"),
    ("params.rare = 'yes'", ""),
    ("params.rare = 'yes'", "metrics.m11 DESC"),
    ("params.rare = 'yes'", "artifact_uri"),
    ("params.rare IS NOT NULL AND metrics.m10 != 2", "count(metrics.m10)"),
    ("params.p10 = 7 AND tags.t10 = 'team 5'", "metrics.m11"),
    ("params.p10 IN (7, 8)", "status"),
    ("params.p10 = '7'", "user_id"),
    ("tags.t10 = 'team 5' OR params.rare = 'yes'", "tags.t10 DESC"),
    ("tags.t10 LIKE 'team 99%'", "metrics.m10"),
    ("status = 'RUNNING'", "metrics.m10"),
    ("user_id = 'bob'", "metrics.m10"),
    ("run_name LIKE 'run 4827%'", "metrics.m10"),
    ("run_id IN ('00000000000000000000000000000012', 'x')", "metrics.m10"),
    (f"start_time > {FIRST_START + 19_900_000}", "metrics.m10"),
    (f"end_time < {FIRST_START + 100_000}", ""),
    ("NOT params.p11 = 'x3'", "metrics.m10"),
)
"""A filter and an order, whose pages of ten are found without looking at most runs.

Orders by what has few values are not among them: all runs with the first value are sorted by their start. Neither are
texts in the midst of names or tags, for which all of a key's values are looked at.
"""


def query_of(shape: tuple[str, str], size: int = 10) -> RunQuery:
    """The first page."""
    text, order = shape
    terms = [term for term in order.split(", ") if term]
    return RunQuery(
        experiment_ids=("0",), filter=parse_run_filter(text), order=parse_run_order(terms), max_results=size
    )
