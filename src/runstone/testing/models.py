"""What every ModelStore must do, as tests. For plug-ins, too.

Derive a class named `Test...` from ModelStoreSuite and give it a fixture `store`: a fresh Store, whose artifact root
is `file:///root`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from runstone.entities import (
    LifecycleStage,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    ModelMetric,
    RunStatus,
)
from runstone.errors import AlreadyExists, NotActive, NotFound, ParamChanged, StoreError
from runstone.filters import parse_logged_model_filter, parse_logged_model_order
from runstone.stores.base import NewRun, Store, Write
from runstone.stores.models import DatasetChoice, LoggedModelQuery, ModelOrder, NewLoggedModel
from runstone.testing.registry import MODEL, RUN, RegistrySuite, add_name

__all__ = ["ModelStoreSuite"]

OTHER = "m-" + "2" * 32


def add_model(store: Store, model_id: str = MODEL, now: int = 1, **values: object) -> LoggedModel:
    texts: dict[str, object] = {"experiment_id": "0", "name": "net", "model_type": "", "source_run_id": ""}
    new = {"model_id": model_id, "params": {}, "tags": {}, **texts, **values}
    return store.models.create_logged_model(NewLoggedModel(**new), now=now)  # type: ignore[arg-type]


def add_run(store: Store, run_id: str = RUN) -> str:
    store.create_run(
        NewRun(
            run_id=run_id,
            experiment_id="0",
            run_name="r",
            user_id="",
            status=RunStatus.RUNNING,
            start_time=1,
            tags={},
        )
    )
    return run_id


def measure(store: Store, *metrics: ModelMetric, run_id: str = RUN) -> None:
    (error,) = store.log_batches([Write(run_id=run_id, model_metrics=metrics)])
    if error is not None:
        raise error


def figure(
    value: float, *, key: str = "acc", model_id: str = MODEL, at: tuple[int, int] = (1, 0), on: str = ""
) -> ModelMetric:
    timestamp, step = at
    return ModelMetric(
        model_id=model_id,
        key=key,
        value=value,
        timestamp=timestamp,
        step=step,
        run_id=RUN,
        dataset_name=on,
        dataset_digest="d" if on else "",
    )


def models_found(
    store: Store,
    filter_string: str = "",
    order: Sequence[str] = (),
    *,
    datasets: Sequence[DatasetChoice] = (),
    order_on: DatasetChoice | None = None,
    experiment_ids: Sequence[str] = ("0",),
) -> list[str]:
    query = LoggedModelQuery(
        experiment_ids=tuple(experiment_ids),
        datasets=tuple(datasets),
        filter=parse_logged_model_filter(filter_string),
        order=tuple(ModelOrder(term, order_on or DatasetChoice()) for term in parse_logged_model_order(order)),
    )
    return [model.model_id for model in store.models.search_logged_models(query)]


class ModelStoreSuite(RegistrySuite):
    """The contract of `runstone.stores.models.ModelStore`."""

    # -- logged models

    def test_a_logged_model_comes_back_as_it_was_created(self, store: Store) -> None:
        created = add_model(
            store, now=5, model_type="agent", source_run_id=RUN, params={"lr": "0.1"}, tags={"b": "2", "a": "1"}
        )
        assert created == store.models.get_logged_model(MODEL)
        assert (created.status, created.creation_timestamp, created.experiment_id) == ("PENDING", 5, "0")
        assert (created.model_type, created.source_run_id, created.params) == ("agent", RUN, {"lr": "0.1"})
        assert list(created.tags) == ["a", "b"]
        assert created.artifact_location == f"file:///root/0/models/{MODEL}/artifacts"
        assert created.model_uri == f"models:/{MODEL}"

    def test_a_logged_model_may_have_a_place_of_its_own(self, store: Store) -> None:
        created = add_model(store, artifact_location="file:///elsewhere/model")
        assert created == store.models.get_logged_model(MODEL)
        assert created.artifact_location == "file:///elsewhere/model"

    def test_a_logged_model_lies_where_its_experiment_does(self, store: Store) -> None:
        experiment_id = store.create_experiment("e", artifact_location="s3://bucket/e", tags={}, now=1)
        created = add_model(store, experiment_id=experiment_id)
        assert created.artifact_location == f"s3://bucket/e/models/{MODEL}/artifacts"

    def test_a_logged_model_needs_an_active_experiment_and_an_id_of_its_own(self, store: Store) -> None:
        add_model(store)
        with pytest.raises(AlreadyExists, match=MODEL):
            add_model(store)
        with pytest.raises(NotFound):
            add_model(store, OTHER, experiment_id="99")
        experiment_id = store.create_experiment("e", artifact_location=None, tags={}, now=1)
        store.set_experiment_stage(experiment_id, LifecycleStage.DELETED, now=2)
        with pytest.raises(NotActive):
            add_model(store, OTHER, experiment_id=experiment_id)

    def test_the_status_changes(self, store: Store) -> None:
        add_model(store)
        ready = store.models.set_logged_model_status(MODEL, LoggedModelStatus.READY, now=4)
        assert (ready.status, ready.last_updated_timestamp) == ("READY", 4)
        assert store.models.get_logged_model(MODEL) == ready

    def test_a_deleted_logged_model_is_not_found(self, store: Store) -> None:
        add_model(store)
        add_run(store)
        store.models.delete_logged_model(MODEL, now=2)
        store.models.delete_logged_model(MODEL, now=3)
        for model_id in (MODEL, OTHER):
            for act in (
                store.models.get_logged_model,
                lambda model_id: store.models.set_logged_model_status(model_id, LoggedModelStatus.READY, now=1),
                lambda model_id: store.models.set_logged_model_tags(model_id, {"a": "b"}),
                lambda model_id: store.models.delete_logged_model_tag(model_id, "a"),
                lambda model_id: store.models.log_logged_model_params(model_id, {"a": "b"}),
                lambda model_id: measure(store, figure(1.0, model_id=model_id)),
            ):
                with pytest.raises(NotFound, match=model_id):
                    act(model_id)
        with pytest.raises(NotFound, match=OTHER):
            store.models.delete_logged_model(OTHER, now=2)
        assert models_found(store) == []

    def test_tags_of_a_logged_model_change_and_params_do_not(self, store: Store) -> None:
        add_model(store, params={"lr": "0.1"}, tags={"a": "1"})
        store.models.set_logged_model_tags(MODEL, {"a": "2", "b": "3"})
        store.models.delete_logged_model_tag(MODEL, "b")
        with pytest.raises(NotFound, match="'b'"):
            store.models.delete_logged_model_tag(MODEL, "b")
        store.models.log_logged_model_params(MODEL, {"lr": "0.1", "depth": "3"})
        with pytest.raises(ParamChanged, match="lr"):
            store.models.log_logged_model_params(MODEL, {"new": "1", "lr": "0.2"})
        found = store.models.get_logged_model(MODEL)
        assert (found.tags, found.params) == ({"a": "2"}, {"depth": "3", "lr": "0.1"})

    # -- figures of models

    def test_the_latest_figure_of_each_key_and_dataset_is_kept(self, store: Store) -> None:
        add_model(store)
        add_run(store)
        measure(store, figure(0.1, at=(5, 1)), figure(0.2, at=(5, 2)), figure(0.9, at=(4, 9)))
        measure(store, figure(0.7, on="test"), figure(0.3, key="b"))
        measure(store, figure(0.25, at=(5, 2)))
        found = [(one.key, one.dataset_name, one.value) for one in store.models.get_logged_model(MODEL).metrics]
        assert found == [("acc", "", 0.25), ("acc", "test", 0.7), ("b", "", 0.3)]
        assert store.models.get_logged_model(MODEL).metrics[0] == figure(0.25, at=(5, 2))

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_figures_that_are_no_numbers_are_kept(self, store: Store, value: float) -> None:
        add_model(store)
        add_run(store)
        measure(store, figure(value))
        (found,) = store.models.get_logged_model(MODEL).metrics
        assert found.value == value or (math.isnan(found.value) and math.isnan(value))

    def test_a_write_with_an_unknown_model_records_nothing(self, store: Store) -> None:
        add_run(store)
        write = Write(run_id=RUN, params={"p": "1"}, model_metrics=[figure(1.0)])
        (error,) = store.log_batches([write])
        assert isinstance(error, NotFound)
        assert store.get_run(RUN).data.params == {}

    def test_a_refused_write_leaves_models_as_they_were(self, store: Store) -> None:
        add_model(store)
        add_run(store)
        store.log_batch(RUN, params={"p": "1"})
        (error,) = store.log_batches([Write(run_id=RUN, params={"p": "2"}, model_metrics=[figure(1.0)])])
        assert isinstance(error, ParamChanged)
        assert store.models.get_logged_model(MODEL).metrics == ()

    # -- searching logged models

    @pytest.mark.parametrize(
        ("filter_string", "expected"),
        [
            ("", "4321"),
            ("name = 'n1'", "1"),
            ("name LIKE 'n%' AND model_type = 'agent'", "31"),
            ("params.p = '2'", "2"),
            ("params.p >= 3", "43"),
            ("tags.t != 'odd'", "42"),
            (f"source_run_id = '{RUN}'", "2"),
            ("status = 'READY'", "1"),
            ("metrics.acc > 0.4", "321"),
            ("metrics.acc > 0.9", "2"),
            ("NOT metrics.acc > 0.4", "4"),
            ("metrics.acc IS NULL", "4"),
            ("metrics.acc IS NOT NULL AND metrics.acc < 0.15", "2"),
            ("creation_time > 2", "43"),
            (f"model_id IN ('m-1', '{OTHER}')", "1"),
            ("artifact_location LIKE '%/models/m-3/%'", "3"),
        ],
    )
    def test_logged_models_are_found_by_filter(self, store: Store, filter_string: str, expected: str) -> None:
        self._add_four(store)
        assert models_found(store, filter_string) == [f"m-{digit}" for digit in expected]

    @staticmethod
    def _add_four(store: Store) -> None:
        add_run(store)
        for number in range(1, 5):
            odd = number % 2
            add_model(
                store,
                f"m-{number}",
                now=number,
                name=f"n{number}",
                model_type="agent" if odd else "",
                source_run_id=RUN if number == 2 else "",
                params={"p": str(number)},
                tags={"t": "odd" if odd else "even"},
            )
        store.models.set_logged_model_status("m-1", LoggedModelStatus.READY, now=9)
        measure(
            store,
            figure(0.5, model_id="m-1"),
            figure(0.1, model_id="m-2", on="a", at=(5, 0)),
            figure(0.95, model_id="m-2", on="b", at=(4, 0)),
            figure(0.7, model_id="m-3", on="a"),
            figure(math.nan, model_id="m-3", key="loss"),
            figure(1.0, model_id="m-1", key="loss"),
        )

    @pytest.mark.parametrize(
        ("order", "on", "expected"),
        [
            (["name DESC"], None, "4321"),
            (["model_type", "name"], None, "2413"),
            (["creation_timestamp"], None, "1234"),
            (["metrics.acc"], None, "2134"),
            (["metrics.acc DESC"], None, "3124"),
            (["metrics.acc DESC"], DatasetChoice("a"), "3241"),
            (["metrics.acc"], DatasetChoice("b", "d"), "2431"),
            (["metrics.acc"], DatasetChoice("b", "other"), "4321"),
            (["metrics.acc DESC"], DatasetChoice(digest="d"), "3241"),
            (["metrics.loss"], None, "1342"),
            (["params.p DESC"], None, "4321"),
            (["tags.t", "name DESC"], None, "4231"),
        ],
    )
    def test_logged_models_are_ordered(
        self, store: Store, order: list[str], on: DatasetChoice | None, expected: str
    ) -> None:
        self._add_four(store)
        assert models_found(store, order=order, order_on=on) == [f"m-{digit}" for digit in expected]

    @pytest.mark.parametrize(
        ("filter_string", "datasets", "expected"),
        [
            ("", [DatasetChoice("a")], "32"),
            ("", [DatasetChoice("b", "d")], "2"),
            ("", [DatasetChoice("a"), DatasetChoice("b")], "32"),
            ("", [DatasetChoice()], "321"),
            ("metrics.acc > 0.4", [DatasetChoice("a")], "3"),
            ("metrics.acc > 0.4", [DatasetChoice("a"), DatasetChoice("b")], "32"),
            ("metrics.acc > 0.4", [DatasetChoice("a", "other")], ""),
            ("NOT metrics.acc > 0.4", [DatasetChoice("a")], "2"),
        ],
    )
    def test_filters_look_at_the_chosen_datasets(
        self, store: Store, filter_string: str, datasets: list[DatasetChoice], expected: str
    ) -> None:
        self._add_four(store)
        assert models_found(store, filter_string, datasets=datasets) == [f"m-{digit}" for digit in expected]

    def test_logged_models_of_other_experiments_are_not_found(self, store: Store) -> None:
        experiment_id = store.create_experiment("e", artifact_location=None, tags={}, now=1)
        add_model(store, "m-1")
        add_model(store, "m-2", experiment_id=experiment_id)
        assert models_found(store) == ["m-1"]
        assert models_found(store, experiment_ids=[experiment_id, "0"]) == ["m-1", "m-2"]
        assert models_found(store, experiment_ids=[]) == []

    def test_logged_models_come_page_by_page(self, store: Store) -> None:
        self._add_four(store)
        order = tuple(ModelOrder(term) for term in parse_logged_model_order(["metrics.loss DESC"]))
        found: list[str] = []
        token = None
        for _ in range(4):
            page = store.models.search_logged_models(
                LoggedModelQuery(experiment_ids=("0",), order=order, max_results=1, page_token=token)
            )
            found.extend(model.model_id for model in page)
            token = page.token
        assert token is None
        assert found == models_found(store, order=["metrics.loss DESC"])

    # -- runs and models

    def test_a_run_tells_which_models_it_read_and_made(self, store: Store) -> None:
        add_run(store)
        store.models.log_model_inputs(RUN, [OTHER, MODEL])
        store.models.log_model_inputs(RUN, [MODEL])
        store.models.log_model_outputs(RUN, [LoggedModelOutput(OTHER, 3), LoggedModelOutput(MODEL)])
        store.models.log_model_outputs(RUN, [LoggedModelOutput(MODEL, 7)])
        run = store.get_run(RUN)
        assert run.inputs.model_inputs == (LoggedModelInput(MODEL), LoggedModelInput(OTHER))
        assert run.outputs.model_outputs == (LoggedModelOutput(MODEL, 7), LoggedModelOutput(OTHER, 3))

    def test_models_of_an_unknown_or_deleted_run_are_refused(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.models.log_model_inputs(RUN, [MODEL])
        add_run(store)
        store.set_run_stage(RUN, LifecycleStage.DELETED, now=1)
        with pytest.raises(NotActive):
            store.models.log_model_outputs(RUN, [LoggedModelOutput(MODEL)])

    def test_nothing_works_after_the_store_is_closed(self, store: Store) -> None:
        store.close()
        with pytest.raises(StoreError):
            add_name(store, "net")
        with pytest.raises(StoreError):
            store.models.search_logged_models(LoggedModelQuery(experiment_ids=("0",)))
