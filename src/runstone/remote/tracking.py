"""RemoteTracking: a tracker behind MLflow's REST API, and behind Runstone's own routes where a server has them.

Checks what it is given as LocalTracking does, before anything is sent; what only a store can know, the server says.
Knows no route's path and no connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import numpy as np

from runstone import tag_names
from runstone.artifacts.base import ArtifactStore
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
from runstone.errors import InvalidInput, NotFound, RunstoneError, StoreError
from runstone.filters import parse_experiment_filter, parse_experiment_order, parse_run_filter, parse_run_order
from runstone.naming import now_ms
from runstone.remote.address import parse_address
from runstone.remote.appends import append_writes
from runstone.remote.artifacts import HttpArtifacts
from runstone.remote.batches import fits_request, split_batch
from runstone.remote.calls import call_route
from runstone.remote.capabilities import Capabilities, discover
from runstone.remote.models import RemoteModels
from runstone.remote.removal import RemoteRemoval
from runstone.remote.searches import search, search_terms, search_text
from runstone.remote.series import read_columns, read_history
from runstone.remote.transport import HttpSession
from runstone.series.curves import Curve, CurveQuery, curves_of_points
from runstone.series.points import MetricBatch, Points
from runstone.series.summary import Summary, summarize
from runstone.stores.base import Changes, RunTable, Write
from runstone.stores.tables import table_of_runs
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
from runstone.validation import (
    check_experiment_id,
    check_experiment_name,
    check_key,
    check_run_id,
    check_tag_value,
)
from runstone.wire import convert
from runstone.wire.schemas import experiments, native, runs
from runstone.wire.schemas.common import Request

__all__ = ["RemoteTracking"]

SERIES_AT_ONCE = 16
"""Series in one request where all of a run's are read: their points are in memory together."""


class RemoteTracking:
    """The tracker at a server's URL. `capabilities` need not be asked for where they are known.

    Beyond the contract of Tracking: several tags of an experiment are several requests. With a server of MLflow, so
    is a batch that is larger than a request may be, which is then not recorded all or nothing; a run's end time stays
    when its status goes back to RUNNING; infinities come back as the largest floats; and nothing is known of writers.
    """

    def __init__(
        self, url: str, *, session: HttpSession | None = None, capabilities: Capabilities | None = None
    ) -> None:
        self.session = session or HttpSession(parse_address(url))
        self.artifacts = HttpArtifacts(self.session)
        self._artifact_uris: dict[str, str] = {}
        self._known_capabilities = capabilities
        self.removal = RemoteRemoval(self.session, self._has_route)
        self.models = RemoteModels(self.session, self.artifacts, self._find_artifact_uri)

    def close(self) -> None:
        self.artifacts.close()
        self.session.close()

    def _call(self, name: str, request: Request) -> Any:
        return call_route(self.session, name, request)

    def _capabilities(self) -> Capabilities:
        if self._known_capabilities is None:
            self._known_capabilities = discover(self.session)
        return self._known_capabilities

    @property
    def takes_run_ids(self) -> bool:
        """Whether a run can be created under an id of the client's choice, which a server of MLflow does not allow."""
        return self._capabilities().takes_run_ids

    def _has_route(self, name: str) -> bool:
        return name in self._capabilities().routes

    # -- experiments

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        request = experiments.CreateExperiment(
            name=check_experiment_name(name),
            artifact_location=self.artifacts.check_location(artifact_location) if artifact_location else None,
            tags=convert.key_values(tag_texts(tags)),
        )
        experiment_id: str = self._call("create_experiment", request).experiment_id
        return experiment_id

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        request = experiments.ExperimentId(experiment_id=check_experiment_id(experiment_id))
        return convert.experiment_entity(self._call("get_experiment", request).experiment)

    def find_experiment(self, name: str) -> Experiment | None:
        request = experiments.ExperimentName(experiment_name=check_experiment_name(name))
        try:
            return convert.experiment_entity(self._call("find_experiment", request).experiment)
        except NotFound:
            return None

    def search_experiments(
        self,
        *,
        view: ViewType | int = ViewType.ACTIVE_ONLY,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        def check() -> None:
            parse_experiment_filter(filter_string)
            parse_experiment_order(order_by)

        request = experiments.SearchExperiments(
            view_type=check_view(view).name,
            filter=search_text(filter_string, check),
            order_by=search_terms(order_by, check),
            max_results=check_page_size(max_results),
            page_token=page_token,
        )
        page = search(self.session, "search_experiments", request, check)
        return PagedList(map(convert.experiment_entity, page.experiments), page.next_page_token or None)

    def rename_experiment(self, experiment_id: str | int, name: str) -> None:
        number = check_experiment_id(experiment_id)
        request = experiments.UpdateExperiment(experiment_id=number, new_name=check_experiment_name(name))
        self._call("rename_experiment", request)

    def delete_experiment(self, experiment_id: str | int) -> None:
        self._set_experiment_stage("delete_experiment", experiment_id, LifecycleStage.DELETED)

    def restore_experiment(self, experiment_id: str | int) -> None:
        self._set_experiment_stage("restore_experiment", experiment_id, LifecycleStage.ACTIVE)

    def _set_experiment_stage(self, act: str, experiment_id: str | int, stage: LifecycleStage) -> None:
        number = check_experiment_id(experiment_id)
        try:
            self._call(act, experiments.ExperimentId(experiment_id=number))
        except NotFound:
            # MLflow's server finds only what is not in that stage yet; here, twice is once.
            if self.get_experiment(number).lifecycle_stage is not stage:
                raise

    def set_experiment_tags(self, experiment_id: str | int, tags: Mapping[str, Any]) -> None:
        number = check_experiment_id(experiment_id)
        for key, value in tag_texts(tags).items():
            request = experiments.SetExperimentTag(experiment_id=number, key=key, value=value)
            self._call("set_experiment_tag", request)

    def delete_experiment_tag(self, experiment_id: str | int, key: str) -> None:
        request = experiments.DeleteExperimentTag(experiment_id=check_experiment_id(experiment_id), key=key)
        self._call("delete_experiment_tag", request)

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
        name = check_run_name(run_name, texts)
        if not name:
            texts.pop(tag_names.RUN_NAME, None)  # an empty one; the server makes a name up
        request = runs.CreateRun(
            experiment_id=check_experiment_id(experiment_id),
            run_id=None if run_id is None else check_run_id(run_id),
            run_name=name,
            start_time=now_ms() if start_time is None else check_time("start time", start_time),
            user_id=user_id if user_id is not None else texts.get(tag_names.USER),
            tags=convert.key_values(texts),
        )
        if run_id is not None and not self.takes_run_ids:
            raise InvalidInput(
                f"A run cannot be created under the id '{run_id}': the server {self.session.address.url} makes up the "
                "ids of runs itself; leave the id out"
            )
        return convert.run_entity(self._call("create_run", request).run)

    def get_run(self, run_id: str) -> Run:
        return convert.run_entity(self._call("get_run", runs.RunId(run_id=check_run_id(run_id))).run)

    def update_run(
        self,
        run_id: str,
        *,
        status: RunStatus | str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> None:
        check_run_id(run_id)
        word = None if status is None else RunStatus.from_string(status)
        if end_time is not None:
            end_time = check_time("end time", end_time)
        elif word is not None and RunStatus.is_terminated(word):
            end_time = now_ms()
        name = check_tag_value(tag_names.RUN_NAME, run_name) if run_name else None
        if (word, end_time, name) == (None, None, None):
            self.get_run(run_id)
            return
        request = runs.UpdateRun(run_id=run_id, status=word and word.value, end_time=end_time, run_name=name)
        self._call("update_run", request)

    def delete_run(self, run_id: str) -> None:
        self._call("delete_run", runs.RunId(run_id=check_run_id(run_id)))

    def restore_run(self, run_id: str) -> None:
        self._call("restore_run", runs.RunId(run_id=check_run_id(run_id)))

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
        request, check = _run_search(
            runs.SearchRuns, experiment_ids, filter_string, view, order_by, max_results, page_token
        )
        page = search(self.session, "search_runs", request, check)
        return _run_page(page)

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
        request, check = _run_search(
            native.SearchRunTable,
            experiment_ids,
            filter_string,
            view,
            order_by,
            min(check_page_size(max_results, MAX_TABLE), MAX_PAGE),
            page_token,
        )
        if self._has_route("search_run_table"):
            return RunTable(**msgspec.structs.asdict(search(self.session, "search_run_table", request, check)))
        page = search(self.session, "search_runs", request, check)
        return table_of_runs(_run_page(page))

    def list_changed_runs(self, since: int, *, max_results: int = 1000) -> Changes:
        """See Tracking. Raises RunstoneError where the server is one of MLflow's: they do not keep this."""
        request = native.ListChanges(since=since, max_results=check_page_size(max_results))
        answer = self._call("list_changes", request)
        return Changes(revision=answer.revision, runs=[(run.run_id, run.experiment_id) for run in answer.runs])

    # -- what a run records

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Iterable[Metric] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """See Tracking. All or nothing; with a server of MLflow up to 1,000 metrics, 100 params and 100 tags.

        Beyond that it is several batches there. Params and tags go first, so that what they break leaves no points
        behind.
        """
        write = Write(
            run_id=check_run_id(run_id),
            metrics=metric_batch(metrics),
            params=param_texts(params),
            tags=tag_texts(tags),
        )
        if fits_request(write) or not self._has_route("append"):
            self._record(write)
            return
        (error,) = append_writes(self.session, [write])
        if error is not None:
            raise error

    def _record(self, write: Write) -> None:
        for request in split_batch(write):
            self._call("log_batch", request)
        for key in write.deleted_tags:
            with suppress(NotFound):  # of the tag: the run was found just now
                self.delete_tag(write.run_id, key)
        if write.status is not None:
            self.update_run(write.run_id, status=write.status, end_time=write.end_time)

    def log_batches(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        """See Tracking. With a server of MLflow, a write that arrives twice is stored once by its points alone."""
        if writes and self._has_route("append"):
            return append_writes(self.session, writes)
        return self._record_each(writes)

    def _record_each(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        results: list[RunstoneError | None] = []
        lost: StoreError | None = None
        for write in writes:
            error = find_fault(write) or lost
            if error is None:
                try:
                    self._record(write)
                except StoreError as failure:
                    # The server is gone: the others would each wait as long again to find that out.
                    error = lost = failure
                except RunstoneError as refusal:
                    error = refusal
            results.append(error)
        if lost is not None and None not in results:
            raise lost
        return results

    def last_sequence(self, run_id: str, writer: str) -> int:
        """See Tracking. Servers of MLflow do not keep it."""
        check_run_id(run_id)
        if not self._has_route("last_sequence"):
            return 0
        request = native.LastSequence(run_id=run_id, writer=writer)
        last: int = self._call("last_sequence", request).last
        return last

    def delete_tag(self, run_id: str, key: str) -> None:
        self._call("delete_tag", runs.DeleteTag(run_id=check_run_id(run_id), key=key))

    def record_logged_model(self, run_id: str, description: Mapping[str, Any]) -> None:
        request = runs.LogModel(run_id=check_run_id(run_id), model_json=json.dumps(dict(description)))
        self._call("log_model", request)

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        request = runs.LogInputs(run_id=check_run_id(run_id), datasets=convert.inputs_body(check_inputs(inputs)))
        self._call("log_inputs", request)

    # -- series and files

    def list_series(self, run_id: str) -> dict[str, Summary]:
        """See Tracking. A server of MLflow has no summaries: every point of the run is read."""
        if self._has_route("list_series"):
            answer: native.SummariesAnswer = self._call("list_series", native.ListSeries(run_id=check_run_id(run_id)))
            return {key: Summary(*msgspec.structs.astuple(facts)) for key, facts in answer.series.items()}
        keys = sorted(metric.key for metric in self.get_run(run_id).data.latest_metrics)
        return {key: _summary(key, points) for key, points in self._read_all(run_id, keys) if len(points)}

    def _read_all(self, run_id: str, keys: Sequence[str]) -> Iterator[tuple[str, Points]]:
        if not self._has_route("read_series"):
            yield from ((key, read_history(self.session, run_id, key)) for key in keys)
            return
        for start in range(0, len(keys), SERIES_AT_ONCE):
            some = keys[start : start + SERIES_AT_ONCE]
            yield from zip(some, read_columns(self.session, run_id, some), strict=True)

    def read_series(self, run_id: str, key: str, *, from_step: int | None = None, to_step: int | None = None) -> Points:
        """See Tracking. From a server of MLflow all of the series comes, whatever the range."""
        check_run_id(run_id)
        check_key(key, kind="metric")
        if self._has_route("read_series"):
            return read_columns(self.session, run_id, [key], from_step, to_step)[0]
        points = read_history(self.session, run_id, key)
        if not len(points):
            self.get_run(run_id)  # raises NotFound; MLflow's server gives an unknown run an empty history
        return points.between(from_step, to_step)

    def read_curves(self, query: CurveQuery) -> list[Curve]:
        """See Tracking. All points of the series come."""
        check_curves(query)
        runs = []
        for run_id in dict.fromkeys(query.run_ids):
            start_time = self.get_run(run_id).info.start_time
            runs.append((run_id, start_time, dict(self._read_all(run_id, list(dict.fromkeys(query.keys))))))
        return curves_of_points(query, runs)

    def open_artifacts(self, run_id: str) -> ArtifactStore:
        return self.artifacts.open(self._find_artifact_uri(run_id))

    def _find_artifact_uri(self, run_id: str) -> str:
        uri = self._artifact_uris.get(run_id)
        if uri is None:
            uri = self._artifact_uris[run_id] = self.get_run(run_id).info.artifact_uri
        return uri


R = TypeVar("R", bound=runs.SearchRuns)


def _run_search(
    kind: type[R],
    experiment_ids: Sequence[str | int],
    filter_string: str | None,
    view: ViewType | int,
    order_by: Sequence[str] | None,
    max_results: int,
    page_token: str | None,
) -> tuple[R, Callable[[], None]]:
    """The request, and what looks at a filter that the server refuses."""

    def check() -> None:
        parse_run_filter(filter_string)
        parse_run_order(order_by)

    request = kind(
        experiment_ids=list(check_experiment_ids(experiment_ids)),
        filter=search_text(filter_string, check),
        run_view_type=check_view(view).name,
        order_by=search_terms(order_by, check),
        max_results=check_page_size(max_results),
        page_token=page_token,
    )
    return request, check


def _run_page(page: runs.Runs) -> PagedList[Run]:
    return PagedList(map(convert.run_entity, page.runs), page.next_page_token or None)


def _summary(key: str, points: Points) -> Summary:
    return summarize(MetricBatch((key,), np.array([0, len(points)], np.int64), points))[key]
