"""What moves a metric: how much of it each param explains by itself.

A one-way analysis of variance on ranks (Kruskal and Wallis, "Use of ranks in one-criterion variance analysis", 1952):
the runs are put into groups by the param, numbers into at most ten of equal count. The share of the variance of the
metric's ranks that lies between the groups is Kelley's epsilon squared of it (Tomczak and Tomczak, "The need to report
effect size estimates revisited", 2014, as eta squared of H): 0 for a param that has nothing to do with the metric,
however many groups it makes. Ranks, so that neither outliers nor a metric's scale count; groups, so that a best value
in the middle is seen. Params together are not looked at: what two of them do only jointly is not seen, and shares of
params that vary together are the same share, told twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from runstone.series.points import FloatColumn
from runstone.stores.columns import ColumnChoice
from runstone.tracking.browsing import Browsing
from runstone.validation import check_key, param_number
from runstone.wire import convert
from runstone.wire.schemas import browsing

__all__ = ["weigh_params"]

_MAX_RUNS = 10_000
_MIN_RUNS = 8
_GROUPS = 10

Groups = npt.NDArray[np.intp]


def weigh_params(tracking: Browsing, request: browsing.WeighParams) -> browsing.ImportanceAnswer:
    key, aggregate = check_key(request.metric, kind="metric"), request.aggregate
    found = tracking.search_run_columns(
        request.experiment_ids,
        ColumnChoice(metrics=(key,), aggregates=(aggregate,), tags=()),
        filter_string=request.filter,
        view=convert.view_of(request.run_view_type),
        max_results=_MAX_RUNS,
    )
    metric = found.metrics[key][aggregate] if key in found.metrics else np.full(len(found), np.nan)
    weights = [weight for name, column in found.params.items() if (weight := weigh(name, column, metric)) is not None]
    return browsing.ImportanceAnswer(
        runs=int((~np.isnan(metric)).sum()),
        is_sample=found.token is not None,
        method="epsilon-squared",
        params=sorted(weights, key=lambda one: (-one.share, one.p_value, one.key)),
    )


def weigh(key: str, column: Sequence[str | None], metric: FloatColumn) -> browsing.ParamImportance | None:
    """What a param says of a metric; None where it says the same in all runs, or another thing in nearly each."""
    numbers: dict[str | None, int] = {None: 0}
    codes = np.array([numbers.setdefault(value, len(numbers)) for value in column], np.intp)
    chosen = (codes > 0) & ~np.isnan(metric)
    used, codes = np.unique(codes[chosen], return_inverse=True)
    runs, distinct = len(codes), len(used)
    if runs < _MIN_RUNS or distinct < 2:
        return None
    texts = list(numbers)
    amounts = [param_number(str(texts[number])) for number in used.tolist()]
    ranks = _ranks(metric[chosen])
    if None in amounts:
        if distinct > runs / 2:
            return None
        share, p_value = _explain(codes, ranks)
        return browsing.ParamImportance(
            key=key, share=share, kind="text", runs=runs, distinct=distinct, p_value=p_value
        )
    amount = _ranks(np.array(amounts, np.float64)[codes])
    groups = codes if distinct <= _GROUPS else (amount * _GROUPS / (runs + 1)).astype(np.intp)
    share, p_value = _explain(groups, ranks)
    return browsing.ParamImportance(
        key=key,
        share=share,
        kind="number",
        runs=runs,
        distinct=distinct,
        p_value=p_value,
        correlation=_correlation(amount, ranks),
    )


def _ranks(values: FloatColumn) -> FloatColumn:
    """From 1; equal values have the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: FloatColumn = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _explain(groups: Groups, ranks: FloatColumn) -> tuple[float, float]:
    """The share of the ranks' variance between the groups, corrected for chance, and how likely chance alone is."""
    _, groups = np.unique(groups, return_inverse=True)
    counts = np.bincount(groups)
    n, k = len(ranks), len(counts)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    if k < 2 or k == n or total == 0:
        return 0.0, 1.0
    means = np.bincount(groups, ranks) / counts
    between = float((counts * (means - ranks.mean()) ** 2).sum())
    h = (n - 1) * between / total
    return min(max((h - k + 1) / (n - k), 0.0), 1.0), _tail_of_chi_squared(h, k - 1)


def _tail_of_chi_squared(x: float, df: int) -> float:
    """How likely chi squared is above x (Wilson and Hilferty, 1931)."""
    spread = 2 / (9 * df)
    return 0.5 * math.erfc(((x / df) ** (1 / 3) - (1 - spread)) / math.sqrt(2 * spread))


def _correlation(a: FloatColumn, b: FloatColumn) -> float | None:
    a, b = a - a.mean(), b - b.mean()
    norm = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / norm if norm else None
