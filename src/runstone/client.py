"""The explicit client: every act names its run or experiment; no global state.

The names and arguments are those of MLflow's `MlflowClient`, so its documentation holds; what is more is said here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from runstone import settings, tag_names
from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.transfer import download, put_folder
from runstone.connect import connect, resolve_uri
from runstone.entities import (
    DatasetInput,
    Experiment,
    FileInfo,
    Metric,
    PagedList,
    Param,
    Run,
    RunStatus,
    RunTag,
    ViewType,
)
from runstone.errors import ArtifactError, InvalidInput, NotFound
from runstone.journal.tracking import JournaledTracking
from runstone.recording import FileRecorder
from runstone.registry import ModelRecorder
from runstone.tracking import documents

__all__ = ["Client", "MlflowClient", "RunOperations", "finish", "local_copy"]


class RunOperations:
    """What a logging call with `synchronous=False` returns; `wait()` returns when all of it is recorded."""

    def __init__(self, wait: Callable[[], None]) -> None:
        self._wait = wait

    def wait(self) -> None:
        """Return when it is recorded, or cannot be just now. Raises what the store refuses."""
        self._wait()


def finish(tracking: JournaledTracking, run_id: str, synchronous: bool | None) -> RunOperations | None:
    """Wait for what was logged to a run, where that was asked for, or return what can wait for it."""
    if synchronous is False:
        return RunOperations(lambda: tracking.journal.wait_for(run_id))
    if synchronous or settings.SYNCHRONOUS.get():
        tracking.journal.wait_for(run_id)
    return None


class Client(FileRecorder, ModelRecorder):
    """Experiments, runs, what is in them, and models, at one tracking URI (by default the process's).

    Ids are texts; an experiment's may be an int. Times are milliseconds since the Unix epoch. Errors are those of
    `runstone.errors`: NotFound for an unknown id, InvalidInput for a value that breaks a rule, StoreError for a store
    that fails.
    """

    def __init__(self, tracking_uri: str | os.PathLike[str] | None = None, registry_uri: str | None = None) -> None:
        self._uri = resolve_uri(tracking_uri)
        self._tracking = connect(self._uri)

    @property
    def tracking_uri(self) -> str:
        """Where this client records."""
        return self._uri

    @property
    def tracking(self) -> JournaledTracking:
        """The tracker behind this client, which speaks in columns and summaries too."""
        return self._tracking

    def flush(self, timeout: float | None = None) -> bool:
        """Deliver what this process has logged; whether all of it was, within `timeout` seconds (by default 60)."""
        return self._tracking.flush(timeout)

    # -- experiments

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Create an experiment and return its id. Raises AlreadyExists; the name of a deleted one is free."""
        return self._tracking.create_experiment(name, artifact_location=artifact_location, tags=tags)

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        """The experiment, deleted or not. Raises NotFound."""
        return self._tracking.get_experiment(experiment_id)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment of that name, deleted or not, or None."""
        return self._tracking.find_experiment(name)

    def search_experiments(
        self,
        view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """A page of experiments, the newest first unless `order_by` says otherwise. Raises FilterError."""
        return self._tracking.search_experiments(
            view=view_type,
            max_results=1000 if max_results is None else max_results,
            filter_string=filter_string,
            order_by=order_by,
            page_token=page_token,
        )

    def rename_experiment(self, experiment_id: str | int, new_name: str) -> None:
        """Raises AlreadyExists."""
        self._tracking.rename_experiment(experiment_id, new_name)

    def delete_experiment(self, experiment_id: str | int) -> None:
        """Mark an experiment and its runs as deleted; its name is free again."""
        self._tracking.delete_experiment(experiment_id)

    def restore_experiment(self, experiment_id: str | int) -> None:
        """Undo a deletion, also of the runs deleted with it."""
        self._tracking.restore_experiment(experiment_id)

    def set_experiment_tag(self, experiment_id: str | int, key: str, value: Any) -> None:
        """Set a tag of an experiment."""
        self._tracking.set_experiment_tags(experiment_id, {key: value})

    def delete_experiment_tag(self, experiment_id: str | int, key: str) -> None:
        """Raises NotFound where there is no such tag."""
        self._tracking.delete_experiment_tag(experiment_id, key)

    # -- runs

    def create_run(
        self,
        experiment_id: str | int,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Create a run that is RUNNING; it is not made active. A name not given is made up."""
        return self._tracking.create_run(experiment_id, start_time=start_time, tags=tags, run_name=run_name)

    def get_run(self, run_id: str) -> Run:
        """The run with its params, tags and the latest value of each metric. Raises NotFound."""
        return self._tracking.get_run(run_id)

    def get_parent_run(self, run_id: str) -> Run | None:
        """The run in which this one is nested, or None."""
        parent = self.get_run(run_id).data.tags.get(tag_names.PARENT_RUN_ID)
        return None if parent is None else self.get_run(parent)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Set a run's status or name. RUNNING clears its end time."""
        self._tracking.update_run(run_id, status=status, run_name=name)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run: FINISHED and now, unless said otherwise."""
        self._tracking.update_run(run_id, status=status or RunStatus.FINISHED, end_time=end_time)

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted."""
        self._tracking.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        """Undo a deletion."""
        self._tracking.restore_run(run_id)

    def search_runs(
        self,
        experiment_ids: Sequence[str | int],
        filter_string: str = "",
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """A page of runs, the latest start first unless `order_by` says otherwise; `.token` leads to the next.

        At most 50,000 a page. Raises FilterError.
        """
        return self._tracking.search_runs(
            experiment_ids,
            filter_string=filter_string,
            view=run_view_type,
            max_results=max_results,
            order_by=order_by,
            page_token=page_token,
        )

    # -- what a run records

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Record one point: now, at step 0, unless said otherwise. NaN and infinities are kept.

        `dataset_*` and `model_id` are taken for MLflow's sake; the link is not recorded.
        """
        writer = self._tracking.journal.writer(run_id)
        writer.log(key, value, timestamp, 0 if step is None else step)
        if synchronous is None and not writer.is_synchronous:
            return None
        return finish(self._tracking, run_id, synchronous)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Record a param and return its value (RunOperations where `synchronous` is False).

        Raises ParamChanged where it has another value.
        """
        self._tracking.log_batch(run_id, params={key: value}, waits=synchronous is not False)
        return finish(self._tracking, run_id, synchronous) or value

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> RunOperations | None:
        """Record all or nothing, any number of each."""
        texts = {param.key: param.value for param in params}
        for param in params:
            if str(texts[param.key]) != str(param.value):
                raise InvalidInput(
                    f"The param '{param.key}' stands twice in one batch, with different values: "
                    f"{param.value!r} and {texts[param.key]!r}"
                )
        values = {tag.key: tag.value for tag in tags}
        waits = synchronous is not False
        self._tracking.log_batch(run_id, metrics=metrics, params=texts, tags=values, waits=waits)
        return finish(self._tracking, run_id, synchronous)

    def log_inputs(self, run_id: str, datasets: Sequence[DatasetInput] | None = None) -> None:
        """Link datasets to a run."""
        self._tracking.log_inputs(run_id, datasets or ())

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
        """Set a tag, whatever it was."""
        self._tracking.log_batch(run_id, tags={key: value}, waits=synchronous is not False)
        return finish(self._tracking, run_id, synchronous)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Raises NotFound where there is no such tag."""
        self._tracking.delete_tag(run_id, key)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every point of a series, ordered by step, then timestamp, then value; empty where there is none."""
        return self._tracking.read_series(run_id, key).metrics(key)

    def _record_logged_model(self, run_id: str, mlflow_model: Any) -> None:
        """Append a model to the run's tag `mlflow.log-model.history`; MLflow's flavors call this."""
        self._tracking.record_logged_model(run_id, documents.model_description(mlflow_model))

    # -- files

    def log_artifact(self, run_id: str, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Store a local file, or a folder under its own name, in the run's folder `artifact_path` (default: top)."""
        source = Path(local_path)
        name = source.resolve().name if source.name in ("", "..") else source.name
        target = f"{artifact_path}/{name}" if artifact_path else name
        store = self._tracking.open_artifacts(run_id)
        if source.is_dir():
            put_folder(store, source, target)
        else:
            store.put_file(source, target)

    def log_artifacts(self, run_id: str, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Store all that is in a local folder, in the run's folder `artifact_path` (default: the top)."""
        source = Path(local_dir)
        if not source.is_dir():
            raise NotFound(f"There is no folder '{local_dir}' to log; log_artifact takes a single file")
        put_folder(self._tracking.open_artifacts(run_id), source, artifact_path or "")

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Store a text as a file (UTF-8)."""
        self._tracking.open_artifacts(run_id).put_stream(documents.text_stream(text), artifact_file)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Store a dictionary as a file: YAML for `.yaml` and `.yml`, else JSON; `str()` of what JSON does not know."""
        self.log_text(run_id, documents.dump_dict(dictionary, artifact_file), artifact_file)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What stands directly in a folder of the run (default: the top), by name."""
        return self._tracking.open_artifacts(run_id).list(path or "")

    def download_artifacts(self, run_id: str, path: str = "", dst_path: str | os.PathLike[str] | None = None) -> str:
        """The local path of a file or folder: its own place where that is on this machine, else a copy.

        With `dst_path`, a folder that is made where it is missing, always a copy in there. Raises NotFound.
        """
        return local_copy(self._tracking.open_artifacts(run_id), path, dst_path)


def local_copy(store: ArtifactStore, path: str, dst_path: str | os.PathLike[str] | None) -> str:
    """The local path of an artifact. See `Client.download_artifacts`."""
    if dst_path is None:
        local = store.local_path(path)
        if local is not None:
            return str(local)
        dst_path = mkdtemp(prefix="runstone-")
    try:
        Path(dst_path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactError(f"Cannot make the folder '{dst_path}' to download into: {error.strerror}") from error
    return str(download(store, path, Path(dst_path)))


MlflowClient = Client
