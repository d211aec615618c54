"""Which runs are to come along. Pure rules; knows no source and no target."""

from __future__ import annotations

from typing import Literal

import msgspec

from runstone.entities import Experiment, Run
from runstone.errors import InvalidInput
from runstone.filters import Filter, parse_run_filter
from runstone.filters.match import matches, run_subject
from runstone.filters.times import time_ms
from runstone.series.points import MetricBatch
from runstone.series.summary import Summary, merge, summarize

__all__ = ["ArtifactMode", "Selection", "parse_since", "run_matches", "summarize_pieces"]

ArtifactMode = Literal["copy", "reference", "none"]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of these experiments (none named: of all) that match the filter and began at `since` (ms) or later."""

    experiments: frozenset[str] = frozenset()
    filter_string: str | None = None
    since: int | None = None
    artifacts: ArtifactMode = "copy"

    def filter(self) -> Filter | None:
        """The filter, read. Raises FilterError."""
        return parse_run_filter(self.filter_string)

    def has_experiment(self, experiment: Experiment) -> bool:
        """Whether its runs may come along."""
        return not self.experiments or experiment.name in self.experiments

    def is_whole(self) -> bool:
        """Whether everything comes along."""
        return not self.experiments and not self.filter_string and self.since is None

    def is_partial(self) -> bool:
        """Whether some runs of an experiment may stay behind."""
        return bool(self.filter_string) or self.since is not None

    def has_time(self, run: Run) -> bool:
        """Whether it began late enough; a run without a start did not."""
        return self.since is None or (run.info.start_time is not None and run.info.start_time >= self.since)


def parse_since(text: str) -> int:
    """The time (ms) that a date or time in ISO 8601 means, in UTC where it names no zone. Raises InvalidInput."""
    found = time_ms(text)
    if found is None:
        raise InvalidInput(f"{text!r} is no date or time; write 2026-01-31, or 2026-01-31T12:00:00Z")
    return found


def run_matches(node: Filter | None, run: Run, pieces: list[MetricBatch]) -> bool:
    """Whether a run with these points fulfils a filter."""
    if node is None:
        return True
    subject = run_subject(
        run.info,
        params=run.data.params,
        tags=run.data.tags,
        series=summarize_pieces(pieces),
        inputs=run.inputs.dataset_inputs,
    )
    return matches(node, subject)


def summarize_pieces(pieces: list[MetricBatch]) -> dict[str, Summary]:
    """The summary of each series of a run, which may go over several pieces."""
    series: dict[str, Summary] = {}
    for piece in pieces:
        for key, summary in summarize(piece).items():
            series[key] = merge(series[key], summary) if key in series else summary
    return series
