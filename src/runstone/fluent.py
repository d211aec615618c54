"""The fluent API: the active run, and functions that record into it. The only module with global state.

The names and arguments are those of `mlflow.*`, so its documentation holds; what differs or is more is said here.
Functions that record start a run where none is active.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from runstone import settings, tag_names
from runstone.active import ActiveRuns
from runstone.artifacts.uris import join_uri
from runstone.client import Client, RunOperations
from runstone.connect import resolve_uri
from runstone.context import collect_tags
from runstone.context.databricks import notebook_id
from runstone.entities import Experiment, LifecycleStage, Metric, Run, RunStatus, ViewType
from runstone.errors import InvalidInput, NotActive, RunstoneError
from runstone.naming import now_ms
from runstone.tracking.frames import to_arrow, to_pandas
from runstone.tracking.pages import all_pages

if TYPE_CHECKING:
    import pandas
    import pyarrow

DEFAULT_EXPERIMENT_ID = "0"
SEARCH_MAX_RESULTS = 100_000
_SIGTERM_TIMEOUT_S = 10.0


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


class _State:
    """What the process has chosen: where to record, and the experiment of new runs."""

    def __init__(self) -> None:
        self.tracking_uri: str | None = None
        self.experiment_id: str | None = None
        self.last_run: tuple[Client, str] | None = None
        self.has_announced = False
        self.has_hooks = False
        self.client: Client | None = None
        self.lock = threading.RLock()


_state = _State()
_active: ActiveRuns[tuple[Client, ActiveRun]] = ActiveRuns()


# -- where to record


def set_tracking_uri(uri: str | os.PathLike[str] | None) -> None:
    """Record there from now on: a folder, or `sqlite:///file.db`; None or "" for the default again.

    Runs that are active go on where they are. The experiment chosen by `set_experiment` is forgotten, because its id
    means another one elsewhere.
    """
    chosen = os.fspath(uri) if uri else None
    with _state.lock:
        if chosen != _state.tracking_uri:
            _state.experiment_id = None
        _state.tracking_uri = chosen
        _state.client = None


def get_tracking_uri() -> str:
    """Where new runs are recorded."""
    return resolve_uri(_state.tracking_uri)


def is_tracking_uri_set() -> bool:
    """Whether a tracking URI was chosen, by `set_tracking_uri` or by the environment."""
    return _state.tracking_uri is not None or settings.TRACKING_URI.source() is not None


def _client() -> Client:
    with _state.lock:
        uri = resolve_uri(_state.tracking_uri)
        if _state.client is None or _state.client.tracking_uri != uri:
            _state.client = Client(uri)
        return _state.client


# -- experiments


def set_experiment(experiment_name: str | None = None, experiment_id: str | int | None = None) -> Experiment:
    """Record new runs in this experiment, by name (created, and said so, where it is missing) or by id.

    Raises NotActive for a deleted one, saying how to restore it, and NotFound for an unknown id.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidInput("set_experiment takes a name or an id: exactly one of experiment_name and experiment_id")
    client = _client()
    if experiment_id is not None:
        experiment = client.get_experiment(experiment_id)
    else:
        experiment = _find_or_create_experiment(client, str(experiment_name))
    _check_active(experiment)
    _state.experiment_id = experiment.experiment_id
    return experiment


def _find_or_create_experiment(client: Client, name: str) -> Experiment:
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return experiment
    try:
        experiment_id = client.create_experiment(name)
    except RunstoneError:
        # Another process may have created it since we looked.
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise
        return experiment
    _say(f"experiment '{name}' did not exist; created it with the id {experiment_id}")
    return client.get_experiment(experiment_id)


def _check_active(experiment: Experiment) -> None:
    if experiment.lifecycle_stage is LifecycleStage.DELETED:
        raise NotActive(
            f"Cannot set a deleted experiment '{experiment.name}' as the active experiment; restore it with "
            f"`runstone experiments restore {experiment.experiment_id}` or "
            f"Client().restore_experiment('{experiment.experiment_id}'), or choose another name"
        )


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Create an experiment and return its id. Raises AlreadyExists."""
    return _client().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str | int) -> Experiment:
    """The experiment, deleted or not. Raises NotFound."""
    return _client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment of that name, deleted or not, or None."""
    return _client().get_experiment_by_name(name)


def search_experiments(
    view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """All experiments that match, or the first `max_results`; the newest first unless `order_by` says otherwise."""
    client = _client()
    pages = all_pages(
        lambda size, token: client.search_experiments(view_type, size, filter_string, order_by, token),
        max_results,
    )
    return [experiment for page in pages for experiment in page]


def delete_experiment(experiment_id: str | int) -> None:
    """Mark an experiment and its runs as deleted; its name stays taken."""
    _client().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str | int) -> None:
    """Undo a deletion, also of the runs deleted with it."""
    _client().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the active experiment."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the active experiment."""
    client = _client()
    client.tracking.set_experiment_tags(_experiment_of_new_runs(client), tags)


def _experiment_of_new_runs(client: Client) -> str:
    """The id: of set_experiment, else of the environment by name, by id, else of the Databricks notebook, else "0"."""
    if _state.experiment_id is not None:
        return _state.experiment_id
    name = settings.EXPERIMENT_NAME.get()
    if name:
        experiment = _find_or_create_experiment(client, name)
        _check_active(experiment)
        return experiment.experiment_id
    return settings.EXPERIMENT_ID.get() or notebook_id() or DEFAULT_EXPERIMENT_ID


# -- starting and ending runs


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

    Raises NotActive where a run is active already and `nested` is not True; on resuming a deleted run; and
    InvalidInput on resuming a run of another experiment than the active one. A resumed run is RUNNING again and
    has no end time. `log_system_metrics` is taken for MLflow's sake, and has no effect in this version.
    """
    own = _active.own()
    if own and not nested:
        raise NotActive(
            f"Run with id {own[-1][1].info.run_id} is already active. To start a new run, first end the current "
            "run with end_run(). To start a nested run, call start_run with nested=True"
        )
    client = _client()
    experiment = None if experiment_id is None else str(experiment_id)
    run_id = run_id or settings.RUN_ID.take()
    if run_id:
        run = _resume(client, run_id, experiment or _state.experiment_id, run_name, _given_tags(tags, description))
    else:
        parent = _parent_run_id(client, nested, parent_run_id)
        nesting = {tag_names.PARENT_RUN_ID: parent} if parent else {}
        run = client.create_run(
            experiment or _experiment_of_new_runs(client),
            tags={**collect_tags(), **nesting, **_given_tags(tags, description)},
            run_name=run_name,
        )
    return _activate(client, run)


def _given_tags(tags: Mapping[str, Any] | None, description: str | None) -> dict[str, Any]:
    given = dict(tags or {})
    if description:
        if given.get(tag_names.RUN_NOTE, description) != description:
            raise InvalidInput(
                f"Two descriptions for one run: description={description!r} and the tag {tag_names.RUN_NOTE}"
            )
        given[tag_names.RUN_NOTE] = description
    return given


def _resume(
    client: Client, run_id: str, experiment_id: str | None, run_name: str | None, tags: Mapping[str, Any]
) -> Run:
    run = client.get_run(run_id)
    if run.info.lifecycle_stage is LifecycleStage.DELETED:
        raise NotActive(
            f"Cannot start run with id {run_id} because it is in the deleted state; "
            f"restore it with `runstone runs restore {run_id}`"
        )
    if experiment_id is not None and experiment_id != run.info.experiment_id:
        raise InvalidInput(
            f"Cannot start run with id {run_id}: it belongs to the experiment {run.info.experiment_id}, and the active "
            f"experiment is {experiment_id}; call set_experiment(experiment_id='{run.info.experiment_id}') first"
        )
    client.update_run(run_id, status=RunStatus.RUNNING, name=run_name)
    if tags:
        client.tracking.log_batch(run_id, tags=tags)
    return client.get_run(run_id)


def _parent_run_id(client: Client, nested: bool, parent_run_id: str | None) -> str | None:
    if parent_run_id is not None:
        parent = client.get_run(parent_run_id)
        if parent.info.lifecycle_stage is LifecycleStage.DELETED:
            raise NotActive(f"The parent run {parent_run_id} is in the deleted state; restore it first")
        return parent_run_id
    current = _active.current() if nested else None
    return None if current is None else current[1].info.run_id


def _activate(client: Client, run: Run) -> ActiveRun:
    _install_hooks()
    active = ActiveRun(info=run.info, data=run.data, inputs=run.inputs)
    _active.push(run.info.run_id, (client, active))
    _state.last_run = (client, run.info.run_id)
    if not _state.has_announced:
        _state.has_announced = True
        _say(f"recording run '{run.info.run_name}' in {client.tracking_uri}")
    return active


def _say(text: str) -> None:
    if not settings.QUIET.get():
        print(f"runstone: {text}", file=sys.stderr)


def end_run(status: RunStatus | str = RunStatus.FINISHED) -> None:
    """End the innermost run that this thread or task started; nothing happens where there is none."""
    own = _active.own()
    if own:
        _end(*own[-1], status)


def _end(client: Client, run: ActiveRun, status: RunStatus | str) -> None:
    word = RunStatus.from_string(status)
    if _active.remove(run.info.run_id):
        client.set_terminated(run.info.run_id, word)


def _end_after_block(run: ActiveRun, error: BaseException | None) -> None:
    """End the run of a `with` block, and runs started in it and left open; the block's own error goes on."""
    left_well = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
    status = RunStatus.FINISHED if left_well else RunStatus.FAILED
    if not _active.is_active(run.info.run_id):
        return
    own = _active.own()
    ids = [one.info.run_id for _, one in own]
    first = ids.index(run.info.run_id) if run.info.run_id in ids else None
    ending = own[first:] if first is not None else [pair for pair in _active.all() if pair[1] is run]
    for client, inner in reversed(ending):
        try:
            _end(client, inner, status)
        except RunstoneError as failure:
            if error is None:
                raise
            warnings.warn(f"The run {inner.info.run_id} could not be ended: {failure}", RuntimeWarning, stacklevel=3)


def active_run() -> ActiveRun | None:
    """The run that logging here goes to: the innermost of this thread or task, else of the process; or None."""
    current = _active.current()
    return None if current is None else current[1]


def last_active_run() -> Run | None:
    """The run that was started last in this process, active or ended, as it is recorded now; or None."""
    if _state.last_run is None:
        return None
    client, run_id = _state.last_run
    return client.get_run(run_id)


# -- the end of the process


def _install_hooks() -> None:
    with _state.lock:
        if _state.has_hooks:
            return
        _state.has_hooks = True
    atexit.register(_end_all_at_exit)
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def _end_all_at_exit() -> None:
    # An uncaught error ends a script; in a REPL or notebook it only ended some earlier input.
    interactive = hasattr(sys, "ps1") or "IPython" in sys.modules
    failed = getattr(sys, "last_type", None) is not None and not interactive
    _end_all(RunStatus.FAILED if failed else RunStatus.FINISHED)


def _end_all(status: RunStatus) -> None:
    for client, run in _active.of_this_process():
        try:
            _end(client, run, status)
        except RunstoneError as error:
            _say(f"the run {run.info.run_id} could not be ended: {error}")


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    # What comes next kills this process as if there had been no handler, so that the parent sees what ended it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # In a thread of its own: the main thread, which is interrupted here, may hold the lock of the store.
    threading.Thread(target=_end_all_and_die, name="runstone-sigterm").start()


def _end_all_and_die() -> None:
    ending = threading.Thread(target=_end_all, args=[RunStatus.KILLED], name="runstone-end-runs", daemon=True)
    ending.start()
    ending.join(_SIGTERM_TIMEOUT_S)
    os.kill(os.getpid(), signal.SIGTERM)


# -- what a run records


def _current() -> tuple[Client, str]:
    """The active run; a new one where there is none."""
    current = _active.current()
    if current is None:
        start_run()
        current = _active.current()
        assert current is not None
    client, run = current
    return client, run.info.run_id


def _run_or_current(run_id: str | None) -> tuple[Client, str]:
    return _current() if run_id is None else (_client(), run_id)


def _operations(synchronous: bool | None) -> RunOperations | None:
    return RunOperations() if synchronous is False else None


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Record a param and return its value. Raises ParamChanged where it has another value already."""
    client, run_id = _current()
    return client.log_param(run_id, key, value)


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Record params, all or none."""
    client, run_id = _run_or_current(run_id)
    client.tracking.log_batch(run_id, params=params)
    return _operations(synchronous)


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Record one point: at step 0 and now (`timestamp` is in ms), unless said otherwise. NaN and infinities are kept.

    `value` is anything that `float()` takes. `model_id` and `dataset` are taken for MLflow's sake; the link is not
    recorded.
    """
    return log_metrics({key: value}, step, synchronous, run_id, timestamp)


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Record one point of each metric, all with the same step and timestamp, all or none. See `log_metric`."""
    client, run_id = _run_or_current(run_id)
    at = now_ms() if timestamp is None else timestamp
    step = 0 if step is None else step
    client.tracking.log_batch(run_id, metrics=[Metric(key, value, at, step) for key, value in metrics.items()])
    return _operations(synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag, whatever it was."""
    return set_tags({key: value}, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set tags, all or none."""
    client, run_id = _current()
    client.tracking.log_batch(run_id, tags=tags)
    return _operations(synchronous)


def delete_tag(key: str) -> None:
    """Delete a tag of the active run. Raises NotFound where there is no such tag."""
    client, run_id = _current()
    client.delete_tag(run_id, key)


def flush_async_logging() -> None:
    """Return when all that was logged is recorded: at once, in this version."""


def _record_logged_model(mlflow_model: Any, run_id: str | None = None) -> None:
    """Append a model to the tag `mlflow.log-model.history`, a JSON list; MLflow's flavors call this."""
    client, run_id = _run_or_current(run_id)
    client._record_logged_model(run_id, mlflow_model)


# -- files


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Store a local file, or a folder under its own name, in the run's folder `artifact_path` (default: the top)."""
    client, run_id = _run_or_current(run_id)
    client.log_artifact(run_id, local_path, artifact_path)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Store all that is in a local folder, in the run's folder `artifact_path` (default: the top)."""
    client, run_id = _run_or_current(run_id)
    client.log_artifacts(run_id, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Store a text as a file (UTF-8)."""
    client, run_id = _run_or_current(run_id)
    client.log_text(run_id, text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a dictionary as a file: YAML for `.yaml` and `.yml`, else JSON."""
    client, run_id = _run_or_current(run_id)
    client.log_dict(run_id, dictionary, artifact_file)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The URI of the active run's artifacts, or of one path among them."""
    current = _active.current()
    root = current[1].info.artifact_uri if current else start_run().info.artifact_uri
    return join_uri(root, artifact_path or "")


# -- finding runs


def get_run(run_id: str) -> Run:
    """The run with its params, tags and the latest value of each metric. Raises NotFound."""
    return _client().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The run in which this one is nested, or None."""
    return _client().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Mark a run as deleted."""
    _client().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Undo a deletion."""
    _client().restore_run(run_id)


@overload
def search_runs(
    experiment_ids: Sequence[str | int] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType | int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    output_format: Literal["pandas"] = ...,
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pandas.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str | int] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType | int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> list[Run]: ...
@overload
def search_runs(
    experiment_ids: Sequence[str | int] | None = ...,
    filter_string: str = ...,
    run_view_type: ViewType | int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["arrow"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pyarrow.Table: ...
def search_runs(
    experiment_ids: Sequence[str | int] | None = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = SEARCH_MAX_RESULTS,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list", "arrow"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pandas.DataFrame | list[Run] | pyarrow.Table:
    """The runs that match a filter, as a DataFrame, a list of Run, or an Arrow table.

    Looks at the experiments given by ids or by names, else at all with `search_all_experiments`, else at the active
    one. Order: `order_by`, else start_time descending; ties by start_time descending, then run_id. Columns:
    `run_id, experiment_id, status, artifact_uri, start_time, end_time` (UTC), then `metrics.*`, `params.*`, `tags.*`;
    NaN, None and None where a run lacks one. Raises FilterError, with the column of the fault.
    """
    if output_format not in ("pandas", "list", "arrow"):
        raise InvalidInput(f"Unknown output format {output_format!r}; it is one of 'pandas', 'list', 'arrow'")
    if type(max_results) is not int or max_results < 0:
        raise InvalidInput(f"Invalid value {max_results!r} for max_results: expected a whole number from 0 on")
    tracking = _client().tracking
    ids = _experiments_to_search(experiment_ids, experiment_names, search_all_experiments)
    if output_format == "list":
        pages = all_pages(
            lambda size, token: tracking.search_runs(
                ids,
                filter_string=filter_string,
                view=run_view_type,
                order_by=order_by,
                max_results=size,
                page_token=token,
            ),
            max_results,
        )
        return [run for page in pages for run in page]
    tables = list(
        all_pages(
            lambda size, token: tracking.search_run_table(
                ids,
                filter_string=filter_string,
                view=run_view_type,
                order_by=order_by,
                max_results=size,
                page_token=token,
            ),
            max_results,
        )
    )
    return to_arrow(tables) if output_format == "arrow" else to_pandas(tables)


def _experiments_to_search(
    ids: Sequence[str | int] | None, names: Sequence[str] | None, search_all: bool
) -> list[str | int]:
    if ids and names:
        raise InvalidInput("Give experiment_ids or experiment_names, not both")
    if ids:
        return list(ids)
    client = _client()
    if names:
        found = [(name, client.get_experiment_by_name(name)) for name in names]
        missing = [name for name, experiment in found if experiment is None]
        if missing:
            warnings.warn(f"No experiments are named {', '.join(map(repr, missing))}", UserWarning, stacklevel=3)
        return [experiment.experiment_id for _, experiment in found if experiment is not None]
    if search_all:
        return [experiment.experiment_id for experiment in search_experiments(ViewType.ALL)]
    return [_experiment_of_new_runs(client)]
