"""What every AccessStore must do. Subclass it, and give the fixture `store`: one with the attribute `access`."""

from __future__ import annotations

import pytest

from runstone.entities.access import EVERYONE, Grant, Level, Resource, Role, Scope
from runstone.errors import AlreadyExists, InvalidInput, NotActive, NotFound
from runstone.stores.access import AccessStore, AuditEvent, SessionRecord, TokenRecord, UserRecord
from runstone.stores.sql.store import SqlStore

__all__ = ["AccessSuite"]

EXPERIMENT, MODEL = Resource.EXPERIMENT, Resource.REGISTERED_MODEL


def add_user(access: AccessStore, name: str, role: Role = Role.EDITOR) -> None:
    access.create_user(UserRecord(name=name, role=role, password_hash=f"hash of {name}", creation_time=1))


def add_token(access: AccessStore, token_id: str, user: str, now: int = 1) -> TokenRecord:
    token = TokenRecord(token_id=token_id, user=user, name="ci", scope=Scope.WRITE, creation_time=now, expiry_time=9)
    access.create_token(token, f"hash of {token_id}")
    return token


class AccessSuite:
    @pytest.fixture
    def access(self, store: SqlStore) -> AccessStore:
        return store.access

    def test_a_user_is_found_as_created_and_no_name_is_given_twice(self, access: AccessStore) -> None:
        assert access.find_user("ann") is None
        add_user(access, "ann")
        with pytest.raises(AlreadyExists, match="ann"):
            add_user(access, "ann", Role.ADMIN)
        user = UserRecord(name="ann", role=Role.EDITOR, password_hash="hash of ann", creation_time=1)
        assert access.find_user("ann") == user
        assert access.list_users() == [user]

    def test_the_last_admin_stays_one(self, access: AccessStore) -> None:
        add_user(access, "ann", Role.ADMIN)
        with pytest.raises(NotActive, match="last admin"):
            access.set_role("ann", Role.EDITOR)
        with pytest.raises(NotActive, match="last admin"):
            access.remove_user("ann")
        add_user(access, "bob", Role.ADMIN)
        access.remove_user("ann")
        assert [user.name for user in access.list_users()] == ["bob"]

    @pytest.mark.parametrize("act", ["set_role", "set_password_hash", "remove_user", "add_member", "read_granted"])
    def test_a_user_who_is_not_there_is_named(self, access: AccessStore, act: str) -> None:
        arguments = {
            "set_role": ("ann", Role.ADMIN), "set_password_hash": ("ann", "x"), "add_member": ("team", "ann"),
        }.get(act, ("ann",))  # fmt: skip
        with pytest.raises(NotFound, match="ann"):
            getattr(access, act)(*arguments)

    def test_a_token_is_found_by_its_hash_until_it_is_revoked(self, access: AccessStore) -> None:
        add_user(access, "ann")
        token = add_token(access, "t1", "ann")
        assert access.find_token("hash of t1") == token
        access.touch_token("t1", 5)
        assert [one.last_used_time for one in access.list_tokens("ann")] == [5]
        with pytest.raises(NotFound, match="t1"):
            access.revoke_token("t1", "bob")
        access.revoke_token("t1")
        assert access.find_token("hash of t1") is None

    def test_a_new_password_ends_the_sessions_of_its_user_alone(self, access: AccessStore) -> None:
        for name in ("ann", "bob"):
            add_user(access, name)
            access.create_session(SessionRecord(user=name, expiry_time=9), f"of {name}", now=1)
        access.set_password_hash("ann", "new")
        assert access.find_session("of ann") is None
        assert access.find_session("of bob") == SessionRecord(user="bob", expiry_time=9)

    def test_sessions_that_have_expired_are_forgotten_when_others_begin(self, access: AccessStore) -> None:
        add_user(access, "ann")
        access.create_session(SessionRecord(user="ann", expiry_time=9), "old", now=1)
        access.create_session(SessionRecord(user="ann", expiry_time=19), "new", now=9)
        assert access.find_session("old") is None
        access.remove_session("new")
        assert access.find_session("new") is None

    def test_who_is_removed_leaves_nothing_to_a_later_user_of_that_name(
        self, access: AccessStore, store: SqlStore
    ) -> None:
        experiment = store.create_experiment("e", artifact_location=None, tags={}, now=1)
        add_user(access, "ann")
        add_token(access, "t1", "ann")
        access.create_session(SessionRecord(user="ann", expiry_time=9), "s", now=1)
        access.add_member("team", "ann")
        access.set_grant(Grant(resource=EXPERIMENT, name=experiment, level=Level.MANAGE, user="ann"))
        access.remove_user("ann")
        add_user(access, "ann")
        assert access.list_tokens() == []
        assert access.find_session("s") is None
        assert access.list_groups() == {}
        assert access.read_granted("ann").experiments == {}

    def test_what_was_granted_is_the_largest_of_a_user_their_groups_and_everyone(
        self, access: AccessStore, store: SqlStore
    ) -> None:
        ids = [store.create_experiment(name, artifact_location=None, tags={}, now=1) for name in "abc"]
        add_user(access, "ann")
        add_user(access, "bob")
        access.add_member("team", "ann")
        for name, level, to in (
            (ids[0], Level.READ, {"group": EVERYONE}),
            (ids[0], Level.MANAGE, {"group": "team"}),
            (ids[0], Level.EDIT, {"user": "ann"}),
            (ids[1], Level.EDIT, {"user": "ann"}),
            (ids[2], Level.EDIT, {"user": "bob"}),
        ):
            access.set_grant(Grant(resource=EXPERIMENT, name=name, level=level, **to))
        granted = access.read_granted("ann")
        assert granted.experiments == {ids[0]: Level.MANAGE, ids[1]: Level.EDIT}
        assert granted.groups == (EVERYONE, "team")
        assert access.read_granted("bob").experiments == {ids[0]: Level.READ, ids[2]: Level.EDIT}
        access.remove_member("team", "ann")
        assert access.read_granted("ann").experiments[ids[0]] is Level.EDIT

    def test_a_grant_is_changed_and_taken_back(self, access: AccessStore, store: SqlStore) -> None:
        experiment = store.create_experiment("e", artifact_location=None, tags={}, now=1)
        add_user(access, "ann")
        grant = Grant(resource=EXPERIMENT, name=experiment, level=Level.READ, user="ann")
        access.set_grant(Grant(resource=EXPERIMENT, name=experiment, level=Level.EDIT, user="ann"))
        access.set_grant(grant)
        assert access.list_grants() == access.list_grants(EXPERIMENT, experiment) == [grant]
        assert access.list_grants(MODEL) == []
        access.set_grant(Grant(resource=EXPERIMENT, name=experiment, level=Level.NONE, user="ann"))
        assert access.list_grants() == []

    def test_a_grant_follows_its_model_and_ends_with_it(self, access: AccessStore, store: SqlStore) -> None:
        add_user(access, "ann")
        store.models.create_registered_model("old", description="", tags={}, now=1)
        access.set_grant(Grant(resource=MODEL, name="old", level=Level.EDIT, user="ann"))
        store.models.rename_registered_model("old", "new", now=2)
        assert access.read_granted("ann").models == {"new": Level.EDIT}
        store.models.delete_registered_model("new")
        store.models.create_registered_model("new", description="", tags={}, now=3)
        assert access.read_granted("ann").models == {}

    def test_a_grant_names_what_is_there_and_one_who_gets_it(self, access: AccessStore) -> None:
        add_user(access, "ann")
        with pytest.raises(NotFound, match="77"):
            access.set_grant(Grant(resource=EXPERIMENT, name="77", level=Level.READ, user="ann"))
        with pytest.raises(NotFound, match="bob"):
            access.set_grant(Grant(resource=EXPERIMENT, name="0", level=Level.READ, user="bob"))
        for both in ({}, {"user": "ann", "group": "team"}):
            with pytest.raises(InvalidInput, match="exactly one"):
                access.set_grant(Grant(resource=EXPERIMENT, name="0", level=Level.READ, **both))

    def test_events_come_newest_first_and_are_filtered(self, access: AccessStore) -> None:
        events = [
            AuditEvent(time=1, user="ann", action="login", address="127.0.0.1"),
            AuditEvent(time=2, user="bob", action="login", allowed=False, detail="wrong password"),
            AuditEvent(time=3, user="ann", action="set_grant", target="experiment 0"),
        ]
        for event in events:
            access.add_event(event)
        assert access.list_events() == events[::-1]
        assert access.list_events(user="ann", action="login") == events[:1]
        assert access.list_events(limit=1) == events[2:]
