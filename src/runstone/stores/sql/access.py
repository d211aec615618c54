"""The AccessStore over a SQL database."""

from __future__ import annotations

from typing import Any

from runstone.entities.access import EVERYONE, Grant, Level, Resource, Role, Scope
from runstone.errors import AlreadyExists, InvalidInput, NotActive, NotFound
from runstone.stores import records
from runstone.stores.access import AuditEvent, Granted, SessionRecord, TokenRecord, UserRecord
from runstone.stores.sql import experiments, model_versions
from runstone.stores.sql.database import Database, Row, Transaction, insertion
from runstone.stores.sql.undone import begun_again

__all__ = ["SqlAccess"]

_USERS = "SELECT name, role, password_hash, creation_time FROM users"
_TOKEN_COLUMNS = ("token_id", "user_name", "name", "scope", "creation_time", "expiry_time", "last_used_time")
_TOKENS = f"SELECT {', '.join(_TOKEN_COLUMNS)} FROM tokens"
_EVENT_COLUMNS = ("time", "user_name", "action", "target", "allowed", "address", "detail")
_OF_USER = ("tokens", "sessions", "memberships", "grants")
_THING = "CASE g.resource WHEN 'experiment' THEN CAST(g.thing AS text) ELSE m.name END"
_GRANTS = (
    f"SELECT g.resource, {_THING}, g.level, g.user_name, g.group_name FROM grants g "
    "LEFT JOIN registered_models m ON g.resource = 'registered_model' AND m.id = g.thing"
)


@begun_again
class SqlAccess:
    """An AccessStore in the database of a SqlStore, which owns it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- users and groups

    def create_user(self, user: UserRecord) -> None:
        with self._database.write() as tx:
            made = tx.run(
                f"{insertion('users', ('name', 'role', 'password_hash', 'creation_time'))} ON CONFLICT DO NOTHING",
                (user.name, user.role.value, user.password_hash, user.creation_time),
            )
            if not made:
                raise AlreadyExists(f"A user named '{user.name}' is there already; change it with `runstone users`")

    def find_user(self, name: str) -> UserRecord | None:
        with self._database.read() as tx:
            row = tx.row(f"{_USERS} WHERE name = ?", (name,))
        return None if row is None else _user(row)

    def list_users(self) -> list[UserRecord]:
        with self._database.read() as tx:
            return [_user(row) for row in tx.rows(f"{_USERS} ORDER BY name")]

    def set_password_hash(self, name: str, password_hash: str) -> None:
        with self._database.write() as tx:
            _require_user(tx, name)
            tx.run("UPDATE users SET password_hash = ? WHERE name = ?", (password_hash, name))
            tx.run("DELETE FROM sessions WHERE user_name = ?", (name,))

    def set_role(self, name: str, role: Role) -> None:
        with self._database.write() as tx:
            _require_user(tx, name)
            if role is not Role.ADMIN:
                _require_another_admin(tx, name)
            tx.run("UPDATE users SET role = ? WHERE name = ?", (role.value, name))

    def remove_user(self, name: str) -> None:
        with self._database.write() as tx:
            _require_user(tx, name)
            _require_another_admin(tx, name)
            tx.run("DELETE FROM users WHERE name = ?", (name,))
            for table in _OF_USER:
                tx.run(f"DELETE FROM {table} WHERE user_name = ?", (name,))

    def add_member(self, group: str, user: str) -> None:
        with self._database.write() as tx:
            _require_user(tx, user)
            tx.run(f"{insertion('memberships', ('user_name', 'group_name'))} ON CONFLICT DO NOTHING", (user, group))

    def remove_member(self, group: str, user: str) -> None:
        with self._database.write() as tx:
            tx.run("DELETE FROM memberships WHERE user_name = ? AND group_name = ?", (user, group))

    def list_groups(self) -> dict[str, tuple[str, ...]]:
        with self._database.read() as tx:
            rows = tx.rows("SELECT group_name, user_name FROM memberships ORDER BY group_name, user_name")
        found: dict[str, tuple[str, ...]] = {}
        for group, user in rows:
            found[group] = (*found.get(group, ()), user)
        return found

    # -- tokens and sessions

    def create_token(self, token: TokenRecord, token_hash: str) -> None:
        with self._database.write() as tx:
            _require_user(tx, token.user)
            tx.run(
                insertion("tokens", ("token_hash", *_TOKEN_COLUMNS)),
                (
                    token_hash,
                    token.token_id,
                    token.user,
                    token.name,
                    token.scope.value,
                    token.creation_time,
                    token.expiry_time,
                    token.last_used_time,
                ),
            )

    def find_token(self, token_hash: str) -> TokenRecord | None:
        with self._database.read() as tx:
            row = tx.row(f"{_TOKENS} WHERE token_hash = ?", (token_hash,))
        return None if row is None else _token(row)

    def list_tokens(self, user: str | None = None) -> list[TokenRecord]:
        where, arguments = ("", ()) if user is None else (" WHERE user_name = ?", (user,))
        with self._database.read() as tx:
            return [_token(row) for row in tx.rows(f"{_TOKENS}{where} ORDER BY creation_time, token_id", arguments)]

    def touch_token(self, token_id: str, now: int) -> None:
        with self._database.write() as tx:
            tx.run("UPDATE tokens SET last_used_time = ? WHERE token_id = ?", (now, token_id))

    def revoke_token(self, token_id: str, user: str | None = None) -> None:
        own, arguments = ("", (token_id,)) if user is None else (" AND user_name = ?", (token_id, user))
        with self._database.write() as tx:
            if not tx.run(f"DELETE FROM tokens WHERE token_id = ?{own}", arguments):
                raise NotFound(f"No token has the id '{token_id}'; list them with `runstone tokens list`")

    def create_session(self, session: SessionRecord, session_hash: str, *, now: int) -> None:
        with self._database.write() as tx:
            _require_user(tx, session.user)
            tx.run("DELETE FROM sessions WHERE expiry_time <= ?", (now,))
            tx.run(
                insertion("sessions", ("session_hash", "user_name", "expiry_time")),
                (session_hash, session.user, session.expiry_time),
            )

    def find_session(self, session_hash: str) -> SessionRecord | None:
        with self._database.read() as tx:
            row = tx.row("SELECT user_name, expiry_time FROM sessions WHERE session_hash = ?", (session_hash,))
        return None if row is None else SessionRecord(user=row[0], expiry_time=row[1])

    def remove_session(self, session_hash: str) -> None:
        with self._database.write() as tx:
            tx.run("DELETE FROM sessions WHERE session_hash = ?", (session_hash,))

    # -- grants

    def set_grant(self, grant: Grant) -> None:
        if bool(grant.user) == bool(grant.group):
            raise InvalidInput("A grant is for one user or for one group: give exactly one of the two")
        with self._database.write() as tx:
            if grant.user:
                _require_user(tx, grant.user)
            key = (grant.resource.value, _number(tx, grant.resource, grant.name), grant.user, grant.group)
            tx.run("DELETE FROM grants WHERE resource = ? AND thing = ? AND user_name = ? AND group_name = ?", key)
            if grant.level:
                columns = ("resource", "thing", "user_name", "group_name", "level")
                tx.run(insertion("grants", columns), (*key, int(grant.level)))

    def list_grants(self, resource: Resource | None = None, name: str | None = None) -> list[Grant]:
        with self._database.read() as tx:
            where: list[str] = []
            arguments: list[Any] = []
            if resource is not None:
                where.append("g.resource = ?")
                arguments.append(resource.value)
                if name is not None:
                    where.append("g.thing = ?")
                    arguments.append(_number(tx, resource, name))
            condition = f" WHERE {' AND '.join(where)}" if where else ""
            rows = tx.rows(f"{_GRANTS}{condition} ORDER BY g.resource, g.thing, g.user_name, g.group_name", arguments)
        return [
            Grant(resource=Resource(kind), name=thing, level=Level(level), user=user, group=group)
            for kind, thing, level, user, group in rows
        ]

    def read_granted(self, user: str) -> Granted:
        with self._database.read() as tx:
            row = tx.row("SELECT role FROM users WHERE name = ?", (user,))
            if row is None:
                raise _no_user(user)
            groups = tx.rows("SELECT group_name FROM memberships WHERE user_name = ? ORDER BY group_name", (user,))
            names = [EVERYONE, *(name for (name,) in groups if name != EVERYONE)]
            rows = tx.rows(
                f"{_GRANTS} WHERE g.user_name = ? OR (g.user_name = '' AND {tx.dialect.is_member('g.group_name')})",
                (user, tx.dialect.list_argument(names)),
            )
        levels: dict[str, dict[str, Level]] = {one.value: {} for one in Resource}
        for resource, thing, level, _, _ in rows:
            levels[resource][thing] = max(Level(level), levels[resource].get(thing, Level.NONE))
        return Granted(
            role=Role(row[0]),
            groups=tuple(names),
            experiments=levels[Resource.EXPERIMENT.value],
            models=levels[Resource.REGISTERED_MODEL.value],
        )

    # -- the audit log

    def add_event(self, event: AuditEvent) -> None:
        with self._database.write() as tx:
            tx.run(
                insertion("audit_events", _EVENT_COLUMNS),
                (event.time, event.user, event.action, event.target, event.allowed, event.address, event.detail),
            )

    def list_events(self, *, user: str | None = None, action: str | None = None, limit: int = 100) -> list[AuditEvent]:
        wanted = {"user_name": user, "action": action}
        given = {column: value for column, value in wanted.items() if value is not None}
        condition = f" WHERE {' AND '.join(f'{column} = ?' for column in given)}" if given else ""
        with self._database.read() as tx:
            rows = tx.rows(
                f"SELECT {', '.join(_EVENT_COLUMNS)} FROM audit_events{condition} ORDER BY id DESC LIMIT ?",
                (*given.values(), limit),
            )
        return [
            AuditEvent(
                time=time, user=who, action=what, target=target, allowed=bool(allowed), address=address, detail=detail
            )
            for time, who, what, target, allowed, address, detail in rows
        ]


def _number(tx: Transaction, resource: Resource, name: str) -> int:
    if resource is Resource.REGISTERED_MODEL:
        return model_versions.model_number(tx, name)
    number = experiments.number(name)
    if tx.row("SELECT 1 FROM experiments WHERE id = ?", (number,)) is None:
        raise records.experiment_not_found(name)
    return number


def _require_user(tx: Transaction, name: str) -> None:
    if tx.row("SELECT 1 FROM users WHERE name = ?", (name,)) is None:
        raise _no_user(name)


def _require_another_admin(tx: Transaction, name: str) -> None:
    admins = [one for (one,) in tx.rows("SELECT name FROM users WHERE role = ? LIMIT 2", (Role.ADMIN.value,))]
    if admins == [name]:
        raise NotActive(f"'{name}' is the last admin; make another user one first: `runstone users set-role`")


def _no_user(name: str) -> NotFound:
    return NotFound(f"No user is named '{name}'; list them with `runstone users list`")


def _user(row: Row) -> UserRecord:
    name, role, password_hash, creation_time = row
    return UserRecord(name=name, role=Role(role), password_hash=password_hash, creation_time=creation_time)


def _token(row: Row) -> TokenRecord:
    token_id, user, name, scope, created, expires, used = row
    return TokenRecord(
        token_id=token_id,
        user=user,
        name=name,
        scope=Scope(scope),
        creation_time=created,
        expiry_time=expires,
        last_used_time=used,
    )
