"""Made-up runs into a tracker, many at a time. What was interrupted is gone on with, if that is asked.

A run is whole when it has the tag `synthetic`, which comes with the last of its points.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import msgspec

from runstone import tag_names
from runstone.entities import LifecycleStage, RunStatus
from runstone.errors import AlreadyExists, InvalidInput
from runstone.stores.base import Write
from runstone.synthetic.runs import SyntheticRun, experiment_name, make_batches, make_run
from runstone.synthetic.spec import Spec
from runstone.tracking.base import Tracking

__all__ = ["Written", "write_all"]

_SPEC_TAG = "synthetic.spec"
_DONE_TAG = "synthetic"
_PAGE = 10_000
_RUNS_AT_ONCE, _POINTS_AT_ONCE = 200, 1 << 18
_USER = "synthetic"


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, without what was there already (`skipped` runs)."""

    runs: int
    points: int
    skipped: int


def write_all(
    tracking: Tracking, spec: Spec, *, resumes: bool = False, on_run: Callable[[int], None] = lambda points: None
) -> Written:
    """Record all runs of the spec; `on_run` is told of each with its points.

    Raises InvalidInput for a spec that cannot be, and where its experiments hold runs of another one; AlreadyExists
    where they are there, unless it `resumes`.
    """
    spec.check()
    runs = points = skipped = 0
    for experiment in range(spec.experiments):
        experiment_id, whole = _open_experiment(tracking, spec, experiment, resumes)
        numbers = (number for number in range(spec.runs))
        for some in iter(lambda: list(itertools.islice(numbers, _RUNS_AT_ONCE)), []):  # noqa: B023 -- used at once
            made = [(number, make_run(spec, experiment, number)) for number in some]
            fresh = [(number, run) for number, run in made if run.run_id not in whole]
            for _ in range(len(made) - len(fresh)):
                on_run(0)
            skipped += len(made) - len(fresh)
            for run_points in _write(tracking, spec, experiment, experiment_id, fresh, resumes):
                runs, points = runs + 1, points + run_points
                on_run(run_points)
    return Written(runs=runs, points=points, skipped=skipped)


def _open_experiment(tracking: Tracking, spec: Spec, experiment: int, resumes: bool) -> tuple[str, set[str]]:
    """The experiment's id, and the ids of its runs that are whole."""
    name, text = experiment_name(spec, experiment), msgspec.json.encode(spec).decode()
    found = tracking.find_experiment(name)
    if found is None or found.lifecycle_stage is LifecycleStage.DELETED:
        return tracking.create_experiment(name, tags={_SPEC_TAG: text}), set()
    if found.tags.get(_SPEC_TAG) != text:
        raise InvalidInput(
            f"The experiment '{name}' already exists, made from {found.tags.get(_SPEC_TAG, 'something else')} and not "
            f"from {text}: choose another --seed, or delete it with "
            f"`runstone experiments delete {found.experiment_id}`"
        )
    if not resumes:
        raise AlreadyExists(
            f"The experiment '{name}' already exists, made from the same numbers: go on with --resume, choose another "
            f"--seed, or delete it with `runstone experiments delete {found.experiment_id}`"
        )
    return found.experiment_id, set(_whole_runs(tracking, found.experiment_id))


def _whole_runs(tracking: Tracking, experiment_id: str) -> Iterator[str]:
    token = None
    while True:
        page = tracking.search_run_table(
            [experiment_id], filter_string=f"tags.{_DONE_TAG} = 'whole'", max_results=_PAGE, page_token=token
        )
        yield from page.run_id
        token = page.token
        if token is None:
            return


def _write(
    tracking: Tracking,
    spec: Spec,
    experiment: int,
    experiment_id: str,
    runs: list[tuple[int, SyntheticRun]],
    resumes: bool,
) -> Iterator[int]:
    """Record runs; yields the points of each."""
    waiting: list[Write] = []
    waiting_points = 0
    for number, run in runs:
        _create(tracking, experiment_id, run, resumes)
        run_points = 0
        for batch in make_batches(spec, experiment, number, run):
            waiting.append(Write(run_id=run.run_id, metrics=batch))
            run_points += len(batch.points)
            waiting_points += len(batch.points)
            if waiting_points >= _POINTS_AT_ONCE:
                _send(tracking, waiting)
                waiting_points = 0
        waiting.append(_last_word(run))
        yield run_points
    _send(tracking, waiting)


def _create(tracking: Tracking, experiment_id: str, run: SyntheticRun, resumes: bool) -> None:
    try:
        tracking.create_run(
            experiment_id,
            run_id=run.run_id,
            start_time=run.start_time,
            user_id=_USER,
            tags={**run.tags, tag_names.RUN_NAME: run.name},
        )
    except AlreadyExists:
        if not resumes:
            raise


def _last_word(run: SyntheticRun) -> Write:
    is_over = RunStatus.is_terminated(run.status)
    return Write(
        run_id=run.run_id,
        params=run.params,
        tags={_DONE_TAG: "whole"},
        status=run.status if is_over else None,
        end_time=run.end_time,
    )


def _send(tracking: Tracking, writes: list[Write]) -> None:
    errors = tracking.log_batches(writes) if writes else []
    writes.clear()
    for error in errors:
        if error is not None:
            raise error
