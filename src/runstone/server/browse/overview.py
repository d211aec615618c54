"""Experiments with what happens in them, and the metric that tells their runs apart."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import numpy as np

from runstone.entities import Experiment
from runstone.errors import InvalidInput
from runstone.series.points import FloatColumn
from runstone.stores.columns import ColumnChoice, ExperimentActivity
from runstone.tracking.browsing import Browsing
from runstone.wire import convert
from runstone.wire.codec import float_text
from runstone.wire.schemas import browsing

__all__ = ["Direction", "Overviews", "guess_direction", "guess_primary"]

Direction = Literal["min", "max"]

_NAME_TAG = "mlflow.experiment.primaryMetric.name"
_GREATER_TAG = "mlflow.experiment.primaryMetric.greaterIsBetter"
_MAX_EXPERIMENTS = 1_000
_MAX_SPARKLINE = 200
_RUNS_TO_GUESS_FROM = 100
_RUNS_OF_SPARKLINE = 10_000
_CACHED = 10_000

_LESS_IS_BETTER = frozenset("loss error err perplexity ppl rmse mse mae mape wer cer nll bpb fid regret".split())
_MORE_IS_BETTER = frozenset(
    "acc accuracy auc auroc f1 score reward return r2 bleu rouge precision recall iou map ndcg miou dice psnr ssim "
    "win".split()
)
_SPLITS = {**dict.fromkeys(("val", "valid", "validation", "eval", "dev"), 4), "test": 2}
_BREAKS = re.compile(r"[/_\-. :]+")


class _Primary(NamedTuple):
    revision: int
    wanted: tuple[str | None, str | None, int]
    metric: browsing.PrimaryMetric | None


class Overviews:
    """Answers for one server; what has been found of an experiment's metric is kept until a run of it changes."""

    def __init__(self) -> None:
        self._known: dict[str, _Primary] = {}

    def overview_experiments(
        self, tracking: Browsing, request: browsing.OverviewExperiments
    ) -> browsing.OverviewAnswer:
        for name, value, most in (
            ("max_results", request.max_results, _MAX_EXPERIMENTS),
            ("sparkline", request.sparkline, _MAX_SPARKLINE),
        ):
            if not 1 <= value <= most:
                raise InvalidInput(f"Invalid value {value} for parameter '{name}' supplied: expected 1 to {most}")
        page = tracking.search_experiments(
            view=convert.view_of(request.view_type),
            filter_string=request.filter,
            order_by=request.order_by,
            max_results=request.max_results,
            page_token=request.page_token,
        )
        activities = tracking.summarize_experiments([experiment.experiment_id for experiment in page])
        return browsing.OverviewAnswer(
            experiments=[
                self._overview(tracking, one, activities.get(one.experiment_id), request.sparkline) for one in page
            ],
            next_page_token=page.token,
        )

    def _overview(
        self, tracking: Browsing, experiment: Experiment, activity: ExperimentActivity | None, sparkline: int
    ) -> browsing.ExperimentOverview:
        overview = browsing.ExperimentOverview(
            experiment_id=experiment.experiment_id,
            name=experiment.name,
            stage=experiment.lifecycle_stage.value,
            artifact_location=experiment.artifact_location,
            creation_time=experiment.creation_time,
            last_update_time=experiment.last_update_time,
            tags=dict(experiment.tags),
        )
        if activity is not None:
            overview.runs, overview.live = activity.runs, activity.live
            overview.last_activity = activity.last_time
            overview.primary = self._primary(tracking, experiment, activity.revision, sparkline)
        return overview

    def _primary(
        self, tracking: Browsing, experiment: Experiment, revision: int, sparkline: int
    ) -> browsing.PrimaryMetric | None:
        wanted = (experiment.tags.get(_NAME_TAG), experiment.tags.get(_GREATER_TAG), sparkline)
        known = self._known.get(experiment.experiment_id)
        if known is None or (known.revision, known.wanted) != (revision, wanted):
            if len(self._known) >= _CACHED:
                self._known.clear()
            known = _Primary(revision, wanted, _find_primary(tracking, experiment, sparkline))
            self._known[experiment.experiment_id] = known
        return known.metric


def _find_primary(tracking: Browsing, experiment: Experiment, sparkline: int) -> browsing.PrimaryMetric | None:
    key = experiment.tags.get(_NAME_TAG)
    guessed = key is None
    if key is None:
        latest = tracking.search_run_columns(
            [experiment.experiment_id], ColumnChoice(params=(), tags=()), max_results=_RUNS_TO_GUESS_FROM
        )
        counts = {name: int(np.isfinite(column["last"]).sum()) for name, column in latest.metrics.items()}
        key = guess_primary(counts)
    if not key:
        return None
    direction = _direction(key, experiment.tags.get(_GREATER_TAG))
    metric = browsing.PrimaryMetric(key=key, direction=direction, guessed=guessed)
    choice = ColumnChoice(metrics=(key,), aggregates=(direction,), params=(), tags=())
    latest = tracking.search_run_columns([experiment.experiment_id], choice, max_results=_RUNS_OF_SPARKLINE)
    if key not in latest.metrics:
        return metric
    values = latest.metrics[key][direction][::-1]
    metric.sparkline = [float_text(value) for value in _best_of_groups(values, direction, sparkline)]
    if latest.token is None:
        best, run_ids = latest.metrics[key][direction], latest.run_ids
    else:
        order = f"{direction}(metrics.`{key}`) {'ASC' if direction == 'min' else 'DESC'}"
        top = tracking.search_run_columns([experiment.experiment_id], choice, order_by=[order], max_results=1)
        best, run_ids = top.metrics[key][direction], top.run_ids
    if not np.isnan(best).all():
        place = int(np.nanargmin(best) if direction == "min" else np.nanargmax(best))
        metric.best, metric.best_run_id = float_text(float(best[place])), run_ids[place]
    return metric


def _best_of_groups(values: FloatColumn, direction: Direction, groups: int) -> list[float]:
    values = values[~np.isnan(values)]
    parts = np.array_split(values, min(groups, len(values))) if len(values) else []
    return [float(part.min() if direction == "min" else part.max()) for part in parts]


def _direction(key: str, greater_is_better: str | None) -> Direction:
    if greater_is_better is not None and greater_is_better.lower() in ("true", "false"):
        return "max" if greater_is_better.lower() == "true" else "min"
    return guess_direction(key)


def guess_direction(key: str) -> Direction:
    """Which way a metric of that name gets better, by its last word that says so; "max" where none does."""
    for word in reversed(_BREAKS.split(key.lower())):
        if word in _LESS_IS_BETTER:
            return "min"
        if word in _MORE_IS_BETTER:
            return "max"
    return "max"


def guess_primary(counts: dict[str, int]) -> str | None:
    """Which of these keys, of which so many runs have a number, tells the runs apart; None for none.

    One of an evaluation before others, one whose direction is known before others, then that of the most runs.
    """

    def rank(key: str) -> tuple[int, int, int, str]:
        words = _BREAKS.split(key.lower())
        knows_direction = any(word in _LESS_IS_BETTER or word in _MORE_IS_BETTER for word in words)
        score = max(_SPLITS.get(word, 0) for word in words) + 2 * knows_direction
        return -score, -counts[key], len(key), key

    candidates = [key for key, runs in counts.items() if runs and not key.startswith("system/")]
    return min(candidates, key=rank, default=None)
