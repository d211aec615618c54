"""Which runs go and which stay: pure rules over facts. Knows no store and no clock.

::

    rule = "best" N "by" field [ASC|DESC] | "latest" N
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import msgspec

from runstone.entities import RunStatus
from runstone.errors import InvalidInput
from runstone.filters import parse_run_order
from runstone.filters.ast import OrderTerm
from runstone.stores.removal import RunFacts, Versioned

__all__ = ["Choice", "KeepRule", "Reason", "choose_beyond", "choose_deleted", "parse_keep_rule", "protection"]

Reason = Literal["deleted", "beyond the rule"]

_BEST = re.compile(r"\s*best\s+(\d+)\s+by\s+(.+?)(?:\s+(asc|desc))?\s*", re.IGNORECASE | re.DOTALL)
_LATEST = re.compile(r"\s*latest\s+(\d+)\s*", re.IGNORECASE)
_DIRECTIONS = {"min": "ASC", "max": "DESC"}


class KeepRule(msgspec.Struct, frozen=True):
    """The first `count` runs of an experiment in this order stay; no order is the latest start first."""

    count: int
    order: tuple[OrderTerm, ...] = ()


class Choice(msgspec.Struct, frozen=True):
    """The runs that go, and those that would but for a reason."""

    removed: list[RunFacts]
    kept: list[tuple[RunFacts, str]]


def parse_keep_rule(text: str) -> KeepRule:
    """The rule that a text such as `best 3 by min(metrics.val_loss)` states. Raises InvalidInput, and FilterError."""
    latest = _LATEST.fullmatch(text)
    if latest:
        return KeepRule(int(latest[1]))
    best = _BEST.fullmatch(text)
    if best is None:
        raise InvalidInput(
            f"Invalid rule {text!r} of what to keep: write 'best 3 by min(metrics.val_loss)', "
            "'best 3 by metrics.accuracy DESC', or 'latest 5'"
        )
    field, direction = best[2], best[3] or _DIRECTIONS.get(best[2].partition("(")[0].strip().lower())
    if direction is None:
        raise InvalidInput(
            f"Invalid rule {text!r} of what to keep: which end of '{field}' is best? "
            f"Write '{text.strip()} ASC' (the smallest) or '{text.strip()} DESC' (the largest)"
        )
    return KeepRule(int(best[1]), parse_run_order([f"{field} {direction}"]))


def protection(run: RunFacts, versioned: Versioned) -> str | None:
    """Why a run is never removed; None where nothing protects it."""
    if run.run_id in versioned.runs:
        return "a version of a registered model comes from it"
    return "it has the tag 'keep'" if run.has_keep_tag else None


def choose_deleted(runs: Iterable[RunFacts], versioned: Versioned, deleted_before: int | None) -> Choice:
    """Of deleted runs, those that were deleted before that time (ms), and that nothing protects."""
    choice = Choice([], [])
    for run in runs:
        reason = protection(run, versioned)
        if reason is not None:
            choice.kept.append((run, reason))
        elif deleted_before is None or (run.deleted_time or 0) < deleted_before:
            choice.removed.append(run)
    return choice


def choose_beyond(runs: Sequence[RunFacts], chosen: Collection[str], versioned: Versioned, ended_before: int) -> Choice:
    """Of the active runs of an experiment, those that are not `chosen` and ended before that time (ms).

    Never a run that has not ended, that something protects, or that is an ancestor of a run which stays.
    """
    choice = Choice([], [])
    candidates: dict[str, RunFacts] = {}
    for run in runs:
        is_over = RunStatus.is_terminated(run.status) and run.end_time is not None and run.end_time < ended_before
        if run.run_id in chosen or not is_over:
            continue
        reason = protection(run, versioned)
        if reason is None:
            candidates[run.run_id] = run
        else:
            choice.kept.append((run, reason))
    parents = {run.run_id: run.parent_run_id for run in runs}
    for run in runs:
        if run.run_id not in candidates:
            parent = run.parent_run_id
            while parent in candidates:
                choice.kept.append((candidates.pop(parent), f"its nested run {run.run_id} stays"))
                parent = parents.get(parent)
    choice.removed.extend(candidates.values())
    return choice
