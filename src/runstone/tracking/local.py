"""The rules of tracking over a Store: defaults, ids, the clock, limits, the run's name and its tag.

Knows no database and no global state; whoever makes it hands it the Store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from runstone import tag_names
from runstone.artifacts.base import ArtifactOpener, ArtifactStore
from runstone.artifacts.uris import DirectArtifacts
from runstone.entities import (
    DatasetInput,
    Experiment,
    LifecycleStage,
    Metric,
    PagedList,
    Run,
    RunStatus,
    ViewType,
)
from runstone.errors import InvalidInput, NotActive, RunstoneError
from runstone.filters import (
    parse_experiment_filter,
    parse_experiment_order,
    parse_run_filter,
    parse_run_order,
)
from runstone.naming import new_run_id, new_run_name, now_ms
from runstone.series.curves import Curve, CurveQuery
from runstone.series.points import Points
from runstone.series.summary import Summary
from runstone.stores.base import Changes, ExperimentQuery, NewRun, RunCount, RunQuery, RunTable, Store, Write
from runstone.stores.columns import ColumnChoice, ExperimentActivity, KeyCounts, RunColumns
from runstone.tracking.base import MAX_PAGE, MAX_TABLE
from runstone.tracking.checks import (
    check_curves,
    check_experiment_ids,
    check_inputs,
    check_page_size,
    check_run_name,
    check_time,
    check_view,
    find_fault,
    metric_batch,
    param_texts,
    tag_texts,
)
from runstone.tracking.local_models import LocalModels
from runstone.tracking.local_removal import LocalRemoval
from runstone.validation import (
    check_experiment_id,
    check_experiment_name,
    check_key,
    check_run_id,
)

__all__ = ["LocalTracking"]


class LocalTracking:
    """A tracker over a store, which it owns: `close` closes it."""

    def __init__(self, store: Store, artifacts: ArtifactOpener | None = None) -> None:
        self.store = store
        self.artifacts: ArtifactOpener = artifacts or DirectArtifacts()
        self._artifact_uris: dict[str, str] = {}
        self.models = LocalModels(store, self.artifacts)
        self.removal = LocalRemoval(store, self.artifacts)

    def close(self) -> None:
        self.store.close()

    # -- experiments

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        return self.store.create_experiment(
            check_experiment_name(name),
            artifact_location=self.artifacts.check_location(artifact_location) if artifact_location else None,
            tags=tag_texts(tags),
            now=now_ms(),
        )

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        return self.store.get_experiment(check_experiment_id(experiment_id))

    def find_experiment(self, name: str) -> Experiment | None:
        return self.store.find_experiment(check_experiment_name(name))

    def search_experiments(
        self,
        *,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
        within: frozenset[str] | None = None,
    ) -> PagedList[Experiment]:
        query = ExperimentQuery(
            view=check_view(view),
            filter=parse_experiment_filter(filter_string),
            order=parse_experiment_order(order_by),
            max_results=check_page_size(max_results),
            page_token=page_token,
            within=within,
        )
        return self.store.search_experiments(query)

    def rename_experiment(self, experiment_id: str | int, name: str) -> None:
        self.store.rename_experiment(check_experiment_id(experiment_id), check_experiment_name(name), now=now_ms())

    def delete_experiment(self, experiment_id: str | int) -> None:
        number = check_experiment_id(experiment_id)
        if number == "0":
            raise InvalidInput("The default experiment (id 0) cannot be deleted: runs without an experiment go there")
        self.store.set_experiment_stage(number, LifecycleStage.DELETED, now=now_ms())

    def restore_experiment(self, experiment_id: str | int) -> None:
        self.store.set_experiment_stage(check_experiment_id(experiment_id), LifecycleStage.ACTIVE, now=now_ms())

    def set_experiment_tags(self, experiment_id: str | int, tags: Mapping[str, Any]) -> None:
        self.store.set_experiment_tags(check_experiment_id(experiment_id), tag_texts(tags), now=now_ms())

    def delete_experiment_tag(self, experiment_id: str | int, key: str) -> None:
        self.store.delete_experiment_tag(check_experiment_id(experiment_id), key, now=now_ms())

    # -- runs

    def create_run(
        self,
        experiment_id: str | int,
        *,
        run_id: str | None = None,
        run_name: str | None = None,
        start_time: int | None = None,
        user_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> Run:
        texts = tag_texts(tags)
        name = check_run_name(run_name, texts) or new_run_name()
        texts[tag_names.RUN_NAME] = name
        new = NewRun(
            run_id=new_run_id() if run_id is None else check_run_id(run_id),
            experiment_id=check_experiment_id(experiment_id),
            run_name=name,
            user_id=user_id if user_id is not None else texts.get(tag_names.USER, ""),
            status=RunStatus.RUNNING,
            start_time=now_ms() if start_time is None else check_time("start time", start_time),
            tags=texts,
        )
        return self.store.create_run(new)

    def get_run(self, run_id: str) -> Run:
        return self.store.get_run(check_run_id(run_id))

    def update_run(
        self,
        run_id: str,
        *,
        status: RunStatus | str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> None:
        ends_or_begins = status is not None or end_time is not None
        word = self.get_run(run_id).info.status if status is None else RunStatus.from_string(status)
        if end_time is not None:
            end_time = check_time("end time", end_time)
        elif RunStatus.is_terminated(word):
            end_time = now_ms()
        if run_name:
            self.log_batch(run_id, tags={tag_names.RUN_NAME: run_name})
        if ends_or_begins:
            self.store.set_run_status(check_run_id(run_id), word, end_time=end_time)

    def delete_run(self, run_id: str) -> None:
        self.store.set_run_stage(check_run_id(run_id), LifecycleStage.DELETED, now=now_ms())

    def restore_run(self, run_id: str) -> None:
        run = self.get_run(run_id)
        experiment = self.store.get_experiment(run.info.experiment_id)
        if experiment.lifecycle_stage is LifecycleStage.DELETED:
            raise NotActive(
                f"The run '{run_id}' is in the experiment '{experiment.name}' (id {experiment.experiment_id}), "
                f"which is deleted; restore that first: `runstone experiments restore {experiment.experiment_id}`"
            )
        self.store.set_run_stage(run_id, LifecycleStage.ACTIVE, now=now_ms())

    def search_runs(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        return self.store.search_runs(
            _run_query(experiment_ids, filter_string, view, order_by, max_results, page_token)
        )

    def search_run_table(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> RunTable:
        return self.store.search_run_table(
            _run_query(experiment_ids, filter_string, view, order_by, max_results, page_token, MAX_TABLE)
        )

    def count_runs(
        self,
        experiment_ids: Sequence[str | int],
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
    ) -> RunCount:
        return self.store.count_runs(_run_query(experiment_ids, filter_string, view, None, 1, None))

    def search_run_columns(
        self,
        experiment_ids: Sequence[str | int],
        choice: ColumnChoice,
        *,
        filter_string: str | None = None,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> RunColumns:
        return self.store.search_run_columns(
            _run_query(experiment_ids, filter_string, view, order_by, max_results, page_token), choice
        )

    def count_keys(self, experiment_ids: Sequence[str | int]) -> KeyCounts:
        return self.store.count_keys(check_experiment_ids(experiment_ids))

    def count_values(
        self,
        experiment_ids: Sequence[str | int],
        kind: Literal["param", "tag"],
        key: str,
        *,
        prefix: str = "",
        max_results: int = 50,
    ) -> list[tuple[str, int]]:
        return self.store.count_values(
            check_experiment_ids(experiment_ids), kind, key, prefix=prefix, limit=check_page_size(max_results)
        )

    def summarize_experiments(self, experiment_ids: Sequence[str | int]) -> dict[str, ExperimentActivity]:
        return self.store.summarize_experiments(check_experiment_ids(experiment_ids))

    def find_run_experiments(self, run_ids: Sequence[str]) -> dict[str, str]:
        return self.store.find_run_experiments(run_ids)

    def list_changed_runs(self, since: int, *, max_results: int = 1000) -> Changes:
        return self.store.list_changed_runs(since, max_results=check_page_size(max_results))

    # -- what a run records

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Iterable[Metric] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        self.store.log_batch(
            check_run_id(run_id),
            metrics=metric_batch(metrics),
            params=param_texts(params),
            tags=tag_texts(tags),
        )

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        errors = [find_fault(write) for write in writes]
        now = now_ms()
        sound = [_timed(write, now) for write, error in zip(writes, errors, strict=True) if error is None]
        results = iter(self.store.log_batches(sound))
        return [next(results) if error is None else error for error in errors]

    def last_sequence(self, run_id: str, writer: str) -> int:
        return self.store.last_sequence(check_run_id(run_id), writer)

    def fail_silent_runs(self, silent_s: float) -> list[str]:
        """End the runs whose writers have said nothing for so long; returns their ids. See the store."""
        return self.store.fail_silent_runs(heard_before=now_ms() - round(silent_s * 1000))

    def delete_tag(self, run_id: str, key: str) -> None:
        self.store.delete_tag(check_run_id(run_id), key)

    def record_logged_model(self, run_id: str, description: Mapping[str, Any]) -> None:
        # This tag is a list that grows by a model, so the limit of a tag's length is not for it.
        self.store.append_to_list_tag(check_run_id(run_id), tag_names.LOGGED_MODELS, dict(description))

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        self.store.log_inputs(check_run_id(run_id), check_inputs(inputs))

    # -- series and files

    def list_series(self, run_id: str) -> dict[str, Summary]:
        return self.store.list_series(check_run_id(run_id))

    def read_series(self, run_id: str, key: str, *, from_step: int | None = None, to_step: int | None = None) -> Points:
        return self.store.read_series(
            check_run_id(run_id), check_key(key, kind="metric"), from_step=from_step, to_step=to_step
        )

    def read_curves(self, query: CurveQuery) -> list[Curve]:
        return self.store.read_curves(check_curves(query))

    def open_artifacts(self, run_id: str) -> ArtifactStore:
        uri = self._artifact_uris.get(run_id)
        if uri is None:
            uri = self._artifact_uris[run_id] = self.get_run(run_id).info.artifact_uri
        return self.artifacts.open(uri)


def _timed(write: Write, now: int) -> Write:
    """The write with the times that it leaves to the tracker."""
    if write.sequenced is not None:
        write = msgspec.structs.replace(write, heard_at=now)
    if write.status is not None and RunStatus.is_terminated(write.status) and write.end_time is None:
        write = msgspec.structs.replace(write, end_time=now)
    return write


def _run_query(
    experiment_ids: Sequence[str | int],
    filter_string: str | None,
    view: ViewType | int,
    order_by: Sequence[str] | None,
    max_results: int,
    page_token: str | None,
    largest: int = MAX_PAGE,
) -> RunQuery:
    return RunQuery(
        experiment_ids=check_experiment_ids(experiment_ids),
        filter=parse_run_filter(filter_string),
        view=check_view(view),
        order=parse_run_order(order_by),
        max_results=check_page_size(max_results, largest),
        page_token=page_token,
    )
