"""Rules that every store shares: messages of refusals, and what a sequence number means. Pure functions."""

from __future__ import annotations

import datetime
import json

from runstone.errors import AlreadyExists, InvalidInput, NotActive, NotFound, ParamChanged
from runstone.stores.base import Sequenced, Write

__all__ = [
    "SILENT",
    "experiment_deleted",
    "experiment_exists",
    "experiment_in_use",
    "experiment_not_found",
    "extend_json_list",
    "is_stored",
    "name_taken_meanwhile",
    "param_changed",
    "revives",
    "run_deleted",
    "run_exists",
    "run_not_deleted",
    "run_not_found",
    "silence",
    "tag_not_found",
]


def experiment_not_found(experiment_id: str) -> NotFound:
    """No experiment has this id."""
    return NotFound(f"No experiment has the id '{experiment_id}'; list them with `runstone experiments list`")


def experiment_deleted(experiment_id: str, name: str) -> NotActive:
    """The experiment must be restored first."""
    return NotActive(
        f"The experiment '{name}' (id {experiment_id}) must be in the 'active' state, and it is deleted; restore it "
        f"with `runstone experiments restore {experiment_id}` or Client().restore_experiment('{experiment_id}')"
    )


def experiment_exists(name: str) -> AlreadyExists:
    """An active experiment has the name."""
    return AlreadyExists(f"An experiment named '{name}' already exists; choose another name, or use that one")


def name_taken_meanwhile(experiment_id: str, name: str, holder_id: str) -> AlreadyExists:
    """A deleted experiment cannot be restored: another one has taken its name."""
    return AlreadyExists(
        f"Cannot restore the experiment '{name}' (id {experiment_id}): the experiment with the id {holder_id} already "
        f"exists under that name; rename that one first with `runstone experiments rename {holder_id} NEW_NAME`, or "
        f"delete it"
    )


def run_not_found(run_id: str) -> NotFound:
    """No run has this id."""
    return NotFound(f"Run with id '{run_id}' not found; search for it with `runstone runs list`")


def run_exists(run_id: str) -> AlreadyExists:
    """The run's id is taken."""
    return AlreadyExists(f"A run with the id '{run_id}' already exists")


def run_not_deleted(run_id: str) -> NotActive:
    """Only what was deleted is removed."""
    return NotActive(
        f"The run '{run_id}' is not in the 'deleted' state, so it is not removed; delete it first with "
        f"`runstone runs delete {run_id}`"
    )


def experiment_in_use(experiment_id: str) -> NotActive:
    """Only a deleted experiment without runs is removed."""
    return NotActive(
        f"The experiment with the id {experiment_id} is not in the 'deleted' state, or has runs, so it is not removed; "
        f"delete it with `runstone experiments delete {experiment_id}`, and remove its runs first"
    )


def run_deleted(run_id: str) -> NotActive:
    """The run must be restored first."""
    return NotActive(
        f"The run '{run_id}' must be in the 'active' state, and it is deleted; restore it with "
        f"`runstone runs restore {run_id}` or Client().restore_run('{run_id}')"
    )


def tag_not_found(owner: str, key: str) -> NotFound:
    """The run or experiment (`owner`, for the message) has no such tag."""
    return NotFound(f"No tag named '{key}' on {owner}")


def param_changed(run_id: str, key: str, old: str, new: str) -> ParamChanged:
    """A param keeps its first value."""
    return ParamChanged(
        f"Changing param values is not allowed: param '{key}' of run '{run_id}' was logged as {_short(old)}, "
        f"and cannot become {_short(new)}; use a tag for what changes, or a new run"
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "...")


def extend_json_list(run_id: str, key: str, text: str | None, item: object) -> str:
    """The JSON list in `text` (None: empty) with `item` at its end. Raises InvalidInput where it holds no list."""
    try:
        items = json.loads(text) if text else []
    except ValueError:
        items = None
    if not isinstance(items, list):
        raise InvalidInput(f"The tag '{key}' of run '{run_id}' holds no JSON list, so nothing can be appended to it")
    return json.dumps([*items, item])


SILENT = "silent: "
"""How the reason of a run begins that was ended because nothing was heard of it."""


def silence(heard_at: int) -> str:
    """Why a run was ended of which nothing was heard since then (ms)."""
    when = datetime.datetime.fromtimestamp(heard_at / 1000, datetime.timezone.utc)
    return f"{SILENT}nothing was heard since {when.isoformat(timespec='seconds')}"


def revives(write: Write) -> bool:
    """Whether a write shows that a run which was ended for its silence goes on."""
    return write.sequenced is not None and not write.sequenced.ends and write.status is None


def is_stored(run_id: str, last: int, write: Sequenced) -> bool:
    """Whether a write is there already, given the writer's `last` stored sequence. Raises InvalidInput for a gap."""
    if write.last <= last:
        return True
    if write.first != last + 1:
        raise InvalidInput(
            f"Writer '{write.writer}' of run '{run_id}' sent records {write.first} to {write.last}, "
            f"but the store holds its records up to {last}; send from {last + 1} on"
        )
    return False
