"""What is done to many runs at once: each on its own, so that one that is gone holds up none of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runstone.errors import InvalidInput, RunstoneError, StoreError
from runstone.stores.base import Write
from runstone.tracking.browsing import Browsing
from runstone.wire.faults import fault_of
from runstone.wire.schemas import browsing

__all__ = ["delete_runs", "restore_runs", "tag_runs"]

MAX_RUNS = 10_000


def delete_runs(tracking: Browsing, request: browsing.RunIds) -> browsing.BulkAnswer:
    return _each(tracking.delete_run, request.run_ids)


def restore_runs(tracking: Browsing, request: browsing.RunIds) -> browsing.BulkAnswer:
    return _each(tracking.restore_run, request.run_ids)


def tag_runs(tracking: Browsing, request: browsing.TagRuns) -> browsing.BulkAnswer:
    run_ids = _distinct(request.run_ids)
    if not request.tags and not request.deleted_tags:
        raise InvalidInput("Missing value for required parameter 'tags' or 'deleted_tags'")
    writes = [Write(run_id=run_id, tags=request.tags, deleted_tags=request.deleted_tags) for run_id in run_ids]
    return _answer(run_ids, tracking.log_batches(writes))


def _distinct(run_ids: Sequence[str]) -> list[str]:
    if not 1 <= len(run_ids) <= MAX_RUNS:
        raise InvalidInput(f"Expected 1 to {MAX_RUNS} runs in 'run_ids', not {len(run_ids)}")
    return list(dict.fromkeys(run_ids))


def _each(act: Callable[[str], None], run_ids: Sequence[str]) -> browsing.BulkAnswer:
    def attempt(run_id: str) -> RunstoneError | None:
        try:
            act(run_id)
        except StoreError:
            raise
        except RunstoneError as error:
            return error
        return None

    distinct = _distinct(run_ids)
    return _answer(distinct, [attempt(run_id) for run_id in distinct])


def _answer(run_ids: Sequence[str], outcomes: Sequence[RunstoneError | None]) -> browsing.BulkAnswer:
    errors = []
    for run_id, error in zip(run_ids, outcomes, strict=True):
        if error is not None:
            body = fault_of(error).body
            errors.append(browsing.BulkError(run_id=run_id, error_code=body.error_code, message=body.message))
    return browsing.BulkAnswer(done=len(run_ids) - len(errors), errors=errors)
