"""What every ModelStore must do about registered models and their versions, as tests: a part of ModelStoreSuite."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import pytest

from runstone.entities import ModelStage, ModelVersion
from runstone.errors import AlreadyExists, InvalidInput, NotFound
from runstone.filters import (
    parse_model_version_filter,
    parse_model_version_order,
    parse_registered_model_filter,
    parse_registered_model_order,
)
from runstone.stores.base import Store
from runstone.stores.models import ModelVersionQuery, NewModelVersion, RegisteredModelQuery

__all__ = ["MODEL", "RUN", "RegistrySuite", "add_name"]

RUN, MODEL = "a" * 32, "m-" + "1" * 32


def add_name(store: Store, name: str, tags: Mapping[str, str] | None = None, now: int = 1) -> None:
    store.models.create_registered_model(name, description="", tags=tags or {}, now=now)


def add_version(store: Store, name: str, now: int = 1, **values: object) -> ModelVersion:
    texts: dict[str, object] = dict.fromkeys(("run_id", "run_link", "model_id", "description", "user_id"), "")
    new = {"name": name, "source": "s3://b/m", "storage_location": "s3://b/m", "tags": {}, **texts, **values}
    return store.models.create_model_version(NewModelVersion(**new), now=now)  # type: ignore[arg-type]


def names_found(store: Store, filter_string: str = "", order: Sequence[str] = ()) -> list[str]:
    query = RegisteredModelQuery(
        filter=parse_registered_model_filter(filter_string), order=parse_registered_model_order(order)
    )
    return [model.name for model in store.models.search_registered_models(query)]


def versions_found(store: Store, filter_string: str = "", order: Sequence[str] = ()) -> list[str]:
    query = ModelVersionQuery(filter=parse_model_version_filter(filter_string), order=parse_model_version_order(order))
    return [f"{one.name}/{one.version}" for one in store.models.search_model_versions(query)]


class RegistrySuite:
    """The contract of `runstone.stores.models.Registry`."""

    # -- registered models

    def test_a_name_comes_back_as_it_was_registered(self, store: Store) -> None:
        created = store.models.create_registered_model("net", description="what", tags={"b": "2", "a": "1"}, now=7)
        assert created == store.models.get_registered_model("net")
        assert (created.name, created.description, created.creation_timestamp) == ("net", "what", 7)
        assert list(created.tags.items()) == [("a", "1"), ("b", "2")]
        assert created.latest_versions == ()
        assert created.aliases == {}

    def test_a_name_is_registered_once(self, store: Store) -> None:
        add_name(store, "net")
        with pytest.raises(AlreadyExists, match="name=net"):
            add_name(store, "net")

    def test_an_unknown_name_is_not_found(self, store: Store) -> None:
        for act in (
            lambda: store.models.get_registered_model("nope"),
            lambda: store.models.rename_registered_model("nope", "x", now=1),
            lambda: store.models.set_registered_model_description("nope", "x", now=1),
            lambda: store.models.delete_registered_model("nope"),
            lambda: store.models.set_registered_model_tags("nope", {"a": "b"}),
            lambda: store.models.delete_registered_model_tag("nope", "a"),
            lambda: store.models.delete_alias("nope", "a"),
            lambda: store.models.set_alias("nope", "a", 1),
            lambda: store.models.get_version_by_alias("nope", "a"),
            lambda: store.models.list_latest_versions("nope"),
            lambda: add_version(store, "nope"),
        ):
            with pytest.raises(NotFound, match="nope"):
                act()

    def test_renaming_takes_versions_tags_and_aliases_along(self, store: Store) -> None:
        add_name(store, "net", {"a": "1"})
        add_version(store, "net", tags={"b": "2"})
        store.models.set_alias("net", "best", 1)
        renamed = store.models.rename_registered_model("net", "web", now=9)
        assert (renamed.name, renamed.tags, renamed.aliases, renamed.last_updated_timestamp) == (
            "web",
            {"a": "1"},
            {"best": "1"},
            9,
        )
        assert store.models.get_version_by_alias("web", "best").tags == {"b": "2"}
        with pytest.raises(NotFound):
            store.models.get_registered_model("net")
        add_name(store, "net")

    def test_renaming_to_a_taken_name_changes_nothing(self, store: Store) -> None:
        add_name(store, "net")
        add_name(store, "web")
        with pytest.raises(AlreadyExists, match="web"):
            store.models.rename_registered_model("net", "web", now=2)
        assert store.models.rename_registered_model("net", "net", now=2).name == "net"

    def test_a_deleted_name_takes_everything_along_and_is_free_again(self, store: Store) -> None:
        add_name(store, "net", {"a": "1"})
        add_version(store, "net", tags={"b": "2"})
        store.models.set_alias("net", "best", 1)
        store.models.delete_registered_model("net")
        add_name(store, "net")
        fresh = store.models.get_registered_model("net")
        assert (fresh.tags, fresh.aliases, fresh.latest_versions) == ({}, {}, ())
        assert add_version(store, "net").version == "1"
        assert store.models.get_model_version("net", 1).tags == {}

    def test_tags_are_overwritten_and_deleted(self, store: Store) -> None:
        add_name(store, "net", {"a": "1"})
        store.models.set_registered_model_tags("net", {"a": "2", "b": "3"})
        store.models.delete_registered_model_tag("net", "b")
        store.models.delete_registered_model_tag("net", "never there")
        assert store.models.get_registered_model("net").tags == {"a": "2"}

    # -- versions

    def test_versions_count_up_for_each_name(self, store: Store) -> None:
        add_name(store, "net")
        add_name(store, "web")
        assert [add_version(store, name).version for name in ("net", "net", "web")] == ["1", "2", "1"]

    def test_a_number_is_never_given_out_twice(self, store: Store) -> None:
        add_name(store, "net")
        add_version(store, "net")
        add_version(store, "net")
        store.models.delete_model_version("net", 2, now=1)
        assert add_version(store, "net").version == "3"

    def test_versions_created_at_once_get_numbers_of_their_own(self, store: Store) -> None:
        add_name(store, "net")
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(add_version(store, "net").version)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [str(number) for number in range(1, 9)]

    def test_a_version_comes_back_as_it_was_created(self, store: Store) -> None:
        add_name(store, "net")
        created = add_version(
            store,
            "net",
            now=5,
            source="models:/x/1",
            storage_location="s3://b/x",
            run_id=RUN,
            run_link="http://x",
            model_id=MODEL,
            description="first",
            user_id="ann",
            tags={"a": "1"},
        )
        assert created == store.models.get_model_version("net", 1)
        assert (created.source, created.storage_location, created.run_id) == ("models:/x/1", "s3://b/x", RUN)
        assert (created.run_link, created.model_id, created.user_id) == ("http://x", MODEL, "ann")
        assert (created.description, created.tags, created.current_stage) == ("first", {"a": "1"}, "None")
        assert created.status == "READY"
        assert store.models.get_registered_model("net").last_updated_timestamp == 5

    def test_an_unknown_version_is_not_found(self, store: Store) -> None:
        add_name(store, "net")
        for act in (
            lambda: store.models.get_model_version("net", 1),
            lambda: store.models.set_alias("net", "a", 1),
            lambda: store.models.set_model_version_description("net", 1, "x", now=1),
            lambda: store.models.set_model_version_stage("net", 1, ModelStage.STAGING, archive_others=False, now=1),
            lambda: store.models.delete_model_version("net", 1, now=1),
            lambda: store.models.set_model_version_tags("net", 1, {"a": "b"}),
            lambda: store.models.delete_model_version_tag("net", 1, "a"),
        ):
            with pytest.raises(NotFound, match="version=1"):
                act()

    def test_an_alias_leads_to_one_version_until_it_is_moved_or_deleted(self, store: Store) -> None:
        add_name(store, "net")
        add_version(store, "net")
        add_version(store, "net")
        store.models.set_alias("net", "best", 1)
        store.models.set_alias("net", "base", 1)
        assert store.models.get_model_version("net", 1).aliases == ("base", "best")
        store.models.set_alias("net", "best", 2)
        assert store.models.get_version_by_alias("net", "best").version == "2"
        assert store.models.get_registered_model("net").aliases == {"base": "1", "best": "2"}
        store.models.delete_alias("net", "best")
        store.models.delete_alias("net", "best")
        with pytest.raises(InvalidInput, match="alias best not found"):
            store.models.get_version_by_alias("net", "best")

    def test_aliases_of_a_deleted_version_are_gone(self, store: Store) -> None:
        add_name(store, "net")
        add_version(store, "net")
        store.models.set_alias("net", "best", 1)
        store.models.delete_model_version("net", 1, now=4)
        model = store.models.get_registered_model("net")
        assert (model.aliases, model.latest_versions, model.last_updated_timestamp) == ({}, (), 4)

    def test_a_stage_may_hold_many_versions_unless_the_others_are_archived(self, store: Store) -> None:
        add_name(store, "net")
        for _ in range(3):
            add_version(store, "net")
        for number in (1, 2):
            store.models.set_model_version_stage("net", number, ModelStage.STAGING, archive_others=False, now=2)
        moved = store.models.set_model_version_stage("net", 3, ModelStage.STAGING, archive_others=True, now=3)
        assert (moved.current_stage, moved.last_updated_timestamp) == ("Staging", 3)
        stages = [store.models.get_model_version("net", number).current_stage for number in (1, 2, 3)]
        assert stages == ["Archived", "Archived", "Staging"]
        assert store.models.get_model_version("net", 1).last_updated_timestamp == 3

    def test_the_latest_versions_are_the_newest_of_each_stage(self, store: Store) -> None:
        add_name(store, "net")
        for _ in range(4):
            add_version(store, "net")
        store.models.set_model_version_stage("net", 3, ModelStage.PRODUCTION, archive_others=False, now=2)
        store.models.set_model_version_stage("net", 1, ModelStage.PRODUCTION, archive_others=False, now=2)
        latest = store.models.list_latest_versions("net")
        assert [(one.version, one.current_stage) for one in latest] == [("3", "Production"), ("4", "None")]
        assert store.models.get_registered_model("net").latest_versions == tuple(latest)
        only = store.models.list_latest_versions("net", [ModelStage.NONE, ModelStage.ARCHIVED])
        assert [one.version for one in only] == ["4"]

    def test_a_versions_description_and_tags_change(self, store: Store) -> None:
        add_name(store, "net")
        add_version(store, "net", tags={"a": "1"})
        assert store.models.set_model_version_description("net", 1, "new", now=3).description == "new"
        store.models.set_model_version_tags("net", 1, {"a": "2", "b": "3"})
        store.models.delete_model_version_tag("net", 1, "b")
        store.models.delete_model_version_tag("net", 1, "never there")
        found = store.models.get_model_version("net", 1)
        assert (found.tags, found.last_updated_timestamp) == ({"a": "2"}, 3)

    # -- searching the registry

    @pytest.mark.parametrize(
        ("filter_string", "expected"),
        [
            ("", ["a-1", "a-2", "b"]),
            ("name LIKE 'a%'", ["a-1", "a-2"]),
            ("name ILIKE 'A-_'", ["a-1", "a-2"]),
            ("name = 'b' OR tags.team = 'x'", ["a-1", "b"]),
            ("tags.team != 'x'", ["b"]),
            ("tags.team IS NULL", ["a-2"]),
            ("creation_timestamp > 1", ["a-2", "b"]),
            ("name IN ('b', 'c')", ["b"]),
        ],
    )
    def test_names_are_found_by_filter(self, store: Store, filter_string: str, expected: list[str]) -> None:
        add_name(store, "b", {"team": "y"}, now=3)
        add_name(store, "a-1", {"team": "x"}, now=1)
        add_name(store, "a-2", now=2)
        assert names_found(store, filter_string) == expected

    def test_searches_keep_within_the_names_that_are_given(self, store: Store) -> None:
        for name in "abcd":
            store.models.create_registered_model(name, description="", tags={}, now=1)
        within = frozenset({"a", "c", "d", "not there"})
        first = store.models.search_registered_models(RegisteredModelQuery(max_results=2, within=within))
        query = RegisteredModelQuery(max_results=2, within=within, page_token=first.token)
        assert [one.name for one in [*first, *store.models.search_registered_models(query)]] == ["a", "c", "d"]
        assert not store.models.search_model_versions(ModelVersionQuery(within=within))

    def test_names_are_ordered_and_paged(self, store: Store) -> None:
        for now, name in enumerate(("c", "a", "d", "b", "e")):
            add_name(store, name, {"t": "x"} if name in "bd" else {}, now=now)
        assert names_found(store, order=["name DESC"]) == list("edcba")
        assert names_found(store, order=["timestamp DESC"]) == list("ebdac")
        assert names_found(store, order=["tags.t"]) == list("bdace")
        found: list[str] = []
        token = None
        while True:
            page = store.models.search_registered_models(RegisteredModelQuery(max_results=2, page_token=token))
            found.extend(model.name for model in page)
            token = page.token
            if token is None:
                break
        assert found == list("abcde")

    def test_a_token_of_another_search_is_refused(self, store: Store) -> None:
        for name in "abc":
            add_name(store, name)
        token = store.models.search_registered_models(RegisteredModelQuery(max_results=1)).token
        for query in (
            RegisteredModelQuery(page_token=token, filter=parse_registered_model_filter("name = 'a'")),
            RegisteredModelQuery(page_token="rubbish"),
        ):
            with pytest.raises(InvalidInput, match="page token"):
                store.models.search_registered_models(query)
        with pytest.raises(InvalidInput, match="page token"):
            store.models.search_model_versions(ModelVersionQuery(page_token=token))

    @pytest.mark.parametrize(
        ("filter_string", "expected"),
        [
            ("", ["a/2", "a/1", "b/1"]),
            ("name = 'a'", ["a/2", "a/1"]),
            (f"run_id = '{RUN}'", ["a/1"]),
            (f"run_id IN ('{RUN}', 'x')", ["a/1"]),
            (f"run_id != '{RUN}'", ["a/2", "b/1"]),
            ("version_number > 1", ["a/2"]),
            ("version_number = 1 AND name LIKE 'a%'", ["a/1"]),
            ("source_path = 's3://b/m'", ["a/2", "b/1"]),
            ("current_stage = 'Staging'", ["b/1"]),
            ("tags.ok = 'yes'", ["a/2"]),
            (f"model_id = '{MODEL}'", ["b/1"]),
        ],
    )
    def test_versions_are_found_by_filter(self, store: Store, filter_string: str, expected: list[str]) -> None:
        add_name(store, "a")
        add_name(store, "b")
        add_version(store, "a", now=2, run_id=RUN, source="runs:/x")
        add_version(store, "a", now=3, tags={"ok": "yes"})
        add_version(store, "b", now=4, model_id=MODEL)
        store.models.set_model_version_stage("b", 1, ModelStage.STAGING, archive_others=False, now=5)
        assert versions_found(store, filter_string) == expected

    def test_versions_are_ordered_and_paged(self, store: Store) -> None:
        for name in "ab":
            add_name(store, name)
            for _ in range(3):
                add_version(store, name, now=4)
        assert versions_found(store) == ["a/3", "a/2", "a/1", "b/3", "b/2", "b/1"]
        order = ["version_number", "name DESC"]
        assert versions_found(store, order=order) == ["b/1", "a/1", "b/2", "a/2", "b/3", "a/3"]
        query = ModelVersionQuery(order=parse_model_version_order(order), max_results=4)
        first = store.models.search_model_versions(query)
        rest = store.models.search_model_versions(
            ModelVersionQuery(order=query.order, max_results=4, page_token=first.token)
        )
        assert [f"{one.name}/{one.version}" for one in (*first, *rest)] == versions_found(store, order=order)
        assert rest.token is None
