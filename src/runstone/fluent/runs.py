"""The active run: starting, resuming and ending runs.

Each thread and each asyncio task has a stack of its own (`runstone.active`). Runs end with their block, by `end_run`,
or with the process.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple

from runstone import settings, tag_names
from runstone.active import ActiveRuns
from runstone.client import Client
from runstone.connect import without_credentials
from runstone.context import collect_tags
from runstone.entities import LifecycleStage, Run, RunStatus
from runstone.errors import InvalidInput, NotActive, RunstoneError
from runstone.fluent.captures import begin_capture, choose_captures, end_capture
from runstone.fluent.choices import choices, say
from runstone.fluent.exits import ExitHooks, left_well, reason_of
from runstone.fluent.experiments import experiment_of_new_runs
from runstone.journal.writer import Writer

__all__ = [
    "ActiveRun",
    "active_run",
    "client_and_run_id",
    "end_run",
    "entry_here",
    "last_active_run",
    "start_run",
    "writer_here",
]


class ActiveRun(Run, frozen=True, kw_only=True):
    """A run that is being recorded: what `start_run` returns. As a context manager it ends the run.

    Its `info` and `data` are those of the moment it was started.
    """

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _end_after_block(self, error)


class Recording(NamedTuple):
    """An active run: the client it was started with, and what its points go through."""

    client: Client
    run: ActiveRun
    writer: Writer


class _Memory:
    """What is remembered of runs that are over."""

    def __init__(self) -> None:
        self.last_ended: tuple[Client, str] | None = None
        self.has_announced = False


_active: ActiveRuns[Recording] = ActiveRuns()
entry_here = _active.entry_here
_memory = _Memory()


# -- starting


def start_run(
    run_id: str | None = None,
    experiment_id: str | int | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run, or resume the one named by `run_id` or by MLFLOW_RUN_ID, and make it the active one here.

    With `nested` its parent is the run that is active here; in a thread without one, that of the main thread.
    A resumed run is RUNNING again and has no end time; `experiment_id` is for new runs alone.

    Raises NotActive where a run is active already and `nested` is not True, and on resuming a deleted run;
    InvalidInput on resuming a run of another experiment than the active one. `log_system_metrics` says whether the
    run gets system metrics; without it, the settings do.
    """
    own = _active.own()
    if own and not nested:
        raise NotActive(
            f"Run with id {own[-1].run.info.run_id} is already active. To start a new run, first end the current "
            "run with end_run(). To start a nested run, call start_run with nested=True"
        )
    client = choices.client()
    captured = choose_captures(log_system_metrics)
    given = _given_tags(tags, description)
    resumed = run_id or settings.RUN_ID.get()
    if resumed:
        run = _resume(client, resumed, run_name or given.pop(tag_names.RUN_NAME, None), given)
        if not run_id:
            settings.RUN_ID.take()
    else:
        parent = _parent_run_id(client, nested, parent_run_id)
        nesting = {tag_names.PARENT_RUN_ID: parent} if parent else {}
        name = {tag_names.RUN_NAME: run_name} if run_name else {}
        run = client.tracking.start_run(
            experiment_of_new_runs(client) if experiment_id is None else experiment_id,
            tags={**collect_tags(), **nesting, **given, **name},
        )
    return _activate(client, run, captured, is_new=not resumed)


def _given_tags(tags: Mapping[str, Any] | None, description: str | None) -> dict[str, Any]:
    given = dict(tags or {})
    if description:
        if given.get(tag_names.RUN_NOTE, description) != description:
            raise InvalidInput(
                f"Two descriptions for one run: description={description!r} and the tag {tag_names.RUN_NOTE}; "
                "give one of them"
            )
        given[tag_names.RUN_NOTE] = description
    return given


def _resume(client: Client, run_id: str, run_name: str | None, tags: Mapping[str, Any]) -> Run:
    run = client.get_run(run_id)
    if run.info.lifecycle_stage is LifecycleStage.DELETED:
        raise NotActive(
            f"Cannot start run with id {run_id} because it is in the deleted state; "
            f"restore it with `runstone runs restore {run_id}` or Client().restore_run('{run_id}')"
        )
    experiment_id = choices.experiment_id
    # "" is that of a run which was started on another machine, while no store can be asked.
    if experiment_id is not None and run.info.experiment_id not in ("", experiment_id):
        raise InvalidInput(
            f"Cannot start run with id {run_id}: it belongs to the experiment {run.info.experiment_id}, and the active "
            f"experiment is {experiment_id}; call set_experiment(experiment_id='{run.info.experiment_id}') first"
        )
    name = {tag_names.RUN_NAME: run_name} if run_name else {}
    if tags or name:
        client.tracking.log_batch(run_id, tags={**tags, **name})
    client.update_run(run_id, status=RunStatus.RUNNING)
    return client.get_run(run_id)


def _parent_run_id(client: Client, nested: bool, parent_run_id: str | None) -> str | None:
    if parent_run_id is not None:
        parent = client.get_run(parent_run_id)
        if parent.info.lifecycle_stage is LifecycleStage.DELETED:
            raise NotActive(
                f"Cannot start a run under the parent run {parent_run_id}, which is in the deleted state; "
                f"restore it with `runstone runs restore {parent_run_id}`"
            )
        return parent_run_id
    around = _active.enclosing() if nested else None
    return None if around is None else around.run.info.run_id


def _activate(client: Client, run: Run, captured: frozenset[str], *, is_new: bool) -> ActiveRun:
    _exit_hooks.install()
    active = ActiveRun(info=run.info, data=run.data, inputs=run.inputs)
    recording = Recording(client, active, client.tracking.journal.own(run.info.run_id))
    _active.push(recording)
    begin_capture(client, recording.writer, captured, is_new=is_new)
    if not _memory.has_announced:
        _memory.has_announced = True
        say(f"recording run '{run.info.run_name}' in {without_credentials(client.tracking_uri)}")
    return active


# -- ending


def end_run(status: RunStatus | str = RunStatus.FINISHED) -> None:
    """End the innermost run that this thread or task started; nothing happens where there is none."""
    word = RunStatus.from_string(status)
    own = _active.own()
    if own:
        _end(own[-1], word)


def _end(recording: Recording, status: RunStatus, reason: Mapping[str, str] | None = None) -> None:
    """End it; `reason` are tags that say why."""
    client, run, _ = recording
    if _active.remove(recording):
        _memory.last_ended = client, run.info.run_id
        end_capture(run.info.run_id)
        client.tracking.end_run(run.info.run_id, status, tags=reason)


def _end_after_block(run: ActiveRun, error: BaseException | None) -> None:
    """End the run of a `with` block, and runs started in it and left open; the block's own error goes on."""
    status = RunStatus.FINISHED if left_well(error) else RunStatus.FAILED
    for recording in _inside_of(run):
        try:
            _end(recording, status, reason_of(error) if status is RunStatus.FAILED else None)
        except RunstoneError as failure:
            if error is None:
                raise
            run_id = recording.run.info.run_id
            warnings.warn(f"The run {run_id} could not be ended: {failure}", RuntimeWarning, stacklevel=3)


def _inside_of(run: ActiveRun) -> list[Recording]:
    """The run and those started in it here, innermost first; none where the run is over.

    None in a forked child either, that leaves the block of its parent's run.
    """
    found = [recording for recording in _active.of_this_process() if recording.run is run]
    own = _active.own()
    depth = next((at for at, recording in enumerate(own) if recording.run is run), None)
    return found if depth is None else own[depth:][::-1]


def active_run() -> ActiveRun | None:
    """The run that logging here goes to: the innermost of this thread or task, else of the process; or None."""
    current = _active.current()
    return None if current is None else current.run


def last_active_run() -> Run | None:
    """The active run, else the run that ended last in this process, as it is recorded now; or None."""
    current = _active.current()
    if current is not None:
        return current.client.get_run(current.run.info.run_id)
    if _memory.last_ended is None:
        return None
    client, run_id = _memory.last_ended
    return client.get_run(run_id)


# -- the end of the process


def _end_all(status: RunStatus) -> None:
    error = getattr(sys, "last_value", None) if status is RunStatus.FAILED else None
    for recording in _active.of_this_process():
        try:
            _end(recording, status, reason_of(error))
        except RunstoneError as failure:
            say(f"the run {recording.run.info.run_id} could not be ended: {failure}")


def _mark_all(status: RunStatus) -> None:
    """The runs have ended, but stay active: the threads of a process that is being killed go on logging to them."""
    for client, run, _ in _active.of_this_process():
        try:
            client.tracking.end_run(run.info.run_id, status, tags={tag_names.END_REASON: "signal: SIGTERM"})
        except RunstoneError as error:
            say(f"the run {run.info.run_id} could not be ended: {error}")


_exit_hooks = ExitHooks(at_exit=_end_all, at_sigterm=_mark_all)


# -- for the functions that record

_starting = threading.RLock()


def _renew_lock() -> None:
    # Another thread may have held it when this process was forked.
    global _starting
    _starting = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def client_and_run_id(run_id: str | None = None) -> tuple[Client, str]:
    """Where that run is recorded; without an id the active run, a new one where there is none."""
    if run_id is not None:
        here = (client for client, run, _ in _active.all() if run.info.run_id == run_id)
        return next(here, None) or choices.client(), run_id
    client, run, _ = _active.current() or _start_for_all()
    return client, run.info.run_id


def writer_here(run_id: str | None = None) -> Writer:
    """What points go through: those of that run; without an id the active run's, a new one's where there is none."""
    if run_id is None:
        current = _active.current() or _start_for_all()
        return current.writer
    client, run_id = client_and_run_id(run_id)
    return client.tracking.journal.writer(run_id)


def _start_for_all() -> Recording:
    # One thread at a time: those that log at the same moment share the run that the first of them starts.
    with _starting:
        current = _active.current()
        if current is None:
            start_run()
            current = _active.current()
            assert current is not None
        return current


def reset() -> None:
    """Forget all active runs without ending them, as if the process had just begun: for tests."""
    _active.clear()
    _memory.last_ended = None
    _memory.has_announced = False
