"""A guarded tracker shows and changes what its principal may, over the stores that a server may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runstone.access.gate import Gate, Owners
from runstone.access.granted import GrantedRights
from runstone.access.guarded import guard
from runstone.access.rules import MODEL_RULES, TRACKING_RULES, Rule
from runstone.connect import open_store
from runstone.entities import Metric, RunStatus
from runstone.entities.access import Grant, Level, Principal, Resource, Role, Scope
from runstone.errors import AccessDenied, AlreadyExists, InvalidInput, NotFound
from runstone.series.curves import CurveQuery
from runstone.stores.base import Write
from runstone.stores.columns import ColumnChoice
from runstone.stores.memory import MemoryStore
from runstone.tracking.browsing import Browsing, BrowsingModels
from runstone.tracking.local import LocalTracking
from runstone.tracking.removal import RemovalRequest

MARK = "hidden-marker"


class World:
    """A tracker with an open and a hidden half, and guarded views of it."""

    def __init__(self, tracking: LocalTracking) -> None:
        self.tracking = tracking
        self.owners = Owners(tracking)
        self.grants: list[Grant] = []
        self.open, self.open_run, self.open_model = self._half("open")
        self.hidden, self.hidden_run, self.hidden_model = self._half(MARK)

    def _half(self, word: str) -> tuple[str, str, str]:
        experiment_id = self.tracking.create_experiment(word, tags={f"{word}-tag": word})
        run_id = self.tracking.create_run(experiment_id, run_name=f"{word}-run").info.run_id
        self.tracking.log_batch(
            run_id,
            metrics=[Metric(key=f"{word}-metric", value=1.0, timestamp=1)],
            params={f"{word}-param": word},
            tags={"kind": word},
        )
        model = self.tracking.models.create_logged_model(experiment_id, name=f"{word}-logged")
        self.tracking.models.create_registered_model(word)
        self.tracking.models.create_model_version(word, f"runs:/{run_id}/model", run_id=run_id)
        return experiment_id, run_id, model.model_id

    def view(self, level: Level, role: Role = Role.EDITOR, scope: Scope = Scope.ADMIN) -> Browsing:
        rights = GrantedRights(
            Principal(user="ann", role=role, scope=scope), {self.open: level}, {"open": level} if level else {}
        )
        return guard(self.tracking, Gate(rights, self.owners), self.grants.append, Level.READ)


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    store = (
        MemoryStore(tmp_path.as_uri())
        if request.param == "memory"
        else open_store(f"sqlite:///{tmp_path}/runs.db", str(tmp_path))
    )
    tracking = LocalTracking(store)
    yield World(tracking)
    tracking.close()


def _public(protocol: type) -> set[str]:
    names = {name for base in protocol.__mro__ for name in vars(base) if base.__module__.startswith("runstone")}
    return {name for name in names if not name.startswith("_")}


def test_every_method_of_a_tracker_is_guarded(world: World) -> None:
    view = world.view(Level.READ, Role.ADMIN)
    for name in _public(Browsing):
        assert hasattr(view, name), name
    for name in _public(BrowsingModels):
        assert hasattr(view.models, name), name
    assert not hasattr(view, "fail_silent_runs")


# What each rule's method is called with, after the thing itself.
_ARGUMENTS: dict[str, tuple[tuple[object, ...], dict[str, object]]] = {
    "rename_experiment": (("other",), {}),
    "set_experiment_tags": (({"a": "b"},), {}),
    "delete_experiment_tag": (("none",), {}),
    "update_run": ((), {"status": RunStatus.FINISHED}),
    "last_sequence": (("w",), {}),
    "delete_tag": (("none",), {}),
    "record_logged_model": (({},), {}),
    "log_batch": ((), {"tags": {"a": "b"}}),
    "log_inputs": (([],), {}),
    "read_series": (("m",), {}),
    "rename_registered_model": (("other",), {}),
    "describe_registered_model": (("x",), {}),
    "set_registered_model_tags": (({"a": "b"},), {}),
    "delete_registered_model_tag": (("none",), {}),
    "set_alias": (("champion", 1), {}),
    "delete_alias": (("none",), {}),
    "get_version_by_alias": (("none",), {}),
    "describe_model_version": ((1, "x"), {}),
    "set_model_version_stage": ((1, "Staging"), {}),
    "set_model_version_tags": ((1, {"a": "b"}), {}),
    "delete_model_version_tag": ((1, "none"), {}),
    "finalize_logged_model": (("READY",), {}),
    "set_logged_model_tags": (({"a": "b"},), {}),
    "delete_logged_model_tag": (("none",), {}),
    "log_logged_model_params": (({"a": "b"},), {}),
}
_ABSENT = {
    "experiment": "987654321",
    "run": "0" * 32,
    "logged model": "m-" + "0" * 32,
    "registered model": "no-such",
    "version": "no-such",
}


def _call(view: Browsing, name: str, thing: str) -> Any:
    arguments, options = _ARGUMENTS.get(name, ((1,) if _rule(name).thing == "version" else (), {}))
    owner: Any = view if name in TRACKING_RULES else view.models
    return getattr(owner, name)(thing, *arguments, **options)


def _rule(name: str) -> Rule:
    return TRACKING_RULES.get(name) or MODEL_RULES[name]


@pytest.mark.parametrize("name", [*TRACKING_RULES, *MODEL_RULES])
def test_what_is_hidden_is_not_found_in_the_same_words_as_what_is_not_there(world: World, name: str) -> None:
    hidden = {"experiment": world.hidden, "run": world.hidden_run, "logged model": world.hidden_model}.get(
        _rule(name).thing, MARK
    )
    absent, view = _ABSENT[_rule(name).thing], world.view(Level.MANAGE)
    with pytest.raises(NotFound) as of_hidden:
        _call(view, name, hidden)
    for tracker in (view, world.tracking):
        # With no guard at all, too: the text is the store's own.
        with pytest.raises(NotFound) as of_absent:
            _call(tracker, name, absent)
        assert str(of_hidden.value).replace(hidden, "X") == str(of_absent.value).replace(absent, "X")
        assert type(of_hidden.value) is type(of_absent.value)


@pytest.mark.parametrize("name", [*TRACKING_RULES, *MODEL_RULES])
def test_each_method_needs_its_level(world: World, name: str) -> None:
    thing = {"experiment": world.open, "run": world.open_run, "logged model": world.open_model}.get(
        _rule(name).thing, "open"
    )
    for level in (Level.READ, Level.EDIT):
        if level < _rule(name).level:
            with pytest.raises(AccessDenied, match=_rule(name).level.name):
                _call(world.view(level), name, thing)
    try:
        _call(world.view(_rule(name).level), name, thing)
    except (NotFound, InvalidInput) as error:  # such as a tag that is not there
        assert "none" in str(error) or "model" in name


@pytest.mark.parametrize("role", list(Role))
def test_a_token_of_scope_read_writes_nothing(world: World, role: Role) -> None:
    view = world.view(Level.MANAGE, role, Scope.READ)
    with pytest.raises(AccessDenied):
        view.delete_run(world.open_run)
    with pytest.raises(AccessDenied):
        view.create_experiment("new")
    with pytest.raises(AccessDenied):
        view.removal.plan(RemovalRequest())


def test_searches_show_nothing_of_what_is_hidden(world: World) -> None:
    view, ids = world.view(Level.READ), [world.open, world.hidden]
    answers = [
        view.search_experiments(),
        view.search_runs(ids),
        view.search_run_table(ids),
        repr(view.search_run_columns(ids, ColumnChoice())),
        view.count_keys(ids),
        view.count_values(ids, "tag", "kind"),
        view.summarize_experiments(ids),
        view.list_changed_runs(0),
        view.find_run_experiments([world.open_run, world.hidden_run]),
        view.models.search_registered_models(),
        view.models.search_model_versions(),
        view.models.search_logged_models(ids),
        view.find_experiment(MARK),
    ]
    text = repr([list(one) if isinstance(one, list) else one for one in answers])
    assert world.open_run in text
    for secret in (MARK, world.hidden_run, world.hidden_model):
        assert secret not in text
    with pytest.raises(NotFound):
        view.read_curves(CurveQuery(run_ids=(world.open_run, world.hidden_run), keys=("open-metric",)))


def test_pages_are_full_and_walk_over_what_is_readable_alone(world: World) -> None:
    ids = [world.tracking.create_experiment(f"e{number}") for number in range(20)]
    readable = ids[::3]
    rights = GrantedRights(Principal(user="ann", role=Role.VIEWER), dict.fromkeys(readable, Level.READ))
    view = guard(world.tracking, Gate(rights, world.owners), world.grants.append)
    pages, token = [], None
    while True:
        page = view.search_experiments(max_results=3, page_token=token)
        pages.append([one.experiment_id for one in page])
        token = page.token
        if token is None:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(one for page in pages for one in page) == sorted(readable)


def test_a_batch_of_writes_is_refused_run_by_run(world: World) -> None:
    writes = [Write(run_id=run_id, tags={"x": "y"}) for run_id in (world.hidden_run, world.open_run, "0" * 32)]
    first, second, third = world.view(Level.EDIT).log_batches(writes)
    assert (type(first), second, type(third)) == (NotFound, None, NotFound)
    assert "x" not in world.tracking.get_run(world.hidden_run).data.tags


def test_the_creator_owns_what_they_create(world: World) -> None:
    view = world.view(Level.NONE)
    experiment_id = view.create_experiment("mine")
    view.models.create_registered_model("mine-too")
    assert [(one.name, one.level, one.user, one.group) for one in world.grants] == [
        (experiment_id, Level.MANAGE, "ann", ""),
        (experiment_id, Level.READ, "", "everyone"),
        ("mine-too", Level.MANAGE, "ann", ""),
        ("mine-too", Level.READ, "", "everyone"),
    ]
    assert world.grants[0].resource is Resource.EXPERIMENT


@pytest.mark.parametrize(
    "act",
    [
        lambda view, world: view.create_experiment("x", artifact_location="mlflow-artifacts:/1"),
        lambda view, world: view.models.create_model_version("open", "s3://bucket/1/x", run_id=world.open_run),
        lambda view, world: view.artifacts,
    ],
)
def test_only_admins_point_to_files_elsewhere(world: World, act: Callable[[Browsing, World], object]) -> None:
    with pytest.raises(AccessDenied):
        act(world.view(Level.MANAGE), world)


@pytest.mark.parametrize("source", ["runs:/{run}/model", f"models:/{MARK}/1", "models:/{model}"])
def test_a_version_cannot_be_made_of_files_that_may_not_be_read(world: World, source: str) -> None:
    text = source.format(run=world.hidden_run, model=world.hidden_model)
    run_id = world.hidden_run if "run" in source[:5] else None
    model_id = world.hidden_model if "{model}" in source else None
    with pytest.raises(NotFound):
        world.view(Level.MANAGE).models.create_model_version("open", text, run_id=run_id, model_id=model_id)


def test_a_restored_name_that_is_taken_does_not_tell_by_whom(world: World) -> None:
    world.tracking.delete_experiment(world.open)
    holder = world.tracking.create_experiment("open")
    with pytest.raises(AlreadyExists) as found:
        world.view(Level.MANAGE).restore_experiment(world.open)
    assert f"id {holder}" not in str(found.value)
